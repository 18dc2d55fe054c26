// The work of losses.
#pragma once

#include "bench/work/count.h"
#include "kernels/loss.h"

namespace ofer::bench {

template <class T>
Work work(const kernels::PixelLossArgs<T>& args) {
  return {.flops = 3 * number(args.count),
          .bytes = bytes_of(args.x, args.count) + bytes_of(args.target, args.count) +
                   bytes_of(args.weight, args.count) + bytes_of(args.loss, 1)};
}

template <class T>
Work work(const kernels::PixelLossBackwardArgs<T>& args) {
  return {.flops = 3 * number(args.count),
          .bytes = bytes_of(args.dloss, 1) + bytes_of(args.x, args.count) +
                   bytes_of(args.target, args.count) + bytes_of(args.weight, args.count) +
                   bytes_of(args.dx, args.count)};
}

// A log-softmax.
template <class T>
Work work(const kernels::CrossEntropyArgs<T>& args) {
  const kernels::Index count = args.rows * args.classes;
  return {.flops = 5 * number(count),
          .bytes = bytes_of(args.x, count) + bytes_of(args.target, args.rows) +
                   bytes_of(args.class_weight, args.classes) + bytes_of(args.loss, 1) +
                   bytes_of(args.log_probability, count)};
}

template <class T>
Work work(const kernels::CrossEntropyBackwardArgs<T>& args) {
  const kernels::Index count = args.rows * args.classes;
  return {.flops = 3 * number(count),
          .bytes = bytes_of(args.dloss, 1) + bytes_of(args.target, args.rows) +
                   bytes_of(args.class_weight, args.classes) +
                   bytes_of(args.log_probability, count) + bytes_of(args.dx, count)};
}

template <class T>
Work work(const kernels::RelativisticLossArgs<T>& args) {
  return {.flops = 4 * number(args.real_count + args.fake_count),
          .bytes = bytes_of(args.real, args.real_count) + bytes_of(args.fake, args.fake_count) +
                   bytes_of(args.loss, 1)};
}

template <class T>
Work work(const kernels::RelativisticLossBackwardArgs<T>& args) {
  return {.flops = 6 * number(args.real_count + args.fake_count),
          .bytes = bytes_of(args.dloss, 1) + bytes_of(args.real, args.real_count) +
                   bytes_of(args.fake, args.fake_count) + bytes_of(args.dreal, args.real_count) +
                   bytes_of(args.dfake, args.fake_count)};
}

}  // namespace ofer::bench
