// Moving elements about: strided copies (slices, concatenation, permutation, flips), and tokens.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// y[index . y_strides] (+)= x[index . x_strides] for every index inside `shape`. Strides in
// elements; negative ones walk backwards (a flip), and x's may be 0 (a repetition). The caller has
// moved x and y to their first element. The places written must be distinct.
template <class T>
struct CopyArgs {
  const T* x;
  T* y;
  int rank;
  Index shape[6];
  Index x_strides[6];
  Index y_strides[6];
  bool accumulate;
};

// y[r, :] = x[index[r], :], or `fill` (a row of `width`, null meaning zeros) where index[r] < 0.
// x [x_rows, width], y [rows, width], index [rows]. Every index < x_rows.
template <class T>
struct GatherRowsArgs {
  const T* x;
  const std::int32_t* index;
  const T* fill;
  T* y;
  Index rows, x_rows, width;
};

// The adjoint: dx[index[r], :] += dy[r, :] (dx is zeroed first), dfill += dy[r, :] where
// index[r] < 0 (zeroed first). Either output may be null. An index may occur several times.
template <class T>
struct GatherRowsBackwardArgs {
  const T* dy;
  const std::int32_t* index;
  T* dx;
  T* dfill;
  Index rows, x_rows, width;
};

}  // namespace ofer::kernels
