// Operations whose arithmetic is coarser than their results' type, or whose type is coarse: tf32
// and bfloat16, forward against the double oracle, backward against the CPU's double gradient.
//
// Beside the stated tolerance, which is wide enough for a rounding or two too many, each result is
// held to what correct rounding gives:
//   bfloat16  the error is that of the exact result rounded once (`bfloat16_error()` times that
//             where a case says that its kernel stores or multiplies something in between), and
//             statistics, which are floats, keep the tolerance of float
//   tf32      the result is a float's of the operands as they are, or of the operands rounded to
//             nearest (`tf32_operands()` of a case names them): truncated ones, or a sum in tf32,
//             are neither
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/bf16.h"
#include "tests/support/check_backward.h"
#include "tests/support/check_forward.h"

namespace ofer::test {

template <class Case>
double bfloat16_error(const Case& test) {
  if constexpr (requires { test.bfloat16_error(); })
    return test.bfloat16_error();
  else
    return 1;
}

inline double to_bfloat16(double value) {
  return static_cast<double>(static_cast<float>(kernels::BFloat16(static_cast<float>(value))));
}

// To 10 bits of mantissa, ties away from zero.
inline double to_tf32(double value) {
  const float narrow = static_cast<float>(value);
  std::uint32_t bits;
  std::memcpy(&bits, &narrow, sizeof(bits));
  bits = (bits + 0x1000u) & ~0x1fffu;
  float result;
  std::memcpy(&result, &bits, sizeof(result));
  return static_cast<double>(result);
}

// The inputs with the named ones rounded to tf32.
inline Values rounded_to_tf32(Values values, const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (values.reals.count(name))
      for (double& v : values.reals.at(name)) v = to_tf32(v);
  return values;
}

using Expected = std::vector<Measured>;

// One result `name` with the numbers `got`. `longest`: the longest reduction behind it, where the
// expected values do not know. `rounded`: the expected values for rounded operands, or empty.
template <class T, class Case>
void hold_coarse(const Case& test, const std::string& where, const Coarse& coarse,
                 const std::string& name, Element element, const std::vector<double>& got,
                 const Expected& expected, double longest, const Expected& rounded) {
  constexpr bool kBfloat16 = sizeof(T) == 2;
  const auto fail = [&](const std::string& what) {
    FAIL_CHECK(message(Case::kOperation, " [", test.name, "] on ", where, " in ", coarse.name, ": ",
                       what));
  };
  const bool excepted = ill_conditioned(test);
  const Distance d = distance(got, expected);
  const double of_float = float_tolerance(std::max(longest, d.longest));
  const bool wide = kBfloat16 && element == Element::kWide;
  const std::string far = too_far(name, d, wide ? of_float : coarse.tolerance,
                                  wide ? unit_roundoff<float>() : coarse.unit, excepted);
  if (!far.empty()) return fail(far);
  if (excepted || wide) return;
  if constexpr (kBfloat16) {
    std::vector<double> once;
    for (const Measured& v : expected) once.push_back(to_bfloat16(v.value));
    // A float in the place of the exact number moves the rounded one by twice its error at most.
    const double allowed =
        bfloat16_error(test) * distance(once, expected).error + 2 * of_float * d.size + 1e-38;
    if (!(d.error <= allowed))
      fail(
          message(name, " is off by ", d.error, " in L2, where correct rounding allows ", allowed));
  } else if constexpr (requires { test.tf32_error(); }) {
    if (rounded.empty()) return;
    const double off = distance(got, rounded).error;
    if (!(d.error <= of_float * d.size + 1e-38 || off <= test.tf32_error() * d.size + 1e-38))
      fail(message(name, " is off by ", d.error / d.size, " from the exact result and by ",
                   off / d.size, " from that of rounded operands"));
  }
}

template <class Case>
std::vector<std::string> tf32_operands(const Case& test) {
  if constexpr (requires { test.tf32_operands(); })
    return test.tf32_operands();
  else
    return {};
}

template <class Case>
constexpr bool kMovesOnly = requires {
  Case::kMoves;
};

// Every result of one forward case. The oracle computes with the inputs as type T holds them.
// Positions are left out, unless the case only moves numbers: in coarse arithmetic another one may
// win.
template <class T, class Case>
void check_coarse(const Backend& backend, const Case& test, const Coarse& coarse) {
  Buffers<T> got(test.seed, *backend.memory, nullptr, misaligned(test.seed));
  const auto args = test.bind(got);
  const Values inputs = got.values();
  const auto stream = backend.make_stream(2);
  if (!run_bound<T, Case>(backend, test, args, got, *stream)) return;
  const auto oracle_of = [&](const Values& values) {
    auto buffers = std::make_unique<Buffers<Measured>>(test.seed, host_memory(), &values);
    Case::reference(test.bind(*buffers));
    return buffers;
  };
  const auto exact = oracle_of(inputs);
  const std::vector<std::string> operands =
      sizeof(T) == 4 ? tf32_operands(test) : std::vector<std::string>{};
  std::unique_ptr<Buffers<Measured>> rounded;
  const Values rounded_inputs = rounded_to_tf32(inputs, operands);
  if (!operands.empty()) rounded = oracle_of(rounded_inputs);
  for (auto& entry : got.entries()) {
    if (!entry->written()) continue;
    if (entry->exact()) {
      const std::string difference =
          kMovesOnly<Case> ? exact_difference(*entry, got, *exact) : std::string();
      if (!difference.empty())
        FAIL_CHECK(message(label(test, backend.name, sizeof(T)), ": ", difference));
      continue;
    }
    const auto from = [&](Buffers<Measured>& oracle) {
      return oracle.read(*oracle.find(entry->name));
    };
    hold_coarse<T>(test, backend.name, coarse, entry->name, entry->element,
                   got.read_numbers(*entry), from(*exact), 1,
                   rounded ? from(*rounded) : Expected{});
  }
}

// Every result of one backward case, against the double gradient of `reference` (the CPU's) from
// the same inputs.
template <class T, class Case>
void check_coarse_backward(const Backend& backend, const Backend& reference, const Case& test,
                           const Coarse& coarse) {
  const Values drawn = forward_values(test);
  Buffers<T> got(test.seed, *backend.memory, &drawn, misaligned(test.seed));
  const auto args = test.bind(got);
  const Values inputs = got.values();
  const auto stream = backend.make_stream(2), reference_stream = reference.make_stream(1);
  if (!run_bound<T, Case>(backend, test, args, got, *stream)) return;
  const std::vector<std::string> operands =
      sizeof(T) == 4 ? tf32_operands(test) : std::vector<std::string>{};
  const Values rounded_inputs = rounded_to_tf32(inputs, operands);
  Buffers<double> exact(test.seed, *reference.memory, &inputs),
      rounded(test.seed, *reference.memory, &rounded_inputs);
  if (!run_case<double>(reference, test, exact, *reference_stream)) return;
  if (!operands.empty() && !run_case<double>(reference, test, rounded, *reference_stream)) return;
  for (auto& entry : got.entries()) {
    if (!entry->written() || entry->exact()) continue;
    const auto from = [&](Buffers<double>& gradient) {
      return with_terms(gradient.read(*gradient.find(entry->name)),
                        terms_of(test, entry->name, inputs));
    };
    hold_coarse<T>(test, backend.name, coarse, entry->name, entry->element,
                   got.read_numbers(*entry), from(exact), static_cast<double>(test.reduction()),
                   operands.empty() ? Expected{} : from(rounded));
  }
}

}  // namespace ofer::test
