// Kernels that are wrong on purpose: the executor has to name each mistake, with kernel, block,
// thread and line.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "kernels/cuda/matmul.h"
#include "kernels/simt/device.h"
#include "tests/support/memory.h"

namespace ofer::kernels::simt {
namespace {

constexpr int kThreads = 64;

// Device memory for one test, with races looked for.
class Array {
 public:
  explicit Array(std::vector<float> values)
      : size_(values.size()),
        data_(static_cast<float*>(allocate(size_ * sizeof(float), Tracking::kRaces))) {
    std::copy(values.begin(), values.end(), data_);
  }
  ~Array() { release(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  float* data() { return data_; }
  std::vector<float> values() const { return {data_, data_ + size_}; }

 private:
  std::size_t size_;
  float* data_;
};

std::vector<float> counting(std::size_t count) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i);
  return values;
}

// What the executor says of the kernel; empty when it found nothing.
template <class... P, class... A>
std::string fault_of(void (*kernel)(P...), LaunchShape shape, const A&... arguments) {
  std::string text;
  for (const std::uint64_t seed : {1, 2, 3}) {
    SimtStream stream(2, seed);
    try {
      launch("broken", kernel, shape, stream, arguments...);
    } catch (const Fault& fault) {
      text = fault.what();
    }
  }
  return text;
}

bool mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// --- the kernels; `right` in front of each pair is the same one done properly ---

// y = x reversed within the block, through shared memory.
template <bool kRight>
__global__ void reverse(Global<const float> x, Global<float> y) {
  OFER_SHARED(float, tile, kThreads);
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = x[t];
  if constexpr (kRight) __syncthreads();
  y[t] = tile[kThreads - 1 - t];
}

// y[0 .. count) = 1, and y = x.
__global__ void fill_first(Global<float> y, Index count) {
  if (threadIdx.x < count) y[threadIdx.x] = 1;
}
__global__ void copy_all(Global<const float> x, Global<float> y, Index count) {
  if (threadIdx.x < count) y[threadIdx.x] = x[threadIdx.x];
}

// Neighbours added, the last one alone.
template <bool kRight>
__global__ void neighbours(Global<const float> x, Global<float> y, int count) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= count) return;
  if (kRight && i + 1 == count)
    y[i] = x[i];
  else
    y[i] = x[i] + x[i + 1];
}

__global__ void shared_off_by_one(Global<float> y) {
  OFER_SHARED(float, tile, kThreads);
  const int t = static_cast<int>(threadIdx.x);
  tile[t + 1] = 1;
  __syncthreads();
  y[t] = tile[t];
}

// One row of the tile is never filled.
template <bool kRight>
__global__ void tile_rows(Global<const float> x, Global<float> y) {
  OFER_SHARED(float, tile, kThreads);
  const int t = static_cast<int>(threadIdx.x);
  if (kRight || t / 8 != 3) tile[t] = x[t];
  __syncthreads();
  y[t] = tile[t];
}

// One row of the result is never written.
__global__ void output_rows(Global<const float> x, Global<float> y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t / 8 != 3) y[t] = x[t];
}

// The sum of the positive lanes of each warp.
template <bool kRight>
__global__ void positive_sum(Global<const float> x, Global<float> y) {
  const int t = static_cast<int>(threadIdx.x);
  float v = x[t];
  if constexpr (kRight) {
    v = v > 40 ? v : 0;
    for (int m = 16; m > 0; m /= 2) v += __shfl_xor_sync(0xffffffffu, v, m);
  } else if (v > 40) {
    for (int m = 16; m > 0; m /= 2) v += __shfl_xor_sync(0xffffffffu, v, m);
  }
  y[t] = v;
}

// Some lanes meet in one shuffle, the others in another one.
__global__ void two_shuffles(Global<float> y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t % 2 == 0)
    y[t] = __shfl_sync(0xffffffffu, 1.0f, 0);
  else
    y[t] = __shfl_sync(0xffffffffu, 2.0f, 0);
}

__global__ void divergent_barrier(Global<float> y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < 40) __syncthreads();
  y[t] = 1;
}

__global__ void two_barriers(Global<float> y) {
  const int t = static_cast<int>(threadIdx.x);
  if (t < 32)
    __syncthreads();
  else
    __syncthreads();
  y[t] = 1;
}

// A byte for every thread; or for every thread of a block.
template <bool kRight>
__global__ void bytes_written(Global<std::uint8_t> y) {
  const int t = static_cast<int>(threadIdx.x), block = static_cast<int>(blockIdx.x);
  y[kRight ? block * kThreads + t : t] = 1;
}

// Every block adds into the same element.
__global__ void block_race(Global<const float> x, Global<float> y) {
  if (threadIdx.x == 0) y[0] += x[blockIdx.x];
}

// In place, and each block reads what the next one writes.
__global__ void shift_in_place(Global<float> y, int count) {
  const int i = static_cast<int>(blockIdx.x * kThreads + threadIdx.x);
  if (i + 1 < count) y[i] = y[i + 1];
}

