// Cases of the operations that take values from, and give them to, a caller's memory.
#pragma once

#include <cmath>

#include "tests/support/case.h"

namespace ofer::test {

// Numbers that a comparison or a conversion may get wrong.
inline std::vector<double> odd_numbers() {
  return {NAN, HUGE_VAL, -HUGE_VAL, 0.0, -0.0, 0.1, -0.1, 1e-40, -1e-40, 3e38, 1};
}

struct ExportFloatsCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  Fill x = {};
  bool odd = false;

  OFER_FORWARD_CASE(export_floats)
  static constexpr bool kMoves = true;

  template <class T>
  kernels::ExportFloatsArgs<T> bind(Buffers<T>& b) const {
    const Index all = odd ? static_cast<Index>(odd_numbers().size()) : count;
    return {.x = odd ? b.input("x", odd_numbers()) : b.input("x", count, x),
            .y = b.float_output("y", all),
            .count = all};
  }
  double flops() const { return 0; }
  bool images() const { return !odd; }
  ExportFloatsCase with_images(Index n) const {
    ExportFloatsCase result = *this;
    result.count = n * count;
    return result;
  }

  // clang-format off
  static std::vector<ExportFloatsCase> list() {
    return {
        {.name = "one", .seed = 1},
        {.name = "none", .seed = 2, .count = 0},
        {.name = "whole vectors", .seed = 3, .count = 64},
        {.name = "vectors and a rest", .seed = 5, .count = 203},
        {.name = "not aligned", .seed = 6, .count = 203},
        {.name = "several blocks", .seed = 7, .count = 2311, .x = {Distribution::kExtreme}},
        {.name = "odd numbers", .seed = 9, .odd = true},
    };
  }
  static std::vector<ExportFloatsCase> benchmarks() {
    return {{.name = "restored, 16 images", .count = 16 * 3 * 256 * 256}};
  }
  // clang-format on
};

struct ExportFlagsCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;
  Fill x = {Distribution::kMask};
  bool odd = false;

  OFER_FORWARD_CASE(export_flags)
  static constexpr bool kMoves = true;

  template <class T>
  kernels::ExportFlagsArgs<T> bind(Buffers<T>& b) const {
    const Index all = odd ? static_cast<Index>(odd_numbers().size()) : count;
    return {.x = odd ? b.input("x", odd_numbers()) : b.input("x", count, x),
            .y = b.byte_output("y", all),
            .count = all};
  }
  double flops() const { return 0; }
  bool images() const { return !odd; }
  ExportFlagsCase with_images(Index n) const {
    ExportFlagsCase result = *this;
    result.count = n * count;
    return result;
  }

  // clang-format off
  static std::vector<ExportFlagsCase> list() {
    return {
        {.name = "one", .seed = 1},
        {.name = "none", .seed = 2, .count = 0},
        {.name = "whole vectors", .seed = 3, .count = 64},
        {.name = "vectors and a rest", .seed = 5, .count = 203},
        {.name = "not aligned", .seed = 6, .count = 203},
        {.name = "several blocks, not aligned", .seed = 8, .count = 2311},
        {.name = "zeros and both signs", .seed = 11, .count = 50, .x = {Distribution::kTies}},
        {.name = "odd numbers", .seed = 9, .odd = true},
    };
  }
  static std::vector<ExportFlagsCase> benchmarks() {
    return {{.name = "masks, 16 images", .count = 16 * 196}};
  }
  // clang-format on
};

struct ImportFlagsCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index count = 1;

  OFER_FORWARD_CASE(import_flags)
  static constexpr bool kMoves = true;

  // 0, 1, 255 or anything, a half of them 0.
  std::vector<std::uint8_t> flags() const {
    Random random(seed);
    std::vector<std::uint8_t> result;
    for (Index i = 0; i < count; ++i) {
      const std::int64_t choices[] = {0, 0, 0, 1, 255, random.below(256)};
      result.push_back(static_cast<std::uint8_t>(choices[random.below(6)]));
    }
    return result;
  }
  template <class T>
  kernels::ImportFlagsArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.bytes("x", flags()), .y = b.output("y", count), .count = count};
  }
  double flops() const { return 0; }

  // clang-format off
  static std::vector<ImportFlagsCase> list() {
    return {
        {.name = "one", .seed = 1},
        {.name = "none", .seed = 2, .count = 0},
        {.name = "whole vectors", .seed = 3, .count = 64},
        {.name = "vectors and a rest", .seed = 5, .count = 203},
        {.name = "not aligned", .seed = 6, .count = 203},
        {.name = "several blocks", .seed = 7, .count = 2311},
    };
  }
  static std::vector<ImportFlagsCase> benchmarks() {
    return {{.name = "masks, 16 images", .count = 16 * 196}};
  }
  // clang-format on
};

struct ExportTopCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, length = 1;
  Fill x = {};
  std::vector<double> given = {};  // in place of `x`

  OFER_FORWARD_CASE(export_top)
  static constexpr bool kMoves = true;

  template <class T>
  kernels::ExportTopArgs<T> bind(Buffers<T>& b) const {
    return {.x = given.empty() ? b.input("x", rows * length, x) : b.input("x", given),
            .index = b.index_output("index", rows),
            .rows = rows,
            .length = length};
  }
  double flops() const { return static_cast<double>(rows * length); }
  bool images() const { return given.empty(); }
  ExportTopCase with_images(Index n) const {
    ExportTopCase result = *this;
    result.rows = n * rows;
    return result;
  }

  // clang-format off
  static std::vector<ExportTopCase> list() {
    constexpr double kInf = HUGE_VAL;
    return {
        {.name = "one of one", .seed = 1},
        {.name = "no rows", .seed = 2, .rows = 0, .length = 7},
        {.name = "seven classes", .seed = 3, .rows = 9, .length = 7},
        {.name = "rows without elements", .seed = 4, .rows = 3, .length = 0},
        {.name = "a warp less one", .seed = 5, .rows = 3, .length = 31},
        {.name = "a warp", .seed = 6, .rows = 3, .length = 32},
        {.name = "a warp and one", .seed = 7, .rows = 3, .length = 33},
        {.name = "ties", .seed = 8, .rows = 12, .length = 70, .x = {Distribution::kTies}},
        {.name = "equal", .seed = 9, .rows = 2, .length = 100, .x = {Distribution::kOne}},
        {.name = "below zero", .seed = 10, .rows = 4, .length = 45,
         .x = {Distribution::kNegative}},
        {.name = "extreme", .seed = 11, .rows = 5, .length = 30, .x = {Distribution::kExtreme}},
        {.name = "infinite, and no numbers", .seed = 12, .rows = 8, .length = 3,
         .given = {NAN, -1, NAN,     NAN, NAN, NAN,      -kInf, NAN, -kInf,  NAN, -kInf, -kInf,
                   NAN, NAN, -kInf,  kInf, NAN, kInf,    1, kInf, NAN,       -0.0, 0.0, NAN}},
    };
  }
  static std::vector<ExportTopCase> benchmarks() {
    return {{.name = "seven classes, 16 images", .rows = 16, .length = 7}};
  }
  // clang-format on
};

}  // namespace ofer::test
