// Networks that only training has: their weights in memory of their own.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/function_ref.h"
#include "engine/model.h"
#include "engine/precision.h"
#include "engine/shape.h"

namespace ofer {

struct NamedShape {
  std::string name;
  Shape shape;
};

// A model whose tensors may be written, in the element type of `precision` on `device`. `fill`
// gives the numbers of tensors[i]. Throws kOutOfMemory.
std::shared_ptr<const Model> make_model(std::span<const NamedShape> tensors,
                                        FunctionRef<void(std::size_t i, std::span<float>)> fill,
                                        Precision precision, Device device);

}  // namespace ofer
