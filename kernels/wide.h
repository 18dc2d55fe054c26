// The type of statistics: at least a float, whatever the element type of the tensors.
#pragma once

#include "kernels/bf16.h"

namespace ofer::kernels {

template <class T>
struct WideOf {
  using type = T;
};
template <>
struct WideOf<BFloat16> {
  using type = float;
};

// What a forward pass keeps of its sums for the backward one. A mean, a deviation or a logarithm
// of a sum that were rounded to 8 bits would be wrong for every element that they belong to.
template <class T>
using Wide = typename WideOf<T>::type;

}  // namespace ofer::kernels
