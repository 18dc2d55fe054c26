// Runs an operation on a backend and holds its results against the oracle.
#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/backend.h"
#include "tests/support/buffers.h"
#include "tests/support/case.h"
#include "tests/support/compare.h"
#include "tests/support/tolerance.h"

namespace ofer::test {

template <class Case>
std::string label(const Case& test, const std::string& where, std::size_t element_size) {
  return message(Case::kOperation, " [", test.name, "] on ", where,
                 element_size == 2   ? " bf16"
                 : element_size == 4 ? " f32"
                                     : " f64");
}

// Calls the operation once. False, and a failed check, where the backend has none, threw, or wrote
// where it must not.
template <class T, class Case, class Args>
bool run_bound(const Backend& backend, const Case& test, const Args& args, Buffers<T>& buffers,
               kernels::Stream& stream) {
  const std::string where = label(test, backend.name, sizeof(T));
  const auto entry = Case::entry(*backend.table<T>());
  if (!entry) {
    FAIL_CHECK(message("unsupported: ", Case::kOperation, " on ", backend.name));
    return false;
  }
  if (backend.dirty_scratch) backend.dirty_scratch(stream);
  buffers.arm();
  try {
    entry(args, stream);
    if (backend.synchronise) backend.synchronise(stream);
  } catch (const std::exception& error) {
    buffers.inspect();
    FAIL_CHECK(message(where, " threw: ", error.what()));
    return false;
  }
  const std::string fault = buffers.inspect();
  if (!fault.empty()) FAIL_CHECK(message(where, ": ", fault));
  return fault.empty();
}

template <class T, class Case>
bool run_case(const Backend& backend, const Case& test, Buffers<T>& buffers,
              kernels::Stream& stream) {
  const auto args = test.bind(buffers);
  return run_bound<T, Case>(backend, test, args, buffers, stream);
}

// What differs in a result of a type that is the same for every T; empty: nothing.
template <class T>
std::string exact_difference(typename Buffers<T>::Entry& entry, Buffers<T>& got,
                             Buffers<Measured>& expected) {
  auto& oracle_entry = *expected.find(entry.name);
  const auto of = [&]<class E>(E) {
    return compare_exactly(entry.name, got.template read_as<E>(entry),
                           expected.template read_as<E>(oracle_entry), entry.loose);
  };
  switch (entry.element) {
    case Element::kFloat:
      return of(float());
    case Element::kByte:
      return of(std::uint8_t());
    default:
      return of(std::int32_t());
  }
}

// Every written buffer of `got` against the oracle's: element by element, and in float as a whole.
template <class T, class Case>
void compare_with_oracle(const Case& test, const std::string& backend, Buffers<T>& got,
                         Buffers<Measured>& expected) {
  const std::string where = label(test, backend, sizeof(T));
  for (auto& entry : got.entries()) {
    if (!entry->written()) continue;
    if (entry->exact()) {
      const std::string difference = exact_difference(*entry, got, expected);
      if (!difference.empty()) FAIL_CHECK(message(where, ": ", difference));
      continue;
    }
    const std::vector<Measured> reference = expected.read(*expected.find(entry->name));
    std::vector<double> value(reference.size()), allowed(reference.size());
    for (std::size_t i = 0; i < reference.size(); ++i) {
      value[i] = reference[i].value;
      allowed[i] = std::isnan(reference[i].value)
                       ? 0
                       : allowed_error(reference[i].noise, unit_roundoff<T>(),
                                       static_cast<double>(std::numeric_limits<T>::min()));
    }
    const std::string difference = compare(entry->name, got.read(*entry), value, allowed);
    if (!difference.empty()) FAIL_CHECK(message(where, ": ", difference));
    const double size = root_mean_square(value), room = root_mean_square(allowed);
    if (size > 0 && room > kLoosest * size)
      FAIL_CHECK(message(where, ": the test case allows errors of ", room, " in ", entry->name,
                         " of size ", size, ", which shows nothing"));
    if constexpr (sizeof(T) == 4) {
      const Distance d = distance(got.read_numbers(*entry), reference);
      const std::string far = too_far(entry->name, d, float_tolerance(d.longest),
                                      unit_roundoff<T>(), ill_conditioned(test));
      if (!far.empty()) FAIL_CHECK(message(where, ": ", far));
    }
  }
}

// Is the oracle's noise above the tolerance of float in any result?
inline bool calls_for_exception(Buffers<Measured>& expected, double unit) {
  for (auto& entry : expected.entries()) {
    if (!entry->written() || entry->exact()) continue;
    const Distance d = distance(std::vector<double>(static_cast<std::size_t>(entry->count)),
                                expected.read(*entry));
    if (unit * d.noise > float_tolerance(d.longest) * d.size) return true;
  }
  return false;
}

// One case on every backend, in both element types.
template <class Case>
void check_forward(const std::vector<Backend>& backends, const Case& test, int threads) {
  Buffers<Measured> expected(test.seed);
  Case::reference(test.bind(expected));
  if (ill_conditioned(test) && !calls_for_exception(expected, unit_roundoff<float>()))
    FAIL_CHECK(message(label(test, "the oracle", 8), " is no exception: the noise is small"));
  for (const Backend& backend : backends) {
    const auto stream = backend.make_stream(threads);
    const auto on = [&]<class T>(T) {
      Buffers<T> buffers(test.seed, *backend.memory, nullptr, misaligned(test.seed));
      if (backend.table<T>() && run_case<T>(backend, test, buffers, *stream))
        compare_with_oracle(test, backend.name, buffers, expected);
    };
    on(float());
    on(double());
  }
}

}  // namespace ofer::test
