// kernels/cuda/ptx.cuh on the executor.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "kernels/bf16.h"
#include "kernels/simt/device.h"

namespace ofer::kernels::simt {

inline float to_tf32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7f800000u) == 0x7f800000u) return value;
  return std::bit_cast<float>((bits + 0x1000u) & ~0x1fffu);
}

inline std::uint32_t pack_bf16(float low, float high) {
  return static_cast<std::uint32_t>(BFloat16(low).bits) |
         static_cast<std::uint32_t>(BFloat16(high).bits) << 16;
}

inline float exp2_flushed(float x) { return x < -126 ? 0.0f : std::exp2(x); }

namespace mma {

// D = A B + C of one warp, from the fragments that its lanes hold (the layouts of ptx.cuh).
template <int K>
void multiply(const float (&a)[16][K], const float (&b)[K][8], Thread* const* lanes,
              float* (*accumulator)(void*)) {
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    float* c = accumulator(lanes[lane]->operand);
    for (int i = 0; i < 4; ++i) {
      const int row = g + i / 2 * 8, column = 2 * t + i % 2;
      float sum = 0;
      for (int k = 0; k < K; ++k) sum += a[row][k] * b[k][column];
      c[i] += sum;
    }
  }
}

// A tensor core looks at the upper 19 bits of a tf32 operand.
inline float upper(float value) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & ~0x1fffu);
}

inline float half(std::uint32_t pair, int which) {
  return std::bit_cast<float>(which ? pair & 0xffff0000u : pair << 16);
}

inline constexpr std::uint32_t kAll = 0xffffffffu;

}  // namespace mma

inline void mma_tf32(float (&c)[4], const float (&a)[4], const float (&b)[2],
                     Here where = Here::current()) {
  struct Operation {
    float* c;
    const float* a;
    const float* b;
    static void combine(Thread* const* lanes, std::uint32_t) {
      float wide_a[16][8], wide_b[8][8];
      for (int lane = 0; lane < 32; ++lane) {
        const int g = lane / 4, t = lane % 4;
        const auto& o = *static_cast<Operation*>(lanes[lane]->operand);
        for (int i = 0; i < 4; ++i) wide_a[g + i % 2 * 8][t + i / 2 * 4] = mma::upper(o.a[i]);
        for (int i = 0; i < 2; ++i) wide_b[t + i * 4][g] = mma::upper(o.b[i]);
      }
      mma::multiply<8>(wide_a, wide_b, lanes,
                       [](void* operand) { return static_cast<Operation*>(operand)->c; });
    }
  } operation{c, a, b};
  running->block->meet(mma::kAll, &Operation::combine, &operation, where);
}

inline void mma_bf16(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                     Here where = Here::current()) {
  struct Operation {
    float* c;
    const std::uint32_t* a;
    const std::uint32_t* b;
    static void combine(Thread* const* lanes, std::uint32_t) {
      float wide_a[16][16], wide_b[16][8];
      for (int lane = 0; lane < 32; ++lane) {
        const int g = lane / 4, t = lane % 4;
        const auto& o = *static_cast<Operation*>(lanes[lane]->operand);
        for (int half = 0; half < 2; ++half) {
          for (int i = 0; i < 4; ++i)
            wide_a[g + i % 2 * 8][2 * t + i / 2 * 8 + half] = mma::half(o.a[i], half);
          for (int i = 0; i < 2; ++i)
            wide_b[2 * t + i * 8 + half][g] = mma::half(o.b[i], half);
        }
      }
      mma::multiply<16>(wide_a, wide_b, lanes,
                        [](void* operand) { return static_cast<Operation*>(operand)->c; });
    }
  } operation{c, a, b};
  running->block->meet(mma::kAll, &Operation::combine, &operation, where);
}

// --- fragments from shared memory ---

namespace mma {

// The 16 bytes of each lane's row, then what each lane gets of them.
template <bool kTransposed, class T>
void load(const Shared<T>& x, At at, std::uint32_t (&r)[4]) {
  struct Operation {
    Vector<T, 16 / sizeof(T)> row;
    std::uint32_t* r;
    static void combine(Thread* const* lanes, std::uint32_t) {
      char rows[32][16];
      for (int lane = 0; lane < 32; ++lane)
        std::memcpy(rows[lane], &static_cast<Operation*>(lanes[lane]->operand)->row, 16);
      for (int lane = 0; lane < 32; ++lane) {
        const int g = lane / 4, t = lane % 4;
        std::uint32_t* result = static_cast<Operation*>(lanes[lane]->operand)->r;
        for (int i = 0; i < 4; ++i) {
          const auto& matrix = rows + 8 * i;
          if (kTransposed)
            for (int half = 0; half < 2; ++half)
              std::memcpy(reinterpret_cast<char*>(result + i) + 2 * half,
                          matrix[2 * t + half] + 2 * g, 2);
          else
            std::memcpy(result + i, matrix[g] + 4 * t, 4);
        }
      }
    }
  } operation{load_vector<16 / sizeof(T)>(x, at), r};
  running->block->meet(kAll, &Operation::combine, &operation, at.where);
}

}  // namespace mma

template <class T>
void load_matrices(const Shared<T>& x, At at, std::uint32_t (&r)[4]) {
  mma::load<false>(x, at, r);
}
template <class T>
void load_matrices_transposed(const Shared<T>& x, At at, std::uint32_t (&r)[4]) {
  static_assert(sizeof(T) == 2);
  mma::load<true>(x, at, r);
}

// --- asynchronous copies: they happen as late as they may, when their group is waited for ---

template <int N, class T, class From>
void copy_async(const Shared<T>& to, At i, const Global<From>& from, At j, bool valid) {
  static_assert(std::is_same_v<std::remove_const_t<From>, T>);
  constexpr std::size_t kBytes = N * sizeof(T);
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  if (to.checked(i, "copies to") * sizeof(T) % kBytes != 0)
    fault(i.where, "asynchronous copy to shared memory that is not aligned");
  PendingCopy copy;
  copy.bytes = kBytes;
  // The value is taken when the copy is carried out; whether it may be read is known now.
  if (valid) {
    copy.from = from.checked(j, N, kBytes, "copies from");
    if (from.region().shadow) note_read(from.region(), copy.from, kBytes, j.where);
  }
  copy.region = to.region();
  copy.first = to.checked(i, "copies to");
  copy.count = N;
  copy.element = sizeof(T);
  (void)to.checked(At(i.value + N - 1, i.where), "copies to");
  for (std::size_t k = 0; k < copy.count; ++k)
    note_copy_start(copy.region, copy.first + k, i.where);
  running->copies.push_back(copy);
}

inline void copy_async_commit() { running->copy_groups.push_back(running->copies.size()); }

template <int kGroups>
void copy_async_wait() {
  running->finish_copies(kGroups);
}

}  // namespace ofer::kernels::simt
