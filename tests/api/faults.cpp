#include "tests/api/faults.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace ofer::test {
namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();
std::atomic<std::size_t> count{0}, failing{kNever};
std::atomic<bool> failed{false};

// Is it a library's own allocation? oneDNN does not survive a failing operator new of its own; that
// is no business of this program's.
bool of_a_library(void* caller) {
  Dl_info info;
  if (!::dladdr(caller, &info) || !info.dli_fname) return false;
  return std::strstr(info.dli_fname, "dnnl") || std::strstr(info.dli_fname, "blas") ||
         std::strstr(info.dli_fname, "gomp");
}

bool fails(void* caller) {
  ++count;
  if (failing.load(std::memory_order_relaxed) == kNever || of_a_library(caller)) return false;
  // The countdown runs over allocations that may fail only.
  if (failing.fetch_sub(1) != 0) return false;
  failing = kNever;
  failed = true;
  return true;
}

void* take(std::size_t size, std::size_t alignment, void* caller) {
  if (fails(caller)) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  void* memory = nullptr;
  return ::posix_memalign(&memory, alignment, size) == 0 ? memory : nullptr;
}

void* take_or_throw(std::size_t size, std::size_t alignment, void* caller) {
  void* memory = take(size, alignment, caller);
  if (!memory) throw std::bad_alloc();
  return memory;
}

}  // namespace

void fail_allocation(std::size_t number) {
  failed = false;
  failing = number;
}

bool stop_failing() {
  failing = kNever;
  return failed;
}

std::size_t allocations() {
  return count;
}

}  // namespace ofer::test

#define OFER_CALLER __builtin_extract_return_addr(__builtin_return_address(0))

extern "C" void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
extern "C" void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  return ofer::test::fails(OFER_CALLER) ? nullptr : __real_aligned_alloc(alignment, size);
}

using ofer::test::take;
using ofer::test::take_or_throw;

void* operator new(std::size_t size) {
  return take_or_throw(size, 1, OFER_CALLER);
}
void* operator new[](std::size_t size) {
  return take_or_throw(size, 1, OFER_CALLER);
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take_or_throw(size, static_cast<std::size_t>(alignment), OFER_CALLER);
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return take_or_throw(size, static_cast<std::size_t>(alignment), OFER_CALLER);
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return take(size, 1, OFER_CALLER);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return take(size, 1, OFER_CALLER);
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete[](void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  std::free(memory);
}
