// Operands of a matrix product with gaps between their rows, and the naive product to hold it to.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "kernels/cpu/matmul.h"
#include "tests/support/compare.h"
#include "tests/support/fill.h"
#include "tests/support/measured.h"

namespace ofer::test {

using kernels::Index;
using kernels::cpu::Matmul;

struct MatmulCase {
  Index m, n, k;
  bool transpose_a, transpose_b;
  int beta;
  Index gap;  // elements between one stored row and the next
};

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

// Empty, or what is wrong with `got` after the product of `before`. `rounded`: what an element of
// an operand counts as.
template <class T>
std::string difference(
    const MatmulCase& test, const Operands<T>& before, const std::vector<T>& got,
    double (*rounded)(double) = [](double value) { return value; }) {
  std::vector<double> expected(got.size()), allowed(got.size(), 0);
  for (std::size_t i = 0; i < got.size(); ++i) expected[i] = static_cast<double>(before.c[i]);
  for (Index i = 0; i < test.m; ++i)
    for (Index j = 0; j < test.n; ++j) {
      const std::size_t at = static_cast<std::size_t>(i * before.ldc + j);
      Measured sum = test.beta == 1 ? Measured(static_cast<double>(before.c[at])) : Measured(0);
      for (Index l = 0; l < test.k; ++l) {
        const Index in_a = test.transpose_a ? l * before.lda + i : i * before.lda + l;
        const Index in_b = test.transpose_b ? j * before.ldb + l : l * before.ldb + j;
        sum += Measured(rounded(static_cast<double>(before.a[static_cast<std::size_t>(in_a)]))) *
               Measured(rounded(static_cast<double>(before.b[static_cast<std::size_t>(in_b)])));
      }
      expected[at] = sum.value;
      allowed[at] = allowed_error(sum.noise, unit_roundoff<T>(), 0);
    }
  return compare("c", got, expected, allowed);
}

inline std::string describe(const MatmulCase& test) {
  return message(kernels::cpu::matmul_library(), " m ", test.m, " n ", test.n, " k ", test.k,
                 test.transpose_a ? " a^T" : "", test.transpose_b ? " b^T" : "", " beta ",
                 test.beta, " gap ", test.gap);
}

}  // namespace ofer::test
