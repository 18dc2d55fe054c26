// Devices, streams and memory of the CUDA backend on the stand-in: what a user can mend is told in
// one line, and whatever fails, nothing is left behind.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/stream.h"
#include "tests/fake_cuda/array.h"
#include "tests/fake_cuda/fake_cuda.h"

namespace ofer::test {
namespace {

namespace cuda = kernels::cuda;
using cuda::CudaStream;
using kernels::DeviceError;
using kernels::Product;

// A stream that somebody else made, on the device that is current there.
cudaStream_t somebodys_stream(int device) {
  cudaStream_t stream = nullptr;
  REQUIRE(cudaSetDevice(device) == cudaSuccess);
  REQUIRE(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) == cudaSuccess);
  return stream;
}

// The error's text; empty when there was none.
template <class Body>
std::string error_of(const Body& body, bool* out_of_memory = nullptr) {
  try {
    body();
  } catch (const DeviceError& error) {
    if (out_of_memory) *out_of_memory = error.out_of_memory;
    return error.what();
  }
  return "";
}

void check_no_mistakes() {
  for (const std::string& mistake : fake_cuda::mistakes()) FAIL_CHECK(mistake);
}

// Memory with an owner, as a session's is. A null is told apart from an error.
struct OutOfMemory {};
class Owned {
 public:
  Owned(std::size_t bytes, int device, bool host)
      : device_(device),
        host_(host),
        data_(host ? cuda::allocate_host(bytes, device) : cuda::allocate(bytes, device)) {
    if (!data_) throw OutOfMemory{};
  }
  ~Owned() { host_ ? cuda::release_host(data_) : cuda::release(data_, device_); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  void* data() { return data_; }

 private:
  int device_;
  bool host_;
  void* data_;
};

// Everything a session does with its device, from the making of its stream to the end. Returns the
// number of calls when only destroying was left, which never throws.
long life(int device, cudaStream_t borrowed) {
  const auto stream = borrowed ? std::make_unique<CudaStream>(device, borrowed)
                               : std::make_unique<CudaStream>(device);
  std::unique_ptr<kernels::Graph> graph;
  constexpr std::size_t kCount = 4 * 72;
  Owned host(kCount * sizeof(float), device, true),
      memory(3 * kCount * sizeof(float), device, false);
  auto* numbers = static_cast<float*>(host.data());
  for (std::size_t i = 0; i < kCount; ++i) numbers[i] = 1;
  auto* a = static_cast<float*>(memory.data());
  float* b = a + kCount;
  float* c = b + kCount;
  stream->mark(0);
  cuda::to_device(a, numbers, kCount * sizeof(float), *stream);
  cuda::to_device(b, numbers, kCount * sizeof(float), *stream);
  stream->scratch<float>(0, 10);
  stream->scratch<float>(1, 10);
  stream->scratch<float>(0, 100);
  Product<float> product;
  product.transpose_b = true;
  product.m = product.n = product.ldc = 4;
  product.k = product.lda = product.ldb = 72;
  product.a = a;
  product.b = b;
  product.c = c;
  product.bias = a;
  if (!cuda::adds_bias(product, *stream)) throw DeviceError("test: no bias");
  cuda::matmul(product, *stream);
  // A batch of another shape, and a product of no terms.
  product.bias = nullptr;
  product.m = 1;
  product.batch = 4;
  product.stride_a = 72;
  product.stride_c = 4;
  product.beta = 1;
  cuda::matmul(product, *stream);
  product.k = 0;
  product.c = c + 16;
  product.beta = 0;
  cuda::matmul(product, *stream);
  // Once more, noted and then played; with the numbers unchanged, since it writes the same zeros.
  if (stream->captures()) {
    stream->begin_capture();
    try {
      cuda::matmul(product, *stream);
      graph = stream->end_capture();
    } catch (...) {
      stream->drop_capture();
      throw;
    }
    stream->play(*graph);
  }
  stream->mark(1);
  if (stream->milliseconds(0, 1) <= 0) throw DeviceError("test: no time");
  cuda::to_host(numbers, c, 32 * sizeof(float), *stream);
  stream->synchronise();
  // Once with the bias of ones, once added to that.
  for (int i = 0; i < 16; ++i)
    if (numbers[i] != 72 + 1 + 72) throw DeviceError("test: wrong numbers");
  for (int i = 16; i < 32; ++i)
    if (numbers[i] != 0) throw DeviceError("test: wrong zeros");
  return fake_cuda::calls();
}

TEST_SUITE("cuda_streams") {
  TEST_CASE("a life leaves nothing behind") {
    fake_cuda::reset();
    life(1, nullptr);
    CHECK(fake_cuda::living().total() == 0);
    CHECK(fake_cuda::last_error() == cudaSuccess);
    check_no_mistakes();
  }

  TEST_CASE("a device that is missing, wrong or too old is told in one line") {
    const auto error = [](const fake_cuda::Machine& machine, int device) {
      fake_cuda::reset(machine);
      bool out_of_memory = false;
      const std::string text = error_of([&] { CudaStream stream(device); }, &out_of_memory);
      CHECK(fake_cuda::living().total() == 0);
      CHECK(fake_cuda::last_error() == cudaSuccess);
      CHECK(!out_of_memory);
      // Memory is refused in the same words. A device that is there, if too old, has some.
      const bool there = machine.driver && device >= 0 && device < machine.devices;
      for (const bool host : {false, true})
        CHECK(error_of([&] { Owned(8, device, host); }) == (there ? "" : text));
      CHECK(fake_cuda::living().total() == 0);
      check_no_mistakes();
      return text;
    };
    CHECK(error({.driver = false}, 0) ==
          "device cuda: no NVIDIA driver, or one that is too old for this build; use device cpu");
    CHECK(error({.devices = 0}, 0) == "device cuda: this machine has none; use device cpu");
    CHECK(error({.devices = 2}, 2) == "there is no CUDA device 2; this machine has 2");
    CHECK(error({.devices = 2}, -1) == "there is no CUDA device -1; this machine has 2");
    CHECK(error({.major = 6, .minor = 1}, 0) ==
          "CUDA device 0 has compute capability 6.1, this build needs 7.5 or more; use device cpu, "
          "or build with -DOFER_CUDA_ARCHITECTURES=61");
    CHECK(error({.major = 12, .minor = 1}, 1) == "");
    // Somebody else's stream stays, on a device that is too old as well.
    fake_cuda::reset({.major = 7, .minor = 0});
    cudaStream_t theirs = somebodys_stream(0);
    CHECK(error_of([&] { CudaStream stream(0, theirs); }).find("needs 7.5") != std::string::npos);
    CHECK(fake_cuda::living().streams == 1);
  }

  TEST_CASE("a kernel without code for the device") {
    fake_cuda::reset({.major = 10, .minor = 3});
    CudaStream stream(0);
    const auto launch = [] { cuda::check(cudaErrorNoKernelImageForDevice, "layer_norm"); };
    CHECK(
        error_of(launch) ==
        "layer_norm: this build has no code for compute capability 10.3; use device cpu, or build "
        "with -DOFER_CUDA_ARCHITECTURES=103");
    fake_cuda::fail("cudaGetDevice", cudaErrorUnknown);
    CHECK(error_of(launch) ==
          "layer_norm: this build has no code for the device; use device cpu, or build for it with "
          "-DOFER_CUDA_ARCHITECTURES");
    CHECK(fake_cuda::last_error() == cudaSuccess);
  }

  TEST_CASE("tensor cores") {
    for (const int major : {7, 8, 9, 12}) {
      fake_cuda::reset({.major = major, .minor = 5});
      CudaStream stream(0);
      CHECK(stream.tensor_cores() == (major >= 8));
      CHECK(stream.compute_capability() == 10 * major + 5);
      CHECK(stream.multiprocessors() == 132);
    }
  }

  TEST_CASE("every call that fails") {
    for (const bool borrow : {false, true})
      for (const auto failure : {fake_cuda::Failure::kBroken, fake_cuda::Failure::kNoMemory}) {
        fake_cuda::reset();
        cudaStream_t theirs = borrow ? somebodys_stream(1) : nullptr;
        const int theirs_count = borrow ? 1 : 0;
        const long start = fake_cuda::calls();
        const long working = life(1, theirs) - start;
        const long all = fake_cuda::calls() - start;
        REQUIRE(working > 100);
        REQUIRE(all > working + 10);
        for (long number = 1; number <= all; ++number) {
          fake_cuda::fail(number, failure);
          bool threw = true, out_of_memory = false, null = false;
          std::string text;
          try {
            life(1, theirs);
            threw = false;
          } catch (const DeviceError& error) {
            text = error.what();
            out_of_memory = error.out_of_memory;
          } catch (const OutOfMemory&) {
            null = true;
          }
          INFO("call ", number, ", ", fake_cuda::failed_function(), ": ", text);
          const bool no_memory = failure == fake_cuda::Failure::kNoMemory;
          // What fails while everything is taken down is nobody's to hear.
          CHECK(threw == (number <= working));
          if (null) {
            CHECK(no_memory);
            CHECK(fake_cuda::failed_function().starts_with("cudaMalloc"));
          } else if (threw) {
            CHECK(out_of_memory == no_memory);
            // "what was being done: why", in one line.
            const std::size_t colon = text.find(": ");
            REQUIRE(colon != std::string::npos);
            CHECK(colon > 0);
            CHECK(text.substr(colon + 2) ==
                  (no_memory ? fake_cuda::kNoMemoryText : fake_cuda::kBrokenText));
          }
          CHECK(fake_cuda::living().total() == theirs_count);
          CHECK(fake_cuda::last_error() == cudaSuccess);
          // A fresh one works.
          const std::string next = error_of([&] { life(1, theirs); });
          CHECK_MESSAGE(next.empty(), next);
          CHECK(fake_cuda::living().total() == theirs_count);
          check_no_mistakes();
        }
      }
  }

  TEST_CASE("a stream goes on after an error") {
    fake_cuda::reset();
    CudaStream stream(0);
    // Which memory a slot holds is certain whatever fails while it grows.
    char* first = stream.scratch<char>(0, 100);
    for (const char* function : {"cudaStreamSynchronize", "cudaMalloc", "cudaFree"}) {
      fake_cuda::fail(function, cudaErrorUnknown);
      CHECK(error_of([&] { stream.scratch<char>(0, 200); }) != "");
    }
    char* second = stream.scratch<char>(0, 200);
    CHECK(first != second);
    // What fails inside the library is not found by the next kernel.
    DeviceArray<float> numbers(stream, 16);
    Product<float> product;
    product.m = product.n = product.k = product.lda = product.ldb = product.ldc = 4;
    product.a = product.b = product.c = numbers.data();
    fake_cuda::fail("cublasLtMatmul", cudaErrorUnknown);
    CHECK(error_of([&] { cuda::matmul(product, stream); }) == "matrix product: broken on purpose");
    CHECK(fake_cuda::last_error() == cudaSuccess);
    cuda::matmul(product, stream);
    CHECK(stream.scratch<char>(0, 150) == second);
    DeviceArray<char> other(stream, 1);
    const std::vector<char> bytes(200, 1);
    cuda::to_device(second, bytes.data(), 200, stream);
    stream.synchronise();
    check_no_mistakes();
  }

  TEST_CASE("memory that is not there") {
    fake_cuda::reset({.memory = std::size_t{64} << 20});
    CudaStream stream(0);
    CHECK(cuda::allocate(std::size_t{1} << 46, 0) == nullptr);
    CHECK(cuda::allocate_host(std::size_t{1} << 46, 0) == nullptr);
    CHECK(fake_cuda::last_error() == cudaSuccess);
    bool out_of_memory = false;
    const std::string text =
        error_of([&] { stream.scratch<char>(0, std::int64_t{64} << 20); }, &out_of_memory);
    CHECK(text == "scratch memory of a kernel: out of memory");
    CHECK(out_of_memory);
    stream.scratch<char>(0, 1 << 20);
    // Room for one workspace, not for two.
    CHECK(error_of([&] { CudaStream another(0); }, &out_of_memory) ==
          "workspace of cuBLAS: out of memory");
    CHECK(out_of_memory);
    CudaStream elsewhere(1);
    check_no_mistakes();
  }

  TEST_CASE("somebody else's stream stays theirs") {
    fake_cuda::reset();
    cudaStream_t theirs = somebodys_stream(1);
    {
      CudaStream stream(1, theirs);
      CHECK(stream.handle() == theirs);
      stream.mark(0);
    }
    CHECK(fake_cuda::living().streams == 1);
    CHECK(fake_cuda::living().total() == 1);
    CHECK(cudaStreamSynchronize(theirs) == cudaSuccess);
    // The null stream is one that cannot be destroyed either.
    life(0, nullptr);
    { CudaStream stream(1, nullptr); }
    CHECK(fake_cuda::living().total() == 1);
    check_no_mistakes();
  }

  TEST_CASE("every use goes to the stream's device, whatever was current") {
    fake_cuda::reset();
    CudaStream first(0), second(1);
    DeviceArray<float> a(first, std::vector<double>(16, 1)), b(second, std::vector<double>(16, 2));
    const auto elsewhere = [](int device) { REQUIRE(cudaSetDevice(device) == cudaSuccess); };
    for (CudaStream* stream : {&first, &second}) {
      const int other = 1 - stream->device();
      float* data = stream == &first ? a.data() : b.data();
      elsewhere(other);
      stream->mark(0);
      elsewhere(other);
      float host[16] = {};
      cuda::to_host(host, data, sizeof(host), *stream);
      elsewhere(other);
      cuda::to_device(data, host, sizeof(host), *stream);
      elsewhere(other);
      float* scratch = stream->scratch<float>(0, 16);
      elsewhere(other);
      Product<float> product;
      product.m = product.n = product.k = product.lda = product.ldb = product.ldc = 4;
      product.a = product.b = data;
      product.c = scratch;
      cuda::matmul(product, *stream);
      elsewhere(other);
      product.m = 2;
      product.bias = data;
      CHECK(cuda::adds_bias(product, *stream));
      product.bias = nullptr;
      elsewhere(other);
      product.k = 0;
      cuda::matmul(product, *stream);
      elsewhere(other);
      stream->mark(1);
      elsewhere(other);
      CHECK(stream->milliseconds(0, 1) > 0);
      stream->synchronise();
      elsewhere(other);
      const Owned memory(8, stream->device(), false);
      elsewhere(other);
    }
    // Its end, too.
    auto third = std::make_unique<CudaStream>(0);
    elsewhere(1);
    third.reset();
    CHECK(fake_cuda::living().libraries == 2);
    check_no_mistakes();
  }

  TEST_CASE("the stand-in sees what a device would not forgive") {
    fake_cuda::reset();
    const auto saw = [](const char* what) {
      const bool seen = !fake_cuda::mistakes().empty() &&
                        fake_cuda::mistakes().back().find(what) != std::string::npos;
      CHECK_MESSAGE(seen, what);
    };
    CudaStream first(0), second(1);
    float host[4] = {};
    void* data = cuda::allocate(16, 0);
    CHECK(error_of([&] { cuda::to_device(static_cast<char*>(data) + 8, host, 16, first); }) != "");
    saw("leaves its memory");
    CHECK(error_of([&] { cuda::to_device(data, host, 16, second); }) != "");
    saw("another device's memory");
    CHECK(error_of([&] { cuda::to_host(host, host, 16, first); }) != "");
    saw("not in device memory");
    first.make_current();
    CHECK(cudaMemcpyAsync(data, host, 16, cudaMemcpyHostToDevice, second.handle()) != cudaSuccess);
    saw("on a stream of device 1 while device 0 is current");
    cuda::release(data, 0);
    CHECK(error_of([&] { cuda::to_device(data, host, 16, first); }) != "");
    saw("memory that was freed");
    cuda::release(data, 0);
    saw("frees memory twice");
    CHECK(cudaStreamDestroy(reinterpret_cast<cudaStream_t>(host)) != cudaSuccess);
    saw("does not exist");
    Product<float> product;
    product.m = product.n = product.k = product.lda = product.ldb = product.ldc = 2;
    product.batch = 2;
    DeviceArray<float> memory(first, 16);
    product.a = product.b = memory.data();
    product.c = memory.data() + 8;
    CHECK(error_of([&] { cuda::matmul(product, first); }) ==
          "matrix product: all items write one C");
    product.batch = 1;
    product.ldb = 9;
    CHECK(error_of([&] { cuda::matmul(product, first); }) == "");
    product.ldb = 15;
    CHECK(error_of([&] { cuda::matmul(product, first); }) != "");
    saw("operand A leaves its memory");
  }
}

}  // namespace
}  // namespace ofer::test
