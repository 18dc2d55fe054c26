// How well expressions are recognised.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "ofer/eval/bootstrap.h"

namespace ofer {

// counts[truth * classes + predicted]: how many images of class `truth` were taken for `predicted`.
struct ConfusionMatrix {
  int classes = 0;
  std::vector<std::int64_t> counts;  // [classes, classes]

  std::int64_t at(int truth, int predicted) const {
    return counts[static_cast<std::size_t>(truth) * static_cast<std::size_t>(classes) +
                  static_cast<std::size_t>(predicted)];
  }
  std::int64_t samples(int truth) const;  // of a class
  std::int64_t total() const;

  // Classes without a sample. They have no recall, and the balanced accuracy is not about them:
  // whoever shows it says which they are.
  std::vector<int> absent() const;

  std::optional<double> accuracy() const;         // share of images that are right
  std::optional<double> recall(int truth) const;  // the same within a class
  // Mean of the recalls of the classes that have samples.
  std::optional<double> balanced_accuracy() const;
};

// truth, predicted: [images], each in [0, classes). Throws kBadArgument for other values and for
// different sizes.
ConfusionMatrix confusion_matrix(std::span<const std::int32_t> truth,
                                 std::span<const std::int32_t> predicted, int classes);

struct RecognitionFigures {
  std::int64_t images = 0, units = 0;
  ConfusionMatrix confusion;
  Replicates accuracy;
  // Always the mean over the same classes: a resample that happens to hold none of one of them does
  // not define it.
  Replicates balanced_accuracy;
  std::vector<Replicates> recall;  // [classes]
};

// unit_names: [images] or empty (number_units in ofer/eval/bootstrap.h). Throws as
// confusion_matrix does, and kBadArgument without images.
RecognitionFigures measure_recognition(std::span<const std::int32_t> truth,
                                       std::span<const std::int32_t> predicted, int classes,
                                       std::span<const std::int64_t> unit_names,
                                       const BootstrapOptions& options);

}  // namespace ofer
