// Same bits whatever the number of threads, and whatever other images are in the batch.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/check_forward.h"

namespace ofer::test {

// Contents of every written buffer.
template <class T>
std::vector<std::vector<char>> results_of(Buffers<T>& buffers) {
  std::vector<std::vector<char>> results;
  for (auto& entry : buffers.entries())
    if (entry->written()) results.push_back(buffers.read_bytes(*entry));
  return results;
}

// `values`: what a backward case takes from its forward call, else null.
template <class T, class Case>
void check_threads(const Backend& backend, const Case& test, const Values* values) {
  if (!backend.table<T>()) return;
  std::vector<std::vector<char>> first;
  for (const int threads : {1, 2, 3, 5}) {
    const auto stream = backend.make_stream(threads);
    Buffers<T> buffers(test.seed, *backend.memory, values);
    if (!run_case<T>(backend, test, buffers, *stream)) return;
    if (threads == 1)
      first = results_of(buffers);
    else if (results_of(buffers) != first)
      FAIL_CHECK(message(label(test, backend.name, sizeof(T)), ": other bits with ", threads,
                         " threads than with one"));
  }
}

template <class Case>
constexpr bool kHasImages = requires(Case c) {
  c.with_images(1);
};

// The cases of `Case` for which images are apart.
template <class Case>
std::vector<Case> image_cases() {
  std::vector<Case> cases;
  if constexpr (kHasImages<Case>)
    for (const Case& test : Case::list())
      if (test.images()) cases.push_back(test);
  return cases;
}

// Three images at once against each of them alone. A buffer three times as large as the single
// image's holds one part for each image; one of the same size is shared by all.
template <class T, class Case>
void check_images(const Backend& backend, const Case& test) {
  constexpr Index kImages = 3;
  if (!backend.table<T>()) return;
  const auto stream = backend.make_stream(2);
  const Case together = test.with_images(kImages), alone = test.with_images(1);
  Buffers<T> all(test.seed, *backend.memory);
  if (!run_case<T>(backend, together, all, *stream)) return;
  for (Index image = 0; image < kImages; ++image) {
    Buffers<T> one(test.seed, *backend.memory);
    const auto args = alone.bind(one);
    const auto part = [&](const std::vector<char>& whole, const auto& entry) {
      const std::size_t bytes = entry.initial.size();
      REQUIRE((whole.size() == kImages * bytes || whole.size() == bytes));
      return whole.data() + (whole.size() == bytes ? 0 : static_cast<std::size_t>(image) * bytes);
    };
    for (auto& entry : one.entries())
      if (entry->role == Role::kInput || entry->role == Role::kInOut) {
        if (entry->initial.empty() || entry->exact()) continue;  // offsets and taps are its own
        const std::vector<char> bytes(
            part(all.find(entry->name)->initial, *entry),
            part(all.find(entry->name)->initial, *entry) + entry->initial.size());
        one.assign_bytes(*entry, bytes.data());
      }
    if (!run_bound<T, Case>(backend, alone, args, one, *stream)) return;
    for (auto& entry : one.entries()) {
      if (!entry->written() || entry->initial.empty()) continue;
      const std::vector<char> whole = all.read_bytes(*all.find(entry->name));
      const std::vector<char> single = one.read_bytes(*entry);
      if (!std::equal(single.begin(), single.end(), part(whole, *entry)))
        FAIL_CHECK(message(label(test, backend.name, sizeof(T)), ": ", entry->name, " of image ",
                           image, " has other bits in a batch of ", kImages, " than alone"));
    }
  }
}

}  // namespace ofer::test
