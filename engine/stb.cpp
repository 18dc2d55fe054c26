// The one place where stb_image and stb_image_write are compiled.
//
// stb's settings are left as they are (they are global); its failure reason is per thread. What
// stb asserts becomes an exception here: a file must not end the program.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "engine/error.h"
#include "engine/stb_memory.h"

namespace ofer {

namespace {
thread_local StbMemory* current_scope = nullptr;
}

StbMemory::StbMemory(std::size_t largest_block) : largest_block_(largest_block) {
  OFER_ASSERT(!current_scope);
  blocks_.reserve(64);
  current_scope = this;
}

StbMemory::~StbMemory() {
  current_scope = nullptr;
  for (void* block : blocks_) std::free(block);
}

StbMemory* StbMemory::current() {
  return current_scope;
}

void* StbMemory::allocate(std::size_t bytes) noexcept {
  if (bytes > largest_block_) {
    over_limit_ = true;
    return nullptr;
  }
  void* block = std::calloc(std::max<std::size_t>(bytes, 1), 1);
  if (!block) {
    exhausted_ = true;
    return nullptr;
  }
  try {
    blocks_.push_back(block);
  } catch (...) {
    std::free(block);
    exhausted_ = true;
    return nullptr;
  }
  return block;
}

void* StbMemory::grow(void* block, std::size_t old_bytes, std::size_t bytes) noexcept {
  void* grown = allocate(bytes);
  if (!grown) return nullptr;
  if (block) std::memcpy(grown, block, std::min(old_bytes, bytes));
  release(block);
  return grown;
}

void StbMemory::release(void* block) noexcept {
  const auto at = std::find(blocks_.begin(), blocks_.end(), block);
  if (at == blocks_.end()) return;
  std::free(block);
  *at = blocks_.back();
  blocks_.pop_back();
}

namespace {

void* stb_allocate(std::size_t bytes) {
  return current_scope ? current_scope->allocate(bytes) : nullptr;
}
void* stb_grow(void* block, std::size_t old_bytes, std::size_t bytes) {
  return current_scope ? current_scope->grow(block, old_bytes, bytes) : nullptr;
}
void stb_release(void* block) {
  if (current_scope && block) current_scope->release(block);
}
void stb_check(bool holds) {
  require(holds, ErrorCode::kBadFile, "the data contradict themselves");
}

}  // namespace
}  // namespace ofer

#define STBI_MALLOC(bytes) ofer::stb_allocate(bytes)
#define STBI_REALLOC_SIZED(block, old_bytes, bytes) ofer::stb_grow(block, old_bytes, bytes)
#define STBI_FREE(block) ofer::stb_release(block)
#define STBI_ASSERT(condition) ofer::stb_check(condition)
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

#define STBI_WRITE_NO_STDIO
#define STBIW_ASSERT(condition) OFER_ASSERT(condition)
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>
