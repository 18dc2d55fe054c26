// The same bits with any number of threads, and for an image alone or in a batch.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/cases/all.h"
#include "tests/support/check_backward.h"
#include "tests/support/check_determinism.h"

namespace ofer::test {
namespace {

// The cases of `Case` for which images are apart.
template <class Case>
std::vector<Case> image_cases() {
  std::vector<Case> cases;
  if constexpr (requires(Case c) { c.with_images(1); })
    for (const Case& test : Case::list())
      if (test.images()) cases.push_back(test);
  return cases;
}

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
      const std::size_t row = entry.initial.size() / static_cast<std::size_t>(
                                                         offsets[s + 1] - offsets[s]);
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

TEST_SUITE("operations_determinism") {
  TEST_CASE_TEMPLATE_DEFINE("forward, threads", Case, forward_threads) {
    for (const Backend& backend : cpu_backends())
      for (const Case& test : Case::list()) {
        check_threads<float>(backend, test, nullptr);
        check_threads<double>(backend, test, nullptr);
      }
  }
  TEST_CASE_TEMPLATE_APPLY(forward_threads, ForwardCases);

  TEST_CASE_TEMPLATE_DEFINE("backward, threads", Case, backward_threads) {
    for (const Backend& backend : cpu_backends())
      for (const Case& test : Case::list()) {
        const Values values = forward_values(test);
        check_threads<float>(backend, test, &values);
        check_threads<double>(backend, test, &values);
      }
  }
  TEST_CASE_TEMPLATE_APPLY(backward_threads, BackwardCases);

  TEST_CASE_TEMPLATE_DEFINE("images", Case, forward_images) {
    for (const Backend& backend : cpu_backends())
      for (const Case& test : image_cases<Case>()) {
        check_images<float>(backend, test);
        check_images<double>(backend, test);
      }
  }
  TEST_CASE_TEMPLATE_APPLY(forward_images, ForwardCases);

  TEST_CASE("every operation on a batch of images has cases that take images apart") {
    // Those that are missing here give one number for all images, or copy without arithmetic.
    CHECK_FALSE(image_cases<LinearCase>().empty());
    CHECK_FALSE(image_cases<LinearByPositionCase>().empty());
    CHECK_FALSE(image_cases<Conv2dCase>().empty());
    CHECK_FALSE(image_cases<ConvTranspose2dCase>().empty());
    CHECK_FALSE(image_cases<LayerNormCase>().empty());
    CHECK_FALSE(image_cases<InstanceNormCase>().empty());
    CHECK_FALSE(image_cases<BatchNormCase>().empty());
    CHECK_FALSE(image_cases<AttentionCase>().empty());
    CHECK_FALSE(image_cases<BinaryCase>().empty());
  }

  TEST_CASE_TEMPLATE("segments of different lengths", T, float, double) {
    for (const Backend& backend : cpu_backends()) {
      for (AttentionCase test : AttentionCase::list()) {
        test.keep = false;
        check_segments<T>(backend, test, test.offsets, {"qkv", "y"}, [&](std::size_t s) {
          AttentionCase single = test;
          single.offsets = {0, test.offsets[s + 1] - test.offsets[s]};
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
  }
}

}  // namespace
}  // namespace ofer::test
