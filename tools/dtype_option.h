// "--dtype NAME", as commands that write weights take it.
#pragma once

#include <string>

#include "engine/dtype.h"

namespace ofer {

// kF32, kBF16 or kF16; throws kBadArgument, naming the option, for anything else.
DType dtype_named(const std::string& name);

}  // namespace ofer
