// Batched matrix products as the GPU kernels call them, on the executor: against a naive product,
// and refused where an operand leaves the device's memory.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cuda/matmul.h"
#include "kernels/device_error.h"
#include "kernels/simt/executor.h"
#include "kernels/simt/memory.h"
#include "tests/support/compare.h"
#include "tests/support/fill.h"

namespace ofer::test {
namespace {

namespace simt = kernels::simt;
using kernels::Index;
using kernels::Product;

class DeviceFloats {
 public:
  explicit DeviceFloats(std::size_t count)
      : count_(count), data_(static_cast<float*>(simt::allocate(count * sizeof(float)))) {}
  explicit DeviceFloats(const std::vector<double>& values) : DeviceFloats(values.size()) {
    for (std::size_t i = 0; i < count_; ++i) data_[i] = static_cast<float>(values[i]);
  }
  ~DeviceFloats() { simt::release(data_); }
  DeviceFloats(const DeviceFloats&) = delete;
  DeviceFloats& operator=(const DeviceFloats&) = delete;

  float* data() { return data_; }
  std::vector<float> values() const { return {data_, data_ + count_}; }

 private:
  std::size_t count_;
  float* data_;
};

constexpr Index kBatch = 3, kM = 5, kN = 7, kK = 11;

// The items of B are one; those of A follow each other; those of C stand side by side in its
// rows. On a stream that rounds to bfloat16 it is the product of rounded operands.
void check_items(simt::SimtStream& stream, bool transpose_a, bool transpose_b, bool own_part,
                 bool with_bias) {
  const auto operand = [&](float value) {
    return stream.bf16() ? static_cast<float>(kernels::BFloat16(value)) : value;
  };
  DeviceFloats bias(make_values({}, kN, 3));
  DeviceFloats a(make_values({}, kBatch * kM * kK, 1)), b(make_values({}, kK * kN, 2));
  DeviceFloats c(std::vector<double>(kM * kBatch * kN, 0.5));
  Product<float> product;
  product.transpose_a = transpose_a;
  product.transpose_b = transpose_b;
  product.m = kM;
  product.n = kN;
  product.k = kK;
  product.a = a.data();
  product.lda = transpose_a ? kM : kK;
  product.stride_a = kM * kK;
  product.b = b.data();
  product.ldb = transpose_b ? kK : kN;
  product.c = c.data();
  product.ldc = kBatch * kN;
  product.stride_c = kN;
  product.beta = own_part ? 1.0f : 0.0f;
  product.bias = with_bias ? bias.data() : nullptr;
  product.batch = kBatch;
  CHECK(simt::adds_bias(product, stream) == with_bias);
  simt::matmul(product, stream);

  std::vector<double> expected(kM * kBatch * kN), allowed(expected.size());
  for (Index item = 0; item < kBatch; ++item)
    for (Index i = 0; i < kM; ++i)
      for (Index j = 0; j < kN; ++j) {
        Measured sum(own_part ? 0.5 : 0.0);
        if (with_bias) sum += Measured(bias.data()[j]);
        for (Index l = 0; l < kK; ++l) {
          const Index in_a = item * kM * kK + (transpose_a ? l * kM + i : i * kK + l);
          const Index in_b = transpose_b ? j * kK + l : l * kN + j;
          sum += Measured(operand(a.data()[in_a])) * Measured(operand(b.data()[in_b]));
        }
        const auto at = static_cast<std::size_t>((i * kBatch + item) * kN + j);
        expected[at] = sum.value;
        allowed[at] = allowed_error(sum.noise, unit_roundoff<float>(), 0);
      }
  const std::string wrong = compare("c", c.values(), expected, allowed);
  CHECK_MESSAGE(wrong.empty(), wrong);
}

TEST_SUITE("matmul_simt") {
  TEST_CASE("items with strides, against the naive product") {
    simt::SimtStream stream(2);
    for (const bool bf16 : {false, true}) {
      stream.set_bf16(bf16);
      for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true})
          for (const bool own_part : {false, true})
            for (const bool bias : {false, true})
              check_items(stream, transpose_a, transpose_b, own_part, bias);
    }
  }

  TEST_CASE("no terms") {
    simt::SimtStream stream(1);
    DeviceFloats c(std::vector<double>(6, 2.0));
    Product<float> product;
    product.m = 2;
    product.n = 2;
    product.c = c.data();
    product.ldc = 3;
    product.beta = 1;
    simt::matmul(product, stream);
    CHECK(c.values() == std::vector<float>{2, 2, 2, 2, 2, 2});
    product.beta = 0;
    simt::matmul(product, stream);
    CHECK(c.values() == std::vector<float>{0, 0, 2, 0, 0, 2});
  }

  TEST_CASE("operands outside the device's memory") {
    simt::SimtStream stream(1);
    DeviceFloats a(8), b(4), c(8);
    std::vector<float> host(8);
    Product<float> good;
    good.m = good.n = good.k = 2;
    good.a = a.data();
    good.b = b.data();
    good.c = c.data();
    good.lda = good.ldb = good.ldc = 2;
    good.batch = 2;
    good.stride_a = good.stride_c = 4;
    simt::matmul(good, stream);
    const auto refuses = [&](const std::string& reason, auto change) {
      Product<float> product = good;
      change(product);
      try {
        simt::matmul(product, stream);
      } catch (const kernels::DeviceError& error) {
        return std::string(error.what()).find(reason) != std::string::npos;
      }
      return false;
    };
    CHECK(refuses("A is not on the device", [&](auto& p) { p.a = host.data(); }));
    CHECK(refuses("A leaves its memory", [](auto& p) { p.a += 1; }));
    CHECK(refuses("B leaves its memory", [](auto& p) { p.stride_b = 1; }));
    CHECK(refuses("B has rows that overlap", [](auto& p) { p.ldb = 1; }));
    CHECK(refuses("C leaves its memory", [](auto& p) { p.ldc = 3; }));
    DeviceFloats bias(6);
    CHECK(refuses("bias is not on the device", [&](auto& p) { p.bias = host.data(); }));
    CHECK(refuses("bias leaves its memory", [&](auto& p) { p.bias = bias.data() + 5; }));
    CHECK(refuses("this bias is the caller's to add", [&](auto& p) { p.bias = bias.data() + 1; }));
    CHECK(refuses("this bias is the caller's to add", [&](auto& p) {
      p.bias = bias.data();
      p.k = 0;
    }));
    CHECK(refuses("all items write one C", [](auto& p) { p.stride_c = 0; }));
  }
}

}  // namespace
}  // namespace ofer::test
