// Every operation's backward cases: double against finite differences of the oracle, float against
// double; and the values that headers fix where a function has no derivative.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/cases/all.h"
#include "tests/support/check_backward.h"

namespace ofer::test {
namespace {

constexpr int kThreads = 3;

// dx of a pointwise backward operation for dy = 1 at the given x.
template <class T, class Args>
std::vector<T> derivatives(const Backend& backend, void (*entry)(const Args&, kernels::Stream&),
                           Args args, const std::vector<T>& x) {
  const std::vector<T> dy(x.size(), T(1));
  std::vector<T> dx(x.size(), T(-7));
  args.dy = dy.data();
  args.x = x.data();
  args.dx = dx.data();
  args.count = static_cast<Index>(x.size());
  const auto stream = backend.make_stream(1);
  entry(args, *stream);
  return dx;
}

TEST_SUITE("operations_backward") {
  TEST_CASE_TEMPLATE_DEFINE("backward against finite differences", Case, backward_cases) {
    const auto backends = cpu_backends();
    for (const Case& test : Case::list()) check_backward(backends, backends[0], test, kThreads);
  }
  TEST_CASE_TEMPLATE_APPLY(backward_cases, BackwardCases);

  TEST_CASE_TEMPLATE("derivatives at the kinks are those the headers name", T, float, double) {
    using kernels::Activation;
    using kernels::Unary;
    for (const Backend& backend : cpu_backends()) {
      INFO(backend.name);
      const auto* table = backend.table<T>();
      REQUIRE(bool(table->activation_backward));
      REQUIRE(bool(table->unary_backward));
      const std::vector<T> x = {T(-1), T(-0.0), T(0), T(1)};
      const T slope = T(0.25);

      kernels::ActivationBackwardArgs<T> activation{};
      activation.activation = Activation::kRelu;
      CHECK(derivatives(backend, table->activation_backward, activation, x) ==
            std::vector<T>{0, 0, 0, 1});
      activation.activation = Activation::kLeakyRelu;
      activation.slope = 0.25;
      CHECK(derivatives(backend, table->activation_backward, activation, x) ==
            std::vector<T>{slope, slope, slope, 1});

      kernels::UnaryBackwardArgs<T> unary{};
      unary.function = Unary::kClamp;
      unary.a = -1;
      unary.b = 1;
      CHECK(derivatives(backend, table->unary_backward, unary,
                        std::vector<T>{T(-1.5), T(-1), T(0), T(1), T(1.5)}) ==
            std::vector<T>{0, 1, 1, 1, 0});
      // The L1 loss where x is the target.
      const std::vector<T> target = {T(-1), T(2), T(0), T(0)};
      const T upstream = 4;
      std::vector<T> dx(4, T(-7));
      kernels::PixelLossBackwardArgs<T> loss{};
      loss.dloss = &upstream;
      loss.x = x.data();
      loss.target = target.data();
      loss.dx = dx.data();
      loss.count = 4;
      loss.function = kernels::PixelLoss::kL1;
      const auto stream = backend.make_stream(1);
      REQUIRE(bool(table->pixel_loss_backward));
      table->pixel_loss_backward(loss, *stream);
      CHECK(dx == std::vector<T>{0, -1, 0, 1});

      unary.function = Unary::kGreater;
      CHECK(derivatives(backend, table->unary_backward, unary, x) == std::vector<T>{0, 0, 0, 0});
    }
  }
}

}  // namespace
}  // namespace ofer::test
