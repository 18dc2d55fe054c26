#include "tools/dtype_option.h"

#include "engine/error.h"

namespace ofer {

DType dtype_named(const std::string& name) {
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16})
    if (name == name_of(dtype)) return dtype;
  fail(ErrorCode::kBadArgument, "--dtype: no type \"", name, "\"; there are f32, bf16, f16");
}

}  // namespace ofer
