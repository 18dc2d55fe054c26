#include "engine/workspace.h"

#include <algorithm>
#include <cstdint>
#include <utility>

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

void Workspace::lend(void* memory, std::size_t bytes) {
  OFER_ASSERT(block_ == 0 && used_ == 0 && !counting_);
  require(reinterpret_cast<std::uintptr_t>(memory) % Buffer::kAlignment == 0,
          ErrorCode::kBadArgument, "the workspace must begin at a multiple of ",
          Buffer::kAlignment, " bytes");
  lent_ = memory != nullptr;
  ++moves_;
  growths_ = 0;
  blocks_.clear();
  if (lent_) blocks_.push_back({static_cast<char*>(memory), bytes, Buffer()});
}

void Workspace::add_block(std::size_t bytes) {
  require(!lent_, ErrorCode::kOutOfMemory, "the workspace that was given has ",
          lent_ ? blocks_[0].size : 0, " bytes, and more is needed");
  Buffer memory(bytes, device_);
  blocks_.push_back({static_cast<char*>(memory.data()), bytes, Buffer()});
  blocks_.back().own = std::move(memory);
}

Tensor Workspace::allocate(const Shape& shape, DType dtype) {
  const std::size_t bytes = aligned(shape, dtype);
  if (counting_) {
    // Any address but null will do; an aligned one keeps alignment checks meaningful.
    char* address = reinterpret_cast<char*>(Buffer::kAlignment) + used_;
    used_ += bytes;
    peak_ = std::max(peak_, used_);
    return Tensor(address, shape, dtype, device_);
  }
  while (block_ < blocks_.size() && used_ + bytes > blocks_[block_].size) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    add_block(std::max(bytes, kLeastBlock));
    ++growths_;
    used_ = 0;
  }
  Tensor tensor(blocks_[block_].data + used_, shape, dtype, device_);
  used_ += bytes;
  return tensor;
}

void Workspace::reserve(std::size_t bytes) {
  OFER_ASSERT(block_ == 0 && used_ == 0 && !counting_);
  growths_ = 0;
  if (blocks_.size() == 1 && blocks_[0].size >= bytes) return;
  require(!lent_, ErrorCode::kOutOfMemory, "the workspace that was given has ",
          lent_ ? blocks_[0].size : 0, " bytes; ", bytes, " are needed");
  ++moves_;
  blocks_.clear();
  if (bytes > 0) add_block(bytes);
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
  for (const Block& block : blocks_) sum += block.size;
  return sum;
}

}  // namespace ofer
