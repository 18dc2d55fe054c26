// What one call of an operation has to do, whoever does it, and how that is counted.
#pragma once

#include "kernels/types.h"

namespace ofer::bench {

// flops: additions, multiplications and function calls of the operation's formula. bytes: each
// input read once, each output written once; what is added to is read and written.
struct Work {
  double flops = 0, bytes = 0;
};

inline double number(kernels::Index count) {
  return static_cast<double>(count);
}

// Of an array of `count` elements; none where there is no array. What `data` points at may be on a
// device and is not looked at.
template <class E>
double bytes_of(const E* data, kernels::Index count) {
  return data ? static_cast<double>(sizeof(E)) * number(count) : 0;
}

// The rows that the images use are on the device; their offsets are as many as those of the room.
inline double bytes_of(const kernels::Segments& segments) {
  const bool whole = segments.stride == 1;
  return bytes_of(segments.offsets, whole ? segments.count + 1 : segments.stride * segments.count);
}

inline kernels::Index elements(int rank, const kernels::Index* shape) {
  kernels::Index count = 1;
  for (int axis = 0; axis < rank; ++axis) count *= shape[axis];
  return count;
}

// Elements of an operand of that shape, which is repeated along the axes of stride 0.
inline kernels::Index distinct_elements(int rank, const kernels::Index* shape,
                                        const kernels::Index* strides) {
  kernels::Index count = 1;
  for (int axis = 0; axis < rank; ++axis)
    if (strides[axis] != 0 || shape[axis] == 0) count *= shape[axis];
  return count;
}

}  // namespace ofer::bench
