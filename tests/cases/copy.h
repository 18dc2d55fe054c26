// Cases of copy, gather_rows and patches: nothing is rounded, so results are exact.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct CopyCase {
  const char* name = "";
  std::uint64_t seed = 1;
  std::vector<Index> shape = {}, x_strides = {}, y_strides = {};
  Index x_size = 1, x_start = 0;  // elements of x's buffer; the first element's place in it
  Index y_size = 1, y_start = 0;
  bool accumulate = false;

  OFER_FORWARD_CASE(copy)

  template <class T>
  kernels::CopyArgs<T> bind(Buffers<T>& b) const {
    kernels::CopyArgs<T> args{};
    args.x = b.input("x", x_size) + x_start;
    // What lies between the places written must stay as it is: unwritten, or y's own.
    args.y = (accumulate ? b.in_out("y", y_size) : b.output("y", y_size)) + y_start;
    args.rank = static_cast<int>(shape.size());
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {
      args.shape[axis] = shape[axis];
      args.x_strides[axis] = x_strides[axis];
      args.y_strides[axis] = y_strides[axis];
    }
    args.accumulate = accumulate;
    return args;
  }
  double flops() const { return accumulate ? static_cast<double>(y_size) : 0; }

  static std::vector<CopyCase> list() {
    return {
        {.name = "rank 0", .seed = 1},
        {.name = "dense", .seed = 2, .shape = {5, 7}, .x_strides = {7, 1}, .y_strides = {7, 1},
         .x_size = 35, .y_size = 35},
        {.name = "nothing", .seed = 3, .shape = {4, 0}, .x_strides = {1, 1}, .y_strides = {1, 1},
         .x_size = 4, .y_size = 4},
        {.name = "one long row", .seed = 4, .shape = {10001}, .x_strides = {1}, .y_strides = {1},
         .x_size = 10001, .y_size = 10001},
        {.name = "transposed", .seed = 5, .shape = {33, 17}, .x_strides = {1, 33},
         .y_strides = {17, 1}, .x_size = 561, .y_size = 561},
        {.name = "slice of columns", .seed = 6, .shape = {6, 4}, .x_strides = {11, 1},
         .y_strides = {4, 1}, .x_size = 66, .x_start = 5, .y_size = 24},
        {.name = "into a slice of columns", .seed = 7, .shape = {6, 4}, .x_strides = {4, 1},
         .y_strides = {11, 1}, .x_size = 24, .y_size = 66, .y_start = 7},
        {.name = "concatenation of channels", .seed = 8, .shape = {2, 3, 25},
         .x_strides = {75, 25, 1}, .y_strides = {200, 25, 1}, .x_size = 150, .y_size = 400,
         .y_start = 125},
        {.name = "flip of columns", .seed = 9, .shape = {2, 3, 5, 8},
         .x_strides = {120, 40, 8, -1}, .y_strides = {120, 40, 8, 1}, .x_size = 240, .x_start = 7,
         .y_size = 240},
        {.name = "flip written backwards", .seed = 10, .shape = {3, 9}, .x_strides = {9, 1},
         .y_strides = {-9, -1}, .x_size = 27, .y_size = 27, .y_start = 26},
        {.name = "channels reversed", .seed = 11, .shape = {2, 3, 16},
         .x_strides = {48, -16, 1}, .y_strides = {96, 16, 1}, .x_size = 96, .x_start = 32,
         .y_size = 192, .y_start = 48},
        {.name = "repetition", .seed = 12, .shape = {4, 6, 5}, .x_strides = {0, 1, 0},
         .y_strides = {30, 5, 1}, .x_size = 6, .y_size = 120},
        {.name = "rank 6 permutation", .seed = 13, .shape = {2, 3, 2, 4, 3, 2},
         .x_strides = {1, 2, 72, 6, 24, 144}, .y_strides = {144, 48, 24, 6, 2, 1},
         .x_size = 288, .y_size = 288},
        {.name = "accumulated", .seed = 14, .shape = {7, 9}, .x_strides = {9, 1},
         .y_strides = {9, 1}, .x_size = 63, .y_size = 63, .accumulate = true},
        {.name = "accumulated flip into a slice", .seed = 15, .shape = {3, 2, 7},
         .x_strides = {14, 7, -1}, .y_strides = {35, 7, 1}, .x_size = 42, .x_start = 6,
         .y_size = 105, .y_start = 14, .accumulate = true},
        {.name = "accumulated with gaps", .seed = 16, .shape = {5, 3}, .x_strides = {1, 0},
         .y_strides = {7, 2}, .x_size = 5, .y_size = 35, .accumulate = true},
        {.name = "several ranges, transposed", .seed = 17, .shape = {3, 64, 65},
         .x_strides = {4160, 1, 64}, .y_strides = {4160, 65, 1}, .x_size = 12480,
         .y_size = 12480},
    };
  }
  static std::vector<CopyCase> benchmarks() {
    return {{.name = "skip into a concatenation, 4 images", .shape = {4, 256, 64 * 64},
             .x_strides = {256 * 64 * 64, 64 * 64, 1}, .y_strides = {512 * 64 * 64, 64 * 64, 1},
             .x_size = 4 * 256 * 64 * 64, .y_size = 4 * 512 * 64 * 64}};
  }
};

// Row numbers below x_rows in some order, `repeats` allowed, about a third of them -1.
inline std::vector<std::int32_t> some_rows(Index rows, Index x_rows, std::uint64_t seed) {
  Random random(seed);
  std::vector<std::int32_t> index;
  for (Index r = 0; r < rows; ++r)
    index.push_back(x_rows == 0 || random.below(3) == 0
                        ? -1
                        : static_cast<std::int32_t>(random.below(x_rows)));
  return index;
}

