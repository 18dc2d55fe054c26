#include "engine/buffer.h"

#include <utility>

#include "engine/backend.h"
#include "engine/error.h"

namespace ofer {

Buffer::Buffer(std::size_t bytes, Device device) : device_(device) {
  const Backend& backend = backend_of(device.kind);
  if (bytes == 0) return;
  data_ = on_device([&] { return backend.allocate(bytes, device); });
  require(data_ != nullptr, ErrorCode::kOutOfMemory, "cannot allocate ", bytes, " bytes on ",
          backend.name);
  size_ = bytes;
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
  if (data_) backend_of(device_.kind).release(data_, device_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace ofer
