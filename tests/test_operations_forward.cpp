// Every operation's forward cases on every CPU backend, against the naive oracle.
#include <doctest/doctest.h>

#include <cstring>
#include <set>
#include <string>

#include "tests/cases/all.h"
#include "tests/support/check_forward.h"

namespace ofer::test {
namespace {

constexpr int kThreads = 3;

TEST_SUITE("operations_forward") {
  TEST_CASE("every operation of the table has a list of cases, every case a seed of its own") {
    std::set<std::string> listed;
    const auto visit = [&]<class Case>() {
      CHECK_MESSAGE(listed.insert(Case::kOperation).second, Case::kOperation, " is listed twice");
      CHECK_MESSAGE(!Case::list().empty(), Case::kOperation, " has no cases");
      std::set<std::uint64_t> seeds;
      for (const Case& test : Case::list())
        CHECK_MESSAGE(seeds.insert(test.seed).second, Case::kOperation, " [", test.name,
                      "] has another case's seed");
      for (const Case& test : Case::benchmarks()) CHECK(test.flops() >= 0);
    };
    CaseTypes<ForwardCases>::for_each(visit);
    CaseTypes<BackwardCases>::for_each(visit);
#define OFER_ROW(operation, Args) \
  CHECK_MESSAGE(listed.count(#operation) == 1, "operation " #operation " has no case list");
    OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
  }

  TEST_CASE("both tables of every variant have every operation") {
    CHECK_FALSE(cpu_backends().empty());
    for (const Backend& backend : cpu_backends()) {
      REQUIRE(backend.f32);
      REQUIRE(backend.f64);
#define OFER_ROW(operation, Args)                                                               \
  CHECK_MESSAGE(bool(backend.f32->operation), "unsupported: " #operation " on ", backend.name); \
  CHECK_MESSAGE(bool(backend.f64->operation), "unsupported: " #operation " on ", backend.name);
      OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
    }
    CHECK(kernels::cpu::table_f32("no such variant") == nullptr);
    CHECK(kernels::cpu::table_f64("no such variant") == nullptr);
    CHECK(kernels::cpu::table_f32(kernels::cpu::best_variant()) != nullptr);
  }

  TEST_CASE_TEMPLATE_DEFINE("forward against the oracle", Case, forward_cases) {
    const auto backends = cpu_backends();
    for (const Case& test : Case::list()) check_forward(backends, test, kThreads);
  }
  TEST_CASE_TEMPLATE_APPLY(forward_cases, ForwardCases);
}

}  // namespace
}  // namespace ofer::test
