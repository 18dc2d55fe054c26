// Figures of detection, recognition and reconstruction, against computations that only follow the
// definition.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "ofer/eval/auroc.h"
#include "ofer/eval/detection.h"
#include "ofer/eval/picture_pair.h"
#include "ofer/eval/psnr.h"
#include "ofer/eval/recognition.h"
#include "ofer/eval/ssim.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace ofer::test {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr PatchState kClean = PatchState::kClean, kNeither = PatchState::kNeither,
                     kCovered = PatchState::kCovered;

// The definition, pair by pair.
double auroc_by_pairs(const std::vector<float>& scores, const std::vector<std::uint8_t>& positive) {
  double sum = 0, pairs = 0;
  for (std::size_t p = 0; p < scores.size(); ++p)
    for (std::size_t n = 0; n < scores.size(); ++n) {
      if (positive[p] == 0 || positive[n] == 1) continue;
      sum += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0;
      ++pairs;
    }
  return sum / pairs;
}

struct Scored {
  std::vector<float> scores;
  std::vector<std::uint8_t> positive;
};

// `values` different scores: few make ties.
Scored random_scores(std::size_t count, std::int64_t values, std::uint64_t seed) {
  Random random(seed);
  Scored s;
  for (std::size_t i = 0; i < count; ++i) {
    s.positive.push_back(random.below(3) == 0);
    s.scores.push_back(static_cast<float>(random.below(values) + s.positive.back()) - 2.5f);
  }
  s.positive[0] = 0;
  s.positive[1] = 1;
  return s;
}

Planes random_planes(int channels, int height, int width, std::uint64_t seed) {
  Random random(seed);
  Planes p{channels, height, width, {}};
  p.values.resize(static_cast<std::size_t>(channels * height * width));
  for (float& v : p.values) v = static_cast<float>(random.uniform());
  return p;
}

// Windows of two axes, and moments about the mean.
double ssim_directly(const Planes& a, const Planes& b, int y0, int x0) {
  double weights[11][11], total = 0;
  for (int y = 0; y < 11; ++y)
    for (int x = 0; x < 11; ++x)
      total += weights[y][x] = std::exp(-((y - 5) * (y - 5) + (x - 5) * (x - 5)) / 4.5);
  double mean = 0;
  for (int c = 0; c < a.channels; ++c) {
    const auto at = [&](const Planes& p, int y, int x) {
      return double{p.values[static_cast<std::size_t>((c * p.height + y0 + y) * p.width + x0 + x)]};
    };
    double mean_a = 0, mean_b = 0, var_a = 0, var_b = 0, cov = 0;
    for (int y = 0; y < 11; ++y)
      for (int x = 0; x < 11; ++x) {
        mean_a += weights[y][x] / total * at(a, y, x);
        mean_b += weights[y][x] / total * at(b, y, x);
      }
    for (int y = 0; y < 11; ++y)
      for (int x = 0; x < 11; ++x) {
        const double w = weights[y][x] / total, da = at(a, y, x) - mean_a,
                     db = at(b, y, x) - mean_b;
        var_a += w * da * da;
        var_b += w * db * db;
        cov += w * da * db;
      }
    mean += (2 * mean_a * mean_b + 1e-4) * (2 * cov + 9e-4) /
            ((mean_a * mean_a + mean_b * mean_b + 1e-4) * (var_a + var_b + 9e-4)) / a.channels;
  }
  return mean;
}

