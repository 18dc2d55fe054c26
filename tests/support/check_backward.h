// Holds a backward operation against finite differences of the oracle (double), and its float
// version against the double one.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/support/check_forward.h"
#include "tests/support/finite_difference.h"

namespace ofer::test {

// Relative error (L2 over the sampled elements) that a double gradient may have.
constexpr double kGradientTolerance = 1e-6;

// The forward call of a backward case, with what it leaves behind for the backward one, and a
// random gradient "d" + o for every output o.
template <class Case>
Values forward_values(const Case& test) {
  Buffers<double> buffers(test.seed);
  Case::reference(test.bind_forward(buffers));
  Values values = buffers.values();
  for (auto& entry : buffers.entries())
    if (entry->role == Role::kOutput && !entry->exact())
      values.reals["d" + entry->name] =
          make_values({}, entry->count, seed_of("d" + entry->name, test.seed));
  return values;
}

using Gradients = std::map<std::string, SampledGradient>;

// Derivatives with respect to every input x of the forward call for which the backward call has a
// result "d" + x.
template <class Case>
Gradients expected_gradients(const Case& test, const Values& values) {
  Buffers<double> probe(test.seed, host_memory(), &values);
  test.bind(probe);
  Buffers<double> forward(test.seed);
  const auto args = test.bind_forward(forward);
  Case::reference(args);
  // Only what the backward call is told: a kept mean has no gradient of its own.
  Values upstream;
  for (const auto& [name, list] : values.reals)
    if (probe.find(name)) upstream.reals[name] = list;
  Gradients result;
  for (auto& entry : forward.entries()) {
    if (entry->role == Role::kOutput || entry->exact()) continue;
    auto* gradient = probe.find("d" + entry->name);
    if (gradient && gradient->written())
      result[entry->name] =
          finite_difference<Case>(args, forward, upstream, entry->name, test.seed);
  }
  return result;
}

template <class Case>
void compare_gradients(const Case& test, const std::string& backend, Buffers<double>& got,
                       const Gradients& expected) {
  for (const auto& [name, sampled] : expected) {
    auto& entry = *got.find("d" + name);
    const std::vector<double> gradient = got.read(entry);
    for (std::size_t i = 0; i < gradient.size(); ++i)
      if (!std::isfinite(gradient[i])) {
        FAIL_CHECK(message(label(test, backend, 8), ": d", name, "[", i, "] is ", gradient[i],
                           is_unwritten(gradient[i]) ? " (never written)" : ""));
        break;
      }
    std::vector<double> error;
    std::size_t worst = 0;
    for (std::size_t i = 0; i < sampled.element.size(); ++i) {
      error.push_back(gradient[static_cast<std::size_t>(sampled.element[i])] -
                      sampled.derivative[i]);
      if (std::fabs(error[i]) > std::fabs(error[worst])) worst = i;
    }
    // Differences of a function that does not depend on the input at all are rounding alone.
    const double allowed = kGradientTolerance * root_of_squares(sampled.derivative) + 1e-10;
    if (!(root_of_squares(error) <= allowed))
      FAIL_CHECK(message(label(test, backend, 8), ": d", name, " off by ", root_of_squares(error),
                         " of ", root_of_squares(sampled.derivative), ", worst at ",
                         sampled.element[worst], ": expected ", sampled.derivative[worst], ", got ",
                         gradient[static_cast<std::size_t>(sampled.element[worst])]));
  }
}

inline Values rounded_to_float(Values values) {
  for (auto& [name, list] : values.reals)
    for (double& v : list) v = static_cast<float>(v);
  return values;
}

// Every number moved up or down by one unit roundoff of a float.
inline Values perturbed(Values values, std::uint64_t seed) {
  Random random(seed);
  for (auto& [name, list] : values.reals)
    for (double& v : list) v *= 1 + (random.next() & 1 ? 1 : -1) * unit_roundoff<float>();
  return values;
}

// Size of the terms whose difference the gradient `name` is; 0 where it is none.
template <class Case>
double terms_of(const Case& test, const std::string& name, const Values& inputs) {
  if constexpr (requires { test.terms(name, inputs); })
    return test.terms(name, inputs);
  else
    return 0;
}

// A gradient's expected values with the noise of one rounding of its terms.
inline std::vector<Measured> with_terms(const std::vector<double>& values, double terms) {
  std::vector<Measured> result;
  for (const double v : values) result.emplace_back(v, terms * terms, 1);
  return result;
}

// The float gradient against the double one of `reference` (the CPU's, for every backend) from the
// same inputs. Allowed: what moving every input by its last bit does to the double gradient (the
// operation's condition), and the rounding of the gradient or of the terms whose difference it is;
// both grown by the square root of the longest sum, since each of its additions rounds once more.
// And as a whole in L2 the stated tolerance, or, where a case is ill-conditioned, a rounding of its
// terms.
template <class Case>
void compare_float_gradients(const Case& test, const Backend& backend, const Backend& reference,
                             kernels::Stream& stream, kernels::Stream& reference_stream,
                             const Values& values) {
  constexpr int kTrials = 3;
  constexpr double kFactor = 4;
  const Values inputs = rounded_to_float(values);
  Buffers<float> got(test.seed, *backend.memory, &inputs, misaligned(test.seed));
  Buffers<double> exact(test.seed, *reference.memory, &inputs);
  if (!run_case<float>(backend, test, got, stream)) return;
  if (!run_case<double>(reference, test, exact, reference_stream)) return;
  std::map<std::string, std::vector<double>> moved;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Values close = perturbed(inputs, test.seed * 31 + static_cast<std::uint64_t>(trial));
    Buffers<double> buffers(test.seed, *reference.memory, &close);
    if (!run_case<double>(reference, test, buffers, reference_stream)) return;
    for (auto& entry : exact.entries()) {
      if (!entry->written() || entry->exact()) continue;
      const std::vector<double> a = exact.read(*entry),
                                b = buffers.read(*buffers.find(entry->name));
      auto& change = moved[entry->name];
      change.resize(a.size());
      for (std::size_t i = 0; i < a.size(); ++i)
        change[i] = std::max(change[i], std::fabs(a[i] - b[i]));
    }
  }
  const double growth =
      kFactor * std::sqrt(static_cast<double>(std::max<Index>(1, test.reduction())));
  for (auto& entry : got.entries()) {
    if (!entry->written() || entry->exact()) continue;
    const std::vector<double> value = exact.read(*exact.find(entry->name));
    const std::vector<double>& change = moved[entry->name];
    const double typical = root_mean_square(change);
    const double terms = terms_of(test, entry->name, inputs);
    std::vector<double> allowed(value.size());
    for (std::size_t i = 0; i < value.size(); ++i)
      allowed[i] = growth * (unit_roundoff<float>() * std::max(terms, std::fabs(value[i])) +
                             std::max(typical, change[i])) +
                   static_cast<double>(std::numeric_limits<float>::min());
    const std::string difference = compare(entry->name, got.read(*entry), value, allowed);
    if (!difference.empty()) FAIL_CHECK(message(label(test, backend.name, 4), ": ", difference));
    const std::string far =
        too_far(entry->name, distance(got.read_numbers(*entry), with_terms(value, terms)),
                float_tolerance(static_cast<double>(test.reduction())), unit_roundoff<float>(),
                ill_conditioned(test));
    if (!far.empty()) FAIL_CHECK(message(label(test, backend.name, 4), ": ", far));
    const double size = root_mean_square(value), room = root_mean_square(allowed);
    if (size > 1e-6 && room > kLoosest * size)
      FAIL_CHECK(message(label(test, backend.name, 4), ": the test case allows errors of ", room,
                         " in ", entry->name, " of size ", size, ", which shows nothing"));
  }
}

template <class Case>
void check_backward(const std::vector<Backend>& backends, const Backend& reference,
                    const Case& test, int threads) {
  const Values values = forward_values(test);
  const auto expected = expected_gradients(test, values);
  CHECK_MESSAGE(!expected.empty(), Case::kOperation, " [", test.name, "] has no gradient to check");
  const auto reference_stream = reference.make_stream(1);
  for (const Backend& backend : backends) {
    const auto stream = backend.make_stream(threads);
    if (backend.f64) {
      Buffers<double> got(test.seed, *backend.memory, &values, misaligned(test.seed));
      if (run_case<double>(backend, test, got, *stream))
        compare_gradients(test, backend.name, got, expected);
    }
    if (backend.f32)
      compare_float_gradients(test, backend, reference, *stream, *reference_stream, values);
  }
}

}  // namespace ofer::test
