// Memory of a backend under test, and buffers with guards around them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace ofer::test {

// Where a backend's buffers live. A device backend derives its own; all copies are synchronous.
class Memory {
 public:
  virtual ~Memory() = default;
  virtual void* allocate(std::size_t bytes) = 0;  // aligned to 64
  virtual void release(void* data) = 0;
  virtual void write(void* device, const void* host, std::size_t bytes) = 0;
  virtual void read(void* host, const void* device, std::size_t bytes) = 0;
  virtual bool host_accessible() const = 0;
  // From here on the device may touch [data, data + bytes) of an allocation alone; and no more.
  virtual void narrow(void* /*data*/, std::size_t /*bytes*/) {}
  virtual void widen(void* /*data*/) {}
};

class HostMemory final : public Memory {
 public:
  void* allocate(std::size_t bytes) override {
    void* data = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!data) throw std::bad_alloc();
    return data;
  }
  void release(void* data) override { std::free(data); }
  void write(void* device, const void* host, std::size_t bytes) override {
    if (bytes) std::memcpy(device, host, bytes);
  }
  void read(void* host, const void* device, std::size_t bytes) override {
    if (bytes) std::memcpy(host, device, bytes);
  }
  bool host_accessible() const override { return true; }
};

inline Memory& host_memory() {
  static HostMemory memory;
  return memory;
}

// The pattern of memory that nobody wrote: a NaN as float and as double, a wild number as int32.
constexpr std::uint32_t kUnwritten = 0x7ff4dead;

inline void fill_unwritten(void* data, std::size_t bytes) {
  const std::uint32_t pattern = kUnwritten;
  char* to = static_cast<char*>(data);
  std::size_t done = std::min(bytes, sizeof(pattern));
  if (done) std::memcpy(to, &pattern, done);
  for (; done < bytes; done += std::min(done, bytes - done))  // the start again and again
    std::memcpy(to + done, to, std::min(done, bytes - done));
}

// `bytes` of a backend's memory with a guard of the unwritten pattern before and after. A read
// beyond the ends gives NaN; a write is found by damaged(). `offset` bytes move the start away from
// the alignment that allocations have, as a slice of a tensor may be.
// Between arm() and disarm() the guards are out of bounds for a backend that knows bounds, and
// poisoned under AddressSanitizer.
class GuardedBuffer {
 public:
  GuardedBuffer(Memory& memory, std::size_t bytes, std::size_t offset)
      : memory_(memory), bytes_(bytes), before_(kGuard + offset) {
    total_ = (before_ + bytes_ + 3) / 4 * 4 + kGuard;
    base_ = static_cast<char*>(memory_.allocate(total_));
    std::vector<char> pattern(total_);
    fill_unwritten(pattern.data(), total_);
    memory_.write(base_, pattern.data(), total_);
  }
  ~GuardedBuffer() {
    disarm();
    memory_.release(base_);
  }
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  void* data() { return base_ + before_; }
  void write(const void* host) { memory_.write(data(), host, bytes_); }
  void read(void* host) { memory_.read(host, data(), bytes_); }

  void arm() {
    poison(true);
    memory_.narrow(data(), bytes_);
  }
  void disarm() {
    poison(false);
    memory_.widen(data());
  }

  // What is wrong with the guards; empty when they are whole. Call after disarm().
  std::string damaged() {
    std::vector<char> now(total_), pattern(total_);
    memory_.read(now.data(), base_, total_);
    fill_unwritten(pattern.data(), total_);
    for (std::size_t i = 0; i < before_; ++i)
      if (now[i] != pattern[i])
        return "written " + std::to_string(before_ - i) + " bytes before its start";
    for (std::size_t i = before_ + bytes_; i < total_; ++i)
      if (now[i] != pattern[i])
        return "written " + std::to_string(i - before_ - bytes_) + " bytes behind its end";
    return "";
  }

 private:
  static constexpr std::size_t kGuard = 256;

  void poison([[maybe_unused]] bool on) {
#if defined(__SANITIZE_ADDRESS__)
    if (!memory_.host_accessible()) return;
    if (on) {
      ASAN_POISON_MEMORY_REGION(base_, before_);
      ASAN_POISON_MEMORY_REGION(base_ + before_ + bytes_, total_ - before_ - bytes_);
    } else {
      ASAN_UNPOISON_MEMORY_REGION(base_, total_);
    }
#endif
  }

  Memory& memory_;
  std::size_t bytes_, before_, total_ = 0;
  char* base_ = nullptr;
};

}  // namespace ofer::test
