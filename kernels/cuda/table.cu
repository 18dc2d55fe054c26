// The rows of the GPU backends' table.
#include "kernels/cuda/table.h"

#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

const Table<float>& table_f32() {
  static const Table<float> rows = [] {
    Table<float> table;
#define OFER_ROW(name, Args) table.name = &name<float>;
    OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
    return table;
  }();
  return rows;
}

}  // namespace ofer::kernels::OFER_GPU