TEST_SUITE("metrics") {
  TEST_CASE("AUROC is the share of pairs in the right order, ties half") {
    for (const std::int64_t values : {1, 2, 7, 1000}) {
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const Scored s = random_scores(150, values, seed);
        CAPTURE(values);
        CHECK(auroc(s.scores, s.positive).value() == auroc_by_pairs(s.scores, s.positive));
      }
    }
    // Of scikit-learn 1.9, roc_auc_score, on these numbers.
    Scored s;
    for (int i = 0; i < 60; ++i) {
      s.scores.push_back(static_cast<float>(i * 37 % 23));
      s.positive.push_back((i * i + i / 3) % 5 < 2);
    }
    CHECK(auroc(s.scores, s.positive).value() ==
          doctest::Approx(0.41629464285714285).epsilon(1e-14));
  }

  TEST_CASE("AUROC: what the order alone decides") {
    Scored s = random_scores(300, 40, 11);
    const double value = auroc(s.scores, s.positive).value();
    std::vector<float> turned, stretched;
    std::vector<std::uint8_t> exchanged;
    for (std::size_t i = 0; i < s.scores.size(); ++i) {
      turned.push_back(-s.scores[i]);
      stretched.push_back(std::exp(s.scores[i] / 10));
      exchanged.push_back(1 - s.positive[i]);
    }
    CHECK(auroc(turned, s.positive).value() == doctest::Approx(1 - value).epsilon(1e-14));
    CHECK(auroc(s.scores, exchanged).value() == doctest::Approx(1 - value).epsilon(1e-14));
    CHECK(auroc(stretched, s.positive).value() == value);
    CHECK(auroc(std::vector<float>(300, 2.f), s.positive).value() == 0.5);
    const float infinite = std::numeric_limits<float>::infinity();
    CHECK(auroc(std::vector<float>{-infinite, 0, infinite}, std::vector<std::uint8_t>{0, 0, 1}) ==
          1.0);
    CHECK(auroc(std::vector<float>{0.f, -0.f}, std::vector<std::uint8_t>{0, 1}) == 0.5);
  }

  TEST_CASE("AUROC of one kind is none, of anything else an error") {
    const std::vector<float> scores = {1, 2, 3};
    CHECK_FALSE(auroc({}, {}).has_value());
    CHECK_FALSE(auroc(scores, std::vector<std::uint8_t>{1, 1, 1}).has_value());
    CHECK_FALSE(auroc(scores, std::vector<std::uint8_t>{0, 0, 0}).has_value());
    CHECK(has(error_of([&] {
                (void)auroc(scores, std::vector<std::uint8_t>{1, 0});
              }),
              "3 scores with 2 truths"));
    CHECK(has(error_of([&] {
                (void)auroc(scores, std::vector<std::uint8_t>{1, 0, 2});
              }),
              "truth 2 is 2"));
    CHECK(has(error_of([&] {
                (void)auroc(std::vector<float>{1, kNan, 3}, std::vector<std::uint8_t>{1, 0, 0});
              }),
              "score 1 is not a number"));
  }

  TEST_CASE("detection: counts, what is left out, and shares of nothing") {
    const std::vector<float> score = {0.5f, 1.0f, 1.5f, 3.0f, 0.1f, 4.0f, 0.2f, 9.0f};
    const std::vector<std::uint8_t> found = found_above(score, 1);  // 1.0 itself is not above
    CHECK(found == std::vector<std::uint8_t>{0, 0, 1, 1, 0, 1, 0, 1});
    const std::vector<PatchState> truth = {kClean,   kCovered, kCovered, kClean,
                                           kNeither, kCovered, kClean,   kNeither};
    const DetectedPatches detected{2, 4, score, found, truth};
    const BinaryCounts counts = count_patches(detected);
    CHECK(counts.true_positive == 2);
    CHECK(counts.false_positive == 1);
    CHECK(counts.true_negative == 2);
    CHECK(counts.false_negative == 1);
    CHECK(counts.accuracy() == 4.0 / 6);
    CHECK(counts.precision() == 2.0 / 3);
    CHECK(counts.recall() == 2.0 / 3);

    const DetectionFigures figures = measure_detection(detected, {}, {});
    CHECK(figures.left_out == 2);
    CHECK(figures.units == 2);
    CHECK(figures.accuracy.value == 4.0 / 6);
    CHECK(figures.precision.value == 2.0 / 3);
    CHECK(figures.recall.value == 2.0 / 3);
    // Covered 1.0, 1.5, 4.0 over clean 0.5, 3.0, 0.2: 7 of 9 pairs.
    CHECK(figures.auroc.value == 7.0 / 9);

    const BinaryCounts nothing;
    CHECK_FALSE(nothing.accuracy().has_value());
    CHECK_FALSE(nothing.precision().has_value());
    CHECK_FALSE(nothing.recall().has_value());
  }

  TEST_CASE("detection by group is detection on the group's images") {
    constexpr std::int64_t kImages = 30, kPatches = 9;
    Random random(5);
    std::vector<float> score;
    std::vector<std::uint8_t> found;
    std::vector<PatchState> truth;
    std::vector<std::int32_t> group;
    std::vector<std::int64_t> face;
    for (std::int64_t n = 0; n < kImages; ++n) {
      group.push_back(static_cast<std::int32_t>(n % 3));  // group 3 stays empty
      face.push_back(100 - n / 3);
      for (std::int64_t p = 0; p < kPatches; ++p) {
        truth.push_back(static_cast<PatchState>(random.below(3)));
        score.push_back(static_cast<float>(random.below(6) + (truth.back() == kCovered ? 2 : 0)));
        found.push_back(score.back() > 3);
      }
    }
    const DetectedPatches all{kImages, kPatches, score, found, truth};
    const BootstrapOptions options{3, 200, 0.9};
    const auto figures = measure_detection_by_group(all, group, 4, face, options);
    REQUIRE(figures.size() == 4);
    std::int64_t correct = 0;
    for (std::int32_t g = 0; g < 3; ++g) {
      Scored mine;
      BinaryCounts counts;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        if (group[i / kPatches] != g || truth[i] == kNeither) continue;
        mine.scores.push_back(score[i]);
        mine.positive.push_back(truth[i] == kCovered);
        if (truth[i] == kCovered) {
          ++(found[i] ? counts.true_positive : counts.false_negative);
        } else {
          ++(found[i] ? counts.false_positive : counts.true_negative);
        }
      }
      const DetectionFigures& got = figures[static_cast<std::size_t>(g)];
      CHECK(got.images == 10);
      CHECK(got.units == 10);
      CHECK(got.counts.total() + got.left_out == 10 * kPatches);
      CHECK(got.accuracy.value == counts.accuracy());
      CHECK(got.precision.value == counts.precision());
      CHECK(got.recall.value == counts.recall());
      CHECK(got.auroc.value == auroc_by_pairs(mine.scores, mine.positive));
      correct += got.counts.true_positive + got.counts.true_negative;
    }
    CHECK(figures[3].images == 0);
    CHECK_FALSE(figures[3].auroc.value.has_value());
    CHECK_FALSE(estimate(figures[3].accuracy).interval.has_value());

    const DetectionFigures together = measure_detection(all, face, options);
    CHECK(together.units == 10);
    // What is drawn is a face with all its images: face f has the images 3f, 3f + 1, 3f + 2.
    const auto of_faces = [&](auto figure) {
      return resample(
                 10,
                 [&](std::span<const std::int64_t> faces) {
                   std::vector<float> s;
                   std::vector<std::uint8_t> f;
                   std::vector<PatchState> t;
                   for (const std::int64_t drawn : faces)
                     for (std::int64_t i = drawn * 3 * kPatches; i < (drawn + 1) * 3 * kPatches;
                          ++i) {
                       s.push_back(score[static_cast<std::size_t>(i)]);
                       f.push_back(found[static_cast<std::size_t>(i)]);
                       t.push_back(truth[static_cast<std::size_t>(i)]);
                     }
                   return figure(s, f, t);
                 },
                 options)
          .resampled;
    };
    CHECK(together.precision.resampled == of_faces([](auto& s, auto& f, auto& t) {
            return count_patches({30, kPatches, s, f, t}).precision();
          }));
    CHECK(together.auroc.resampled == of_faces([](auto& s, auto&, auto& t) {
            Scored mine;
            for (std::size_t i = 0; i < t.size(); ++i) {
              if (t[i] == kNeither) continue;
              mine.scores.push_back(s[i]);
              mine.positive.push_back(t[i] == kCovered);
            }
            return auroc(mine.scores, mine.positive);
          }));
    CHECK(together.counts.true_positive + together.counts.true_negative == correct);
  }

  TEST_CASE("detection: covers of one kind only leave recall or AUROC undefined, not wrong") {
    const std::vector<float> score = {1, 2, 3, 4};
    const std::vector<std::uint8_t> found = {0, 0, 1, 1};
    const std::vector<PatchState> clean(4, kClean), covered(4, kCovered), neither(4, kNeither);
    const DetectionFigures a = measure_detection({2, 2, score, found, clean}, {}, {});
    CHECK(a.accuracy.value == 0.5);
    CHECK(a.precision.value == 0.0);
    CHECK_FALSE(a.recall.value.has_value());
    CHECK_FALSE(a.auroc.value.has_value());
    CHECK(estimate(a.recall).undefined == 2000);
    CHECK_FALSE(estimate(a.recall).interval.has_value());
    const DetectionFigures b = measure_detection({2, 2, score, found, covered}, {}, {});
    CHECK(b.recall.value == 0.5);
    CHECK_FALSE(b.auroc.value.has_value());
    const DetectionFigures c = measure_detection({2, 2, score, found, neither}, {}, {});
    CHECK(c.left_out == 4);
    CHECK_FALSE(c.accuracy.value.has_value());
  }

  TEST_CASE("detection: errors name what does not fit") {
    std::vector<float> score = {1, 2, 3, 4};
    std::vector<std::uint8_t> found = {0, 0, 1, 1};
    std::vector<PatchState> truth = {kClean, kCovered, kClean, kCovered};
    const auto error = [&](std::int64_t images, std::int64_t patches) {
      return error_of([&] {
        (void)measure_detection({images, patches, score, found, truth}, {}, {});
      });
    };
    CHECK(error(2, 2).empty());
    CHECK(has(error(2, 3), "2 images of 3 patches with 4 scores, 4 decisions and 4 truths"));
    CHECK(has(error(4, 0), "4 images of 0 patches"));
    found[1] = 7;
    CHECK(has(error(2, 2), "decision 1 is 7"));
    found[1] = 0;
    truth[3] = static_cast<PatchState>(9);
    CHECK(has(error(2, 2), "truth 3 is 9"));
    truth[3] = kCovered;
    score[2] = kNan;
    CHECK(has(error(2, 2), "is not a number"));
    CHECK(has(error_of([&] { (void)found_above(score, 1); }), "score 2 is not a number"));
    CHECK(has(error_of([&] { (void)found_above({}, std::nan("")); }), "threshold"));
    score[2] = 3;
    CHECK(has(error_of([&] { (void)measure_detection({0, 4, {}, {}, {}}, {}, {}); }), "no images"));
    const DetectedPatches detected{2, 2, score, found, truth};
    const std::vector<std::int32_t> group = {0, 2};
    const std::vector<std::int64_t> one = {1};
    CHECK(has(error_of([&] { (void)measure_detection_by_group(detected, group, 2, {}, {}); }),
              "image 1 is of group 2 of 2"));
    CHECK(has(error_of([&] {
                (void)measure_detection_by_group(detected, std::vector<std::int32_t>{0}, 2, {}, {});
              }),
              "1 group numbers for 2 images"));
    CHECK(has(error_of([&] { (void)measure_detection(detected, one, {}); }),
              "1 names of units for 2 items"));
    CHECK(has(error_of([&] { (void)measure_detection_by_group(detected, group, 3, one, {}); }),
              "1 names of units for 2 images"));
  }

  TEST_CASE("recognition: confusion matrix, recalls and a class without samples") {
    const std::vector<std::int32_t> truth = {0, 0, 0, 0, 1, 1, 3};
    const std::vector<std::int32_t> predicted = {0, 0, 0, 2, 1, 0, 3};
    const ConfusionMatrix m = confusion_matrix(truth, predicted, 4);
    CHECK(m.counts == std::vector<std::int64_t>{3, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
    CHECK(m.total() == 7);
    CHECK(m.accuracy() == 5.0 / 7);
    CHECK(m.recall(0) == 0.75);
    CHECK(m.recall(1) == 0.5);
    CHECK_FALSE(m.recall(2).has_value());
    CHECK(m.recall(3) == 1.0);
    CHECK(m.absent() == std::vector<int>{2});
    CHECK(m.balanced_accuracy() == 0.75);

    const RecognitionFigures figures = measure_recognition(truth, predicted, 4, {}, {});
    CHECK(figures.confusion.counts == m.counts);
    CHECK(figures.accuracy.value == m.accuracy());
    CHECK(figures.balanced_accuracy.value == m.balanced_accuracy());
    REQUIRE(figures.recall.size() == 4);
    for (int c = 0; c < 4; ++c)
      CHECK(figures.recall[static_cast<std::size_t>(c)].value == m.recall(c));
    // Of 7 images one is of class 3: (6/7)^7 = 34 % of the resamples miss it, and some class 1.
    const Estimate balanced = estimate(figures.balanced_accuracy);
    CHECK(balanced.undefined > 600);
    CHECK(balanced.undefined < 1000);
    CHECK(estimate(figures.recall[2]).undefined == 2000);
    CHECK_FALSE(estimate(figures.recall[2]).interval.has_value());
  }

  TEST_CASE("recognition: each resample is the confusion matrix of its images") {
    Random random(21);
    std::vector<std::int32_t> truth, predicted;
    for (int i = 0; i < 60; ++i) {
      truth.push_back(static_cast<std::int32_t>(random.below(3)));
      predicted.push_back(random.below(4) > 0 ? truth.back()
                                              : static_cast<std::int32_t>(random.below(3)));
    }
    const BootstrapOptions options{9, 100, 0.95};
    const RecognitionFigures fast = measure_recognition(truth, predicted, 3, {}, options);
    const auto drawn_figure = [&](auto figure) {
      return resample(
          60,
          [&](std::span<const std::int64_t> units) {
            std::vector<std::int32_t> t, p;
            for (const std::int64_t u : units) {
              t.push_back(truth[static_cast<std::size_t>(u)]);
              p.push_back(predicted[static_cast<std::size_t>(u)]);
            }
            return figure(confusion_matrix(t, p, 3));
          },
          options);
    };
    CHECK(fast.accuracy.resampled ==
          drawn_figure([](const ConfusionMatrix& m) { return m.accuracy(); }).resampled);
    CHECK(fast.balanced_accuracy.resampled ==
          drawn_figure([](const ConfusionMatrix& m) { return m.balanced_accuracy(); }).resampled);
    CHECK(fast.recall[1].resampled ==
          drawn_figure([](const ConfusionMatrix& m) { return m.recall(1); }).resampled);

    // The same images twice, as two pictures of one face each, say nothing new.
    std::vector<std::int64_t> face;
    for (std::int64_t i = 0; i < 120; ++i) face.push_back(i % 60);
    for (std::size_t i = 0; i < 60; ++i) {
      truth.push_back(std::int32_t{truth[i]});
      predicted.push_back(std::int32_t{predicted[i]});
    }
    const RecognitionFigures twice = measure_recognition(truth, predicted, 3, face, options);
    CHECK(twice.images == 120);
    CHECK(twice.units == 60);
    CHECK(twice.accuracy.resampled == fast.accuracy.resampled);
    CHECK(twice.recall[2].resampled == fast.recall[2].resampled);
  }

  TEST_CASE("recognition: errors, and nothing at all") {
    const auto error = [](std::vector<std::int32_t> truth, std::vector<std::int32_t> predicted,
                          int classes) {
      return error_of([&] { (void)measure_recognition(truth, predicted, classes, {}, {}); });
    };
    CHECK(error({0, 1}, {1, 1}, 2).empty());
    CHECK(has(error({0, 2}, {1, 1}, 2), "image 1 has label 2 of 2 classes"));
    CHECK(has(error({0, 1}, {-1, 1}, 2), "image 0 has label -1"));
    CHECK(has(error({0, 1}, {1}, 2), "2 true labels and 1 predicted"));
    CHECK(has(error({}, {}, 2), "no images"));
    CHECK(has(error({0}, {0}, 0), "0 classes"));
    const ConfusionMatrix empty = confusion_matrix({}, {}, 2);
    CHECK_FALSE(empty.accuracy().has_value());
    CHECK_FALSE(empty.balanced_accuracy().has_value());
    CHECK(empty.absent() == std::vector<int>{0, 1});
  }

  TEST_CASE("PSNR of known differences") {
    Image a(5, 4, {10, 20, 30}), b(5, 4, {11, 19, 31});
    // One step of 255: 20 log10(255).
    CHECK(squared_error(planes_of(a), planes_of(b)).psnr().value() ==
          doctest::Approx(48.130803608679).epsilon(1e-6));
    CHECK(squared_error(planes_of(a), planes_of(a)).psnr() == kInfinity);

    Planes p = random_planes(3, 64, 64, 1), q = p;
    for (float& v : p.values) v = 0.2f + 0.6f * v;
    q.values = p.values;
    Random random(2);
    for (float& v : q.values) v += static_cast<float>(random.between(-0.1, 0.1));
    // MSE 0.1^2 / 3; its estimate from 12,288 values strays by 0.8 %, 0.035 dB.
    CHECK(std::abs(squared_error(p, q).psnr().value() - 24.771) < 0.15);
  }

  TEST_CASE("PSNR inside a mask, its complement and pooled") {
    const Planes a = random_planes(2, 6, 7, 3), b = random_planes(2, 6, 7, 4);
    std::vector<std::uint8_t> mask(42), rest(42);
    for (std::size_t i = 0; i < 42; ++i) {
      mask[i] = i % 5 == 0 ? 255 : 0;
      rest[i] = mask[i] == 0;
    }
    double sum = 0;
    for (std::size_t c = 0; c < 2; ++c)
      for (std::size_t i = 0; i < 42; i += 5)
        sum += std::pow(double{a.values[42 * c + i]} - double{b.values[42 * c + i]}, 2);
    SquaredError inside = squared_error(a, b, mask);
    CHECK(inside.count == 18);
    CHECK(inside.sum == doctest::Approx(sum).epsilon(1e-14));
    CHECK(inside.psnr().value() == doctest::Approx(10 * std::log10(18 / sum)).epsilon(1e-13));
    inside += squared_error(a, b, rest);
    CHECK(inside.count == 84);
    CHECK(inside.sum == doctest::Approx(squared_error(a, b).sum).epsilon(1e-14));
    CHECK_FALSE(squared_error(a, b, std::vector<std::uint8_t>(42)).psnr().has_value());
  }

  TEST_CASE("SSIM against its definition, window by window") {
    const Planes a = random_planes(3, 16, 19, 5);
    Planes b = random_planes(3, 16, 19, 6);
    for (std::size_t i = 0; i < b.values.size(); ++i)
      b.values[i] = 0.7f * a.values[i] + 0.3f * b.values[i];
    const SsimMap map = ssim_map(a, b);
    REQUIRE(map.height == 6);
    REQUIRE(map.width == 9);
    double sum = 0, inside = 0, count = 0;
    std::vector<std::uint8_t> hole(16 * 19);
    for (int y = 0; y < 16; ++y)
      for (int x = 0; x < 19; ++x) hole[static_cast<std::size_t>(19 * y + x)] = y >= 9 && x < 12;
    for (int y = 0; y < 6; ++y)
      for (int x = 0; x < 9; ++x) {
        const double expected = ssim_directly(a, b, y, x);
        // Moments round to about 1e-15 and are divided by C2, 9e-4.
        CHECK(std::abs(map.values[static_cast<std::size_t>(9 * y + x)] - expected) < 1e-11);
        sum += expected;
        if (y + 5 >= 9 && x + 5 < 12) {
          inside += expected;
          ++count;
        }
      }
    CHECK(std::abs(map.mean() - sum / 54) < 1e-11);
    CHECK(std::abs(map.mean_inside(hole).value() - inside / count) < 1e-11);
  }

  TEST_CASE("SSIM of known pictures") {
    // scikit-image 0.26, structural_similarity with gaussian_weights, sigma 1.5, population
    // covariance and data_range 1, cropped to whole windows, on these numbers.
    Planes a{3, 13, 17, {}}, b = a;
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < 13; ++y)
        for (int x = 0; x < 17; ++x) {
          a.values.push_back(static_cast<float>((7 * y + 3 * x + 40 * c) % 256 / 255.0));
          b.values.push_back(static_cast<float>((7 * y + 4 * x + x * y + 45 * c) % 256 / 255.0));
        }
    CHECK(ssim_map(a, b).mean() == doctest::Approx(0.4152415921274855).epsilon(1e-11));
    CHECK(squared_error(a, b).psnr().value() == doctest::Approx(11.346055037487606).epsilon(1e-12));
    CHECK(ssim_map(a, a).mean() == doctest::Approx(1).epsilon(1e-14));
    CHECK(ssim_map(a, b).values == ssim_map(b, a).values);

    // Of two flat pictures the first factor alone is left: (2 . 0.2 . 0.6 + C1) / (0.4 + C1).
    Planes dark{1, 11, 11, std::vector<float>(121, 0.2f)}, light = dark;
    light.values.assign(121, 0.6f);
    CHECK(ssim_map(dark, light).mean() == doctest::Approx(0.2401 / 0.4001).epsilon(1e-6));
  }

  TEST_CASE("a hole that is no window's centre has no SSIM") {
    const Planes a = random_planes(1, 12, 12, 7);
    std::vector<std::uint8_t> hole(144);
    hole[0] = hole[4 * 12 + 6] = 1;
    CHECK_FALSE(ssim_map(a, a).mean_inside(hole).has_value());
    hole[5 * 12 + 6] = 1;
    CHECK(ssim_map(a, a).mean_inside(hole).value() == doctest::Approx(1).epsilon(1e-14));
  }

  TEST_CASE("pictures that cannot be compared") {
    const Planes a = random_planes(3, 12, 12, 8);
    const auto psnr_error = [&](const Planes& b) {
      return error_of([&] { (void)squared_error(a, b); });
    };
    const auto ssim_error = [&](const Planes& b) {
      return error_of([&] { (void)ssim_map(a, b); });
    };
    Planes b = random_planes(3, 12, 13, 8);
    CHECK(has(psnr_error(b), "3 x 12 x 12 and 3 x 12 x 13"));
    CHECK(has(ssim_error(b), "3 x 12 x 12 and 3 x 12 x 13"));
    b = a;
    b.values.pop_back();
    CHECK(has(psnr_error(b), "with 431 values"));
    for (const float bad : {kNan, -0.01f, 1.01f, 255.0f}) {
      b = a;
      b.values[100] = bad;
      CHECK(has(psnr_error(b), "scale and clamp it to [0, 1]"));
      CHECK(has(ssim_error(b), "scale and clamp it to [0, 1]"));
    }
    const std::vector<std::uint8_t> mask(143);
    CHECK(has(error_of([&] { (void)squared_error(a, a, mask); }),
              "a mask of 143 values for 12 x 12 pixels"));
    CHECK(has(error_of([&] { (void)ssim_map(a, a).mean_inside(mask); }),
              "a mask of 143 values for 12 x 12 pixels"));
    const Planes small = random_planes(3, 10, 40, 9);
    CHECK(has(error_of([&] { (void)ssim_map(small, small); }), "its window needs 11 x 11"));
    const Planes nothing{3, 0, 0, {}};
    CHECK(has(error_of([&] { (void)squared_error(nothing, nothing); }), "empty pictures"));
  }
}

}  // namespace
}  // namespace ofer::test
