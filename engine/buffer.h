// Memory with exactly one owner.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/device.h"

namespace ofer {

// A move-only owner of `size()` bytes, aligned to 64, on one device. Uninitialised.
// Thread rule: a Buffer is owned by one thread at a time; its memory follows the rules of its user.
class Buffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  Buffer() = default;
  // Throws kOutOfMemory when the system has not got `bytes`.
  explicit Buffer(std::size_t bytes, Device device = {});
  ~Buffer();

  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() { return data_; }
  const void* data() const { return data_; }
  std::size_t size() const { return size_; }
  Device device() const { return device_; }

 private:
  void release() noexcept;

  void* data_ = nullptr;
  std::size_t size_ = 0;
  Device device_;
};

}  // namespace ofer
