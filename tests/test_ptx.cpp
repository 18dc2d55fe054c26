// The executor's twins of tensor-core products and asynchronous copies.
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "kernels/cuda/ptx.cuh"
#include "tests/support/random.h"

namespace ofer::kernels::simt {
namespace {

// One warp multiplies A [16, K] and B [K, 8] and adds the product to C [16, 8], each lane fetching
// what kernels/cuda/ptx.cuh says it holds.
__global__ void product_tf32(Global<const float> a, Global<const float> b, Global<float> c) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  const float fa[4] = {to_tf32(a[g * 8 + t]), to_tf32(a[(g + 8) * 8 + t]),
                       to_tf32(a[g * 8 + t + 4]), to_tf32(a[(g + 8) * 8 + t + 4])};
  const float fb[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
  float fc[4] = {c[g * 8 + 2 * t], c[g * 8 + 2 * t + 1], c[(g + 8) * 8 + 2 * t],
                 c[(g + 8) * 8 + 2 * t + 1]};
  mma_tf32(fc, fa, fb);
  c[g * 8 + 2 * t] = fc[0];
  c[g * 8 + 2 * t + 1] = fc[1];
  c[(g + 8) * 8 + 2 * t] = fc[2];
  c[(g + 8) * 8 + 2 * t + 1] = fc[3];
}

__global__ void product_bf16(Global<const float> a, Global<const float> b, Global<float> c) {
  const int g = static_cast<int>(threadIdx.x) / 4, t = static_cast<int>(threadIdx.x) % 4;
  std::uint32_t fa[4], fb[2];
  for (int i = 0; i < 4; ++i) {
    const int at = (g + i % 2 * 8) * 16 + 2 * t + i / 2 * 8;
    fa[i] = pack_bf16(a[at], a[at + 1]);
  }
  for (int i = 0; i < 2; ++i) {
    const int k = 2 * t + i * 8;
    fb[i] = pack_bf16(b[k * 8 + g], b[(k + 1) * 8 + g]);
  }
  float fc[4] = {};
  mma_bf16(fc, fa, fb);
  for (int i = 0; i < 4; ++i) c[(g + i / 2 * 8) * 8 + 2 * t + i % 2] = fc[i];
}

// Every thread copies four neighbours of x to shared memory and, behind the barrier, reads what
// another thread copied. Threads from `valid` on copy zeros.
template <bool kWait>
__global__ void staged(Global<const float> x, Global<float> y, int valid) {
  OFER_SHARED(float, tile, 4 * 64);
  const int t = static_cast<int>(threadIdx.x);
  copy_async<4>(tile, 4 * t, x, 4 * t, t < valid);
  copy_async_commit();
  if constexpr (kWait) copy_async_wait<0>();
  __syncthreads();
  y[t] = tile[4 * (63 - t) + 1];
}

// Two tiles in turn in one place: y[t] = sum of what other threads copied. Without the barrier in the
// middle a copy starts while others may still read what lies there.
template <bool kBarrier>
__global__ void in_turn(Global<const float> x, Global<float> y) {
  OFER_SHARED(float, tile, 64);
  const int t = static_cast<int>(threadIdx.x);
  float sum = 0;
  for (int part = 0; part < 2; ++part) {
    copy_async<1>(tile, t, x, 64 * part + t, true);
    copy_async_commit();
    copy_async_wait<0>();
    __syncthreads();
    sum += tile[63 - t];
    if constexpr (kBarrier) __syncthreads();
  }
  y[t] = sum;
}

// A thread reads, or writes, where its own copy is under way.
template <bool kRead>
__global__ void hasty(Global<const float> x, Global<float> y) {
  OFER_SHARED(float, tile, 64);
  const int t = static_cast<int>(threadIdx.x);
  tile[t] = 1;
  copy_async<1>(tile, t, x, t, true);
  copy_async_commit();
  if (kRead)
    y[t] = tile[t];
  else
    tile[t] = 2;
  copy_async_wait<0>();
}

// Four matrices lie one behind the other, their rows of 16 bytes further apart than they are long.
// Lane l's registers to y[4 l ..], as the numbers of the elements that they hold.
template <class T, bool kTransposed>
__global__ void fragments(Global<float> y) {
  constexpr int kRow = 16 / sizeof(T), kStride = kRow + 16 / sizeof(T);
  OFER_SHARED(T, matrices, 32 * kStride);
  const int lane = static_cast<int>(threadIdx.x);
  for (int i = 0; i < kRow; ++i)
    matrices[lane * kStride + i] = T(static_cast<float>(lane * kRow + i));
  __syncwarp();
  std::uint32_t r[4];
  if constexpr (kTransposed)
    load_matrices_transposed(matrices, lane * kStride, r);
  else
    load_matrices(matrices, lane * kStride, r);
  for (int i = 0; i < 4; ++i)
    y[4 * lane + i] = sizeof(T) == 4 ? __int_as_float(static_cast<int>(r[i]))
                                     : mma::half(r[i], 0) + 1000 * mma::half(r[i], 1);
}

struct Device {
  float* data;
  explicit Device(const std::vector<float>& values)
      : data(static_cast<float*>(allocate(values.size() * sizeof(float), Tracking::kRaces))) {
    std::copy(values.begin(), values.end(), data);
  }
  ~Device() { release(data); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

std::vector<float> drawn(std::size_t count, std::uint64_t seed) {
  test::Random random(seed);
  std::vector<float> values(count);
  for (float& v : values) v = static_cast<float>(random.normal());
  return values;
}

template <class Round>
double worst_error(const float* c, const std::vector<float>& a, const std::vector<float>& b,
                   const std::vector<float>& start, int depth, Round round) {
  double worst = 0;
  for (int i = 0; i < 16; ++i)
    for (int j = 0; j < 8; ++j) {
      double sum = start[static_cast<std::size_t>(i * 8 + j)];
      for (int k = 0; k < depth; ++k)
        sum += double{round(a[static_cast<std::size_t>(i * depth + k)])} *
               double{round(b[static_cast<std::size_t>(k * 8 + j)])};
      worst = std::max(worst, std::fabs(sum - double{c[i * 8 + j]}));
    }
  return worst;
}

TEST_SUITE("ptx") {
  TEST_CASE("a warp's product in tf32 and in bf16") {
    SimtStream stream(1);
    const std::vector<float> start = drawn(128, 3), zero(128, 0.0f);
    {
      const std::vector<float> a = drawn(16 * 8, 1), b = drawn(8 * 8, 2);
      Device da(a), db(b), dc(start);
      launch("product", product_tf32, {1, 32}, stream, da.data, db.data, dc.data);
      CHECK(worst_error(dc.data, a, b, start, 8, to_tf32) < 1e-5);
      CHECK(worst_error(dc.data, a, b, start, 8, [](float v) { return v; }) > 1e-5);
    }
    const std::vector<float> a = drawn(16 * 16, 4), b = drawn(16 * 8, 5);
    Device da(a), db(b), dc(zero);
    launch("product", product_bf16, {1, 32}, stream, da.data, db.data, dc.data);
    CHECK(worst_error(dc.data, a, b, zero, 16, [](float v) { return float{BFloat16(v)}; }) < 1e-5);
    CHECK(worst_error(dc.data, a, b, zero, 16, [](float v) { return v; }) > 1e-4);
  }

  TEST_CASE("fragments from shared memory") {
    SimtStream stream(1);
    const std::vector<float> zeros(128, 0.0f);
    Device words(zeros), pairs(zeros), transposed(zeros);
    launch("fragments", fragments<float, false>, {1, 32}, stream, words.data);
    launch("fragments", fragments<BFloat16, false>, {1, 32}, stream, pairs.data);
    launch("fragments", fragments<BFloat16, true>, {1, 32}, stream, transposed.data);
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        const int g = lane / 4, t = lane % 4, at = 4 * lane + i;
        CHECK(words.data[at] == float(32 * i + 4 * g + t));
        const int pair = 64 * i + 8 * g + 2 * t, above = 64 * i + 8 * 2 * t + g;
        CHECK(pairs.data[at] == float(pair) + 1000 * float(pair + 1));
        CHECK(transposed.data[at] == float(above) + 1000 * float(above + 8));
      }
  }

  TEST_CASE("powers of two") {
    CHECK(exp2_flushed(3.0f) == 8.0f);
    CHECK(exp2_flushed(-126.0f) == 0x1p-126f);
    CHECK(exp2_flushed(-126.5f) == 0.0f);
    CHECK(exp2_flushed(-INFINITY) == 0.0f);
    CHECK(std::isnan(exp2_flushed(NAN)));
  }

  TEST_CASE("rounding") {
    CHECK(to_tf32(1.0f) == 1.0f);
    CHECK(to_tf32(1.0f + 0x1p-11f) == 1.0f + 0x1p-10f);  // a tie goes away from zero
    CHECK(to_tf32(-1.0f - 0x1p-11f) == -1.0f - 0x1p-10f);
    CHECK(to_tf32(1.0f + 0x1.8p-12f) == 1.0f);
    CHECK(std::isnan(to_tf32(NAN)));
    CHECK(std::isinf(to_tf32(INFINITY)));
    CHECK(float{BFloat16(1.0f + 0x1p-8f)} == 1.0f);  // a tie goes to even
    CHECK(float{BFloat16(1.0f + 0x1.8p-7f)} == 1.0f + 0x1p-6f);
    CHECK(std::isnan(float{BFloat16(NAN)}));
    CHECK(float{BFloat16(INFINITY)} == INFINITY);
    CHECK(pack_bf16(1.0f, -2.0f) == 0xc0003f80u);
  }

  TEST_CASE("asynchronous copies are there when they are waited for, and not before") {
    SimtStream stream(1);
    const std::vector<float> x = drawn(256, 6);
    Device dx(x), dy(std::vector<float>(64));
    launch("staged", staged<true>, {1, 64}, stream, dx.data, dy.data, 60);
    for (int t = 0; t < 64; ++t) {
      const int from = 63 - t;
      CHECK(dy.data[t] == (from < 60 ? x[static_cast<std::size_t>(4 * from + 1)] : 0.0f));
    }
    CHECK_THROWS_AS(launch("staged", staged<false>, {1, 64}, stream, dx.data, dy.data, 60), Fault);
  }

  TEST_CASE("nobody touches what an asynchronous copy is under way to") {
    SimtStream stream(1);
    const std::vector<float> x = drawn(128, 6);
    Device dx(x), dy(std::vector<float>(64));
    launch("in_turn", in_turn<true>, {1, 64}, stream, dx.data, dy.data);
    for (std::size_t t = 0; t < 64; ++t) CHECK(dy.data[t] == x[63 - t] + x[127 - t]);
    for (const auto& kernel : {in_turn<false>, hasty<true>, hasty<false>}) {
      SimtStream other(1);
      CHECK_THROWS_WITH_AS(launch("early", kernel, {1, 64}, other, dx.data, dy.data),
                           doctest::Contains("race"), Fault);
    }
  }
}

}  // namespace
}  // namespace ofer::kernels::simt
