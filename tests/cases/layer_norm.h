// Cases of layer_norm.
#pragma once

#include "tests/cases/norm_terms.h"
#include "tests/support/case.h"

namespace ofer::test {

struct LayerNormCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, columns = 1;
  double eps = 1e-6;
  bool keep = true;  // mean and rstd
  Fill x = {};

  OFER_FORWARD_CASE(layer_norm)

  template <class T>
  kernels::LayerNormArgs<T> bind(Buffers<T>& b) const {
    return {.x = b.input("x", rows * columns, x),
            .weight = b.input("weight", columns),
            .bias = b.input("bias", columns),
            .y = b.output("y", rows * columns),
            .mean = keep ? b.wide_output("mean", rows) : nullptr,
            .rstd = keep ? b.wide_output("rstd", rows) : nullptr,
            .rows = rows,
            .columns = columns,
            .eps = eps};
  }
  double flops() const { return 8.0 * static_cast<double>(rows * columns); }
  bool images() const { return true; }
  LayerNormCase with_images(Index n) const {
    LayerNormCase result = *this;
    result.rows = n * rows;
    return result;
  }

  // clang-format off
  static std::vector<LayerNormCase> list() {
    return {
        {.name = "one number", .seed = 1},
        {.name = "no rows", .seed = 2, .rows = 0, .columns = 8},
        {.name = "one column", .seed = 3, .rows = 5, .columns = 1},
        {.name = "odd", .seed = 4, .rows = 7, .columns = 37},
        {.name = "even", .seed = 5, .rows = 16, .columns = 128, .keep = false},
        {.name = "one row", .seed = 6, .rows = 1, .columns = 771},
        {.name = "large mean", .seed = 7, .rows = 9, .columns = 96,
         .x = {Distribution::kLargeMean}},
        {.name = "large mean, odd", .seed = 8, .rows = 3, .columns = 517,
         .x = {Distribution::kLargeMean}},
        {.name = "mean of 100", .seed = 9, .rows = 4, .columns = 64,
         .x = {Distribution::kShifted}},
        {.name = "constant rows", .seed = 10, .rows = 6, .columns = 64,
         .x = {.distribution = Distribution::kConstantRows, .row = 64}},
        {.name = "tiny", .seed = 11, .rows = 4, .columns = 48,
         .x = {Distribution::kOrdinary, 1e-5}},
        {.name = "extreme", .seed = 12, .rows = 5, .columns = 40, .x = {Distribution::kExtreme}},
        // Where a GPU's team of threads for a row changes, in vectors and alone.
        {.name = "256 columns", .seed = 21, .rows = 3, .columns = 256},
        {.name = "257 columns", .seed = 22, .rows = 3, .columns = 257},
        {.name = "512 columns", .seed = 23, .rows = 3, .columns = 512},
        {.name = "513 columns", .seed = 24, .rows = 3, .columns = 513},
        {.name = "768 columns", .seed = 25, .rows = 3, .columns = 768,
         .x = {Distribution::kLargeMean}},
        {.name = "769 columns", .seed = 26, .rows = 3, .columns = 769},
        {.name = "1024 columns", .seed = 27, .rows = 3, .columns = 1024},
        {.name = "1025 columns", .seed = 28, .rows = 3, .columns = 1025},
        {.name = "1028 columns", .seed = 29, .rows = 3, .columns = 1028,
         .x = {Distribution::kLargeMean}},
        {.name = "several steps along a row", .seed = 30, .rows = 2, .columns = 4500},
        {.name = "several steps along a row, alone", .seed = 31, .rows = 2, .columns = 4501},
    };
  }
  static std::vector<LayerNormCase> benchmarks() {
    return {{.name = "encoder, 1 image", .rows = 197, .columns = 768, .keep = false},
            {.name = "encoder, 16 images", .rows = 16 * 197, .columns = 768, .keep = false}};
  }
  // clang-format on
};

struct LayerNormBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index rows = 1, columns = 1;
  bool dx = true, dweight = true, dbias = true;
  Fill x = {};
  bool ill_conditioned = false;

  OFER_BACKWARD_CASE(layer_norm_backward, layer_norm)

  kernels::LayerNormArgs<double> bind_forward(Buffers<double>& b) const {
    return LayerNormCase{.rows = rows, .columns = columns, .x = x}.bind(b);
  }
  template <class T>
  kernels::LayerNormBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dy = b.input("dy", rows * columns),
            .x = b.input("x", rows * columns),
            .weight = b.input("weight", columns),
            .mean = b.wide_input("mean", rows),
            .rstd = b.wide_input("rstd", rows),
            .dx = dx ? b.output("dx", rows * columns) : nullptr,
            .dweight = dweight ? b.output("dweight", columns) : nullptr,
            .dbias = dbias ? b.output("dbias", columns) : nullptr,
            .rows = rows,
            .columns = columns};
  }
  double terms(const std::string& result, const Values& values) const {
    return result == "dx" ? norm_terms(values) : 0;
  }
  Index reduction() const { return std::max(rows, columns); }
  double flops() const { return 14.0 * static_cast<double>(rows * columns); }

  // clang-format off
  static std::vector<LayerNormBackwardCase> list() {
    return {
        {.name = "no rows", .seed = 2, .rows = 0, .columns = 8},
        // dx is 0, the difference of a product and the same product rounded.
        {.name = "one column", .seed = 3, .rows = 5, .columns = 1, .ill_conditioned = true},
        {.name = "odd", .seed = 4, .rows = 7, .columns = 13},
        {.name = "one row", .seed = 5, .rows = 1, .columns = 130},
        {.name = "many rows", .seed = 6, .rows = 201, .columns = 6},
        {.name = "many rows, wide", .seed = 11, .rows = 150, .columns = 70},
        {.name = "mean of 100", .seed = 7, .rows = 4, .columns = 32,
         .x = {Distribution::kShifted}},
        {.name = "dx alone", .seed = 8, .rows = 3, .columns = 10, .dweight = false,
         .dbias = false},
        {.name = "dweight alone", .seed = 9, .rows = 3, .columns = 10, .dx = false,
         .dbias = false},
        {.name = "dbias alone", .seed = 10, .rows = 3, .columns = 10, .dx = false,
         .dweight = false},
        // Where a GPU's team of threads for a row changes, in vectors and alone; one part of the
        // rows and two.
        {.name = "256 columns", .seed = 20, .rows = 2, .columns = 256},
        {.name = "516 columns", .seed = 21, .rows = 2, .columns = 516},
        {.name = "515 columns", .seed = 22, .rows = 2, .columns = 515},
        {.name = "1028 columns", .seed = 23, .rows = 2, .columns = 1028},
        {.name = "1027 columns", .seed = 24, .rows = 2, .columns = 1027},
        {.name = "several steps along a row", .seed = 27, .rows = 2, .columns = 2300},
        {.name = "128 rows, 33 columns", .seed = 25, .rows = 128, .columns = 33},
        {.name = "129 rows, 32 columns", .seed = 26, .rows = 129, .columns = 32},
    };
  }
  static std::vector<LayerNormBackwardCase> benchmarks() {
    return {{.name = "encoder, 16 images", .rows = 16 * 197, .columns = 768}};
  }
  // clang-format on
};

}  // namespace ofer::test
