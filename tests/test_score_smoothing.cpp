// Scores averaged with their neighbours', and the detector that does it.
#include "ofer/score_smoothing.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/eval_models.h"

namespace ofer::test {

TEST_SUITE("score_smoothing") {
  TEST_CASE("weights of a patch inside, at an edge and in a corner") {
    // Patches of 3 rows and 4 columns.
    const std::vector<double> matrix = score_smoothing(3, 4, 0.25);
    REQUIRE(matrix.size() == 144);
    const auto weight = [&](int to, int from) {
      return matrix[static_cast<std::size_t>(to * 12 + from)];
    };
    CHECK(weight(5, 5) == 0.25);
    CHECK(weight(5, 4) == 0.125);
    CHECK(weight(5, 0) == 0.0625);
    CHECK(weight(5, 7) == 0);
    CHECK(weight(0, 0) == doctest::Approx(4.0 / 9));
    CHECK(weight(0, 1) == doctest::Approx(2.0 / 9));
    CHECK(weight(0, 5) == doctest::Approx(1.0 / 9));
    CHECK(weight(1, 1) == doctest::Approx(1.0 / 3));
    CHECK(weight(3, 4) == 0);  // the end of one row is no neighbour of the next one's beginning
    for (int to = 0; to < 12; ++to) {
      double sum = 0;
      for (int from = 0; from < 12; ++from) sum += weight(to, from);
      CHECK(sum == doctest::Approx(1));
    }
  }

  TEST_CASE("grids of one row, one column, one patch; no smoothing at all") {
    CHECK(score_smoothing(1, 1, 0.3) == std::vector<double>{1});
    const std::vector<double> row = score_smoothing(1, 2, 0.25),
                              column = score_smoothing(2, 1, 0.25);
    CHECK(row == column);
    CHECK(row[1] == doctest::Approx(1.0 / 3));
    CHECK(score_smoothing(1, 2, 0) == std::vector<double>{1, 0, 0, 1});
  }

  TEST_CASE("a model with it tells averaged scores, and is otherwise the same") {
    Config config = runnable_config();
    Pipeline plain = model_of(config);
    config.detector.smoothing = 0.2;
    Pipeline smooth = model_of(config);
    CHECK(plain.network().detector().radius() != 1);
    CHECK(smooth.network().detector().radius() == 1);
    const std::vector<Image> images = {drawn_face(1, 40), drawn_face(2, 40)};
    const auto before = plain.run(images, {}), after = smooth.run(images, {});
    const std::vector<double> matrix =
        score_smoothing(config.patch_rows(), config.patch_columns(), 0.2);
    for (std::size_t i = 0; i < images.size(); ++i) {
      const std::size_t patches = before[i].distance.size();
      const double square = std::pow(double{before[i].radius}, 2);
      for (std::size_t p = 0; p < patches; ++p) {
        double score = 0;
        for (std::size_t q = 0; q < patches; ++q)
          score += matrix[p * patches + q] * std::log(double{before[i].distance[q]} / square);
        CHECK(std::log(double{after[i].distance[p]}) == doctest::Approx(score).epsilon(1e-3));
        CHECK((after[i].occluded[p] == 1) == (after[i].distance[p] > 1));
      }
    }
  }
}

}  // namespace ofer::test
