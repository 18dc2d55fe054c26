// CUDA's words, for compiling the files of kernels/cuda/ as C++: each has the meaning that the CUDA
// programming guide gives it, and an operation of several threads is a rendezvous of their fibers.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <tuple>
#include <type_traits>

#include "kernels/simt/executor.h"
#include "kernels/simt/pointers.h"
#include "kernels/types.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)

#define threadIdx (::ofer::kernels::simt::running->index)
#define blockIdx (::ofer::kernels::simt::running->block->index())
#define blockDim (::ofer::kernels::simt::running->block->shape().block)
#define gridDim (::ofer::kernels::simt::running->block->shape().grid)

// An array of `count` elements in shared memory; and one at byte `first_byte` of the launch's
// dynamic shared memory. Every thread of the block sees the same array.
#define OFER_SHARED(T, name, count)                                                     \
  const ::ofer::kernels::simt::Shared<T> name = ::ofer::kernels::simt::shared_array<T>( \
      []() -> const void* {                                                             \
        static const char site = 0;                                                     \
        return &site;                                                                   \
      }(),                                                                              \
      #name, static_cast<std::size_t>(count), ::ofer::kernels::simt::Block::kStatic)
#define OFER_SHARED_DYNAMIC(T, name, first_byte, count)                                 \
  const ::ofer::kernels::simt::Shared<T> name = ::ofer::kernels::simt::shared_array<T>( \
      nullptr, #name, static_cast<std::size_t>(count), static_cast<std::size_t>(first_byte))

namespace ofer::kernels::simt {

using Here = std::source_location;

template <class T>
Shared<T> shared_array(const void* key, const char* name, std::size_t count, std::size_t first_byte,
                       Here where = Here::current()) {
  return running->block->shared(key, name, sizeof(T), count, first_byte, where);
}

// --- barriers ---

inline void __syncthreads(Here where = Here::current()) {
  running->block->barrier(where);
}

inline void __syncwarp(std::uint32_t mask = 0xffffffffu, Here where = Here::current()) {
  struct Operation {
    static void combine(Thread* const* lanes, std::uint32_t mask) {
      Thread& any = *lanes[std::countr_zero(mask)];
      any.block->note_warp_sync(any.warp);
    }
  };
  running->block->meet(mask, &Operation::combine, nullptr, where);
}

// --- warp operations ---

// Lane i receives `value` of lane source(i), or its own where that lane takes no part.
template <class T>
T shuffle(std::uint32_t mask, T value, int source, Here where) {
  struct Operation {
    T value;
    int source;
    T result;
    static void combine(Thread* const* lanes, std::uint32_t) {
      for (unsigned i = 0; i < kWarp; ++i) {
        if (!lanes[i]) continue;
        auto& mine = *static_cast<Operation*>(lanes[i]->operand);
        Thread* from = lanes[mine.source];
        if (!from)
          fault(lanes[i]->where, "shuffle: lane " + std::to_string(i) + " asks lane " +
                                     std::to_string(mine.source) + ", which takes no part");
        mine.result = static_cast<Operation*>(from->operand)->value;
      }
    }
  } operation{value, source, value};
  running->block->meet(mask, &Operation::combine, &operation, where);
  return operation.result;
}

template <class T>
T __shfl_sync(std::uint32_t mask, T value, int source, int width = 32,
              Here where = Here::current()) {
  const int lane = static_cast<int>(running->lane);
  return shuffle(mask, value, lane / width * width + (source & (width - 1)), where);
}
template <class T>
T __shfl_xor_sync(std::uint32_t mask, T value, int lane_mask, int width = 32,
                  Here where = Here::current()) {
  const int lane = static_cast<int>(running->lane), source = lane ^ lane_mask;
  return shuffle(mask, value, source / width > lane / width ? lane : source, where);
}
template <class T>
T __shfl_down_sync(std::uint32_t mask, T value, unsigned delta, int width = 32,
                   Here where = Here::current()) {
  const int lane = static_cast<int>(running->lane), source = lane + static_cast<int>(delta);
  return shuffle(mask, value, source / width != lane / width ? lane : source, where);
}
template <class T>
T __shfl_up_sync(std::uint32_t mask, T value, unsigned delta, int width = 32,
                 Here where = Here::current()) {
  const int lane = static_cast<int>(running->lane), source = lane - static_cast<int>(delta);
  return shuffle(mask, value, source < lane / width * width ? lane : source, where);
}

inline std::uint32_t __ballot_sync(std::uint32_t mask, bool predicate,
                                   Here where = Here::current()) {
  struct Operation {
    bool predicate;
    std::uint32_t result;
    static void combine(Thread* const* lanes, std::uint32_t) {
      std::uint32_t votes = 0;
      for (unsigned i = 0; i < kWarp; ++i)
        if (lanes[i] && static_cast<Operation*>(lanes[i]->operand)->predicate) votes |= 1u << i;
      for (unsigned i = 0; i < kWarp; ++i)
        if (lanes[i]) static_cast<Operation*>(lanes[i]->operand)->result = votes;
    }
  } operation{predicate, 0};
  running->block->meet(mask, &Operation::combine, &operation, where);
  return operation.result;
}
inline bool __any_sync(std::uint32_t mask, bool predicate, Here where = Here::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline bool __all_sync(std::uint32_t mask, bool predicate, Here where = Here::current()) {
  return __ballot_sync(mask, predicate, where) == mask;
}

// --- arithmetic that the host's library has under another name, or not at all ---

inline float rsqrtf(float x) {
  return 1.0f / std::sqrt(x);
}
inline float __int_as_float(int bits) {
  return std::bit_cast<float>(bits);
}
inline int __float_as_int(float value) {
  return std::bit_cast<int>(value);
}
inline int __popc(std::uint32_t bits) {
  return std::popcount(bits);
}
inline int __ffs(int bits) {
  return __builtin_ffs(bits);
}
using std::max;
using std::min;

// --- vectors: one instruction moves several neighbouring elements ---

template <class T, int N>
struct Vector {
  T value[N];
  T& operator[](int i) { return value[i]; }
  const T& operator[](int i) const { return value[i]; }
};

// x[at .. at + N), aligned to the whole of it.
template <int N, class T>
Vector<std::remove_const_t<T>, N> load_vector(const Global<T>& x, At at) {
  T* from = x.checked(at, N, sizeof(T) * N, "reads");
  if (x.region().shadow) note_read(x.region(), from, sizeof(T) * N, at.where);
  Vector<std::remove_const_t<T>, N> result;
  std::memcpy(&result, from, sizeof(result));
  return result;
}
template <class T>
Vector<std::uint32_t, 4> load_words(const Global<T>& x, At at) {
  return std::bit_cast<Vector<std::uint32_t, 4>>(load_vector<16 / sizeof(T)>(x, at));
}
template <int N, class T>
void store_vector(const Global<T>& y, At at, const Vector<T, N>& value) {
  T* to = y.checked(at, N, sizeof(T) * N, "writes");
  if (y.region().shadow) note_write(y.region(), to, sizeof(T) * N, at.where);
  std::memcpy(to, &value, sizeof(value));
}
template <int N, class T>
Vector<T, N> load_vector(const Shared<T>& x, At at) {
  if (x.checked(at, "reads") * sizeof(T) % (sizeof(T) * N) != 0)
    fault(at.where, "reads a vector of shared memory that is not aligned");
  Vector<T, N> result;
  for (int i = 0; i < N; ++i) result[i] = x.read(At(at.value + i, at.where));
  return result;
}
template <int N, class T>
void store_vector(const Shared<T>& y, At at, const Vector<T, N>& value) {
  if (y.checked(at, "writes") * sizeof(T) % (sizeof(T) * N) != 0)
    fault(at.where, "writes a vector of shared memory that is not aligned");
  for (int i = 0; i < N; ++i) y.write(At(at.value + i, at.where), value[i]);
}

// May a pointer be read in vectors of N elements?
template <int N, class T>
bool aligned_for(const T* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % (sizeof(T) * N) == 0;
}

// --- launch ---

using GpuStream = SimtStream;
OFER_INLINE GpuStream& gpu_stream(Stream& stream) {
  return static_cast<GpuStream&>(stream);
}

// Calls `kernel` for every thread of the grid; nothing for an empty one. Pointers among `arguments`
// must be the device's. Throws Fault.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Stream& stream, const Arguments&... arguments) {
  if (shape.grid.count() == 0) return;
  GpuStream& gpu = gpu_stream(stream);
  gpu.queue([=, &gpu, bound = std::tuple<Parameters...>{static_cast<Parameters>(arguments)...}] {
    const auto call = [&] { std::apply(kernel, bound); };
    gpu.launch(name, shape, KernelCall(call));
  });
}

}  // namespace ofer::kernels::simt
