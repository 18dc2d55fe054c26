// Matrix products with operands rounded to bfloat16, against a naive one of the rounded operands.
#include "kernels/cpu/matmul_bf16.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/bf16_products.h"
#include "tests/support/matmul_case.h"

namespace ofer::test {
namespace {

using kernels::cpu::bf16_pays;
using kernels::cpu::CpuStream;
using kernels::cpu::matmul;
using kernels::cpu::matmul_bf16;

// Every transposition and both betas, with and without gaps.
std::vector<MatmulCase> cases(const std::vector<std::vector<Index>>& sizes) {
  std::vector<MatmulCase> result;
  for (const std::vector<Index>& s : sizes)
    for (const bool a : {false, true})
      for (const bool b : {false, true})
        for (const int beta : {0, 1})
          for (const Index gap : {0, 3}) result.push_back({s[0], s[1], s[2], a, b, beta, gap});
  return result;
}

// The same product with operands that begin one element further, so that rows are not aligned.
struct Shifted {
  explicit Shifted(const MatmulCase& test, std::uint64_t seed) : operands(test, seed) {
    for (std::vector<float>* v : {&operands.a, &operands.b}) v->insert(v->begin(), 7.0f);
    operands.product.a = operands.a.data() + 1;
    operands.product.b = operands.b.data() + 1;
  }
  Operands<float> operands;
};

std::vector<float> result_of(const MatmulCase& test, std::uint64_t seed, bool bf16) {
  Operands<float> operands(test, seed);
  operands.product.bf16 = bf16;
  matmul(operands.product);
  return operands.c;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST_SUITE("matmul_bf16") {
  TEST_CASE("against the naive product of the rounded operands") {
    if (skipped_for_no_bf16()) return;
    std::uint64_t seed = 1;
    // The last ones are cut into several panels along one side or the sum.
    for (const MatmulCase& test : cases({{1, 1, 1},
                                         {1, 7, 5},
                                         {4, 16, 8},
                                         {5, 33, 19},
                                         {17, 96, 64},
                                         {3, 97, 40},
                                         {33, 193, 27},
                                         {70, 5, 260},
                                         {16, 32, 32},
                                         {64, 48, 70},
                                         {530, 9, 20},
                                         {9, 530, 20},
                                         {19, 17, 1100},
                                         {520, 515, 6}})) {
      INFO(describe(test));
      ++seed;
      const Operands<float> before(test, seed);
      Operands<float> operands(test, seed);
      matmul_bf16(operands.product);
      const std::string wrong = difference(test, before, operands.c, rounded_to_bf16);
      CHECK_MESSAGE(wrong.empty(), wrong);
      CHECK(operands.a == before.a);
      CHECK(operands.b == before.b);
      Shifted shifted(test, seed);
      matmul_bf16(shifted.operands.product);
      CHECK(same_bits(shifted.operands.c, operands.c));
    }
  }

  TEST_CASE("rounding is to nearest, ties to even; what is not finite stays so") {
    if (skipped_for_no_bf16()) return;
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    // 40 numbers: vectors of 32, a masked rest.
    std::vector<float> x = {1.0f,
                            1.0f + 0x1p-8f,
                            1.0f + 0x3p-8f,
                            1.0f + 0x1.02p-8f,
                            -1.0f - 0x1p-8f,
                            3.0e38f,
                            0x1.fffffep127f,
                            kInfinity,
                            -kInfinity,
                            0x1p-126f,
                            0.0f,
                            -0.0f};
    for (int i = 0; x.size() < 40; ++i) x.push_back(static_cast<float>(std::ldexp(1.337, i - 14)));
    const float one = 1;
    std::vector<float> y(x.size());
    Matmul<float> product{false, false, 40, 1, 1, x.data(), 1, &one, 1, y.data(), 1};
    matmul_bf16(product);
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK_MESSAGE(y[i] == static_cast<float>(kernels::BFloat16(x[i])), i, ": ", x[i]);
    // As one long row, which the masked end and the whole vectors share.
    product = {true, false, 40, 1, 1, x.data(), 40, &one, 1, y.data(), 1};
    matmul_bf16(product);
    for (std::size_t i = 0; i < x.size(); ++i)
      CHECK_MESSAGE(y[i] == static_cast<float>(kernels::BFloat16(x[i])), i, ": ", x[i]);
    for (const std::size_t at : {0u, 20u, 39u}) {
      std::vector<float> broken(40, 1.0f);
      broken[at] = std::numeric_limits<float>::quiet_NaN();
      product.a = broken.data();
      matmul_bf16(product);
      for (std::size_t i = 0; i < 40; ++i) CHECK(std::isnan(y[i]) == (i == at));
    }
  }

  TEST_CASE("the same bits with any number of threads, on any of them, and again") {
    if (skipped_for_no_bf16()) return;
    std::uint64_t seed = 1000;
    for (const Index n : {50, 97, 200, 500, 1030})
      for (const bool transpose_a : {false, true})
        for (const bool transpose_b : {false, true}) {
          const MatmulCase test{45, n, 277, transpose_a, transpose_b, 0, 1};
          ++seed;
          std::vector<float> first;
          for (const int threads : {1, 2, 3, 5}) {
            CpuStream stream(threads);
            for (int i = 0; i < 2; ++i) {
              Operands<float> operands(test, seed);
              operands.product.bf16 = true;
              matmul(operands.product, stream);
              if (first.empty()) first = operands.c;
              CHECK_MESSAGE(same_bits(first, operands.c), describe(test), ", ", threads,
                            " threads");
            }
          }
        }
    const MatmulCase test{45, 190, 700, false, true, 1, 0};
    const std::vector<float> here = result_of(test, 3, true);
    std::vector<std::thread> threads;
    std::vector<std::vector<float>> there(4);
    for (std::vector<float>& result : there)
      threads.emplace_back([&] { result = result_of(test, 3, true); });
    for (std::thread& thread : threads) thread.join();
    for (const std::vector<float>& result : there) CHECK(same_bits(here, result));
  }

  TEST_CASE("operands are rounded only where that was asked for and pays") {
    if (skipped_for_no_bf16()) return;
    for (const MatmulCase& test : cases({{64, 64, 64},
                                         {200, 192, 100},
                                         {16, 512, 64},
                                         {8, 512, 512},
                                         {512, 8, 512},
                                         {1, 700, 700},
                                         {64, 64, 63},
                                         {20, 30, 40}})) {
      INFO(describe(test));
      const std::vector<float> exact = result_of(test, 5, false);
      Operands<float> operands(test, 5);
      matmul_bf16(operands.product);
      REQUIRE(!same_bits(exact, operands.c));
      const std::vector<float> got = result_of(test, 5, true);
      CHECK(same_bits(got, bf16_pays(test.m, test.n, test.k) ? operands.c : exact));
    }
  }

  TEST_CASE("what pays depends on all three sizes") {
    CHECK(bf16_pays(197, 192, 768));
    CHECK(bf16_pays(64, 64, 64));
    CHECK(bf16_pays(16, 512, 64));
    CHECK(bf16_pays(3072, 192, 197));
    CHECK(!bf16_pays(64, 64, 63));     // too few operations
    CHECK(!bf16_pays(1, 4096, 4096));  // B would be rounded for one row
    CHECK(!bf16_pays(4096, 12, 4096));
    CHECK(!bf16_pays(4096, 4096, 1));  // what is written outweighs what is multiplied
    CHECK(!bf16_pays(0, 5, 5));
    const Index large = Index{1} << 19;
    CHECK(bf16_pays(large, large, large));  // and nothing overflows
  }
}

}  // namespace
}  // namespace ofer::test
