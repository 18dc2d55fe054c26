#include "engine/workspace.h"

#include <algorithm>

#include "engine/error.h"

namespace ofer {

namespace {

// Blocks added on demand are at least this large, so that a session without a counted plan settles
// after a few.
constexpr std::size_t kLeastBlock = std::size_t{4} << 20;

std::size_t aligned(const Shape& shape, DType dtype) {
  const auto elements = static_cast<std::size_t>(shape.elements());
  require(elements <= (std::size_t{1} << 46), ErrorCode::kOutOfMemory, "a tensor of shape ",
          shape.to_string(), " is too large");
  const std::size_t bytes = elements * size_of(dtype);
  return (bytes + Buffer::kAlignment - 1) / Buffer::kAlignment * Buffer::kAlignment;
}

}  // namespace

Tensor Workspace::allocate(const Shape& shape, DType dtype) {
  const std::size_t bytes = aligned(shape, dtype);
  if (counting_) {
    // Any address but null will do; an aligned one keeps alignment checks meaningful.
    char* address = reinterpret_cast<char*>(Buffer::kAlignment) + used_;
    used_ += bytes;
    peak_ = std::max(peak_, used_);
    return Tensor(address, shape, dtype, device_);
  }
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size()) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    blocks_.emplace_back(std::max(bytes, kLeastBlock), device_);
    ++growths_;
    used_ = 0;
  }
  Tensor tensor(static_cast<char*>(blocks_[block_].data()) + used_, shape, dtype, device_);
  used_ += bytes;
  return tensor;
}

void Workspace::reserve(std::size_t bytes) {
  OFER_ASSERT(block_ == 0 && used_ == 0 && !counting_);
  growths_ = 0;
  if (blocks_.size() == 1 && blocks_[0].size() >= bytes) return;
  ++moves_;
  blocks_.clear();
  if (bytes > 0) blocks_.emplace_back(bytes, device_);
}

void Workspace::begin_counting() {
  OFER_ASSERT(block_ == 0 && used_ == 0 && !counting_);
  counting_ = true;
  peak_ = 0;
}

std::size_t Workspace::end_counting() {
  OFER_ASSERT(counting_);
  counting_ = false;
  block_ = used_ = 0;
  return peak_;
}

std::size_t Workspace::reserved() const {
  std::size_t sum = 0;
  for (const Buffer& block : blocks_) sum += block.size();
  return sum;
}

}  // namespace ofer
