// Products whose rows must not depend on how many there are, on the stand-in: which algorithms are
// tried, and what is kept of the trial.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/bf16.h"
#include "kernels/cuda/matmul.h"
#include "tests/fake_cuda/array.h"
#include "tests/fake_cuda/fake_cuda.h"
#include "tests/support/fill.h"

namespace ofer::test {
namespace {

namespace cuda = kernels::cuda;
using cuda::CudaStream;
using kernels::BFloat16;
using kernels::Index;
using kernels::Product;

constexpr Index kMost = 3000;

// y = x W^T + bias of rows in, the first `rows` or others.
template <class T>
struct Rows {
  Index in, out;
  DeviceArray<T> x, weight, bias;

  Rows(CudaStream& stream, Index in_, Index out_)
      : in(in_),
        out(out_),
        x(stream, make_values({}, kMost * in, 1)),
        weight(stream, make_values({}, out * in, 2)),
        bias(stream, make_values({}, out, 3)) {}

  std::vector<T> multiply(CudaStream& stream, Index first, Index rows) {
    DeviceArray<T> y(stream, static_cast<std::size_t>(rows * out));
    cuda::matmul(product(first, rows, y.data()), stream);
    return y.read();
  }
  Product<T> product(Index first, Index rows, T* y) {
    Product<T> p;
    p.transpose_b = p.rows_alike = true;
    p.m = rows;
    p.n = out;
    p.k = in;
    p.a = x.data() + first * in;
    p.lda = in;
    p.b = weight.data();
    p.ldb = in;
    p.c = y;
    p.ldc = out;
    p.bias = bias.data();
    return p;
  }
};

// Of the last product that the library queued.
int last_algorithm() {
  return fake_cuda::products().back().algorithm;
}

void check_no_mistakes() {
  for (const std::string& mistake : fake_cuda::mistakes()) FAIL_CHECK(mistake);
}

TEST_SUITE("cuda_row_products") {
  TEST_CASE_TEMPLATE("a row's bits are the same among few and many", T, float, BFloat16) {
    for (const Index in : {16, 72, 75}) {
      fake_cuda::reset();
      CudaStream stream(0);
      const Index out = in == 75 ? 5 : 8;
      Rows<T> rows(stream, in, out);
      const std::vector<T> all = rows.multiply(stream, 0, kMost);
      // Vectors want rows that are multiples of 16 bytes. The library's first choice for many rows
      // is one of split sums, which is not asked for, its second one sums the other way round; of
      // the two that are left, one is fast.
      CHECK(last_algorithm() == (in == 75 ? fake_cuda::kPlain : fake_cuda::kAligned));
      for (const Index count : {1, 5, 128, 129, 256, 257, 512, 513, 1024, 1025, 2048, 2049}) {
        const std::vector<T> some = rows.multiply(stream, kMost - count, count);
        CHECK(std::memcmp(all.data() + (kMost - count) * out, some.data(),
                          some.size() * sizeof(T)) == 0);
        CHECK(last_algorithm() == (in == 75        ? fake_cuda::kPlain
                                   : count <= 1024 ? fake_cuda::kAlone
                                                   : fake_cuda::kAligned));
      }
      check_no_mistakes();
    }
  }

  TEST_CASE("a trial is made once for so many rows, and keeps nothing") {
    fake_cuda::reset();
    CudaStream stream(0);
    Rows<float> rows(stream, 16, 8);
    DeviceArray<float> y(stream, static_cast<std::size_t>(kMost * 8));
    const int living = fake_cuda::living().total();
    const long taken = fake_cuda::calls("cudaMalloc");
    for (const Index count : {100, 300, 700, 3000})
      cuda::matmul(rows.product(0, count, y.data()), stream);
    CHECK(fake_cuda::calls("cudaMalloc") == taken + 4);
    const long calls = fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic");
    for (const Index count : {100, 5, 300, 600, 700, 2500, 3000})
      cuda::matmul(rows.product(0, count, y.data()), stream);
    CHECK(fake_cuda::calls("cublasLtMatmulAlgoGetHeuristic") == calls);
    CHECK(fake_cuda::calls("cudaMalloc") == taken + 4);
    CHECK(fake_cuda::living().total() == living);
    check_no_mistakes();
  }

  TEST_CASE("without memory for a trial the first algorithm stays") {
    fake_cuda::reset();
    CudaStream stream(0);
    Rows<float> rows(stream, 16, 8);
    DeviceArray<float> y(stream, static_cast<std::size_t>(kMost * 8));
    fake_cuda::fail("cudaMalloc", cudaErrorMemoryAllocation);
    cuda::matmul(rows.product(0, kMost, y.data()), stream);
    CHECK(last_algorithm() == fake_cuda::kAlone);
    CHECK(fake_cuda::last_error() == cudaSuccess);
    cuda::matmul(rows.product(0, kMost, y.data()), stream);
    CHECK(last_algorithm() == fake_cuda::kAlone);
    check_no_mistakes();
  }

  TEST_CASE("a capture makes no trial, and the next call does") {
    fake_cuda::reset();
    CudaStream stream(0);
    Rows<float> rows(stream, 16, 8);
    DeviceArray<float> y(stream, static_cast<std::size_t>(kMost * 8));
    const long taken = fake_cuda::calls("cudaMalloc");
    stream.begin_capture();
    for (int i = 0; i < 2; ++i) cuda::matmul(rows.product(0, kMost, y.data()), stream);
    const std::unique_ptr<kernels::Graph> graph = stream.end_capture();
    CHECK(fake_cuda::calls("cudaMalloc") == taken);
    CHECK(last_algorithm() == fake_cuda::kAlone);
    stream.play(*graph);
    const std::vector<float> noted = y.read();
    cuda::matmul(rows.product(0, kMost, y.data()), stream);
    CHECK(last_algorithm() == fake_cuda::kAligned);
    CHECK(y.read() == noted);
    check_no_mistakes();
  }

  TEST_CASE("our own kernel, where it is the fastest that agrees") {
    enum { kFast, kSlow, kOther, kBf16, kTf32, kOld, kNoVectors, kShortDepth, kUnaligned, kCases };
    for (int which = 0; which < kCases; ++which) {
      CAPTURE(which);
      fake_cuda::Machine machine;
      machine.ordered_cost = which == kSlow ? 500 : 5;
      machine.ordered_agrees = which != kOther;
      if (which == kOld) machine.major = 7, machine.minor = 5;
      fake_cuda::reset(machine);
      CudaStream stream(0);
      stream.set_bf16(which == kBf16);
      stream.set_tf32(which == kTf32);
      Rows<float> rows(stream, which == kNoVectors ? 18 : 16, 8);
      DeviceArray<float> y(stream, static_cast<std::size_t>(kMost * 8));
      Product<float> product = rows.product(0, 100, y.data());
      if (which == kShortDepth) product.k = 13;
      if (which == kUnaligned) {
        ++product.a;
        --product.m;
      }
      cuda::matmul(product, stream);
      CHECK((last_algorithm() == fake_cuda::kOrdered) == (which == kFast));
      // The same bits as those of the first algorithm, with what was in C and without.
      if (which == kFast)
        for (const float beta : {0.0f, 1.0f}) {
          std::vector<float> results[2];
          for (const bool own : {false, true}) {
            const std::vector<float> start(static_cast<std::size_t>(kMost * 8), 0.3f);
            CudaStream other(0);
            fake_cuda::machine().ordered_cost = own ? 5 : 500;
            DeviceArray<float> c(other, std::vector<double>(start.begin(), start.end()));
            product = rows.product(3, 100, c.data());
            product.beta = beta;
            cuda::matmul(product, other);
            CHECK((last_algorithm() == fake_cuda::kOrdered) == own);
            results[own] = c.read();
          }
          CHECK(results[0] == results[1]);
        }
      check_no_mistakes();
    }
  }

  TEST_CASE("our own kernel in a captured graph, and for few rows alone") {
    fake_cuda::Machine machine;
    machine.ordered_cost = 30;
    fake_cuda::reset(machine);
    CudaStream stream(0);
    Rows<float> rows(stream, 16, 8);
    DeviceArray<float> y(stream, static_cast<std::size_t>(kMost * 8));
    // The library's fastest take 20 and 40.
    cuda::matmul(rows.product(0, 100, y.data()), stream);
    CHECK(last_algorithm() == fake_cuda::kAlone);
    cuda::matmul(rows.product(0, kMost, y.data()), stream);
    CHECK(last_algorithm() == fake_cuda::kOrdered);
    const std::vector<float> expected = y.read();
    stream.begin_capture();
    cuda::matmul(rows.product(0, kMost, y.data()), stream);
    const std::unique_ptr<kernels::Graph> graph = stream.end_capture();
    const std::vector<float> nothing(static_cast<std::size_t>(kMost * 8));
    cuda::to_device(y.data(), nothing.data(), nothing.size() * sizeof(float), stream);
    stream.play(*graph);
    CHECK(y.read() == expected);
    check_no_mistakes();
  }

  TEST_CASE("a trial that fails on the device is an error, and the stream goes on") {
    fake_cuda::reset();
    CudaStream other(0);
    Rows<float> rows(other, 16, 8);
    const std::vector<float> expected = rows.multiply(other, 0, kMost);
    for (const char* function :
         {"cudaStreamSynchronize", "cudaMemcpyAsync", "cudaEventCreate", "cudaEventRecord",
          "cudaEventElapsedTime", "cublasLtMatmul", "ordered_product"}) {
      CudaStream stream(0);
      DeviceArray<float> y(stream, static_cast<std::size_t>(kMost * 8));
      const int living = fake_cuda::living().total();
      fake_cuda::fail(function, cudaErrorLaunchFailure);
      CHECK_THROWS_AS(cuda::matmul(rows.product(0, kMost, y.data()), stream), kernels::DeviceError);
      CHECK(fake_cuda::living().total() == living);
      cuda::matmul(rows.product(0, kMost, y.data()), stream);
      CHECK(y.read() == expected);
    }
    check_no_mistakes();
  }
}

}  // namespace
}  // namespace ofer::test
