// A packed batch: images with different numbers of tokens, one behind the other.
#pragma once

#include <cstdint>

#include "engine/tensor.h"
#include "kernels/types.h"

namespace ofer {

// Image i has room for rows [host[i], host[i + 1]) of a [rows, width] tensor. With stride 1 it uses
// all of them, with stride 2 a beginning that only the device knows (kernels/types.h). A view: both
// arrays belong to a workspace or a stage.
struct Ragged {
  Tensor offsets;                      // i32 on the session's device: stride 1 [count + 1], the
                                       // same numbers; stride 2 [count, 2], first and end
  const std::int32_t* host = nullptr;
  std::int64_t count = 0;
  std::int64_t longest = 0;
  std::int64_t stride = 1;

  std::int64_t rows() const { return count > 0 ? host[count] : 0; }
  kernels::Segments segments() const {
    kernels::Segments s;
    s.count = count;
    s.longest = longest;
    s.stride = stride;
    s.offsets = offsets.data<std::int32_t>();
    s.host_offsets = host;
    return s;
  }
};

}  // namespace ofer
