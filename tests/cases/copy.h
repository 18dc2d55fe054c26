// Cases of copy.
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
  Index count() const {
    Index product = 1;
    for (Index extent : shape) product *= extent;
    return product;
  }
  double flops() const { return accumulate ? static_cast<double>(count()) : 0; }

  // clang-format off
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
        // Whole vectors, in buffers that are aligned to them.
        {.name = "slice, vectors", .seed = 19, .shape = {3, 5, 8}, .x_strides = {60, 12, 1},
         .y_strides = {40, 8, 1}, .x_size = 180, .x_start = 4, .y_size = 120},
        {.name = "slice, vectors that begin anywhere", .seed = 21, .shape = {5, 8},
         .x_strides = {13, 1}, .y_strides = {8, 1}, .x_size = 65, .x_start = 4, .y_size = 40},
        {.name = "slice, no whole vectors", .seed = 27, .shape = {5, 6}, .x_strides = {12, 1},
         .y_strides = {8, 1}, .x_size = 60, .x_start = 4, .y_size = 40},
        {.name = "accumulated into a slice, vectors", .seed = 23, .shape = {3, 64, 8},
         .x_strides = {0, 8, 1}, .y_strides = {1024, 16, 1}, .x_size = 512, .y_size = 3072,
         .y_start = 8, .accumulate = true},
        // About a tile of a permutation.
        {.name = "transposed, one tile", .seed = 18, .shape = {32, 32}, .x_strides = {1, 32},
         .y_strides = {32, 1}, .x_size = 1024, .y_size = 1024},
        {.name = "transposed, narrow", .seed = 20, .shape = {8, 40}, .x_strides = {1, 8},
         .y_strides = {40, 1}, .x_size = 320, .y_size = 320},
        {.name = "transposed, narrower", .seed = 22, .shape = {7, 40}, .x_strides = {1, 7},
         .y_strides = {40, 1}, .x_size = 280, .y_size = 280},
        {.name = "accumulated, transposed", .seed = 24, .shape = {2, 31, 33, 2},
         .x_strides = {2046, 2, 62, 1}, .y_strides = {2046, 33, 1, 1023}, .x_size = 4092,
         .y_size = 4092, .accumulate = true},
        {.name = "transposed and flipped", .seed = 25, .shape = {2, 34, 3, 9},
         .x_strides = {918, -1, 306, 34}, .y_strides = {918, 9, 306, -1}, .x_size = 1836,
         .x_start = 33, .y_size = 1836, .y_start = 8},
    };
  }
  static std::vector<CopyCase> benchmarks() {
    return {{.name = "skip into a concatenation, 4 images", .shape = {4, 256, 64 * 64},
             .x_strides = {256 * 64 * 64, 64 * 64, 1}, .y_strides = {512 * 64 * 64, 64 * 64, 1},
             .x_size = 4 * 256 * 64 * 64, .y_size = 4 * 512 * 64 * 64}};
  }
  // clang-format on
};

}  // namespace ofer::test
