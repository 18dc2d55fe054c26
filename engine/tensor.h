// A tensor: shape, element type and a pointer into memory that somebody else owns.
#pragma once

#include <cstdint>

#include "engine/device.h"
#include "engine/dtype.h"
#include "engine/error.h"
#include "engine/shape.h"

namespace ofer {

// A dense row-major view. Cheap to copy; never owns. Valid as long as its owner (a Buffer, a
// Workspace scope, a Model) keeps the memory. `node` ties it to the gradient tape that recorded it
// (0: none); a view of the same elements under another shape keeps it.
class Tensor {
 public:
  Tensor() = default;
  Tensor(void* data, Shape shape, DType dtype, Device device = {})
      : data_(data), shape_(shape), dtype_(dtype), device_(device) {}

  bool defined() const { return data_ != nullptr || (shape_.rank() > 0 && elements() == 0); }
  const Shape& shape() const { return shape_; }
  std::int64_t size(int axis) const { return shape_[axis]; }
  int rank() const { return shape_.rank(); }
  std::int64_t elements() const { return shape_.elements(); }
  std::size_t bytes() const { return static_cast<std::size_t>(elements()) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const { return device_; }

  void* raw() const { return data_; }

  // Typed pointer to the first element; throws when T is not the element type. Null when undefined,
  // so that an optional tensor becomes an optional pointer.
  template <class T>
  T* data() const {
    if (!data_) return nullptr;
    require(dtype_of<T>::value == dtype_, ErrorCode::kBadArgument, "tensor is ", name_of(dtype_),
            ", not ", name_of(dtype_of<T>::value));
    return static_cast<T*>(data_);
  }

  // The same elements under another shape.
  Tensor view(Shape shape) const {
    require(shape.elements() == elements(), ErrorCode::kBadArgument, "cannot view ",
            shape_, " as ", shape);
    Tensor result = *this;
    result.shape_ = shape;
    return result;
  }

  // Rows [first, first + count) of the outermost axis. The tape does not see this slice: for one
  // that gradients flow through, use ops::slice.
  Tensor rows(std::int64_t first, std::int64_t count) const {
    require(rank() > 0 && first >= 0 && count >= 0 && first + count <= size(0),
            ErrorCode::kBadArgument, "rows ", first, "..", first + count, " of ",
            shape_);
    Tensor result = *this;
    result.node_ = 0;
    const std::int64_t row = shape_.product(1, rank());
    if (data_)
      result.data_ = static_cast<char*>(data_) +
                     static_cast<std::size_t>(first * row) * size_of(dtype_);
    result.shape_[0] = count;
    return result;
  }

  std::uint32_t node() const { return node_; }
  void set_node(std::uint32_t node) { node_ = node; }

 private:
  void* data_ = nullptr;
  Shape shape_;
  DType dtype_ = DType::kF32;
  Device device_;
  std::uint32_t node_ = 0;
};

}  // namespace ofer
