// Rows of the tensor table, layer by layer. Private to the table.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "weights/tensor_table.h"

namespace ofer {

class TableBuilder {
 public:
  std::vector<TensorSpec> take() { return std::move(table_); }

  void add(std::string name, Shape shape, InitRule rule, double amount) {
    table_.push_back({std::move(name), shape, rule, amount});
  }
  void constant(std::string name, Shape shape, double value) {
    add(std::move(name), shape, InitRule::kConstant, value);
  }

  // Linear map of a transformer: Xavier, Var = 2 / (in + out).
  void xavier_linear(const std::string& name, std::int64_t out, std::int64_t in) {
    xavier(name, {out, in}, in, out);
  }
  // The patch embedding: a linear map that is written as a convolution.
  void patch_embedding(const std::string& name, std::int64_t out, int patch) {
    xavier(name, {out, 3, patch, patch}, std::int64_t{3} * patch * patch, out);
  }

  // Linear map of the recogniser: Var = 1 / (3 in), so that its chain neither grows nor fades much
  // before batch norms have statistics.
  void linear_weight(const std::string& name, std::int64_t out, std::int64_t in) {
    add(name, {out, in}, InitRule::kUniform, 1 / std::sqrt(static_cast<double>(in)));
  }
  void linear(const std::string& name, std::int64_t out, std::int64_t in) {
    linear_weight(name + ".weight", out, in);
    constant(name + ".bias", {out}, 0);
  }

  // Convolution before a ReLU: Kaiming by the outputs, Var = 2 / (out kh kw).
  void kaiming_conv(const std::string& name, std::int64_t out, std::int64_t in, std::int64_t height,
                    std::int64_t width, bool bias) {
    add(name + ".weight", {out, in, height, width}, InitRule::kNormal,
        std::sqrt(2.0 / static_cast<double>(out * height * width)));
    if (bias) constant(name + ".bias", {out}, 0);
  }

  // Convolution of the U-Net, transposed ones included: N(0, 0.02). first x second is the order of
  // the weight's two channel axes; the bias is as long as the output.
  void unet_conv(const std::string& name, std::int64_t first, std::int64_t second, int kernel,
                 std::int64_t out) {
    add(name + ".weight", {first, second, kernel, kernel}, InitRule::kNormal, 0.02);
    constant(name + ".bias", {out}, 0);
  }

  // Layer and instance norms.
  void norm(const std::string& name, std::int64_t width) {
    constant(name + ".weight", {width}, 1);
    constant(name + ".bias", {width}, 0);
  }
  void batch_norm(const std::string& name, std::int64_t width) {
    norm(name, width);
    constant(name + ".mean", {width}, 0);
    constant(name + ".variance", {width}, 1);
  }

 private:
  void xavier(const std::string& name, Shape shape, std::int64_t in, std::int64_t out) {
    add(name + ".weight", shape, InitRule::kUniform,
        std::sqrt(6.0 / static_cast<double>(in + out)));
    constant(name + ".bias", {out}, 0);
  }

  std::vector<TensorSpec> table_;
};

}  // namespace ofer
