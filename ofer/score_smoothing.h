// Scores of patches averaged with their neighbours', as a matrix.
#pragma once

#include <vector>

namespace ofer {

// [L, L] row-major, L = rows * columns: row p says how much of each patch's score is in that of p.
// Weights (a, 1 - 2 a, a) along rows and along columns (DetectorConfig::smoothing); at the border,
// those of the patches that there are, scaled to sum 1.
std::vector<double> score_smoothing(int rows, int columns, double a);

}  // namespace ofer
