// Memory for stb_image while it decodes: limited, zeroed, and given back whatever happens.
#pragma once

#include <cstddef>
#include <vector>

namespace ofer {

// Between construction and destruction, stb_image on this thread takes its memory from here. A
// block larger than `largest_block` bytes is refused (stb then reports "outofmem"), so that a
// small file cannot unpack to gigabytes; blocks start zeroed, so that a damaged file does not
// show what was in memory before; what stb has not freed at the end is freed here.
// Outside such a scope stb_image gets no memory at all. Scopes do not nest.
class StbMemory {
 public:
  explicit StbMemory(std::size_t largest_block);
  ~StbMemory();
  StbMemory(const StbMemory&) = delete;
  StbMemory& operator=(const StbMemory&) = delete;

  // Was a block refused because it was larger than allowed? Because the system had no more?
  bool over_limit() const { return over_limit_; }
  bool exhausted() const { return exhausted_; }

  void* allocate(std::size_t bytes) noexcept;
  void* grow(void* block, std::size_t old_bytes, std::size_t bytes) noexcept;
  void release(void* block) noexcept;

  // The scope of this thread, or null.
  static StbMemory* current();

 private:
  std::size_t largest_block_;
  std::vector<void*> blocks_;
  bool over_limit_ = false, exhausted_ = false;
};

}  // namespace ofer
