// The rows of the GPU backends' tables.
#include "kernels/cuda/table.h"

#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

template <class T>
const Table<T>& table() {
  static const Table<T> rows = [] {
    Table<T> made;
#define OFER_ROW(name, Args) made.name = &name<T>;
    OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
    return made;
  }();
  return rows;
}

}  // namespace

const Table<float>& table_f32() { return table<float>(); }
const Table<BFloat16>& table_bf16() { return table<BFloat16>(); }

}  // namespace ofer::kernels::OFER_GPU
