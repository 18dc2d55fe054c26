#include "ofer/eval/recognition.h"

#include <numeric>

#include "engine/error.h"

namespace ofer {

std::int64_t ConfusionMatrix::samples(int truth) const {
  std::int64_t sum = 0;
  for (int predicted = 0; predicted < classes; ++predicted) sum += at(truth, predicted);
  return sum;
}

std::int64_t ConfusionMatrix::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

std::vector<int> ConfusionMatrix::absent() const {
  std::vector<int> result;
  for (int c = 0; c < classes; ++c)
    if (samples(c) == 0) result.push_back(c);
  return result;
}

std::optional<double> ConfusionMatrix::accuracy() const {
  const std::int64_t all = total();
  if (all == 0) return std::nullopt;
  std::int64_t right = 0;
  for (int c = 0; c < classes; ++c) right += at(c, c);
  return static_cast<double>(right) / static_cast<double>(all);
}

std::optional<double> ConfusionMatrix::recall(int truth) const {
  const std::int64_t all = samples(truth);
  if (all == 0) return std::nullopt;
  return static_cast<double>(at(truth, truth)) / static_cast<double>(all);
}

std::optional<double> ConfusionMatrix::balanced_accuracy() const {
  double sum = 0;
  int present = 0;
  for (int c = 0; c < classes; ++c) {
    if (const std::optional<double> value = recall(c)) {
      sum += *value;
      ++present;
    }
  }
  if (present == 0) return std::nullopt;
  return sum / present;
}

ConfusionMatrix confusion_matrix(std::span<const std::int32_t> truth,
                                 std::span<const std::int32_t> predicted, int classes) {
  require(classes >= 1 && classes <= 1000, ErrorCode::kBadArgument, "recognition of ", classes,
          " classes: give 1 to 1000");
  require(truth.size() == predicted.size(), ErrorCode::kBadArgument, "recognition: ", truth.size(),
          " true labels and ", predicted.size(),
          " predicted ones: give one of each for every image");
  const auto size = static_cast<std::size_t>(classes);
  ConfusionMatrix matrix{classes, std::vector<std::int64_t>(size * size)};
  for (std::size_t i = 0; i < truth.size(); ++i) {
    for (const std::int32_t label : {truth[i], predicted[i]})
      require(label >= 0 && label < classes, ErrorCode::kBadArgument, "recognition: image ", i,
              " has label ", label, " of ", classes, " classes");
    ++matrix.counts[static_cast<std::size_t>(truth[i]) * size +
                    static_cast<std::size_t>(predicted[i])];
  }
  return matrix;
}

RecognitionFigures measure_recognition(std::span<const std::int32_t> truth,
                                       std::span<const std::int32_t> predicted, int classes,
                                       std::span<const std::int64_t> unit_names,
                                       const BootstrapOptions& options) {
  RecognitionFigures result;
  result.confusion = confusion_matrix(truth, predicted, classes);
  require(!truth.empty(), ErrorCode::kBadArgument,
          "recognition of no images: there is nothing to measure");
  result.images = static_cast<std::int64_t>(truth.size());
  const Units units = number_units(unit_names, result.images);
  result.units = units.count;

  // Column c: images of class c that are right; column classes + c: all of them.
  UnitSums sums(units.count, 2 * classes);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == predicted[i]) sums.add(units.of[i], truth[i], 1);
    sums.add(units.of[i], classes + truth[i], 1);
  }

  std::vector<int> present;
  for (int c = 0; c < classes; ++c)
    if (result.confusion.samples(c) > 0) present.push_back(c);
  std::vector<SumsFigure> figures;
  const auto count = static_cast<std::size_t>(classes);
  figures.emplace_back([count](std::span<const double> s) -> std::optional<double> {
    const double right = std::accumulate(s.begin(), s.begin() + static_cast<long>(count), 0.0);
    return right / std::accumulate(s.begin() + static_cast<long>(count), s.end(), 0.0);
  });
  figures.emplace_back([count, present](std::span<const double> s) -> std::optional<double> {
    double sum = 0;
    for (int c : present) {
      const double all = s[count + static_cast<std::size_t>(c)];
      if (all == 0) return std::nullopt;
      sum += s[static_cast<std::size_t>(c)] / all;
    }
    return sum / static_cast<double>(present.size());
  });
  for (int c = 0; c < classes; ++c) figures.push_back(ratio_of(c, classes + c));

  std::vector<Replicates> found = resample_sums(sums, figures, options);
  result.accuracy = std::move(found[0]);
  result.balanced_accuracy = std::move(found[1]);
  for (std::size_t c = 0; c < count; ++c) result.recall.push_back(std::move(found[2 + c]));
  return result;
}

}  // namespace ofer
