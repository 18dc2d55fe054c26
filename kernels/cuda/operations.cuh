// Declares every operation of the table for the GPU backends. A kernel file includes this and ends
// with OFER_INSTANTIATE_GPU for each of its operations, and OFER_INSTANTIATE_GPU_BF16 for those that
// run on bfloat16 tensors too.
#pragma once

#include "kernels/bf16.h"
#include "kernels/cuda/device.cuh"
#include "kernels/table.h"

namespace ofer::kernels::OFER_GPU {

#define OFER_ROW(name, Args) \
  template <class T>         \
  void name(const Args<T>&, Stream&);
OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW

}  // namespace ofer::kernels::OFER_GPU

#define OFER_INSTANTIATE_GPU(name, Args) template void name<float>(const Args<float>&, Stream&);
#define OFER_INSTANTIATE_GPU_BF16(name, Args) \
  template void name<BFloat16>(const Args<BFloat16>&, Stream&);