struct GatherRowsCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, x_rows = 1, width = 1;
  std::vector<std::int32_t> index = {};  // empty: random
  bool fill = true;

  OFER_FORWARD_CASE(gather_rows)

  std::vector<std::int32_t> rows_taken() const {
    return index.empty() ? some_rows(rows, x_rows, seed) : index;
  }
  template <class T>
  kernels::GatherRowsArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", x_rows * width),
            .index = b.indices("index", rows_taken()),
            .fill = fill ? b.input("fill", width) : nullptr,
            .y = b.output("y", rows * width),
            .rows = rows,
            .x_rows = x_rows,
            .width = width};
  }
  double flops() const { return 0; }

  static std::vector<GatherRowsCase> list() {
    return {
        {.name = "one number", .seed = 1, .index = {0}},
        {.name = "mask tokens", .seed = 2, .rows = 34, .x_rows = 20, .width = 33},
        {.name = "zeros", .seed = 3, .rows = 25, .x_rows = 9, .width = 16, .fill = false},
        {.name = "no row to take", .seed = 4, .rows = 7, .x_rows = 0, .width = 12},
        {.name = "no row wanted", .seed = 5, .rows = 0, .x_rows = 5, .width = 12},
        {.name = "all taken", .seed = 6, .rows = 4, .x_rows = 4, .width = 5,
         .index = {3, 0, 2, 1}},
        {.name = "one row again and again", .seed = 7, .rows = 5, .x_rows = 3, .width = 65,
         .index = {2, 2, 2, 2, 2}, .fill = false},
    };
  }
  static std::vector<GatherRowsCase> benchmarks() {
    return {{.name = "decoder tokens, 16 images", .rows = 16 * 197, .x_rows = 16 * 100,
             .width = 512}};
  }
};

struct GatherRowsBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, x_rows = 1, width = 1;
  std::vector<std::int32_t> index = {};
  bool dx = true, dfill = true;

  OFER_BACKWARD_CASE(gather_rows_backward, gather_rows)

  GatherRowsCase forward() const {
    return {.seed = seed, .rows = rows, .x_rows = x_rows, .width = width, .index = index};
  }
  kernels::GatherRowsArgs<double> bind_forward(Buffers<double>& b) const {
    return forward().bind(b);
  }
  template <class T>
  kernels::GatherRowsBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", rows * width),
            .index = b.indices("index", forward().rows_taken()),
            .dx = dx ? b.output("dx", x_rows * width) : nullptr,
            .dfill = dfill ? b.output("dfill", width) : nullptr,
            .rows = rows,
            .x_rows = x_rows,
            .width = width};
  }
  Index reduction() const { return rows; }
  double flops() const { return static_cast<double>(rows * width); }

  static std::vector<GatherRowsBackwardCase> list() {
    return {
        {.name = "mask tokens", .seed = 1, .rows = 34, .x_rows = 20, .width = 7},
        {.name = "repeated rows", .seed = 2, .rows = 50, .x_rows = 4, .width = 5},
        {.name = "dx alone", .seed = 3, .rows = 12, .x_rows = 9, .width = 6, .dfill = false},
        {.name = "dfill alone", .seed = 4, .rows = 12, .x_rows = 9, .width = 6, .dx = false},
        {.name = "no row to take", .seed = 5, .rows = 7, .x_rows = 0, .width = 3},
        {.name = "no row wanted", .seed = 6, .rows = 0, .x_rows = 3, .width = 4},
    };
  }
  static std::vector<GatherRowsBackwardCase> benchmarks() {
    return {{.name = "decoder tokens, 16 images", .rows = 16 * 197, .x_rows = 16 * 100,
             .width = 512}};
  }
};

struct PatchesCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index batch = 1, channels = 3, rows = 1, columns = 1, patch = 1;
  kernels::PatchOrder order = kernels::PatchOrder::kChannelRowColumn;
  bool to_image = false;

  OFER_FORWARD_CASE(patches)

  template <class T>
  kernels::PatchesArgs<T> bind(Buffers<T>& b) const {
    const Index count = batch * channels * rows * columns * patch * patch;
    return {.x = b.input("x", count),
            .y = b.output("y", count),
            .batch = batch,
            .channels = channels,
            .rows = rows,
            .columns = columns,
            .patch = patch,
            .order = order,
            .to_image = to_image};
  }
  double flops() const { return 0; }

  static std::vector<PatchesCase> list() {
    using kernels::PatchOrder;
    return {
        {.name = "one pixel", .seed = 1, .channels = 1},
        {.name = "no image", .seed = 2, .batch = 0, .rows = 2, .columns = 2, .patch = 4},
        {.name = "embedding order", .seed = 3, .batch = 2, .rows = 3, .columns = 5, .patch = 4},
        {.name = "decoder order", .seed = 4, .batch = 2, .rows = 3, .columns = 5, .patch = 4,
         .order = PatchOrder::kRowColumnChannel},
        {.name = "embedding order, to image", .seed = 5, .batch = 3, .channels = 2, .rows = 4,
         .columns = 2, .patch = 3, .to_image = true},
        {.name = "decoder order, to image", .seed = 6, .batch = 3, .rows = 4, .columns = 2,
         .patch = 16, .order = PatchOrder::kRowColumnChannel, .to_image = true},
        {.name = "one row of patches", .seed = 7, .batch = 1, .channels = 5, .rows = 1,
         .columns = 7, .patch = 1, .order = PatchOrder::kRowColumnChannel},
    };
  }
  static std::vector<PatchesCase> benchmarks() {
    return {{.name = "16 images", .batch = 16, .rows = 14, .columns = 14, .patch = 16}};
  }
};

}  // namespace ofer::test
