#include "tests/support/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define OFER_COUNT_ALLOCATIONS 0
#else
#define OFER_COUNT_ALLOCATIONS 1
#endif

namespace ofer::test {
namespace {
std::atomic<std::size_t> bytes{0};

#if OFER_COUNT_ALLOCATIONS
void* take(std::size_t size, std::size_t alignment) {
  bytes += size;
  const std::size_t rounded = (size + alignment - 1) / alignment * alignment;
  void* memory = alignment <= alignof(std::max_align_t)
                     ? std::malloc(size == 0 ? 1 : size)
                     : std::aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
  if (!memory) throw std::bad_alloc();
  return memory;
}
#endif
}  // namespace

bool allocations_counted() { return OFER_COUNT_ALLOCATIONS != 0; }
std::size_t allocated_bytes() { return bytes; }

}  // namespace ofer::test

#if OFER_COUNT_ALLOCATIONS
void* operator new(std::size_t size) { return ofer::test::take(size, 1); }
void* operator new[](std::size_t size) { return ofer::test::take(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return ofer::test::take(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return ofer::test::take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
#endif
