// The matrix product behind linear maps and convolutions, against a naive one.
#include "kernels/cpu/matmul.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/compare.h"
#include "tests/support/fill.h"
#include "tests/support/measured.h"

namespace ofer::test {
namespace {

using kernels::cpu::CpuStream;
using kernels::cpu::Matmul;
using kernels::cpu::matmul;
using kernels::cpu::matmul_block;

struct MatmulCase {
  Index m, n, k;
  bool transpose_a, transpose_b;
  int beta;
  Index gap;  // elements between one stored row and the next
};

std::vector<MatmulCase> cases() {
  const Index sizes[][3] = {{1, 1, 1},   {1, 7, 5},     {4, 16, 8},    {5, 33, 19},  {17, 96, 64},
                            {3, 97, 40}, {33, 193, 27}, {2, 401, 130}, {70, 5, 260}, {6, 1030, 3},
                            {0, 5, 3},   {4, 0, 3},     {4, 5, 0}};
  std::vector<MatmulCase> result;
  for (const auto& s : sizes)
    for (const bool a : {false, true})
      for (const bool b : {false, true})
        for (const int beta : {0, 1})
          for (const Index gap : {0, 3}) result.push_back({s[0], s[1], s[2], a, b, beta, gap});
  return result;
}

// Two matrices, and one with sentinels in the gaps between its rows and behind its end.
template <class T>
struct Operands {
  explicit Operands(const MatmulCase& test, std::uint64_t seed) {
    lda = (test.transpose_a ? test.m : test.k) + test.gap;
    ldb = (test.transpose_b ? test.k : test.n) + test.gap;
    ldc = test.n + test.gap;
    const auto draw = [&](const char* name, Index count) {
      const std::vector<double> values = make_values({}, count, seed_of(name, seed));
      return std::vector<T>(values.begin(), values.end());
    };
    a = draw("a", lda * (test.transpose_a ? test.k : test.m));
    b = draw("b", ldb * (test.transpose_b ? test.n : test.k));
    c.resize(static_cast<std::size_t>(ldc * test.m + 8));
    fill_unwritten(c.data(), c.size() * sizeof(T));
    if (test.beta == 1) {
      const std::vector<T> start = draw("c", test.m * test.n);
      for (Index i = 0; i < test.m; ++i)
        for (Index j = 0; j < test.n; ++j)
          c[static_cast<std::size_t>(i * ldc + j)] =
              start[static_cast<std::size_t>(i * test.n + j)];
    }
    product = {test.transpose_a,
               test.transpose_b,
               test.m,
               test.n,
               test.k,
               a.data(),
               lda,
               b.data(),
               ldb,
               c.data(),
               ldc,
               static_cast<T>(test.beta)};
  }

  std::vector<T> a, b, c;
  Index lda, ldb, ldc;
  Matmul<T> product;
};

// Empty, or what is wrong with `got` after the product of `before`.
template <class T>
std::string difference(const MatmulCase& test, const Operands<T>& before,
                       const std::vector<T>& got) {
  std::vector<double> expected(got.size()), allowed(got.size(), 0);
  for (std::size_t i = 0; i < got.size(); ++i) expected[i] = static_cast<double>(before.c[i]);
  for (Index i = 0; i < test.m; ++i)
    for (Index j = 0; j < test.n; ++j) {
      const std::size_t at = static_cast<std::size_t>(i * before.ldc + j);
      Measured sum = test.beta == 1 ? Measured(static_cast<double>(before.c[at])) : Measured(0);
      for (Index l = 0; l < test.k; ++l) {
        const Index in_a = test.transpose_a ? l * before.lda + i : i * before.lda + l;
        const Index in_b = test.transpose_b ? j * before.ldb + l : l * before.ldb + j;
        sum += Measured(static_cast<double>(before.a[static_cast<std::size_t>(in_a)])) *
               Measured(static_cast<double>(before.b[static_cast<std::size_t>(in_b)]));
      }
      expected[at] = sum.value;
      allowed[at] = allowed_error(sum.noise, unit_roundoff<T>(), 0);
    }
  return compare("c", got, expected, allowed);
}

std::string describe(const MatmulCase& test) {
  return message(kernels::cpu::matmul_library(), " m ", test.m, " n ", test.n, " k ", test.k,
                 test.transpose_a ? " a^T" : "", test.transpose_b ? " b^T" : "", " beta ",
                 test.beta, " gap ", test.gap);
}

TEST_SUITE("matmul") {
  TEST_CASE_TEMPLATE("one thread and several, against the naive product", T, float, double) {
    CpuStream stream(3);
    std::uint64_t seed = 1;
    for (const MatmulCase& test : cases()) {
      INFO(describe(test));
      ++seed;
      const Operands<T> before(test, seed);
      Operands<T> alone(test, seed), shared(test, seed);
      matmul(alone.product);
      CHECK_MESSAGE(difference(test, before, alone.c).empty(), difference(test, before, alone.c));
      matmul(shared.product, stream);
      CHECK_MESSAGE(difference(test, before, shared.c).empty(), difference(test, before, shared.c));
      CHECK(alone.a == before.a);
      CHECK(alone.b == before.b);
    }
  }

  TEST_CASE_TEMPLATE("the same bits with any number of threads", T, float, double) {
    std::uint64_t seed = 1000;
    for (const Index n : {1, 50, 96, 97, 200, 288, 500, 1030})
      for (const bool transpose_b : {false, true}) {
        const MatmulCase test{13, n, 77, false, transpose_b, 0, 1};
        ++seed;
        std::vector<T> first;
        for (const int threads : {1, 2, 3, 5}) {
          CpuStream stream(threads);
          Operands<T> operands(test, seed);
          matmul(operands.product, stream);
          if (threads == 1) first = operands.c;
          CHECK_MESSAGE(std::memcmp(first.data(), operands.c.data(), first.size() * sizeof(T)) == 0,
                        describe(test), ", ", threads, " threads");
        }
      }
  }

  TEST_CASE("column blocks depend on the width alone and cover it") {
    for (Index n = 1; n < 5000; ++n) {
      const Index width = matmul_block(n);
      REQUIRE(width >= 1);
      REQUIRE(width <= 300);
      if (n <= 96) REQUIRE(width == n);
    }
  }

  TEST_CASE("the library has a name") {
    const std::string name = kernels::cpu::matmul_library();
    CHECK((name == "oneDNN" || name == "CBLAS" || name == "plain"));
  }
}

}  // namespace
}  // namespace ofer::test
