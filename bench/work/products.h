// The work of matrix products: linear maps, convolutions, attention. The pointwise ends of the
// first two are not counted as flops.
#pragma once

#include "bench/work/count.h"
#include "kernels/attention.h"
#include "kernels/conv2d.h"
#include "kernels/linear.h"

namespace ofer::bench {

template <class T>
Work work(const kernels::LinearArgs<T>& args) {
  const kernels::Index count = args.rows * args.out;
  return {.flops = 2 * number(count * args.in),
          .bytes = bytes_of(args.x, args.rows * args.in) +
                   bytes_of(args.weight, args.out * args.in) + bytes_of(args.bias, args.out) +
                   bytes_of(args.residual, count) + bytes_of(args.y, count) +
                   bytes_of(args.pre, count) + bytes_of(args.segments)};
}

template <class T>
Work work(const kernels::LinearBackwardArgs<T>& args) {
  const int products = (args.dx != nullptr) + (args.dweight != nullptr);
  const kernels::Index x = args.rows * args.in, weight = args.out * args.in;
  return {.flops = 2 * products * number(args.rows * weight),
          .bytes = bytes_of(args.dy, args.rows * args.out) + bytes_of(args.x, x) +
                   bytes_of(args.weight, weight) + bytes_of(args.dx, x) +
                   bytes_of(args.dweight, weight) + bytes_of(args.dbias, args.out)};
}

template <class T>
Work work(const kernels::LinearByPositionArgs<T>& args) {
  const kernels::Index rows = args.batch * args.positions, weight = args.in * args.out;
  return {.flops = 2 * number(rows * weight),
          .bytes = bytes_of(args.x, rows * args.in) +
                   bytes_of(args.weight, args.positions * weight) +
                   bytes_of(args.y, rows * args.out)};
}

template <class T>
Work work(const kernels::LinearByPositionBackwardArgs<T>& args) {
  const int products = (args.dx != nullptr) + (args.dweight != nullptr);
  const kernels::Index rows = args.batch * args.positions, weight = args.in * args.out;
  return {.flops = 2 * products * number(rows * weight),
          .bytes = bytes_of(args.dy, rows * args.out) + bytes_of(args.x, rows * args.in) +
                   bytes_of(args.weight, args.positions * weight) +
                   bytes_of(args.dx, rows * args.in) +
                   bytes_of(args.dweight, args.positions * weight)};
}

// Arrays of a convolution.
struct ConvSizes {
  kernels::Index x, weight, y;

  explicit ConvSizes(const kernels::ConvGeometry& g)
      : x(g.batch * g.in_channels * g.in_height * g.in_width),
        weight(g.in_channels * g.out_channels * g.kernel_h * g.kernel_w),
        y(g.batch * g.out_channels * g.out_height * g.out_width) {}
};

// A multiplication and an addition for each weight and position of the output (of the input when
// transposed), with those of the padding.
inline double convolution_flops(const kernels::ConvGeometry& g, bool transposed) {
  const kernels::Index positions =
      transposed ? g.in_height * g.in_width : g.out_height * g.out_width;
  return 2 * number(g.batch * positions * ConvSizes(g).weight);
}

// A convolution and its transpose share their type of arguments, so that what is meant has to be
// said: work() does not know these (bench/work/work.h).
template <class T>
Work convolution_work(const kernels::Conv2dArgs<T>& args, bool transposed) {
  const ConvSizes sizes(args.geometry);
  return {.flops = convolution_flops(args.geometry, transposed),
          .bytes = bytes_of(args.x, sizes.x) + bytes_of(args.weight, sizes.weight) +
                   bytes_of(args.bias, args.geometry.out_channels) + bytes_of(args.y, sizes.y)};
}

template <class T>
Work convolution_work(const kernels::Conv2dBackwardArgs<T>& args, bool transposed) {
  const ConvSizes sizes(args.geometry);
  const int products = (args.dx != nullptr) + (args.dweight != nullptr);
  return {.flops = products * convolution_flops(args.geometry, transposed),
          .bytes = bytes_of(args.dy, sizes.y) + bytes_of(args.x, sizes.x) +
                   bytes_of(args.weight, sizes.weight) + bytes_of(args.dx, sizes.x) +
                   bytes_of(args.dweight, sizes.weight) +
                   bytes_of(args.dbias, args.geometry.out_channels)};
}

// Pairs of a query and a key, of one head. Where images use a beginning of their room, whose length
// only the device knows, those of all of it: the most that there can be.
inline double attention_pairs(const kernels::Segments& segments) {
  double pairs = 0;
  for (kernels::Index s = 0; s < segments.count; ++s) {
    const double tokens = segments.host_offsets[s + 1] - segments.host_offsets[s];
    pairs += tokens * tokens;
  }
  return pairs;
}

// A pair: two products of head_width terms, and what the softmax does with a score.
template <class T>
Work work(const kernels::AttentionArgs<T>& args) {
  const kernels::Index rows = args.segments.rows(), y = rows * args.heads * args.head_width;
  return {.flops = attention_pairs(args.segments) * number(args.heads) *
                   (4 * number(args.head_width) + 4),
          .bytes = bytes_of(args.qkv, 3 * y) + bytes_of(args.y, y) +
                   bytes_of(args.logsumexp, args.heads * rows) + bytes_of(args.segments)};
}

// The scores once more, and four products that give dq, dk, dv and the scores' gradient.
template <class T>
Work work(const kernels::AttentionBackwardArgs<T>& args) {
  const kernels::Index rows = args.segments.rows(), y = rows * args.heads * args.head_width;
  return {.flops = attention_pairs(args.segments) * number(args.heads) *
                   (10 * number(args.head_width) + 8),
          .bytes = bytes_of(args.dy, y) + bytes_of(args.qkv, 3 * y) + bytes_of(args.y, y) +
                   bytes_of(args.logsumexp, args.heads * rows) + bytes_of(args.dqkv, 3 * y) +
                   bytes_of(args.segments)};
}

}  // namespace ofer::bench