// Two threads of different warps write one element of shared memory.
__global__ void shared_write_race(Global<float> y) {
  OFER_SHARED(float, total, 1);
  const int t = static_cast<int>(threadIdx.x);
  if (t % 32 == 0) total[0] = static_cast<float>(t);
  __syncthreads();
  y[t] = total[0];
}

// Reads the next row's first element before it is overwritten, or after: nobody knows.
__global__ void read_write_race(Global<float> y) {
  OFER_SHARED(float, tile, kThreads);
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = static_cast<float>(t);
  __syncthreads();
  const float next = tile[(t + 33) % kThreads];
  tile[t] = next;
  __syncthreads();
  y[t] = tile[t];
}

// Lanes of one warp pass values on through shared memory.
template <bool kRight>
__global__ void within_a_warp(Global<float> y) {
  OFER_SHARED(float, tile, 32);
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = static_cast<float>(t);
  if constexpr (kRight) __syncwarp();
  y[t] = tile[31 - t];
}

__global__ void misaligned(Global<const float> x, Global<float> y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = load_vector<4>(x, t)[0];
}

__global__ void dynamic_array(Global<float> y) {
  OFER_SHARED_DYNAMIC(float, tile, 0, kThreads);
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = 1;
  __syncthreads();
  y[t] = tile[kThreads - 1 - t];
}

