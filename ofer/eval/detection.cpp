#include "ofer/eval/detection.h"

#include <array>
#include <cmath>

#include "engine/error.h"
#include "ofer/eval/auroc.h"

namespace ofer {

namespace {

std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

void check(const DetectedPatches& d) {
  require(d.images >= 0 && d.patches >= 1, ErrorCode::kBadArgument, "detection on ", d.images,
          " images of ", d.patches, " patches");
  const auto size = static_cast<std::size_t>(d.images * d.patches);
  require(d.score.size() == size && d.found.size() == size && d.truth.size() == size,
          ErrorCode::kBadArgument, "detection on ", d.images, " images of ", d.patches,
          " patches with ", d.score.size(), " scores, ", d.found.size(), " decisions and ",
          d.truth.size(), " truths: give one of each for every patch");
  for (std::size_t i = 0; i < size; ++i) {
    require(d.found[i] <= 1, ErrorCode::kBadArgument, "detection: decision ", i, " is ",
            static_cast<int>(d.found[i]), "; give 0 or 1");
    require(d.truth[i] <= PatchState::kCovered, ErrorCode::kBadArgument, "detection: truth ", i,
            " is ", static_cast<int>(d.truth[i]), ", which no state of a patch is");
  }
}

// Where a patch goes among true positive, false positive, true negative, false negative.
int column_of(bool covered, bool found) {
  return covered ? (found ? 0 : 3) : (found ? 1 : 2);
}

BinaryCounts counts_of(std::span<const double> sums) {
  const auto whole = [&](std::size_t i) { return static_cast<std::int64_t>(sums[i]); };
  return {whole(0), whole(1), whole(2), whole(3)};
}

// The images of one group, copied together.
struct Selected {
  std::vector<float> score;
  std::vector<std::uint8_t> found;
  std::vector<PatchState> truth;
  std::vector<std::int64_t> unit_names;
  std::int64_t images = 0;
};

}  // namespace

std::optional<double> BinaryCounts::accuracy() const {
  return share(true_positive + true_negative, total());
}
std::optional<double> BinaryCounts::precision() const {
  return share(true_positive, true_positive + false_positive);
}
std::optional<double> BinaryCounts::recall() const {
  return share(true_positive, covered());
}

std::vector<std::uint8_t> found_above(std::span<const float> score, double threshold) {
  require(!std::isnan(threshold), ErrorCode::kBadArgument,
          "detection: the threshold is not a number");
  std::vector<std::uint8_t> found(score.size());
  for (std::size_t i = 0; i < score.size(); ++i) {
    require(!std::isnan(score[i]), ErrorCode::kBadArgument, "detection: score ", i,
            " is not a number; look for what made it so");
    found[i] = static_cast<double>(score[i]) > threshold;
  }
  return found;
}

BinaryCounts count_patches(const DetectedPatches& detected) {
  check(detected);
  std::array<double, 4> sums{};
  for (std::size_t i = 0; i < detected.truth.size(); ++i)
    if (detected.truth[i] != PatchState::kNeither)
      sums[static_cast<std::size_t>(
          column_of(detected.truth[i] == PatchState::kCovered, detected.found[i] == 1))] += 1;
  return counts_of(sums);
}

DetectionFigures measure_detection(const DetectedPatches& detected,
                                   std::span<const std::int64_t> unit_names,
                                   const BootstrapOptions& options) {
  check(detected);
  require(detected.images >= 1, ErrorCode::kBadArgument,
          "detection on no images: there is nothing to measure");
  const Units units = number_units(unit_names, detected.images);

  UnitSums sums(units.count, 4);
  std::vector<float> score;
  std::vector<std::uint8_t> positive;
  std::vector<std::int64_t> unit;
  for (std::size_t i = 0; i < detected.truth.size(); ++i) {
    if (detected.truth[i] == PatchState::kNeither) continue;
    const bool covered = detected.truth[i] == PatchState::kCovered;
    unit.push_back(units.of[i / static_cast<std::size_t>(detected.patches)]);
    score.push_back(detected.score[i]);
    positive.push_back(covered);
    sums.add(unit.back(), column_of(covered, detected.found[i] == 1), 1);
  }

  const std::array<SumsFigure, 3> figures = {
      [](std::span<const double> s) { return counts_of(s).accuracy(); },
      [](std::span<const double> s) { return counts_of(s).precision(); },
      [](std::span<const double> s) { return counts_of(s).recall(); }};
  std::vector<Replicates> found = resample_sums(sums, figures, options);

  DetectionFigures result;
  result.images = detected.images;
  result.units = units.count;
  result.left_out = static_cast<std::int64_t>(detected.truth.size() - unit.size());
  result.counts = count_patches(detected);
  result.accuracy = std::move(found[0]);
  result.precision = std::move(found[1]);
  result.recall = std::move(found[2]);
  result.auroc = resample_auroc(score, positive, unit, units.count, options);
  return result;
}

std::vector<DetectionFigures> measure_detection_by_group(const DetectedPatches& detected,
                                                         std::span<const std::int32_t> group,
                                                         int groups,
                                                         std::span<const std::int64_t> unit_names,
                                                         const BootstrapOptions& options) {
  check(detected);
  require(groups >= 1 && static_cast<std::int64_t>(group.size()) == detected.images,
          ErrorCode::kBadArgument, "detection by ", groups, " groups: ", group.size(),
          " group numbers for ", detected.images, " images");
  require(unit_names.empty() || unit_names.size() == group.size(), ErrorCode::kBadArgument,
          "detection: ", unit_names.size(), " names of units for ", detected.images, " images");
  std::vector<Selected> selected(static_cast<std::size_t>(groups));
  const auto patches = static_cast<std::size_t>(detected.patches);
  for (std::size_t n = 0; n < group.size(); ++n) {
    require(group[n] >= 0 && group[n] < groups, ErrorCode::kBadArgument, "detection: image ", n,
            " is of group ", group[n], " of ", groups);
    Selected& mine = selected[static_cast<std::size_t>(group[n])];
    const auto append = [&](auto& to, const auto& from) {
      const auto row = from.subspan(n * patches, patches);
      to.insert(to.end(), row.begin(), row.end());
    };
    append(mine.score, detected.score);
    append(mine.found, detected.found);
    append(mine.truth, detected.truth);
    if (!unit_names.empty()) mine.unit_names.push_back(unit_names[n]);
    ++mine.images;
  }
  std::vector<DetectionFigures> results(selected.size());
  for (std::size_t g = 0; g < selected.size(); ++g) {
    const Selected& mine = selected[g];
    if (mine.images > 0)
      results[g] =
          measure_detection({mine.images, detected.patches, mine.score, mine.found, mine.truth},
                            mine.unit_names, options);
  }
  return results;
}

}  // namespace ofer
