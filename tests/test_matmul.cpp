// The matrix product behind linear maps and convolutions, against a naive one.
#include "kernels/cpu/matmul.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/matmul_case.h"

namespace ofer::test {
namespace {

using kernels::cpu::CpuStream;
using kernels::cpu::matmul;
using kernels::cpu::matmul_block;

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
