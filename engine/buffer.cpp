#include "engine/buffer.h"

#include <cstdlib>
#include <utility>

#include "engine/error.h"

namespace ofer {

Buffer::Buffer(std::size_t bytes, Device device) : size_(bytes), device_(device) {
  require(device.host_accessible(), ErrorCode::kUnsupported, "this build has no memory on ",
          name_of(device.kind));
  if (bytes == 0) return;
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  // rounded < bytes: the sum wrapped round, so the request was absurd to begin with.
  data_ = rounded < bytes ? nullptr : std::aligned_alloc(kAlignment, rounded);
  if (!data_) {
    size_ = 0;
    fail(ErrorCode::kOutOfMemory, "cannot allocate ", bytes, " bytes on ", name_of(device.kind));
  }
}

Buffer::~Buffer() { release(); }

Buffer::Buffer(Buffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      device_(other.device_) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    device_ = other.device_;
  }
  return *this;
}

void Buffer::release() noexcept {
  std::free(data_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace ofer
