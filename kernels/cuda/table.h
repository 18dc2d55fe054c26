// The operations of the GPU backends: one source, compiled for the device (cuda) and for the executor
// on the host (simt).
#pragma once

#include "kernels/bf16.h"
#include "kernels/table.h"

namespace ofer::kernels {

namespace cuda {
const Table<float>& table_f32();
const Table<BFloat16>& table_bf16();
}
namespace simt {
const Table<float>& table_f32();
const Table<BFloat16>& table_bf16();
}

}  // namespace ofer::kernels
