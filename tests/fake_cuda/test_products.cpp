// Matrix products as the CUDA backend hands them to cuBLASLt, on the stand-in: against a naive
// product, and what an algorithm may be chosen by.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cuda/matmul.h"
#include "tests/fake_cuda/array.h"
#include "tests/fake_cuda/fake_cuda.h"
#include "tests/support/allocations.h"
#include "tests/support/compare.h"
#include "tests/support/fill.h"

namespace ofer::test {
namespace {

namespace cuda = kernels::cuda;
using cuda::CudaStream;
using kernels::BFloat16;
using kernels::Index;
using kernels::Product;

// Of the one rounding to bfloat16.
constexpr double kBf16Roundoff = 0x1p-8;

// Shapes of a product whose operands lie one behind the other, with `gap` elements after each row
// and each item, and `at` elements before the first.
struct Shape {
  Index m = 1, n = 1, k = 1, batch = 1;
  bool transpose_a = false, transpose_b = false;
  bool shared_a = false, shared_b = false;  // by all items
  bool bias = false;
  float beta = 0;
  Index gap = 0, at = 0;

  std::string text() const {
    std::ostringstream text;
    text << '[' << m << ", " << k << (transpose_a ? "]^T" : "]") << " x " << n
         << (transpose_b ? "^T" : "") << ", batch " << batch << (shared_a ? ", A shared" : "")
         << (shared_b ? ", B shared" : "") << (bias ? ", bias" : "") << ", beta " << beta
         << ", gap " << gap << ", at " << at;
    return text.str();
  }
};

// The product of a shape and its operands on the device.
template <class T>
class Operands {
 public:
  Operands(CudaStream& stream, const Shape& s, std::uint64_t seed = 1)
      : shape(s),
        rows_a(s.transpose_a ? s.k : s.m),
        rows_b(s.transpose_b ? s.n : s.k),
        lda((s.transpose_a ? s.m : s.k) + s.gap),
        ldb((s.transpose_b ? s.k : s.n) + s.gap),
        ldc(s.n + s.gap),
        stride_a(s.shared_a ? 0 : rows_a * lda + s.gap),
        stride_b(s.shared_b ? 0 : rows_b * ldb + s.gap),
        stride_c(s.m * ldc + s.gap),
        a(stream, fill({}, size(stride_a, rows_a, lda), seed)),
        b(stream, fill({}, size(stride_b, rows_b, ldb), seed + 1)),
        bias(stream, fill({}, s.n, seed + 2)),
        c(stream, s.beta == 0 ? std::vector<double>(
                                    static_cast<std::size_t>(s.at + size(stride_c, s.m, ldc)), NAN)
                              : fill({}, size(stride_c, s.m, ldc), seed + 3)) {
    product.transpose_a = s.transpose_a;
    product.transpose_b = s.transpose_b;
    product.m = s.m;
    product.n = s.n;
    product.k = s.k;
    product.a = a.data() + s.at;
    product.lda = lda;
    product.b = b.data() + s.at;
    product.ldb = ldb;
    product.c = c.data() + s.at;
    product.ldc = ldc;
    product.bias = s.bias ? bias.data() : nullptr;
    product.beta = s.beta;
    product.batch = s.batch;
    product.stride_a = stride_a;
    product.stride_b = stride_b;
    product.stride_c = stride_c;
    before_ = c.read();
  }

