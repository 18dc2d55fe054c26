// Buffers that nobody may look into.
#pragma once

#include <sys/mman.h>

#include <map>
#include <new>

#include "tests/support/memory.h"

namespace ofer::test {

// Addresses without memory behind them: who reads or writes through a pointer crashes. Contents
// that a case gives its buffers are dropped.
class UnreadableMemory final : public Memory {
 public:
  void* allocate(std::size_t bytes) override {
    void* data = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (data == MAP_FAILED) throw std::bad_alloc();
    sizes_[data] = bytes;
    return data;
  }
  void release(void* data) override {
    munmap(data, sizes_.at(data));
    sizes_.erase(data);
  }
  void write(void*, const void*, std::size_t) override {}
  void read(void* host, const void*, std::size_t bytes) override { fill_unwritten(host, bytes); }
  bool host_accessible() const override { return false; }

 private:
  std::map<void*, std::size_t> sizes_;
};

}  // namespace ofer::test
