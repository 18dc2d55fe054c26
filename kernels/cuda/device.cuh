// The few words that a kernel file needs beyond CUDA's own. Under nvcc they cost nothing; compiled as
// C++ (kernels/simt/device.h) they are checked.
//
//   Global<T>                               pointer to device memory, Global<const T> to read only
//   OFER_SHARED(T, name, count)             array in static shared memory
//   OFER_SHARED_DYNAMIC(T, name, byte, n)   array at a byte of the launch's dynamic shared memory
//   load_vector<N>(x, i), store_vector      N neighbouring elements in one instruction
//   load_words(x, i)                        16 bytes as four registers, whatever they hold
//   launch(name, kernel, shape, stream, ...) the one way to start a kernel
//
// Rules of a kernel file: no `auto` for an element (x[i] may stand for a place), no address of an
// element (x + i, not &x[i]), no #if on the compiler. Every thread of a block reaches every
// __syncthreads() of its kernel, so threads without work stay until the end.
#pragma once

#if defined(__CUDACC__)
#define OFER_GPU cuda
#include "kernels/cuda/native.cuh"
#else
#define OFER_GPU simt
#include "kernels/simt/device.h"
#endif

namespace ofer::kernels::OFER_GPU {

// ceil(a / b), for grids.
template <class I>
__host__ __device__ constexpr I blocks_of(I a, I b) {
  return (a + b - 1) / b;
}

// Number of blocks as a grid's extent. Kernels count work items from a flat grid.
inline Dim3 grid_of(Index blocks) { return Dim3(static_cast<unsigned>(blocks)); }

// Most blocks of a kernel that walks its elements with the whole grid as stride: enough to fill the
// largest GPU many times over.
constexpr Index kMostBlocks = 1 << 16;

}  // namespace ofer::kernels::OFER_GPU
