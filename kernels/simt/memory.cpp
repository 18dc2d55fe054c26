#include "kernels/simt/memory.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <shared_mutex>

#include "kernels/simt/executor.h"
#include "kernels/simt/fault.h"

namespace ofer::kernels::simt {

namespace {

constexpr std::size_t kAlignment = 256;  // as cudaMalloc's

struct Allocation {
  char* end;                             // of what was asked for
  std::unique_ptr<AccessShadow> shadow;  // or null
  std::map<char*, char*> narrowed;       // begin -> end
};

struct Registry {
  std::shared_mutex mutex;
  std::map<char*, Allocation> allocations;  // by their begin
  std::size_t bytes = 0;
  std::int64_t failing = 0, count = 0;
};

Registry& registry() {
  static Registry* all = new Registry;  // outlives every static that may release memory
  return *all;
}

// The allocation that holds `pointer` (its end included), or null.
std::pair<char* const, Allocation>* holder(Registry& r, const void* pointer) {
  char* p = static_cast<char*>(const_cast<void*>(pointer));
  auto after = r.allocations.upper_bound(p);
  if (after == r.allocations.begin()) return nullptr;
  auto& found = *std::prev(after);
  return p <= found.second.end ? &found : nullptr;
}

// launch (18 bits), block (20), barriers passed (14), thread + 1 (12)
struct Access {
  static constexpr std::uint64_t kManyBlocks = (1u << 20) - 1;
  std::uint64_t launch, block, phase, thread;

