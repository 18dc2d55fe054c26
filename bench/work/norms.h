// The work of norms and of softmax.
#pragma once

#include "bench/work/count.h"
#include "kernels/norm.h"
#include "kernels/softmax.h"

namespace ofer::bench {

// What norms have in common: `count` elements, a weight and a bias for each of `channels`, a mean
// and a deviation for each of `groups`.
template <class Args>
double norm_bytes(const Args& args, kernels::Index count, kernels::Index channels,
                  kernels::Index groups) {
  return bytes_of(args.x, count) + bytes_of(args.weight, channels) + bytes_of(args.bias, channels) +
         bytes_of(args.y, count) + bytes_of(args.mean, groups) + bytes_of(args.rstd, groups);
}

template <class Args>
Work norm_backward(const Args& args, kernels::Index count, kernels::Index channels,
                   kernels::Index groups) {
  return {.flops = 14 * number(count),
          .bytes = bytes_of(args.dy, count) + bytes_of(args.x, count) +
                   bytes_of(args.weight, channels) + bytes_of(args.mean, groups) +
                   bytes_of(args.rstd, groups) + bytes_of(args.dx, count) +
                   bytes_of(args.dweight, channels) + bytes_of(args.dbias, channels)};
}

// An element: one addition for the mean; a difference, a square and an addition for the variance; a
// difference, two products and an addition.
template <class T>
Work work(const kernels::LayerNormArgs<T>& args) {
  const kernels::Index count = args.rows * args.columns;
  return {.flops = 8 * number(count), .bytes = norm_bytes(args, count, args.columns, args.rows)};
}

template <class T>
Work work(const kernels::LayerNormBackwardArgs<T>& args) {
  return norm_backward(args, args.rows * args.columns, args.columns, args.rows);
}

template <class T>
Work work(const kernels::InstanceNormArgs<T>& args) {
  const kernels::Index planes = args.batch * args.channels, count = planes * args.positions;
  return {.flops = 8 * number(count), .bytes = norm_bytes(args, count, args.channels, planes)};
}

template <class T>
Work work(const kernels::InstanceNormBackwardArgs<T>& args) {
  const kernels::Index planes = args.batch * args.channels;
  return norm_backward(args, planes * args.positions, args.channels, planes);
}

// The running statistics are moved in training, otherwise only read.
template <class T>
Work work(const kernels::BatchNormArgs<T>& args) {
  const kernels::Index count = args.batch * args.channels * args.positions;
  const double running =
      bytes_of(args.running_mean, args.channels) + bytes_of(args.running_variance, args.channels);
  return {.flops = (args.training ? 8 : 4) * number(count),
          .bytes = norm_bytes(args, count, args.channels, args.channels) +
                   (args.training ? 2 : 1) * running};
}

template <class T>
Work work(const kernels::BatchNormBackwardArgs<T>& args) {
  return norm_backward(args, args.batch * args.channels * args.positions, args.channels,
                       args.channels);
}

// An element: compared, shifted, its exponential, added, divided.
template <class T>
Work work(const kernels::SoftmaxArgs<T>& args) {
  const kernels::Index count = args.outer * args.length * args.inner;
  return {.flops = 5 * number(count), .bytes = bytes_of(args.x, count) + bytes_of(args.y, count)};
}

template <class T>
Work work(const kernels::SoftmaxBackwardArgs<T>& args) {
  const kernels::Index count = args.outer * args.length * args.inner;
  return {.flops = 4 * number(count),
          .bytes = bytes_of(args.dy, count) + bytes_of(args.y, count) + bytes_of(args.dx, count)};
}

}  // namespace ofer::bench
