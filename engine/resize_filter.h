// Weights of the antialiased bilinear resize along one axis, the same for pictures and tensors.
//
// Output position o lies at the input coordinate c = (o + 0.5) * in / out (pixel centres at .5).
// It is the weighted mean of the inputs i with |i + 0.5 - c| < s, s = max(in / out, 1), under the
// triangle 1 - |i + 0.5 - c| / s; the weights are normalised to sum 1. So a reduction averages all
// it covers, and an enlargement (s = 1) is plain bilinear with half-pixel centres and edges
// repeated. These are the weights of Pillow's BILINEAR filter.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "engine/error.h"

namespace ofer {

// The most inputs that any output can need: the row length of `weights` below.
// in, out >= 1 (kBadArgument otherwise).
inline int resize_taps(int in, int out) {
  require(in > 0 && out > 0, ErrorCode::kBadArgument, "cannot resize ", in, " positions to ", out,
          "; both must be at least 1");
  const double support = std::max(static_cast<double>(in) / out, 1.0);
  // An interval of length 2 s, both ends rounded, holds at most 2 ceil(s) + 1 integers.
  return static_cast<int>(std::min(2 * std::ceil(support) + 1, static_cast<double>(in)));
}

// Fills arrays of the caller: first[o] and count[o] (out values each) say which inputs output o
// takes, weights[o * taps + k] is the weight of input first[o] + k, 0 for k >= count[o]; taps =
// resize_taps(in, out). Allocates nothing. first and first + count never fall from o to o + 1.
template <class Weight>
void fill_resize_filter(int in, int out, int* first, int* count, Weight* weights) {
  const int taps = resize_taps(in, out);
  const double scale = static_cast<double>(in) / out, support = std::max(scale, 1.0);
  for (int o = 0; o < out; ++o, weights += taps) {
    const double center = (o + 0.5) * scale;
    const int begin = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = static_cast<int>(std::min(center + support + 0.5, static_cast<double>(in)));
    const auto triangle = [&](int i) {
      return std::max(1.0 - std::fabs((i + 0.5 - center) / support), 0.0);
    };
    double sum = 0;
    for (int i = begin; i < end; ++i) sum += triangle(i);
    for (int k = 0; k < taps; ++k)
      weights[k] = k < end - begin ? static_cast<Weight>(triangle(begin + k) / sum) : Weight(0);
    first[o] = begin;
    count[o] = end - begin;
  }
}

// The same with storage of its own. set() takes memory only when it needs more than ever before.
// Used by one thread at a time.
struct ResizeFilter {
  int in = 0, out = 0, taps = 0;
  std::vector<int> first, count;
  std::vector<float> weights;

  void set(int in_size, int out_size) {
    if (in == in_size && out == out_size) return;
    taps = resize_taps(in_size, out_size);
    first.resize(static_cast<std::size_t>(out_size));
    count.resize(static_cast<std::size_t>(out_size));
    weights.resize(static_cast<std::size_t>(out_size) * static_cast<std::size_t>(taps));
    fill_resize_filter(in_size, out_size, first.data(), count.data(), weights.data());
    in = in_size;
    out = out_size;
  }
};

inline ResizeFilter resize_filter(int in, int out) {
  ResizeFilter filter;
  filter.set(in, out);
  return filter;
}

}  // namespace ofer
