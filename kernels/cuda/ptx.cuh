// The instructions that C++ has no word for: tensor-core products and asynchronous copies into shared
// memory. Under nvcc they are PTX; on the executor (kernels/simt/ptx.h) the same, lane by lane.
//
// --- products of a warp, D = A B + C ---
// All 32 lanes take part; lane = 4 g + t, g in 0..7, t in 0..3. Row-major A [16, K], B [K, 8], C and D
// [16, 8] in float. What lane (g, t) holds:
//   C, D: c[0] = C[g][2t]  c[1] = C[g][2t + 1]  c[2] = C[g + 8][2t]  c[3] = C[g + 8][2t + 1]
//   mma_tf32, K = 8 (floats of which the upper 19 bits count; round them with to_tf32 first):
//     a[0] = A[g][t]  a[1] = A[g + 8][t]  a[2] = A[g][t + 4]  a[3] = A[g + 8][t + 4]
//     b[0] = B[t][g]  b[1] = B[t + 4][g]
//   mma_bf16, K = 16 (two bfloat16 in each register, the lower column in the lower half):
//     a[0] = A[g][2t, 2t + 1]      a[1] = A[g + 8][2t, 2t + 1]
//     a[2] = A[g][2t + 8, 2t + 9]  a[3] = A[g + 8][2t + 8, 2t + 9]
//     b[0] = B[2t, 2t + 1][g]      b[1] = B[2t + 8, 2t + 9][g]
//
// --- fragments from shared memory ---
// Four matrices of 8 rows of 16 bytes. Lane 8 i + r says where row r of matrix i begins, aligned to
// 16 bytes. In words of 4 bytes, an [8, 4] matrix; in elements of 2 bytes, an [8, 8] one:
//   load_matrices(x, at, r)             r[i] = word t of row g of matrix i
//   load_matrices_transposed(x, at, r)  r[i] = elements (2t, g) and (2t + 1, g) of matrix i, the first
//                                       in the lower half
// So the words of B^T [8, K] are B's fragments in mma_tf32 and mma_bf16 alike, and those of a
// row-major B [K, 8] of bfloat16 are, transposed, its fragments in mma_bf16.
//
// Compute capability 8.0 and newer; on 7.5 the kernels that use them must not be started.
//
// --- arithmetic ---
//   exp2_flushed(x)  2^x to two units in the last place, 0 where that is below the normal floats
//
// --- asynchronous copies ---
//   copy_async<N>(to, i, from, j, valid)  starts copying N neighbouring elements, 4, 8 or 16 bytes in
//                                         all and aligned to that, from device memory to shared
//                                         memory; zeros where not `valid` (from is not touched then)
//   copy_async_commit()                   closes the calling thread's group of copies
//   copy_async_wait<G>()                  waits until at most G of its newest groups are under way
// The copies of other threads are there only behind a barrier that follows their wait.
#pragma once

#include "kernels/bf16.h"
#include "kernels/cuda/device.cuh"

#if !defined(__CUDACC__)

#include "kernels/simt/ptx.h"

#else

namespace ofer::kernels::cuda {

// Round to nearest, ties away from zero, to 10 bits of mantissa.
__device__ __forceinline__ float to_tf32(float value) {
#if __CUDA_ARCH__ >= 800
  std::uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return __uint_as_float(bits);
#else
  return value;
#endif
}

// As BFloat16 rounds, but for which NaN a NaN becomes.
__device__ __forceinline__ std::uint32_t pack_bf16(float low, float high) {
#if __CUDA_ARCH__ >= 800
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  return static_cast<std::uint32_t>(BFloat16(low).bits) |
         static_cast<std::uint32_t>(BFloat16(high).bits) << 16;
#endif
}

__device__ __forceinline__ float exp2_flushed(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

__device__ __forceinline__ void mma_tf32(float (&c)[4], const float (&a)[4], const float (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
        "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
#endif
}

__device__ __forceinline__ void mma_bf16(float (&c)[4], const std::uint32_t (&a)[4],
                                         const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

template <class T>
__device__ __forceinline__ void load_matrices(const T* x, Index at, std::uint32_t (&r)[4]) {
#if __CUDA_ARCH__ >= 800
  const auto place = static_cast<std::uint32_t>(__cvta_generic_to_shared(x + at));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(place)
               : "memory");
#endif
}

template <class T>
__device__ __forceinline__ void load_matrices_transposed(const T* x, Index at,
                                                         std::uint32_t (&r)[4]) {
  static_assert(sizeof(T) == 2);
#if __CUDA_ARCH__ >= 800
  const auto place = static_cast<std::uint32_t>(__cvta_generic_to_shared(x + at));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(place)
               : "memory");
#endif
}

template <int N, class T>
__device__ __forceinline__ void copy_async(T* to, Index i, const T* from, Index j, bool valid) {
  constexpr int kBytes = N * static_cast<int>(sizeof(T));
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
#if __CUDA_ARCH__ >= 800
  const auto place = static_cast<std::uint32_t>(__cvta_generic_to_shared(to + i));
  const int bytes = valid ? kBytes : 0;
  // Whole 16 bytes go past the first-level cache: shared memory holds them anyway.
  if constexpr (kBytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(place), "l"(from + j),
                 "r"(bytes));
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(place), "l"(from + j),
                 "n"(kBytes), "r"(bytes));
#else
  for (int k = 0; k < N; ++k) to[i + k] = valid ? from[j + k] : T(0);
#endif
}

__device__ __forceinline__ void copy_async_commit() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.commit_group;");
#endif
}

template <int kGroups>
__device__ __forceinline__ void copy_async_wait() {
#if __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(kGroups) : "memory");
#endif
}

}  // namespace ofer::kernels::cuda

#endif
