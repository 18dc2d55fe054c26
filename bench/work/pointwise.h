// The work of functions of one element or two, and of optimisers. A function is one flop.
#pragma once

#include "bench/work/count.h"
#include "kernels/optimiser.h"
#include "kernels/pointwise.h"

namespace ofer::bench {

template <class T>
Work work(const kernels::ActivationArgs<T>& args) {
  return {.flops = number(args.count),
          .bytes = bytes_of(args.x, args.count) + bytes_of(args.y, args.count)};
}

template <class T>
Work work(const kernels::ActivationBackwardArgs<T>& args) {
  return {.flops = 2 * number(args.count),
          .bytes = bytes_of(args.dy, args.count) + bytes_of(args.x, args.count) +
                   bytes_of(args.dx, args.count)};
}

template <class T>
Work work(const kernels::UnaryArgs<T>& args) {
  return {.flops = number(args.count),
          .bytes = bytes_of(args.x, args.count) + bytes_of(args.y, args.count)};
}

template <class T>
Work work(const kernels::UnaryBackwardArgs<T>& args) {
  return {.flops = 2 * number(args.count),
          .bytes = bytes_of(args.dy, args.count) + bytes_of(args.x, args.count) +
                   bytes_of(args.dx, args.count)};
}

template <class T>
Work work(const kernels::BinaryArgs<T>& args) {
  const kernels::Index count = elements(args.rank, args.shape);
  return {.flops = number(count),
          .bytes = bytes_of(args.a, distinct_elements(args.rank, args.shape, args.a_strides)) +
                   bytes_of(args.b, distinct_elements(args.rank, args.shape, args.b_strides)) +
                   bytes_of(args.y, count)};
}

template <class T>
Work work(const kernels::AccumulateArgs<T>& args) {
  return {.flops = 2 * number(args.count),
          .bytes = bytes_of(args.x, args.count) + 2 * bytes_of(args.y, args.count)};
}

template <class T>
Work work(const kernels::FillArgs<T>& args) {
  return {.flops = 0, .bytes = bytes_of(args.y, args.count)};
}

// Without momentum no velocity is kept.
template <class T>
Work work(const kernels::SgdArgs<T>& args) {
  const double velocity = args.momentum == 0 ? 0 : bytes_of(args.velocity, args.count);
  return {.flops = 7 * number(args.count),
          .bytes = 2 * bytes_of(args.parameter, args.count) + bytes_of(args.gradient, args.count) +
                   2 * velocity};
}

template <class T>
Work work(const kernels::AdamArgs<T>& args) {
  return {.flops = 15 * number(args.count),
          .bytes = 2 * bytes_of(args.parameter, args.count) + bytes_of(args.gradient, args.count) +
                   2 * bytes_of(args.first, args.count) + 2 * bytes_of(args.second, args.count)};
}

}  // namespace ofer::bench