  static Access of(const Thread& t) {
    return {t.block->launch() & 0x3ffff, t.block->number() % kManyBlocks, t.block->phase() & 0x3fff,
            t.linear + 1u};
  }
  static Access unpack(std::uint64_t v) {
    return {v >> 46, v >> 26 & 0xfffff, v >> 12 & 0x3fff, v & 0xfff};
  }
  std::uint64_t pack() const { return launch << 46 | block << 26 | phase << 12 | thread; }
};

// May two accesses of one launch, the first seen earlier, happen in either order?
bool unordered(const Access& before, const Access& now, const Thread& t) {
  if (before.thread == 0 || before.launch != now.launch) return false;
  if (before.block != now.block) return true;
  if (before.thread == now.thread || before.phase != now.phase) return false;
  return (before.thread - 1) / kWarp != t.warp;  // a warp orders its lanes by its own operations
}

// The shadow's words of an access. Of single bytes those that begin a word are looked at: its other
// byte may be another thread's.
struct Words {
  std::size_t first, end;
  Words(const Region& region, const void* at, std::size_t bytes) {
    const auto byte = static_cast<std::size_t>(static_cast<const char*>(at) - region.origin);
    const bool part = bytes < AccessShadow::kWord && byte % AccessShadow::kWord != 0;
    first = byte / AccessShadow::kWord;
    end = part ? first : (byte + bytes + AccessShadow::kWord - 1) / AccessShadow::kWord;
  }
};

std::string other(const Access& before, const Thread& t) {
  if (before.block == Access::kManyBlocks) return "several blocks";
  if (before.block != t.block->number() % Access::kManyBlocks)
    return "block " + std::to_string(before.block);
  return "thread " + std::to_string(before.thread - 1) + " of the same block";
}

}  // namespace

void* allocate(std::size_t bytes, Tracking tracking) {
  Registry& r = registry();
  std::unique_lock lock(r.mutex);
  if (++r.count == r.failing) return nullptr;
  const std::size_t rounded = (bytes + kAlignment) / kAlignment * kAlignment;
  if (rounded < bytes) return nullptr;
  std::unique_ptr<AccessShadow> shadow;
  try {
    if (tracking != Tracking::kNone)
      shadow = std::make_unique<AccessShadow>(rounded / AccessShadow::kWord + 1,
                                              tracking != Tracking::kScratch);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
  auto* data = static_cast<char*>(std::aligned_alloc(kAlignment, rounded));
  if (!data) return nullptr;
  std::memset(data, 0xff, rounded);
  r.allocations.emplace(data, Allocation{data + bytes, std::move(shadow), {}});
  r.bytes += bytes;
  return data;
}

void release(void* data) noexcept {
  if (!data) return;
  Registry& r = registry();
  {
    std::unique_lock lock(r.mutex);
    const auto found = r.allocations.find(static_cast<char*>(data));
    if (found == r.allocations.end()) return;
    r.bytes -= static_cast<std::size_t>(found->second.end - found->first);
    r.allocations.erase(found);
  }
  std::free(data);
}

void narrow(void* data, std::size_t bytes) {
  Registry& r = registry();
  std::unique_lock lock(r.mutex);
  char* begin = static_cast<char*>(data);
  if (auto* found = holder(r, data)) found->second.narrowed[begin] = begin + bytes;
}

void widen(void* data) {
  Registry& r = registry();
  std::unique_lock lock(r.mutex);
  if (auto* found = holder(r, data)) found->second.narrowed.erase(static_cast<char*>(data));
}

bool find_region(const void* pointer, Region& region) {
  Registry& r = registry();
  std::shared_lock lock(r.mutex);
  const auto* found = holder(r, pointer);
  if (!found) return false;
  region = {found->first, found->second.end, found->first, found->second.shadow.get()};
  for (const auto& [begin, end] : found->second.narrowed)
    if (pointer >= begin && pointer <= end) {
      region.begin = begin;
      region.end = end;
    }
  return true;
}

void forget_writes(void* data) {
  Region region;
  if (!data || !find_region(data, region) || !region.shadow) return;
  const Words words(region, region.origin, static_cast<std::size_t>(region.end - region.origin));
  for (std::size_t word = words.first; word < words.end; ++word)
    region.shadow->writer[word].store(0, std::memory_order_relaxed);
}

void note_filled(const void* data, std::size_t bytes) {
  Region region;
  if (!find_region(data, region) || !region.shadow || region.shadow->filled) return;
  const Words words(region, data, bytes);
  for (std::size_t word = words.first; word < words.end; ++word)
    region.shadow->writer[word].store(Access{0, 0, 0, 1}.pack(), std::memory_order_relaxed);
}

std::size_t allocated_bytes() {
  Registry& r = registry();
  std::shared_lock lock(r.mutex);
  return r.bytes;
}

void fail_allocation(std::int64_t number) {
  Registry& r = registry();
  std::unique_lock lock(r.mutex);
  r.failing = number;
  r.count = 0;
}

void note_read(const Region& region, const void* at, std::size_t bytes,
               const std::source_location& where) {
  const Thread& t = *running;
  const Access now = Access::of(t);
  const Words words(region, at, bytes);
  for (std::size_t word = words.first; word < words.end; ++word) {
    const Access written =
        Access::unpack(region.shadow->writer[word].load(std::memory_order_relaxed));
    if (!region.shadow->filled && written.thread == 0)
      fault(where, "reads scratch memory that nobody has written");
    if (unordered(written, now, t))
      fault(where,
            "race: reads device memory that " + other(written, t) + " wrote in the same launch");
    Access next = now;
    const Access read = Access::unpack(region.shadow->reader[word].load(std::memory_order_relaxed));
    if (read.thread != 0 && read.launch == now.launch && read.block != now.block)
      next.block = Access::kManyBlocks;
    region.shadow->reader[word].store(next.pack(), std::memory_order_relaxed);
  }
}

void note_write(const Region& region, const void* at, std::size_t bytes,
                const std::source_location& where) {
  const Thread& t = *running;
  const Access now = Access::of(t);
  const Words words(region, at, bytes);
  for (std::size_t word = words.first; word < words.end; ++word) {
    const Access written =
        Access::unpack(region.shadow->writer[word].load(std::memory_order_relaxed));
    if (unordered(written, now, t))
      fault(where,
            "race: writes device memory that " + other(written, t) + " wrote in the same launch");
    const Access read = Access::unpack(region.shadow->reader[word].load(std::memory_order_relaxed));
    if (unordered(read, now, t))
      fault(where,
            "race: writes device memory that " + other(read, t) + " read in the same launch");
    region.shadow->writer[word].store(now.pack(), std::memory_order_relaxed);
  }
}

}  // namespace ofer::kernels::simt
