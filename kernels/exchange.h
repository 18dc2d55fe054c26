// Values from and to memory of a caller's, in types that do not depend on the element type. No more
// alignment is asked of that memory than those types have.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// y[i] = x[i] as a float.
template <class T>
struct ExportFloatsArgs {
  const T* x;
  float* y;
  Index count;
};

// y[i] = 1 where x[i] > 0, else 0; so also where it is NaN.
template <class T>
struct ExportFlagsArgs {
  const T* x;
  std::uint8_t* y;
  Index count;
};

// y[i] = 1 where x[i] != 0, else 0.
template <class T>
struct ImportFlagsArgs {
  const std::uint8_t* x;
  T* y;
  Index count;
};

// index[r]: position of the largest of x[r, :], the lowest of several. NaN is below every number; 0
// where the row has no number at all. x [rows, length].
template <class T>
struct ExportTopArgs {
  const T* x;
  std::int32_t* index;
  Index rows, length;
};

}  // namespace ofer::kernels
