// How well covered patches are found: the figures of the paper's Table 1, with intervals.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ofer/data/patch_grid.h"
#include "ofer/eval/bootstrap.h"

namespace ofer {

// "Positive" is covered.
struct BinaryCounts {
  std::int64_t true_positive = 0, false_positive = 0, true_negative = 0, false_negative = 0;

  std::int64_t covered() const { return true_positive + false_negative; }
  std::int64_t clean() const { return true_negative + false_positive; }
  std::int64_t total() const { return covered() + clean(); }

  // None where nothing is there to divide by: no patches at all, none found covered, none covered.
  std::optional<double> accuracy() const;   // (TP + TN) / total
  std::optional<double> precision() const;  // TP / (TP + FP)
  std::optional<double> recall() const;     // TP / (TP + FN)
};

// What a detector said about the patches of some images, and the truth. Views; row n is image n.
struct DetectedPatches {
  std::int64_t images = 0, patches = 0;  // `patches` per image
  std::span<const float> score;          // [images, patches], higher where more likely covered:
                                         // d, or d / R^2 where radii differ by position
  std::span<const std::uint8_t> found;   // [images, patches], 1 where it is taken for covered
  std::span<const PatchState> truth;     // [images, patches]; kNeither does not count
};

// 1 where a score is above the threshold, as the detector decides (d > R^2). Throws kBadArgument
// for NaN.
std::vector<std::uint8_t> found_above(std::span<const float> score, double threshold);

// Throws kBadArgument for sizes that do not fit together and for other values than named above.
BinaryCounts count_patches(const DetectedPatches& detected);

struct DetectionFigures {
  std::int64_t images = 0, units = 0;
  std::int64_t left_out = 0;  // patches that are neither covered nor clean
  BinaryCounts counts;
  Replicates accuracy, precision, recall, auroc;
};

// Counts are pooled over the patches of all images. unit_names: [images] or empty (number_units in
// ofer/eval/bootstrap.h), what is drawn together. AUROC is that of `score`, whatever `found` is.
// Throws as count_patches does, and kBadArgument without images.
DetectionFigures measure_detection(const DetectedPatches& detected,
                                   std::span<const std::int64_t> unit_names,
                                   const BootstrapOptions& options);

// The same for the images of each group (such as a kind of occluder), its clean patches those of
// its own images. group: [images], each in [0, groups). A group without images has none of its own
// figures: images is 0 and every value none.
std::vector<DetectionFigures> measure_detection_by_group(const DetectedPatches& detected,
                                                         std::span<const std::int32_t> group,
                                                         int groups,
                                                         std::span<const std::int64_t> unit_names,
                                                         const BootstrapOptions& options);

}  // namespace ofer