  // Empty when C holds what it should, and its gaps what they held.
  std::string wrong(bool tf32 = false) const {
    const std::vector<T> x = a.read(), y = b.read(), w = bias.read(), got = c.read();
    std::vector<double> expected(got.size(), NAN), allowed(got.size(), 0), values(got.size());
    const auto real = [](const std::vector<T>& from, Index i) {
      return static_cast<double>(static_cast<float>(from[static_cast<std::size_t>(i)]));
    };
    for (std::size_t i = 0; i < got.size(); ++i)
      if (std::memcmp(&got[i], &before_[i], sizeof(T)) == 0) {
        allowed[i] = INFINITY;
      }
    const double unit = tf32 ? 0x1p-11 : 0x1p-24;
    for (Index item = 0; item < shape.batch; ++item)
      for (Index i = 0; i < shape.m; ++i)
        for (Index j = 0; j < shape.n; ++j) {
          const Index at = shape.at + item * stride_c + i * ldc + j;
          Measured sum(shape.beta == 0 ? 0.0 : real(before_, at));
          if (shape.bias) sum += Measured(real(w, j));
          for (Index l = 0; l < shape.k; ++l)
            sum += Measured(real(x, shape.at + item * stride_a +
                                        (shape.transpose_a ? l * lda + i : i * lda + l))) *
                   Measured(real(y, shape.at + item * stride_b +
                                        (shape.transpose_b ? j * ldb + l : l * ldb + j)));
          const auto place = static_cast<std::size_t>(at);
          expected[place] = sum.value;
          allowed[place] = allowed_error(sum.noise, unit, 0) +
                           (sizeof(T) == 2 ? kBf16Roundoff * std::fabs(sum.value) : 0);
        }
    for (std::size_t i = 0; i < got.size(); ++i) values[i] = static_cast<float>(got[i]);
    // Elements outside of C: expected is a NaN, and they were not to change.
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (!std::isnan(expected[i])) continue;
      if (!std::isinf(allowed[i])) return "an element outside of C was written";
      expected[i] = 0;
    }
    return compare("c", values, expected, allowed);
  }

  Shape shape;
  Index rows_a, rows_b, lda, ldb, ldc, stride_a, stride_b, stride_c;
  DeviceArray<T> a, b, bias, c;
  Product<T> product;

 private:
  Index size(Index stride, Index rows, Index distance) const {
    return std::max<Index>((shape.batch - 1) * stride + rows * distance, 1);
  }
  std::vector<double> fill(Fill how, Index count, std::uint64_t seed) const {
    std::vector<double> values = make_values(how, shape.at + count, seed);
    // So that every element type holds the same.
    for (double& value : values) value = static_cast<float>(BFloat16(static_cast<float>(value)));
    return values;
  }
  std::vector<T> before_;
};

// The algorithms that were used since the last question.
class Used {
 public:
  Used() : begin_(fake_cuda::products().size()) {}
  std::vector<int> algorithms() const {
    std::vector<int> result;
    for (std::size_t i = begin_; i < fake_cuda::products().size(); ++i)
      result.push_back(fake_cuda::products()[i].algorithm);
    return result;
  }
  std::vector<int> items() const {
    std::vector<int> result;
    for (std::size_t i = begin_; i < fake_cuda::products().size(); ++i)
      result.push_back(fake_cuda::products()[i].items);
    return result;
  }

