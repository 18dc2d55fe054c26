// Gradients in bfloat16 through the tape, on the executor, against those in double on the CPU: what
// a forward pass keeps for its backward one must not have lost its digits on the way.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/convert.h"
#include "engine/ops.h"
#include "tests/support/random.h"

namespace ofer {
namespace {

constexpr double kTolerance = 1e-2;  // relative, in L2

using Inputs = std::vector<Tensor>;
using Function = std::function<Tensor(Session&, const Inputs&)>;

struct Array {
  Shape shape;
  std::vector<float> values;
};

// mean + deviation * normal numbers, as bfloat16 holds them.
Array draw(const Shape& shape, test::Random& random, double mean = 0, double deviation = 1) {
  Array array{shape, {}};
  for (std::int64_t i = 0; i < shape.elements(); ++i)
    array.values.push_back(
        kernels::BFloat16(static_cast<float>(mean + deviation * random.normal())));
  return array;
}

Tensor put(Session& s, const Array& array) {
  const Tensor tensor = s.allocate(array.shape);
  std::vector<std::byte> converted;
  s.to_device(tensor, from_floats(array.values, tensor.dtype(), converted));
  s.synchronise();
  return tensor;
}

Tensor put_indices(Session& s, const std::vector<std::int32_t>& values) {
  const Tensor tensor = s.allocate({static_cast<std::int64_t>(values.size())}, DType::kI32);
  s.to_device(tensor, values.data());
  s.synchronise();
  return tensor;
}

std::vector<double> get(Session& s, const Tensor& tensor) {
  const auto count = static_cast<std::size_t>(tensor.elements());
  std::vector<std::byte> bytes(count * size_of(tensor.dtype()));
  s.to_host(tensor, bytes.data());
  std::vector<float> values(count);
  to_floats(bytes.data(), tensor.dtype(), values);
  return {values.begin(), values.end()};
}

// The gradient of sum(upstream * f(inputs)) with respect to every input.
std::vector<std::vector<double>> gradients(Session& s, const std::vector<Array>& arrays,
                                           const Function& f) {
  Session::Recording recording(s);
  Inputs inputs;
  for (const Array& array : arrays) {
    inputs.push_back(put(s, array));
    recording.tape().watch(inputs.back());
  }
  const Tensor y = f(s, inputs);
  test::Random random(77);
  recording.tape().backward(s, y, put(s, draw(y.shape(), random)));
  std::vector<std::vector<double>> result;
  for (const Tensor& input : inputs) {
    const Tensor gradient = recording.tape().gradient(input);
    REQUIRE(gradient.defined());
    result.push_back(get(s, gradient));
  }
  return result;
}

void check_gradients(const std::string& name, const std::vector<Array>& arrays, const Function& f) {
  SessionOptions exact, coarse;
  exact.precision = Precision::kF64;
  coarse.device.kind = DeviceKind::kSimt;
  coarse.precision = Precision::kBf16;
  exact.threads = coarse.threads = 2;
  Session in_double(exact), in_bfloat16(coarse);
  const auto expected = gradients(in_double, arrays, f), got = gradients(in_bfloat16, arrays, f);
  for (std::size_t k = 0; k < arrays.size(); ++k) {
    double error = 0, size = 0;
    for (std::size_t i = 0; i < expected[k].size(); ++i) {
      const double d = got[k][i] - expected[k][i];
      error += d * d;
      size += expected[k][i] * expected[k][i];
    }
    INFO(name, ", input ", k, ": error ", std::sqrt(error), " of ", std::sqrt(size));
    CHECK(size > 0);
    CHECK(std::sqrt(error) <= kTolerance * std::sqrt(size));
  }
}

TEST_SUITE("tape_simt") {
  TEST_CASE("norms") {
    test::Random r(3);
    check_gradients(
        "layer_norm", {draw({9, 70}, r, 20), draw({70}, r), draw({70}, r)},
        [](Session& s, const Inputs& in) { return ops::layer_norm(s, in[0], in[1], in[2], 1e-6); });
    check_gradients("instance_norm", {draw({3, 4, 6, 9}, r, 20), draw({4}, r), draw({4}, r)},
                    [](Session& s, const Inputs& in) {
                      return ops::instance_norm(s, in[0], in[1], in[2], 1e-5, false);
                    });
    for (const bool training : {false, true}) {
      const Array mean = draw({4}, r, 20), variance = draw({4}, r, 2, 0.1);
      check_gradients(training ? "batch_norm, training" : "batch_norm",
                      {draw({5, 4, 6, 3}, r, 20), draw({4}, r), draw({4}, r)},
                      [&](Session& s, const Inputs& in) {
                        ops::BatchNorm norm;
                        norm.weight = in[1];
                        norm.bias = in[2];
                        norm.mean = put(s, mean);
                        norm.variance = put(s, variance);
                        norm.training = training;
                        return ops::batch_norm(s, in[0], norm);
                      });
    }
  }

  // The weights are exp(score - log of their sum): with a logarithm of some 20, rounded to 8 bits,
  // they would be wrong by 3 %.
  TEST_CASE("attention") {
    test::Random r(4);
    const std::vector<std::int32_t> offsets = {0, 30, 30, 47};
    check_gradients("attention", {draw({47, 3 * 2 * 16}, r, 0, 2)},
                    [&](Session& s, const Inputs& in) {
                      Ragged rows;
                      rows.offsets = put_indices(s, offsets);
                      rows.host = offsets.data();
                      rows.count = 3;
                      rows.longest = 30;
                      return ops::attention(s, in[0], rows, 2);
                    });
  }
}

}  // namespace
}  // namespace ofer
