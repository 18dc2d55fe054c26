// The ordered product of a GPU backend (kernels/cuda/ordered_product.h): every bit is known.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/cuda/ordered_product.h"
#include "tests/support/backend.h"
#include "tests/support/buffers.h"

namespace ofer::test {

using OrderedProduct = void (*)(int tile, const kernels::Product<float>&, kernels::Stream&);

struct OrderedCase {
  Index m, n, k;
  Index apart = 0;  // what lies between the rows of A, B and C; 4, since rows are read in vectors
  bool add = false, bias = false;
};

// Rows and columns about the tiles' sizes, depths about their slabs'.
inline std::vector<OrderedCase> ordered_cases() {
  return {{1, 1, 4},
          {3, 5, 28, 4, true},
          {16, 32, 64, 0, false, true},
          {17, 33, 68, 4, true, true},
          {33, 31, 132, 0, true},
          {50, 65, 96, 4, false, true},
          {64, 64, 192, 0, true, true},
          {65, 130, 260, 4, true, true}};
}

// Each sum by the formula, on the host.
inline std::vector<float> ordered_sums(const OrderedCase& test, const std::vector<float>& a,
                                       const std::vector<float>& b, const std::vector<float>& c,
                                       const std::vector<float>& bias) {
  const auto at = [](Index i) { return static_cast<std::size_t>(i); };
  const Index distance = test.k + test.apart, row = test.n + test.apart;
  std::vector<float> result = c;
  for (Index i = 0; i < test.m; ++i)
    for (Index j = 0; j < test.n; ++j) {
      float sum = 0;
      for (Index l = 0; l < test.k; ++l)
        sum = std::fma(a[at(i * distance + l)], b[at(j * distance + l)], sum);
      float& place = result[at(i * row + j)];
      if (test.add) sum += place;
      place = test.bias ? sum + bias[at(j)] : sum;
    }
  return result;
}

inline void check_ordered_product(const Backend& backend, OrderedProduct multiply) {
  for (const OrderedCase& test : ordered_cases())
    for (int tile = 0; tile < kernels::kOrderedTiles; ++tile) {
      CAPTURE(tile);
      CAPTURE(test.m);
      Buffers<float> buffers(1, *backend.memory);
      const Index distance = test.k + test.apart, row = test.n + test.apart;
      kernels::Product<float> p;
      p.transpose_b = true;
      p.m = test.m;
      p.n = test.n;
      p.k = test.k;
      p.a = buffers.input("a", test.m * distance);
      p.lda = distance;
      p.b = buffers.input("b", test.n * distance);
      p.ldb = distance;
      p.c = test.add ? buffers.in_out("c", test.m * row) : buffers.output("c", test.m * row);
      p.ldc = row;
      p.beta = test.add ? 1.0f : 0.0f;
      if (test.bias) p.bias = buffers.input("bias", test.n);
      const auto read = [&](const char* name) { return buffers.read(*buffers.find(name)); };
      const std::vector<float> expected = ordered_sums(
          test, read("a"), read("b"), read("c"), test.bias ? read("bias") : std::vector<float>());
      const auto stream = backend.make_stream(2);
      buffers.arm();
      multiply(tile, p, *stream);
      if (backend.synchronise) backend.synchronise(*stream);
      const std::string damage = buffers.inspect();
      CHECK_MESSAGE(damage.empty(), damage);
      const std::vector<float> result = read("c");
      CHECK(std::memcmp(result.data(), expected.data(), result.size() * sizeof(float)) == 0);
    }
}

}  // namespace ofer::test