 private:
  std::size_t begin_;
};

void check_no_mistakes() {
  for (const std::string& mistake : fake_cuda::mistakes()) FAIL_CHECK(mistake);
}

std::vector<Shape> shapes() {
  std::vector<Shape> result;
  for (const bool transpose_a : {false, true})
    for (const bool transpose_b : {false, true})
      for (const float beta : {0.0f, 1.0f})
        for (const bool bias : {false, true}) {
          Shape s;
          s.transpose_a = transpose_a;
          s.transpose_b = transpose_b;
          s.beta = beta;
          s.bias = bias;
          const auto with = [&](Index m, Index n, Index k, Index batch, Index gap, Index at) {
            s.m = m;
            s.n = n;
            s.k = k;
            s.batch = batch;
            s.gap = gap;
            s.at = at;
            result.push_back(s);
          };
          with(1, 1, 1, 1, 0, 0);
          with(5, 7, 11, 1, 0, 0);
          with(5, 7, 11, 3, 2, 1);
          with(8, 16, 24, 2, 8, 0);
          with(1, 16, 32, 4, 0, 16);
          with(12, 1, 8, 2, 0, 0);
          with(16, 8, 128, 3, 0, 0);
          s.shared_a = true;
          with(4, 8, 8, 3, 0, 0);
          s.shared_b = true;
          with(4, 8, 8, 3, 1, 0);
          s.shared_a = false;
          with(9, 8, 72, 2, 0, 0);
        }
  return result;
}

// What a batch gives for one of its items, and what the item gives alone.
template <class T>
bool same_bits(const std::vector<T>& all, Index from, const std::vector<T>& one, Index at,
               Index count) {
  return std::memcmp(all.data() + from, one.data() + at,
                     static_cast<std::size_t>(count) * sizeof(T)) == 0;
}

TEST_SUITE("cuda_products") {
  TEST_CASE_TEMPLATE("against the naive product", T, float, BFloat16) {
    fake_cuda::reset();
    CudaStream stream(0);
    for (const Shape& shape : shapes()) {
      Operands<T> operands(stream, shape);
      if (shape.bias) {
        REQUIRE(cuda::adds_bias(operands.product, stream));
      } else {
        REQUIRE(!cuda::adds_bias(operands.product, stream));
      }
      cuda::matmul(operands.product, stream);
      const std::string wrong = operands.wrong();
      CHECK_MESSAGE(wrong.empty(), shape.text(), ": ", wrong);
    }
    // Every algorithm that may be used was, and the one that rounds between its parts was not.
    std::vector<int> seen;
    for (const auto& product : fake_cuda::products()) {
      seen.push_back(product.algorithm);
      CHECK(product.algorithm != fake_cuda::kInOutput);
    }
    for (const int algorithm : {fake_cuda::kParts, fake_cuda::kAligned, fake_cuda::kPlain})
      CHECK(std::count(seen.begin(), seen.end(), algorithm) > 0);
    check_no_mistakes();
  }

  TEST_CASE("floats stay floats unless the stream allows tf32 or bfloat16") {
    fake_cuda::reset();
    CudaStream stream(0);
    const Shape shape{.m = 8, .n = 8, .k = 40};
    Operands<float> operands(stream, shape);
    // A number that neither can hold, and that they round differently.
    const float fine = 1 + 0x1p-9f + 0x1p-20f;
    cuda::to_device(operands.a.data(), &fine, sizeof(fine), stream);
    std::vector<float> results[2];
    for (const bool tf32 : {false, true}) {
      stream.set_tf32(tf32);
      cuda::matmul(operands.product, stream);
      CHECK(fake_cuda::products().back().arithmetic ==
            (tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F_PEDANTIC));
      const std::string wrong = operands.wrong(tf32);
      CHECK_MESSAGE(wrong.empty(), wrong);
      results[tf32] = operands.c.read();
    }
    CHECK(results[0] != results[1]);
    // bfloat16 goes before tf32, which convolutions and attention may want at the same time.
    stream.set_bf16(true);
    cuda::matmul(operands.product, stream);
    CHECK(fake_cuda::products().back().arithmetic == CUBLAS_COMPUTE_32F_FAST_16BF);
    CHECK(operands.c.read() != results[1]);
    stream.set_tf32(false);
    cuda::matmul(operands.product, stream);
    CHECK(fake_cuda::products().back().arithmetic == CUBLAS_COMPUTE_32F_FAST_16BF);
    Operands<BFloat16> coarse(stream, shape);
    cuda::matmul(coarse.product, stream);
    CHECK(fake_cuda::products().back().arithmetic == CUBLAS_COMPUTE_32F);
    check_no_mistakes();
  }

  TEST_CASE("the sum of a bfloat16 product and its bias is rounded once") {
    using T = BFloat16;
    fake_cuda::reset();
    CudaStream stream(0);
    // The product is 257, between 256 and 258; with a bias of 2 it is 259, between 258 and 260.
    // Ties go to even: 260. Rounded before the bias as well, it would be 256 + 2.
    std::vector<double> right(16, 16);
    right.back() = 17;
    DeviceArray<T> a(stream, std::vector<double>(16, 1)), b(stream, right);
    DeviceArray<T> bias(stream, std::vector<double>(1, 2)), c(stream, 1);
    Product<T> product;
    product.m = product.n = 1;
    product.k = 16;
    product.a = a.data();
    product.lda = 16;
    product.b = b.data();
    product.transpose_b = true;
    product.ldb = 16;
    product.c = c.data();
    product.ldc = 1;
    product.bias = bias.data();
    REQUIRE(cuda::adds_bias(product, stream));
    cuda::matmul(product, stream);
    CHECK(static_cast<float>(c.read()[0]) == 260);
  }

  TEST_CASE("no terms, and nothing to write") {
    fake_cuda::reset();
    CudaStream stream(0);
    for (const float beta : {0.0f, 1.0f}) {
      Shape shape{.m = 3, .n = 5, .k = 0, .batch = 2};
      shape.beta = beta;
      shape.gap = 2;
      Operands<float> operands(stream, shape);
      operands.product.a = operands.product.b = nullptr;
      cuda::matmul(operands.product, stream);
      const std::string wrong = operands.wrong();
      CHECK_MESSAGE(wrong.empty(), wrong);
      operands.product.bias = operands.bias.data();
      CHECK(!cuda::adds_bias(operands.product, stream));
      CHECK_THROWS_AS(cuda::matmul(operands.product, stream), kernels::DeviceError);
    }
    Product<float> empty;
    for (Index Product<float>::*extent :
         {&Product<float>::m, &Product<float>::n, &Product<float>::batch}) {
      empty.m = empty.n = empty.k = empty.batch = 4;
      empty.*extent = 0;
      cuda::matmul(empty, stream);
    }
    CHECK(fake_cuda::products().empty());
    check_no_mistakes();
  }

  TEST_CASE_TEMPLATE("an item's bits are the same alone and in every batch", T, float, BFloat16) {
    fake_cuda::reset();
    CudaStream stream(0);
    // Long sums are cut into parts, short ones want an algorithm of one item at a time.
    for (const Index k : {8, 24, 72, 256})
      for (const Index n : {5, 8, 48}) {
        Shape shape{.m = 6, .n = n, .k = k, .batch = 9};
        shape.transpose_b = shape.shared_b = true;
        shape.bias = true;
        Operands<T> operands(stream, shape, static_cast<std::uint64_t>(k));
        const long asked = fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic");
        cuda::matmul(operands.product, stream);
        const std::vector<T> all = operands.c.read();
        const Used used;
        for (Index first = 0; first < shape.batch; ++first)
          for (Index items = 1; first + items <= shape.batch; ++items) {
            DeviceArray<T> c(stream, static_cast<std::size_t>(items * operands.stride_c));
            Product<T> part = operands.product;
            part.a += first * part.stride_a;
            part.batch = items;
            part.c = c.data();
            cuda::matmul(part, stream);
            CHECK(same_bits(all, first * part.stride_c, c.read(), 0, items * part.stride_c));
          }
        const std::vector<int> algorithms = used.algorithms();
        CHECK(std::count(algorithms.begin(), algorithms.end(), algorithms[0]) ==
              static_cast<long>(algorithms.size()));
        CHECK(algorithms[0] == (k * static_cast<Index>(sizeof(T)) % 16 != 0 ||
                                        n * static_cast<Index>(sizeof(T)) % 16 != 0
                                    ? fake_cuda::kPlain
                                : k >= 64 ? fake_cuda::kParts
                                          : fake_cuda::kAligned));
        CHECK(fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic") == asked + 1);
      }
    check_no_mistakes();
  }

  // Rows of images of different lengths follow each other in one tensor: what an image computes
  // does not depend on where its first row lies, though that has another alignment.
  TEST_CASE("an item's bits are the same wherever its rows lie") {
    fake_cuda::reset();
    CudaStream stream(0);
    for (const Index in : {6, 8}) {
      constexpr Index kRows = 4, kPlaces = 8, kOut = 8;
      const std::vector<double> rows = make_values({}, kRows * in, 3);
      DeviceArray<float> weight(stream, make_values({}, kOut * in, 4));
      std::vector<std::vector<float>> results;
      const Used used;
      for (Index place = 0; place < kPlaces; ++place) {
        std::vector<double> values(static_cast<std::size_t>((place + kRows) * in));
        std::copy(rows.begin(), rows.end(), values.begin() + place * in);
        DeviceArray<float> x(stream, values);
        DeviceArray<float> y(stream, std::vector<double>(kRows * kOut));
        Product<float> product;
        product.transpose_b = true;
        product.m = kRows;
        product.n = kOut;
        product.k = in;
        product.a = x.data() + place * in;
        product.lda = in;
        product.stride_a = kRows * in;
        product.b = weight.data();
        product.ldb = in;
        product.c = y.data();
        product.ldc = kOut;
        product.stride_c = kRows * kOut;
        cuda::matmul(product, stream);
        results.push_back(y.read());
      }
      for (const auto& result : results) CHECK(result == results[0]);
      for (const int algorithm : used.algorithms())
        CHECK(algorithm == (in == 8 ? fake_cuda::kAligned : fake_cuda::kPlain));
    }
    check_no_mistakes();
  }

  TEST_CASE("an algorithm for aligned operands is not given others") {
    fake_cuda::reset();
    CudaStream stream(0);
    DeviceArray<float> memory(stream, std::vector<double>(512, 1));
    Product<float> product;
    product.m = product.n = product.k = product.lda = product.ldb = product.ldc = 8;
    const auto algorithm = [&](Index a, Index b, Index c) {
      product.a = memory.data() + a;
      product.b = memory.data() + 128 + b;
      product.c = memory.data() + 256 + c;
      const Used used;
      cuda::matmul(product, stream);
      return used.algorithms().at(0);
    };
    // The same shape, in turn.
    for (int round = 0; round < 2; ++round) {
      CHECK(algorithm(0, 0, 0) == fake_cuda::kAligned);
      CHECK(algorithm(1, 0, 0) == fake_cuda::kPlain);
      CHECK(algorithm(0, 2, 0) == fake_cuda::kPlain);
      CHECK(algorithm(0, 0, 3) == fake_cuda::kPlain);
      CHECK(algorithm(4, 8, 12) == fake_cuda::kAligned);
    }
    product.batch = 2;
    product.stride_a = product.stride_b = product.stride_c = 64;
    CHECK(algorithm(0, 0, 0) == fake_cuda::kAligned);
    product.stride_b = 63;
    CHECK(algorithm(0, 0, 0) == fake_cuda::kPlain);
    check_no_mistakes();
  }

  TEST_CASE("a bias that the library must not be given") {
    fake_cuda::reset();
    CudaStream stream(0);
    Shape shape{.m = 4, .n = 8, .k = 8};
    shape.bias = true;
    Operands<float> operands(stream, shape);
    DeviceArray<float> bias(stream, std::vector<double>(16, 1));
    for (Index at = 0; at < 8; ++at) {
      operands.product.bias = bias.data() + at;
      CHECK(cuda::adds_bias(operands.product, stream) == (at % 4 == 0));
    }
    operands.product.bias = nullptr;
    CHECK(!cuda::adds_bias(operands.product, stream));
    // Nor where it has no algorithm for it. That too is asked once.
    fake_cuda::machine().bias_epilogue = false;
    shape.n = 12;
    Operands<float> others(stream, shape);
    const long asked = fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic");
    CHECK(!cuda::adds_bias(others.product, stream));
    CHECK(!cuda::adds_bias(others.product, stream));
    CHECK(fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic") == asked + 1);
    CHECK_THROWS_AS(cuda::matmul(others.product, stream), kernels::DeviceError);
    others.product.bias = nullptr;
    cuda::matmul(others.product, stream);
    others.shape.bias = false;
    CHECK(others.wrong().empty());
    check_no_mistakes();
  }

  TEST_CASE("a product that the library cannot compute") {
    fake_cuda::reset();
    CudaStream stream(0);
    fake_cuda::machine().algorithms = false;
    Operands<float> operands(stream, Shape{.m = 4, .n = 8, .k = 6});
    try {
      cuda::matmul(operands.product, stream);
      FAIL("computed");
    } catch (const kernels::DeviceError& error) {
      CHECK(std::string(error.what()) ==
            "matrix product: cuBLAS has no algorithm for [4, 6] times [6, 8] on this device");
      CHECK(!error.out_of_memory);
    }
  }

  TEST_CASE("batches beyond one call") {
    fake_cuda::reset({.memory = std::size_t{4} << 30});
    CudaStream stream(0);
    {
      // More items than a grid has places for.
      Shape shape{.m = 1, .n = 1, .k = 2, .batch = 70001};
      Operands<float> operands(stream, shape);
      const Used used;
      cuda::matmul(operands.product, stream);
      CHECK(operands.wrong().empty());
      CHECK(used.items() == std::vector<int>{65535, 70001 - 65535});
    }
    {
      // Sums in parts, whose workspace 32 MiB hold for 728 items of 64 x 60.
      Shape shape{.m = 64, .n = 60, .k = 64, .batch = 1500};
      shape.shared_a = shape.shared_b = true;
      Operands<float> operands(stream, shape);
      const Used used;
      cuda::matmul(operands.product, stream);
      const std::vector<float> c = operands.c.read();
      for (Index item = 1; item < shape.batch; ++item)
        REQUIRE(same_bits(c, item * operands.stride_c, c, 0, operands.stride_c));
      CHECK(used.items() == std::vector<int>{728, 728, 44});
      for (const int algorithm : used.algorithms()) CHECK(algorithm == fake_cuda::kParts);
      // The next time it is known.
      const long checks = fake_cuda::calls("cublasLtMatmulAlgoCheck");
      cuda::matmul(operands.product, stream);
      CHECK(fake_cuda::calls("cublasLtMatmulAlgoCheck") == checks);
    }
    check_no_mistakes();
  }

  TEST_CASE_TEMPLATE("the second time nothing is asked for", T, float, BFloat16) {
    fake_cuda::reset();
    CudaStream stream(0);
    std::vector<Shape> all = shapes();
    std::vector<std::unique_ptr<Operands<T>>> operands;
    for (const Shape& shape : all) operands.push_back(std::make_unique<Operands<T>>(stream, shape));
    const auto pass = [&] {
      for (const auto& o : operands) {
        cuda::adds_bias(o->product, stream);
        cuda::matmul(o->product, stream);
      }
    };
    pass();
    const long asked = fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic");
    const long checked = fake_cuda::calls("cublasLtMatmulAlgoCheck");
    const long taken = fake_cuda::calls("cudaMalloc");
    const long made = fake_cuda::calls("cublasLtMatmulDescInit");
    const std::size_t bytes = allocated_bytes();
    pass();
    CHECK(fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic") == asked);
    CHECK(fake_cuda::calls("cublasLtMatmulAlgoCheck") == checked);
    CHECK(fake_cuda::calls("cudaMalloc") == taken);
    CHECK(fake_cuda::calls("cublasLtMatmulDescInit") == made);
    if (allocations_counted()) CHECK(allocated_bytes() == bytes);
    CHECK(asked > 0);
    check_no_mistakes();
  }

  TEST_CASE("a known product can be captured in a graph") {
    fake_cuda::reset();
    CudaStream stream(0);
    Shape shape{.m = 8, .n = 8, .k = 72, .batch = 3};
    shape.bias = true;
    Operands<float> operands(stream, shape);
    cuda::matmul(operands.product, stream);
    const std::vector<float> expected = operands.c.read();
    const std::vector<float> zeros(expected.size());
    cuda::to_device(operands.c.data(), zeros.data(), zeros.size() * sizeof(float), stream);
    REQUIRE(stream.captures());
    stream.begin_capture();
    CHECK(!stream.captures());
    cuda::matmul(operands.product, stream);
    const std::unique_ptr<kernels::Graph> graph = stream.end_capture();
    CHECK(operands.c.read() == zeros);
    for (int i = 0; i < 2; ++i) {
      cuda::to_device(operands.c.data(), zeros.data(), zeros.size() * sizeof(float), stream);
      stream.play(*graph);
      CHECK(operands.c.read() == expected);
    }
    // A capture that is left does nothing, and the stream goes on.
    stream.begin_capture();
    cuda::matmul(operands.product, stream);
    stream.drop_capture();
    CHECK(stream.captures());
    CHECK(fake_cuda::last_error() == cudaSuccess);
    // A stream that is somebody else's is left to them.
    CHECK(!CudaStream(0, nullptr).captures());
    check_no_mistakes();
  }
}

}  // namespace
}  // namespace ofer::test