TEST_SUITE("simt_faults") {
  TEST_CASE("a missing barrier") {
    Array x(counting(kThreads)), y(counting(kThreads));
    CHECK(fault_of(reverse<true>, {1, kThreads}, x.data(), y.data()) == "");
    CHECK(y.values()[0] == kThreads - 1);
    const std::string text = fault_of(reverse<false>, {1, kThreads}, x.data(), y.data());
    const bool found = mentions(text, "race") || mentions(text, "nobody has written");
    CHECK_MESSAGE(found, text);
    CHECK(mentions(text, "kernel broken, block (0, 0, 0), thread ("));
    CHECK(mentions(text, "tests/test_simt_faults.cpp:"));
    CHECK(mentions(text, "shared array tile"));
  }

  TEST_CASE("off by one, device memory and shared memory") {
    Array x(counting(50)), y(counting(50));
    CHECK(fault_of(neighbours<true>, {1, kThreads}, x.data(), y.data(), 50) == "");
    const std::string text = fault_of(neighbours<false>, {1, kThreads}, x.data(), y.data(), 50);
    CHECK_MESSAGE(mentions(text, "reads element 50 of 50 in device memory"), text);
    CHECK(mentions(text, "thread (49, 0, 0)"));
    Array z(counting(kThreads));
    const std::string shared = fault_of(shared_off_by_one, {1, kThreads}, z.data());
    CHECK_MESSAGE(mentions(shared, "writes element 64 of shared array tile, which has 64"), shared);
  }

  TEST_CASE("a row that nobody writes") {
    Array x(counting(kThreads)), y(counting(kThreads));
    CHECK(fault_of(tile_rows<true>, {1, kThreads}, x.data(), y.data()) == "");
    const std::string text = fault_of(tile_rows<false>, {1, kThreads}, x.data(), y.data());
    CHECK_MESSAGE(mentions(text, "which nobody has written"), text);
    // In the result it shows as the NaN that device memory is full of.
    Array fresh(std::vector<float>(kThreads, NAN));
    CHECK(fault_of(output_rows, {1, kThreads}, x.data(), fresh.data()) == "");
    const std::vector<float> values = fresh.values();
    for (int i = 0; i < kThreads; ++i)
      CHECK(std::isnan(values[static_cast<std::size_t>(i)]) == (i / 8 == 3));
  }

  TEST_CASE("scratch memory that nobody has written") {
    constexpr Index kCount = 40;
    Array y(std::vector<float>(kCount, 0.0f));
    SimtStream stream(2, 1);
    const auto pass = [&](Index written) {
      std::string text;
      float* const scratch = stream.scratch<float>(0, kCount);
      try {
        launch("first", fill_first, {1, kThreads}, stream, scratch, written);
        launch("second", copy_all, {1, kThreads}, stream, scratch, y.data(), kCount);
      } catch (const Fault& fault) {
        text = fault.what();
      }
      return text;
    };
    CHECK(pass(kCount) == "");
    CHECK(y.values().back() == 1);
    // What an earlier call has left is as good as garbage.
    CHECK(pass(kCount - 1) == "");
    stream.dirty_scratch();
    const std::string text = pass(kCount - 1);
    CHECK(mentions(text, "reads scratch memory that nobody has written"));
    CHECK(mentions(text, "kernel second"));
    CHECK(mentions(text, "thread (39, 0, 0)"));
    // A product writes there too, which is no kernel's doing.
    stream.dirty_scratch();
    Array a(std::vector<float>(kCount, 1.0f)), b(std::vector<float>(1, 2.0f));
    Product<float> product;
    product.m = kCount;
    product.n = product.k = 1;
    product.a = a.data();
    product.b = b.data();
    product.c = stream.scratch<float>(0, kCount);
    product.lda = product.ldb = product.ldc = 1;
    matmul(product, stream);
    CHECK(pass(0) == "");
    CHECK(y.values().back() == 2);
  }

  TEST_CASE("a shuffle in a divergent branch") {
    Array x(counting(kThreads)), y(counting(kThreads));
    CHECK(fault_of(positive_sum<true>, {1, kThreads}, x.data(), y.data()) == "");
    CHECK(y.values()[0] == 0);
    CHECK(y.values()[63] == 23 * 104 / 2);
    const std::string text = fault_of(positive_sum<false>, {1, kThreads}, x.data(), y.data());
    CHECK_MESSAGE(mentions(text, "warp operation among missing lanes 0, 1, 2, 3, 4, 5, 6, 7, 8"),
                  text);
    const std::string two = fault_of(two_shuffles, {1, kThreads}, y.data());
    CHECK_MESSAGE(mentions(two, "divergent warp operation"), two);
  }

  TEST_CASE("a barrier that not all reach, or at different lines") {
    Array y(counting(kThreads));
    const std::string some = fault_of(divergent_barrier, {1, kThreads}, y.data());
    CHECK_MESSAGE(mentions(some, "divergent barrier: 40 of 64 threads reach it"), some);
    const std::string lines = fault_of(two_barriers, {1, kThreads}, y.data());
    CHECK_MESSAGE(mentions(lines, "divergent barrier: thread"), lines);
  }

  TEST_CASE("races between blocks") {
    Array x(counting(8)), y(counting(1));
    const std::string text = fault_of(block_race, {8, kThreads}, x.data(), y.data());
    CHECK_MESSAGE(mentions(text, "race"), text);
    Array z(counting(4 * kThreads));
    const std::string place = fault_of(shift_in_place, {4, kThreads}, z.data(), 4 * kThreads);
    CHECK_MESSAGE(mentions(place, "race"), place);
    // Neighbouring bytes are apart, wherever they begin.
    Array bytes(counting(kThreads + 1));
    auto* odd = reinterpret_cast<std::uint8_t*>(bytes.data()) + 1;
    CHECK(fault_of(bytes_written<true>, {4, kThreads}, odd) == "");
    const std::string byte = fault_of(bytes_written<false>, {4, kThreads}, odd);
    CHECK_MESSAGE(mentions(byte, "race"), byte);
  }

  TEST_CASE("races in shared memory") {
    Array y(counting(kThreads));
    const std::string two = fault_of(shared_write_race, {1, kThreads}, y.data());
    CHECK_MESSAGE(mentions(two, "race: writes element 0 of shared array total"), two);
    const std::string order = fault_of(read_write_race, {1, kThreads}, y.data());
    CHECK_MESSAGE(mentions(order, "race"), order);
    CHECK(fault_of(within_a_warp<true>, {1, 32}, y.data()) == "");
    CHECK(y.values()[0] == 31);
    CHECK(fault_of(within_a_warp<false>, {1, 32}, y.data()) != "");
  }

  TEST_CASE("vectors, host pointers, shared memory that was not asked for, absurd launches") {
    Array x(counting(kThreads + 4)), y(counting(kThreads));
    const std::string vector = fault_of(misaligned, {1, kThreads}, x.data(), y.data());
    CHECK_MESSAGE(mentions(vector, "not aligned"), vector);
    std::vector<float> host(kThreads);
    const std::string pointer = fault_of(output_rows, {1, kThreads}, host.data(), y.data());
    CHECK_MESSAGE(mentions(pointer, "not on the device"), pointer);
    CHECK(fault_of(dynamic_array, {1, kThreads, kThreads * sizeof(float)}, y.data()) == "");
    const std::string dynamic = fault_of(dynamic_array, {1, kThreads}, y.data());
    CHECK_MESSAGE(mentions(dynamic, "ends at byte 256, the launch gave 0"), dynamic);
    CHECK(
        mentions(fault_of(output_rows, {1, 2048}, x.data(), y.data()), "a block of 2048 threads"));
    CHECK(
        mentions(fault_of(output_rows, {Dim3(1, 70000), kThreads}, x.data(), y.data()), "a grid"));
    const std::string null =
        fault_of(output_rows, {1, kThreads}, static_cast<const float*>(nullptr), y.data());
    CHECK_MESSAGE(mentions(null, "null pointer"), null);
  }

  TEST_CASE("after a fault the stream works again") {
    Array x(counting(kThreads)), y(counting(kThreads));
    SimtStream stream(2);
    CHECK_THROWS_AS(launch("broken", reverse<false>, {1, kThreads}, stream, x.data(), y.data()),
                    Fault);
    launch("right", reverse<true>, {1, kThreads}, stream, x.data(), y.data());
    CHECK(y.values()[5] == kThreads - 6);
  }
}

}  // namespace
}  // namespace ofer::kernels::simt
