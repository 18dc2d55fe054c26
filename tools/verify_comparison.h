// One tap beside its reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "engine/dtype.h"
#include "engine/tensor.h"

namespace ofer {

struct TapError {
  // |got - expected|_2 / |expected|_2. Where every expected value is zero, the root mean square of
  // what was got. NaN where either side has a number that is not finite.
  double relative_l2 = 0;
  // Where |got - expected| is largest; the first number that is not finite goes before any other.
  double largest = 0, expected = 0, got = 0;
  std::int64_t place = 0;       // number of that element, row-major
  std::int64_t not_finite = 0;  // elements that are not finite on either side
};

// Compares element by element in double precision, in constant memory. `got` lies in host memory;
// `expected` holds as many elements of `dtype`, at any alignment.
TapError compare_tap(const Tensor& got, std::span<const std::byte> expected, DType dtype);

}  // namespace ofer
