// Affine layers and what batch norms make of them. Private to the folds.
#pragma once

#include <string>
#include <vector>

#include "weights/fold.h"

namespace ofer {

// All elements of a tensor.
std::vector<double> all_of(const FoldInput& input, const std::string& name);

// A batch norm with running statistics.
struct NormValues {
  std::vector<double> weight, bias, mean, variance;

  // s and t of s y + t.
  std::vector<double> scale() const;
  std::vector<double> shift() const;
};
NormValues norm_of(const FoldInput& input, const std::string& name);

// y = W x + b by rows; b may be empty.
struct AffineValues {
  std::vector<double> weight, bias;
};
AffineValues layer_of(const FoldInput& input, const std::string& name);
AffineValues folded(AffineValues layer, const NormValues& norm);

// A layer and the batch norm behind it; a sum of several is one layer after folding.
struct Term {
  AffineValues layer;
  NormValues norm;
};
FoldError measure_fold(const std::string& name, const std::vector<Term>& terms,
                       const AffineValues& folded);

// A generator for inputs: the same numbers everywhere.
std::vector<double> random_inputs(std::size_t count, std::uint64_t seed);

// sum_i a_i b_i in lanes, as vector units and matrix libraries do.
template <class T, class A>
T dot(const A* a, const T* b, std::size_t count) {
  constexpr std::size_t kLanes = 16;
  T lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<T>(a[i + lane]) * b[i + lane];
  T sum = 0;
  for (; i < count; ++i) sum += static_cast<T>(a[i]) * b[i];
  for (const T lane : lanes) sum += lane;
  return sum;
}

// The classifier's fold (weights/fold_classifier.cpp), added to `result`.
void fold_classifier(const FoldInput& input, const Config& config, std::int64_t classes,
                     int threads, Folded& result);

}  // namespace ofer
