// Operations whose arithmetic is coarser than their results' type, or whose type is coarse: tf32 and
// bfloat16, against the double oracle.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/bf16.h"
#include "tests/support/check_forward.h"

namespace ofer::test {

// Relative L2 error that a result may have, and the unit roundoff of the coarse type. The first is
// exceeded only where the oracle's noise says that a single rounding per step is worse already:
// sums that cancel, inputs with a large mean.
struct Coarse {
  const char* name;
  double tolerance;
  double unit;
};
inline constexpr Coarse kTf32{"tf32", 1e-3, 0x1p-11};
inline constexpr Coarse kBf16{"bf16", 1e-2, 0x1p-9};

inline double root_of_squares(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return std::sqrt(sum);
}

// Every real result of one case. The oracle computes with the inputs as type T holds them. Results
// that are positions are left out: in coarse arithmetic another one may win.
template <class T, class Case>
void check_coarse(const Backend& backend, const Case& test, const Coarse& coarse) {
  Buffers<T> got(test.seed, *backend.memory, nullptr, misaligned(test.seed));
  const auto args = test.bind(got);
  const Values inputs = got.values();
  const auto stream = backend.make_stream(2);
  if (!run_bound<T, Case>(backend, test, args, got, *stream)) return;
  Buffers<Measured> expected(test.seed, host_memory(), &inputs);
  Case::reference(test.bind(expected));
  for (auto& entry : got.entries()) {
    if (!entry->written() || entry->index()) continue;
    const std::vector<Measured> reference = expected.read(*expected.find(entry->name));
    const std::vector<T> values = got.read(*entry);
    std::vector<double> error, size, noise;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::isnan(reference[i].value) || std::isinf(reference[i].noise)) continue;
      error.push_back(static_cast<double>(static_cast<float>(values[i])) - reference[i].value);
      size.push_back(reference[i].value);
      noise.push_back(coarse.unit * std::sqrt(reference[i].noise));
    }
    const double allowed = std::max(coarse.tolerance * root_of_squares(size),
                                    2 * root_of_squares(noise)) + 1e-30;
    const double off = root_of_squares(error);
    if (!(off <= allowed))
      FAIL_CHECK(message(Case::kOperation, " [", test.name, "] on ", backend.name, " in ",
                         coarse.name, ": ", entry->name, " off by ", off, " of ",
                         root_of_squares(size), ", allowed ", allowed));
  }
}

}  // namespace ofer::test
