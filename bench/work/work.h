// The work of every operation of kernels/table.h, from its arguments alone: pointers are compared
// with null and with each other, and nothing is read through them but the host's offsets of a
// packed batch. What depends on numbers on the device counts as the most that it can be.
#pragma once

#include <string_view>

#include "bench/work/assembly.h"
#include "bench/work/count.h"
#include "bench/work/losses.h"
#include "bench/work/maps.h"
#include "bench/work/moves.h"
#include "bench/work/norms.h"
#include "bench/work/pointwise.h"
#include "bench/work/products.h"

namespace ofer::bench {

// Of the operation of that name. The arguments' type says which one it is, but for a convolution
// and its transpose.
template <class Args>
Work work_of(std::string_view operation, const Args& args) {
  if constexpr (requires { work(args); })
    return work(args);
  else
    return convolution_work(args, operation.starts_with("conv_transpose2d"));
}

}  // namespace ofer::bench
