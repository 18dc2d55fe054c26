// The work of what moves elements, compares them and finds their places.
#pragma once

#include <algorithm>

#include "bench/work/count.h"
#include "kernels/copy.h"
#include "kernels/exchange.h"
#include "kernels/patch_lists.h"
#include "kernels/patches.h"
#include "kernels/select_top.h"

namespace ofer::bench {

template <class T>
Work work(const kernels::CopyArgs<T>& args) {
  const kernels::Index count = elements(args.rank, args.shape);
  return {.flops = args.accumulate ? number(count) : 0,
          .bytes = bytes_of(args.x, distinct_elements(args.rank, args.shape, args.x_strides)) +
                   (args.accumulate ? 2 : 1) * bytes_of(args.y, count)};
}

// Which rows are taken is on the device: no more than there are, and than are asked for.
template <class T>
Work work(const kernels::GatherRowsArgs<T>& args) {
  return {.flops = 0,
          .bytes = bytes_of(args.x, std::min(args.rows, args.x_rows) * args.width) +
                   bytes_of(args.index, args.rows) + bytes_of(args.fill, args.width) +
                   bytes_of(args.y, args.rows * args.width)};
}

template <class T>
Work work(const kernels::GatherRowsBackwardArgs<T>& args) {
  return {.flops = number(args.rows * args.width),
          .bytes = bytes_of(args.dy, args.rows * args.width) + bytes_of(args.index, args.rows) +
                   bytes_of(args.dx, args.x_rows * args.width) + bytes_of(args.dfill, args.width)};
}

template <class T>
Work work(const kernels::PatchesArgs<T>& args) {
  const kernels::Index count =
      args.batch * args.channels * args.rows * args.columns * args.patch * args.patch;
  return {.flops = 0, .bytes = bytes_of(args.x, count) + bytes_of(args.y, count)};
}

template <class T>
Work work(const kernels::PatchListsArgs<T>& args) {
  const kernels::Index patches = args.images * args.patches, rows = patches + args.images;
  return {.flops = 0,
          .bytes = bytes_of(args.covered, patches) + bytes_of(args.used, 2 * args.images) +
                   bytes_of(args.token_source, rows) + bytes_of(args.grid_source, rows) +
                   bytes_of(args.patch_source, patches) + bytes_of(args.any, args.images)};
}

// A comparison for each element.
template <class T>
Work work(const kernels::SelectTopArgs<T>& args) {
  const kernels::Index count = args.rows * args.length;
  return {.flops = number(count), .bytes = bytes_of(args.x, count) + bytes_of(args.mask, count)};
}

template <class T>
Work work(const kernels::ImportFlagsArgs<T>& args) {
  return {.flops = 0, .bytes = bytes_of(args.x, args.count) + bytes_of(args.y, args.count)};
}

template <class T>
Work work(const kernels::ExportFloatsArgs<T>& args) {
  return {.flops = 0, .bytes = bytes_of(args.x, args.count) + bytes_of(args.y, args.count)};
}

template <class T>
Work work(const kernels::ExportFlagsArgs<T>& args) {
  return {.flops = 0, .bytes = bytes_of(args.x, args.count) + bytes_of(args.y, args.count)};
}

template <class T>
Work work(const kernels::ExportTopArgs<T>& args) {
  const kernels::Index count = args.rows * args.length;
  return {.flops = number(count),
          .bytes = bytes_of(args.x, count) + bytes_of(args.index, args.rows)};
}

}  // namespace ofer::bench
