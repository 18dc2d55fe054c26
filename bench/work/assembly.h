// The work of what only this method has: distances of support vectors, and self-assembly.
#pragma once

#include "bench/work/count.h"
#include "kernels/self_assembly.h"
#include "kernels/svdd.h"

namespace ofer::bench {

template <class T>
Work work(const kernels::SvddDistanceArgs<T>& args) {
  const kernels::Index rows = args.batch * args.positions;
  return {.flops = 3 * number(rows * args.width),
          .bytes = bytes_of(args.feature, rows * args.width) +
                   bytes_of(args.center, (args.by_position ? args.positions : 1) * args.width) +
                   bytes_of(args.distance, rows)};
}

template <class T>
Work work(const kernels::SvddDistanceBackwardArgs<T>& args) {
  const kernels::Index rows = args.batch * args.positions;
  return {.flops = 3 * number(rows * args.width),
          .bytes = bytes_of(args.ddistance, rows) + bytes_of(args.feature, rows * args.width) +
                   bytes_of(args.center, (args.by_position ? args.positions : 1) * args.width) +
                   bytes_of(args.dfeature, rows * args.width)};
}

// A pair of vectors: their distance, and its kernel's part of a sum.
template <class T>
Work work(const kernels::KernelSvddArgs<T>& args) {
  const kernels::Index rows = args.batch * args.positions,
                       supports = (args.by_position ? args.positions : 1) * args.supports;
  return {.flops = number(rows * args.supports) * (3 * number(args.width) + 4),
          .bytes = bytes_of(args.z, rows * args.width) +
                   bytes_of(args.support, supports * args.width) + bytes_of(args.alpha, supports) +
                   bytes_of(args.constant, args.by_position ? args.positions : 1) +
                   bytes_of(args.distance, rows)};
}

template <class T>
Work work(const kernels::KernelSvddBackwardArgs<T>& args) {
  const kernels::Index rows = args.batch * args.positions,
                       supports = (args.by_position ? args.positions : 1) * args.supports;
  return {.flops = number(rows * args.supports) * (6 * number(args.width) + 4),
          .bytes = bytes_of(args.ddistance, rows) + bytes_of(args.z, rows * args.width) +
                   bytes_of(args.support, supports * args.width) + bytes_of(args.alpha, supports) +
                   bytes_of(args.dz, rows * args.width)};
}

template <class T>
Work work(const kernels::KernelSvddConstantArgs<T>& args) {
  const kernels::Index supports = args.sets * args.supports;
  return {.flops = number(supports * args.supports) * (3 * number(args.width) + 5),
          .bytes = bytes_of(args.support, supports * args.width) + bytes_of(args.alpha, supports) +
                   bytes_of(args.constant, args.sets)};
}

// A multiplication and an addition for each channel of each pair of a masked and a known position.
// The hole is on the device: as if half of the map were masked, which gives the most pairs.
template <class Args>
double search_flops(const Args& args) {
  const kernels::Index positions = args.height * args.width, masked = positions / 2;
  return 2 * number(args.batch * args.channels * masked * (positions - masked));
}

template <class T>
Work work(const kernels::SelfAssemblyPaperArgs<T>& args) {
  const kernels::Index places = args.batch * args.height * args.width,
                       count = places * args.channels;
  return {.flops = search_flops(args),
          .bytes = bytes_of(args.x, count) + bytes_of(args.f, count) + bytes_of(args.hole, places) +
                   bytes_of(args.y, count) + bytes_of(args.best, places) +
                   bytes_of(args.weights, 3 * places)};
}

template <class T>
Work work(const kernels::SelfAssemblyPaperBackwardArgs<T>& args) {
  const kernels::Index places = args.batch * args.height * args.width,
                       count = places * args.channels;
  return {.flops = 40 * number(count),
          .bytes = bytes_of(args.dy, count) + bytes_of(args.x, count) + bytes_of(args.f, count) +
                   bytes_of(args.hole, places) + bytes_of(args.y, count) +
                   bytes_of(args.best, places) + bytes_of(args.weights, 3 * places) +
                   bytes_of(args.dx, count) + bytes_of(args.df, count)};
}

// w compares every position with every one, whatever is masked.
template <class T>
Work work(const kernels::SelfAssemblyReleasedArgs<T>& args) {
  const kernels::Index positions = args.height * args.width, places = args.batch * positions,
                       count = places * args.channels;
  return {.flops = search_flops(args) + 2 * number(count * positions),
          .bytes = bytes_of(args.x, count) + bytes_of(args.f, count) + bytes_of(args.hole, places) +
                   bytes_of(args.y, count) + bytes_of(args.best, places) +
                   bytes_of(args.shares, 2 * places)};
}

template <class T>
Work work(const kernels::SelfAssemblyReleasedBackwardArgs<T>& args) {
  const kernels::Index places = args.batch * args.height * args.width,
                       count = places * args.channels;
  return {.flops = 4 * number(count),
          .bytes = bytes_of(args.dy, count) + bytes_of(args.hole, places) +
                   bytes_of(args.best, places) + bytes_of(args.shares, 2 * places) +
                   bytes_of(args.dx, count)};
}

}  // namespace ofer::bench
