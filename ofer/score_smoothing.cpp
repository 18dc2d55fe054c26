#include "ofer/score_smoothing.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace ofer {
namespace {

// What place `from` of an axis of `size` gives to place `to`.
double share(int to, int from, int size, double a) {
  const double sum = 1 - a * ((to == 0) + (to == size - 1));
  const double weight = from == to ? 1 - 2 * a : std::abs(from - to) == 1 ? a : 0;
  return weight / sum;
}

}  // namespace

std::vector<double> score_smoothing(int rows, int columns, double a) {
  const auto width = static_cast<std::size_t>(columns);
  const std::size_t patches = static_cast<std::size_t>(rows) * width;
  std::vector<double> matrix(patches * patches, 0);
  for (int r = 0; r < rows; ++r)
    for (int c = 0; c < columns; ++c) {
      double* const row =
          matrix.data() +
          (static_cast<std::size_t>(r) * width + static_cast<std::size_t>(c)) * patches;
      for (int y = std::max(0, r - 1); y <= std::min(rows - 1, r + 1); ++y)
        for (int x = std::max(0, c - 1); x <= std::min(columns - 1, c + 1); ++x)
          row[static_cast<std::size_t>(y) * width + static_cast<std::size_t>(x)] =
              share(r, y, rows, a) * share(c, x, columns, a);
    }
  return matrix;
}

}  // namespace ofer
