// The work on maps and pictures: pooling, resizing, sums along an axis, activation maps.
#pragma once

#include <algorithm>

#include "bench/work/count.h"
#include "kernels/grad_cam.h"
#include "kernels/image_planes.h"
#include "kernels/pool2d.h"
#include "kernels/reduce.h"
#include "kernels/resize.h"

namespace ofer::bench {

// Arrays of a pooling.
struct PoolSizes {
  kernels::Index x, y, window;

  explicit PoolSizes(const kernels::PoolGeometry& g)
      : x(g.planes * g.in_height * g.in_width),
        y(g.planes * g.out_height * g.out_width),
        window(g.kernel_h * g.kernel_w) {}
};

template <class T>
Work work(const kernels::Pool2dArgs<T>& args) {
  const PoolSizes sizes(args.geometry);
  return {.flops = number(sizes.y * sizes.window),
          .bytes = bytes_of(args.x, sizes.x) + bytes_of(args.y, sizes.y) +
                   bytes_of(args.argmax, sizes.y)};
}

// A maximum gives its gradient to one element of its window.
template <class T>
Work work(const kernels::Pool2dBackwardArgs<T>& args) {
  const PoolSizes sizes(args.geometry);
  return {.flops = number(sizes.y * (args.maximum ? 1 : sizes.window)),
          .bytes = bytes_of(args.dy, sizes.y) + bytes_of(args.argmax, sizes.y) +
                   bytes_of(args.dx, sizes.x)};
}

template <class T>
double axis_bytes(const kernels::ResizeAxis<T>& axis, kernels::Index out) {
  return bytes_of(axis.first, out) + bytes_of(axis.count, out) +
         bytes_of(axis.weight, out * axis.taps);
}

// Of a resize or its adjoint. How many weights an output has is on the device: all of them count.
template <class Args>
Work resize_work(const Args& args, double maps) {
  const kernels::Index rows = args.in_height * args.horizontal.taps,
                       columns = args.out_height * args.vertical.taps;
  return {.flops = 2 * number(args.planes * args.out_width * (rows + columns)),
          .bytes = maps + axis_bytes(args.horizontal, args.out_width) +
                   axis_bytes(args.vertical, args.out_height)};
}

template <class T>
Work work(const kernels::ResizeArgs<T>& args) {
  return resize_work(args, bytes_of(args.x, args.planes * args.in_height * args.in_width) +
                               bytes_of(args.y, args.planes * args.out_height * args.out_width));
}

template <class T>
Work work(const kernels::ResizeBackwardArgs<T>& args) {
  return resize_work(args, bytes_of(args.dy, args.planes * args.out_height * args.out_width) +
                               bytes_of(args.dx, args.planes * args.in_height * args.in_width));
}

template <class T>
Work work(const kernels::ReduceArgs<T>& args) {
  const kernels::Index sums = args.outer * args.inner, count = sums * args.length;
  return {
      .flops = number(count),
      .bytes = bytes_of(args.x, count) + bytes_of(args.y, sums) + bytes_of(args.argument, sums)};
}

template <class T>
Work work(const kernels::ReduceBackwardArgs<T>& args) {
  const kernels::Index sums = args.outer * args.inner, count = sums * args.length;
  return {
      .flops = number(count),
      .bytes = bytes_of(args.dy, sums) + bytes_of(args.argument, sums) + bytes_of(args.dx, count)};
}

// Grad-CAM: a sum, a product and a sum for each element.
template <class T>
Work work(const kernels::GradCamArgs<T>& args) {
  const kernels::Index positions = args.batch * args.positions, count = positions * args.channels;
  return {
      .flops = (args.plus_plus ? 10 : 3) * number(count),
      .bytes = bytes_of(args.a, count) + bytes_of(args.g, count) + bytes_of(args.map, positions)};
}

// Inputs under an output's weights, which are those of 2 s of them.
inline double triangle_taps(kernels::Index in, kernels::Index out) {
  return 2 * std::max(1.0, number(in) / std::max(1.0, number(out)));
}

// A product and a sum for each weight. What lies between the values of a picture, in pixels and in
// rows, is not read; a grey one is read once.
template <class T>
Work work(const kernels::ImagePlanesArgs<T>& args) {
  const kernels::Index y = 3 * args.out_height * args.out_width;
  const bool green = args.green != args.red,
             blue = args.blue != args.red && args.blue != args.green;
  const double size = args.type == kernels::PixelType::kF32 ? 4 : 1;
  return {
      .flops = 2 * number(y) * triangle_taps(args.height, args.out_height) *
               triangle_taps(args.width, args.out_width),
      .bytes = size * (1 + green + blue) * number(args.height * args.width) + bytes_of(args.y, y)};
}

}  // namespace ofer::bench
