// A packed batch: images with different numbers of tokens, one behind the other.
#pragma once

#include <cstdint>

#include "engine/tensor.h"
#include "kernels/types.h"

namespace ofer {

// Image i owns rows [host[i], host[i + 1]) of a [rows, width] tensor. A view: both arrays belong to
// a workspace or a stage.
struct Ragged {
  Tensor offsets;                      // i32 [count + 1], on the session's device
  const std::int32_t* host = nullptr;  // the same numbers
  std::int64_t count = 0;
  std::int64_t longest = 0;

  std::int64_t rows() const { return count > 0 ? host[count] : 0; }
  kernels::Segments segments() const {
    kernels::Segments s;
    s.count = count;
    s.longest = longest;
    s.offsets = offsets.data<std::int32_t>();
    s.host_offsets = host;
    return s;
  }
};

}  // namespace ofer
