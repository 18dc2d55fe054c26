// The CPU backend's tables, for the instruction set of the machine that runs.
#pragma once

#include "kernels/table.h"

namespace ofer::kernels::cpu {

// Every operation, compiled for `variant` ("baseline", "avx2"); null when the machine or the build
// has no such variant. The tables live as long as the program and are safe to share.
const Table<float>* table_f32(const char* variant);
const Table<double>* table_f64(const char* variant);

// Name of the best variant that this machine can run.
const char* best_variant();

}  // namespace ofer::kernels::cpu
