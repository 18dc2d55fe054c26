// The operations' backward steps through the tape, against central differences in double precision.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "engine/ops.h"

namespace ofer {
namespace {

// splitmix64: the same numbers on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  double uniform(double low, double high) {
    state_ += 0x9e3779b97f4a7c15ull;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    z ^= z >> 31;
    return low + (high - low) * static_cast<double>(z >> 11) / 9007199254740992.0;
  }

 private:
  std::uint64_t state_;
};

using Inputs = std::vector<Tensor>;
using Function = std::function<Tensor(Session&, const Inputs&)>;

SessionOptions in_double() {
  SessionOptions options;
  options.precision = Precision::kF64;
  options.threads = 2;
  return options;
}

Tensor make(Session& s, const Shape& shape, Random& random, double low = -1, double high = 1) {
  const Tensor t = s.allocate(shape);
  for (std::int64_t i = 0; i < t.elements(); ++i) t.data<double>()[i] = random.uniform(low, high);
  return t;
}

Tensor index(Session& s, std::initializer_list<std::int32_t> values) {
  const Tensor t = s.allocate({static_cast<std::int64_t>(values.size())}, DType::kI32);
  std::copy(values.begin(), values.end(), t.data<std::int32_t>());
  return t;
}

// sum(weights * f(inputs)), with fixed random weights.
double objective(Session& s, const Inputs& inputs, const Function& f,
                 const std::vector<double>& weights) {
  const Workspace::Scope scope(s.workspace());
  const Tensor y = f(s, inputs);
  double sum = 0;
  for (std::int64_t i = 0; i < y.elements(); ++i)
    sum += weights[static_cast<std::size_t>(i)] * y.data<double>()[i];
  return sum;
}

// Checks the gradient of every input.
void check_gradients(const std::string& name, Session& s, Inputs inputs, const Function& f) {
  Random random(77);
  std::vector<double> weights;
  std::vector<std::vector<double>> gradients;
  {
    Session::Recording recording(s);
    for (Tensor& input : inputs) recording.tape().watch(input);
    const Tensor y = f(s, inputs);
    const Tensor seed = make(s, y.shape(), random);
    weights.assign(seed.data<double>(), seed.data<double>() + seed.elements());
    recording.tape().backward(s, y, seed);
    for (Tensor& input : inputs) {
      const Tensor g = recording.tape().gradient(input);
      REQUIRE(g.defined());
      gradients.emplace_back(g.data<double>(), g.data<double>() + g.elements());
    }
  }
  for (Tensor& input : inputs) input.set_node(0);
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    double error = 0, norm = 0;
    for (std::int64_t i = 0; i < inputs[k].elements(); ++i) {
      double& x = inputs[k].data<double>()[i];
      const double before = x, h = 1e-5;
      x = before + h;
      const double up = objective(s, inputs, f, weights);
      x = before - h;
      const double down = objective(s, inputs, f, weights);
      x = before;
      const double numeric = (up - down) / (2 * h);
      const double d = gradients[k][static_cast<std::size_t>(i)] - numeric;
      error += d * d;
      norm += numeric * numeric;
    }
    INFO(name, ", input ", k, ": error ", std::sqrt(error), " of ", std::sqrt(norm));
    CHECK(norm > 0);
    CHECK(std::sqrt(error) <= 1e-6 * std::sqrt(norm));
  }
}

}  // namespace

