// The largest elements of each row.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// mask[r, i] = 1 where x[r, i] is among the `count` largest of its row (of equals the lower index
// first), else 0. x, mask [rows, length].
template <class T>
struct SelectTopArgs {
  const T* x;
  T* mask;
  Index rows, length, count;
};

}  // namespace ofer::kernels
