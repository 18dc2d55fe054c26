// Packed batches whose images have different numbers of rows: each image's bits are those it has alone.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/cases/attention.h"
#include "tests/cases/linear.h"
#include "tests/support/check_forward.h"

namespace ofer::test {

// A packed batch whose segments have different lengths against each segment alone: `alone(s)` is
// the case of segment s, and the named buffers hold `width` elements for every row.
template <class T, class Case, class Alone>
void check_segments(const Backend& backend, const Case& test,
                    const std::vector<std::int32_t>& offsets, const std::vector<std::string>& rows,
                    Alone alone) {
  const auto stream = backend.make_stream(3);
  Buffers<T> all(test.seed, *backend.memory);
  if (!run_case<T>(backend, test, all, *stream)) return;
  for (std::size_t s = 0; s + 1 < offsets.size(); ++s) {
    if (offsets[s + 1] == offsets[s]) continue;
    const Case single = alone(s);
    Buffers<T> one(test.seed, *backend.memory);
    const auto args = single.bind(one);
    const auto part_of = [&](const char* whole, const auto& entry) {
      const std::size_t row =
          entry.initial.size() / static_cast<std::size_t>(offsets[s + 1] - offsets[s]);
      return whole + row * static_cast<std::size_t>(offsets[s]);
    };
    for (const std::string& name : rows) {
      auto& entry = *one.find(name);
      if (entry.role != Role::kOutput)
        one.assign_bytes(entry, part_of(all.find(name)->initial.data(), entry));
    }
    if (!run_bound<T, Case>(backend, single, args, one, *stream)) return;
    for (const std::string& name : rows) {
      auto& entry = *one.find(name);
      if (!entry.written()) continue;
      const std::vector<char> single_bytes = one.read_bytes(entry);
      const std::vector<char> whole = all.read_bytes(*all.find(name));
      if (!std::equal(single_bytes.begin(), single_bytes.end(), part_of(whole.data(), entry)))
        FAIL_CHECK(message(label(test, backend.name, sizeof(T)), ": ", name, " of segment ", s,
                           " has other bits in a packed batch than alone"));
    }
  }
}

// Every operation that takes segments.
template <class T>
void check_all_segments(const Backend& backend) {
  for (AttentionCase test : AttentionCase::list()) {
    test.keep = false;
    check_segments<T>(backend, test, test.offsets, {"qkv", "y"}, [&](std::size_t s) {
      AttentionCase single = test;
      single.offsets = {0, test.offsets[s + 1] - test.offsets[s]};
      if (!test.used.empty()) single.used = {test.used[s]};
      return single;
    });
  }
  for (const LinearCase& test : LinearCase::list()) {
    if (test.offsets.empty()) continue;
    std::vector<std::string> rows = {"x", "y"};
    if (test.pre) rows.push_back("pre");
    check_segments<T>(backend, test, test.offsets, rows, [&](std::size_t s) {
      LinearCase single = test;
      single.rows = test.offsets[s + 1] - test.offsets[s];
      single.offsets = {0, static_cast<std::int32_t>(single.rows)};
      return single;
    });
  }
}

}  // namespace ofer::test