TEST_SUITE("tape") {
  TEST_CASE("linear maps and their ends") {
    Session s(in_double());
    Random r(1);
    for (const auto act : {ops::Activation::kNone, ops::Activation::kGelu,
                           ops::Activation::kSigmoid, ops::Activation::kLeakyRelu})
      check_gradients("linear", s,
                      {make(s, {2, 3, 5}, r), make(s, {4, 5}, r), make(s, {4}, r),
                       make(s, {2, 3, 4}, r)},
                      [act](Session& q, const Inputs& in) {
                        ops::LinearEnd end;
                        end.activation = act;
                        end.slope = 0.1;
                        end.residual = ops::scale(q, in[3], 1);
                        return ops::linear(q, in[0], in[1], in[2], end);
                      });
    check_gradients("linear_by_position", s, {make(s, {2, 3, 5}, r), make(s, {3, 4, 5}, r)},
                    [](Session& q, const Inputs& in) {
                      return ops::linear_by_position(q, in[0], in[1]);
                    });
  }

  TEST_CASE("convolutions") {
    Session s(in_double());
    Random r(2);
    const ops::Conv2d dilated =
        ops::Conv2d::square(2, 3, 2).after(ops::Activation::kLeakyRelu, 0.2);
    check_gradients("conv2d", s,
                    {make(s, {2, 3, 8, 6}, r), make(s, {4, 3, 4, 4}, r), make(s, {4}, r)},
                    [&](Session& q, const Inputs& in) {
                      return ops::conv2d(q, in[0], in[1], in[2], dilated);
                    });
    ops::Conv2d flat;
    flat.pad_w = 1;
    check_gradients("conv2d 1x3", s, {make(s, {1, 2, 4, 5}, r), make(s, {3, 2, 1, 3}, r)},
                    [&](Session& q, const Inputs& in) {
                      return ops::conv2d(q, in[0], in[1], {}, flat);
                    });
    const ops::Conv2d up = ops::Conv2d::square(2, 1).after(ops::Activation::kRelu);
    check_gradients("conv_transpose2d", s,
                    {make(s, {2, 3, 3, 5}, r), make(s, {3, 2, 4, 4}, r), make(s, {2}, r)},
                    [&](Session& q, const Inputs& in) {
                      return ops::conv_transpose2d(q, in[0], in[1], in[2], up);
                    });
  }

  TEST_CASE("norms") {
    Session s(in_double());
    Random r(3);
    check_gradients("layer_norm", s, {make(s, {3, 7}, r), make(s, {7}, r), make(s, {7}, r)},
                    [](Session& q, const Inputs& in) {
                      return ops::layer_norm(q, in[0], in[1], in[2], 1e-6);
                    });
    check_gradients("instance_norm", s,
                    {make(s, {2, 3, 4, 5}, r), make(s, {3}, r), make(s, {3}, r)},
                    [](Session& q, const Inputs& in) {
                      // In place where no tape records: on a copy, then.
                      const Tensor x = ops::scale(q, in[0], 1);
                      return ops::instance_norm(q, x, in[1], in[2], 1e-5, true);
                    });
    for (const bool training : {false, true}) {
      const Tensor mean = make(s, {3}, r), variance = make(s, {3}, r, 0.5, 2);
      check_gradients(training ? "batch_norm, training" : "batch_norm", s,
                      {make(s, {4, 3, 2, 2}, r), make(s, {3}, r), make(s, {3}, r)},
                      [=](Session& q, const Inputs& in) {
                        ops::BatchNorm norm;
                        norm.weight = in[1];
                        norm.bias = in[2];
                        norm.mean = mean;
                        norm.variance = variance;
                        norm.training = training;
                        norm.momentum = 0;
                        return ops::batch_norm(q, in[0], norm);
                      });
    }
  }

  TEST_CASE("attention over different numbers of tokens") {
    Session s(in_double());
    Random r(4);
    const std::int32_t offsets[] = {0, 3, 3, 8};
    Ragged rows;
    rows.offsets = Tensor(const_cast<std::int32_t*>(offsets), {4}, DType::kI32);
    rows.host = offsets;
    rows.count = 3;
    rows.longest = 5;
    check_gradients("attention", s, {make(s, {8, 3 * 6}, r)}, [&](Session& q, const Inputs& in) {
      return ops::attention(q, in[0], rows, 2);
    });
  }

  TEST_CASE("pointwise, broadcasting, softmax") {
    Session s(in_double());
    Random r(5);
    using Binary = Tensor (*)(Session&, const Tensor&, const Tensor&);
    for (const Binary f : {&ops::add, &ops::subtract, &ops::multiply, &ops::divide}) {
      check_gradients("binary", s, {make(s, {2, 3, 4}, r, 0.5, 2), make(s, {3, 1}, r, 0.5, 2)},
                      [f](Session& q, const Inputs& in) { return f(q, in[0], in[1]); });
      check_gradients("binary with itself", s, {make(s, {2, 3}, r, 0.5, 2)},
                      [f](Session& q, const Inputs& in) {
                        return f(q, in[0], ops::scale(q, in[0], 2, 1));
                      });
    }
    using Unary = Tensor (*)(Session&, const Tensor&);
    for (const Unary f : {&ops::gelu, &ops::relu, &ops::sigmoid, &ops::square, &ops::square_root,
                          &ops::logarithm, &ops::exponential})
      check_gradients("unary", s, {make(s, {3, 5}, r, 0.2, 2)},
                      [f](Session& q, const Inputs& in) { return f(q, in[0]); });
    check_gradients("clamp", s, {make(s, {40}, r)},
                    [](Session& q, const Inputs& in) { return ops::clamp(q, in[0], -0.5, 0.5); });
    for (const int axis : {0, 1, -1}) {
      check_gradients("softmax", s, {make(s, {3, 4, 2}, r)}, [=](Session& q, const Inputs& in) {
        return ops::softmax(q, in[0], axis);
      });
      check_gradients("log_softmax", s, {make(s, {3, 4, 2}, r)}, [=](Session& q, const Inputs& in) {
        return ops::log_softmax(q, in[0], axis);
      });
    }
  }

  TEST_CASE("moving elements") {
    Session s(in_double());
    Random r(6);
    check_gradients("concatenate", s, {make(s, {2, 3, 2}, r), make(s, {2, 1, 2}, r)},
                    [](Session& q, const Inputs& in) {
                      return ops::concatenate(q, {in[0], in[1], in[0]}, 1);
                    });
    check_gradients("concatenate many", s, {make(s, {1, 2}, r), make(s, {2, 2}, r)},
                    [](Session& q, const Inputs& in) {
                      std::vector<Tensor> parts;
                      for (int i = 0; i < 11; ++i) parts.push_back(in[i % 2 == 0 ? 0 : 1]);
                      return ops::concatenate(q, parts, 0);
                    });
    check_gradients("slice", s, {make(s, {2, 5, 3}, r)}, [](Session& q, const Inputs& in) {
      return ops::slice(q, in[0], 1, 1, 3);
    });
    check_gradients("flip", s, {make(s, {2, 5, 3}, r)},
                    [](Session& q, const Inputs& in) { return ops::flip(q, in[0], 2); });
    check_gradients("permute", s, {make(s, {2, 5, 3}, r)}, [](Session& q, const Inputs& in) {
      return ops::permute(q, in[0], {2, 0, 1});
    });
    const Tensor gather = index(s, {2, -1, 0, 2, -1});
    check_gradients("gather_rows", s, {make(s, {3, 4}, r), make(s, {4}, r)},
                    [=](Session& q, const Inputs& in) {
                      return ops::gather_rows(q, in[0], gather, in[1]);
                    });
    const Tensor scatter = index(s, {2, 0, 2});
    check_gradients("scatter_rows", s, {make(s, {3, 4}, r)}, [=](Session& q, const Inputs& in) {
      return ops::scatter_rows(q, in[0], scatter, 5);
    });
    for (const bool channels_first : {false, true})
      check_gradients("patches", s, {make(s, {2, 3, 4, 6}, r)},
                      [=](Session& q, const Inputs& in) {
                        const Tensor p = ops::to_patches(q, in[0], 2, channels_first);
                        return ops::from_patches(q, ops::square(q, p), 3, 2, 3, 2, channels_first);
                      });
  }

  TEST_CASE("pooling, resizing, reductions") {
    Session s(in_double());
    Random r(7);
    check_gradients("average_pool", s, {make(s, {2, 3, 6, 5}, r)},
                    [](Session& q, const Inputs& in) {
                      return ops::average_pool(q, in[0], {4, 2, 1});
                    });
    check_gradients("max_pool", s, {make(s, {2, 3, 6, 5}, r)}, [](Session& q, const Inputs& in) {
      return ops::max_pool(q, in[0], {3, 2, 1});
    });
    check_gradients("resize up", s, {make(s, {1, 2, 4, 3}, r)}, [](Session& q, const Inputs& in) {
      return ops::resize(q, in[0], 7, 8);
    });
    check_gradients("resize down", s, {make(s, {1, 2, 9, 8}, r)}, [](Session& q, const Inputs& in) {
      return ops::resize(q, in[0], 4, 3);
    });
    check_gradients("resize_nearest", s, {make(s, {1, 2, 3, 4}, r)},
                    [](Session& q, const Inputs& in) {
                      return ops::resize_nearest(q, in[0], 7, 6);
                    });
    using Reduce = Tensor (*)(Session&, const Tensor&, int);
    for (const Reduce f : {&ops::sum, &ops::mean, &ops::maximum, &ops::minimum})
      for (const int axis : {0, 1, 2})
        check_gradients("reduce", s, {make(s, {3, 4, 2}, r)},
                        [=](Session& q, const Inputs& in) { return f(q, in[0], axis); });
  }

  TEST_CASE("the method's own") {
    Session s(in_double());
    Random r(8);
    const Tensor one = make(s, {5}, r), each = make(s, {3, 5}, r);
    check_gradients("svdd_distance", s, {make(s, {2, 3, 5}, r)},
                    [=](Session& q, const Inputs& in) { return ops::svdd_distance(q, in[0], one); });
    check_gradients("svdd_distance by position", s, {make(s, {2, 3, 5}, r)},
                    [=](Session& q, const Inputs& in) {
                      return ops::svdd_distance(q, in[0], each);
                    });
    const Tensor support = make(s, {4, 5}, r), alpha = make(s, {4}, r, 0.1, 1);
    const Tensor constant = ops::kernel_svdd_constant(s, support, alpha, 0.3);
    check_gradients("kernel_svdd", s, {make(s, {2, 3, 5}, r)}, [=](Session& q, const Inputs& in) {
      return ops::kernel_svdd(q, in[0], support, alpha, constant, 0.3);
    });
    const Tensor hole = s.allocate({2, 4, 4});
    for (int i = 0; i < 32; ++i) hole.data<double>()[i] = i % 3 == 0 ? 1 : 0;
    // Positive features keep every similarity away from its clamp.
    check_gradients("self_assembly, paper", s,
                    {make(s, {2, 6, 4, 4}, r, 0.1, 1), make(s, {2, 6, 4, 4}, r, 0.1, 1)},
                    [=](Session& q, const Inputs& in) {
                      return ops::self_assembly(q, in[0], in[1], hole, ops::SelfAssembly::kPaper);
                    });
  }

  TEST_CASE("losses") {
    Session s(in_double());
    Random r(9);
    const Tensor weight = make(s, {3, 4}, r, 0, 1);
    for (const bool weighted : {false, true}) {
      const Tensor w = weighted ? weight : Tensor{};
      check_gradients("l1", s, {make(s, {3, 4}, r), make(s, {3, 4}, r)},
                      [=](Session& q, const Inputs& in) {
                        return ops::l1_loss(q, in[0], in[1], w);
                      });
      check_gradients("mean square", s, {make(s, {3, 4}, r), make(s, {3, 4}, r)},
                      [=](Session& q, const Inputs& in) {
                        return ops::mean_square_loss(q, in[0], in[1], w);
                      });
    }
    const Tensor target = index(s, {2, 0, 1}), classes = make(s, {4}, r, 0.2, 1);
    check_gradients("cross entropy", s, {make(s, {3, 4}, r)}, [=](Session& q, const Inputs& in) {
      return ops::cross_entropy(q, in[0], target, classes);
    });
    for (const double margin : {1.0, -1.0})
      check_gradients("relativistic", s, {make(s, {5}, r), make(s, {3}, r)},
                      [=](Session& q, const Inputs& in) {
                        return ops::relativistic_loss(q, in[0], in[1], margin);
                      });
  }

  TEST_CASE("a tensor used twice gets both gradients; what is not watched gets none") {
    Session s(in_double());
    Random r(10);
    check_gradients("diamond", s, {make(s, {4, 4}, r)}, [](Session& q, const Inputs& in) {
      const Tensor a = ops::gelu(q, in[0]);
      const Tensor b = ops::add(q, a, in[0]);
      return ops::add(q, ops::multiply(q, a, b), ops::add(q, b, b));
    });
    Session::Recording recording(s);
    Tensor x = make(s, {3}, r);
    const Tensor other = make(s, {3}, r);
    recording.tape().watch(x);
    const Tensor y = ops::multiply(s, x, other);
    recording.tape().backward(s, y, ops::full(s, {3}, 1));
    CHECK(recording.tape().gradient(x).defined());
    CHECK_FALSE(recording.tape().gradient(other).defined());
    CHECK_THROWS_AS(recording.tape().backward(s, other, other), Error);
  }

  TEST_CASE("parameters are watched by their memory") {
    Session s(in_double());
    Random r(11);
    const Tensor weight = make(s, {3, 2}, r), x = make(s, {4, 2}, r);
    Session::Recording recording(s);
    recording.tape().watch_parameter(weight);
    const Tensor y = ops::linear(s, x, weight.view({3, 2}), {});
    recording.tape().backward(s, y, ops::full(s, {4, 3}, 1));
    const Tensor g = recording.tape().gradient(weight);
    REQUIRE(g.defined());
    double column = 0;
    for (int i = 0; i < 4; ++i) column += x.data<double>()[2 * i];
    CHECK(g.data<double>()[0] == doctest::Approx(column));
  }

  TEST_CASE("operations refuse what does not fit, and say what") {
    Session s(in_double());
    Random r(12);
    const Tensor a = make(s, {2, 3}, r), b = make(s, {4, 5}, r);
    CHECK_THROWS_WITH_AS(ops::add(s, a, b), "cannot broadcast [2, 3] and [4, 5]", Error);
    CHECK_THROWS_AS(ops::linear(s, a, b, {}), Error);
    CHECK_THROWS_AS(ops::linear(s, a, {}, {}), Error);
    CHECK_THROWS_AS(ops::slice(s, a, 1, 2, 2), Error);
    CHECK_THROWS_AS(ops::concatenate(s, {a, b}, 0), Error);
    CHECK_THROWS_AS(ops::softmax(s, a, 2), Error);
    Session single;
    CHECK_THROWS_AS(ops::gelu(single, a), Error);
    SessionOptions cuda;
    cuda.device.kind = DeviceKind::kCuda;
    CHECK_THROWS_AS(Session{cuda}, Error);
    SessionOptions threads;
    threads.threads = -1;
    CHECK_THROWS_AS(Session{threads}, Error);
  }
}

}  // namespace ofer
