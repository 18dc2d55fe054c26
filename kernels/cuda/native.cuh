// kernels/cuda/device.cuh under nvcc: plain pointers, the launch, the stream.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

#include "kernels/cuda/stream.h"
#include "kernels/types.h"

// Aligned for vectors of 16 bytes.
#define OFER_SHARED(T, name, count) __shared__ __align__(16) T name[count]
#define OFER_SHARED_DYNAMIC(T, name, first_byte, count)                   \
  extern __shared__ __align__(128) unsigned char ofer_dynamic_shared[];   \
  T* const name = reinterpret_cast<T*>(ofer_dynamic_shared + (first_byte))

namespace ofer::kernels::cuda {

template <class T>
using Global = T*;
template <class T>
using Shared = T*;

template <class T, int N>
struct alignas(sizeof(T) * N) Vector {
  T value[N];
  __device__ T& operator[](int i) { return value[i]; }
  __device__ const T& operator[](int i) const { return value[i]; }
};

template <int N, class T>
__device__ Vector<std::remove_const_t<T>, N> load_vector(T* x, Index at) {
  return *reinterpret_cast<const Vector<std::remove_const_t<T>, N>*>(x + at);
}
// A vector of 16-bit elements would be taken apart, and so waited for, where it is loaded.
template <class T>
__device__ Vector<std::uint32_t, 4> load_words(T* x, Index at) {
  return *reinterpret_cast<const Vector<std::uint32_t, 4>*>(x + at);
}
template <int N, class T>
__device__ void store_vector(T* y, Index at, const Vector<T, N>& value) {
  *reinterpret_cast<Vector<T, N>*>(y + at) = value;
}

template <int N, class T>
bool aligned_for(const T* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % (sizeof(T) * N) == 0;
}

using Dim3 = dim3;

struct LaunchShape {
  Dim3 grid, block;
  std::size_t dynamic_shared = 0;  // bytes
};

using GpuStream = CudaStream;
inline GpuStream& gpu_stream(Stream& stream) { return static_cast<GpuStream&>(stream); }

// Starts `kernel` on the stream; nothing for an empty grid. Throws DeviceError naming the kernel when
// the device refuses. This is the only place of the project with <<< >>>.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Stream& stream, const Arguments&... arguments) {
  if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
  gpu_stream(stream).make_current();
  // More than 48 KiB has to be asked for; the call is cheap and allowed while a graph is captured.
  if (shape.dynamic_shared > (48u << 10))
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shape.dynamic_shared)),
          name);
  kernel<<<shape.grid, shape.block, shape.dynamic_shared, gpu_stream(stream).handle()>>>(
      static_cast<Parameters>(arguments)...);
  check(cudaGetLastError(), name);
}

}  // namespace ofer::kernels::cuda
