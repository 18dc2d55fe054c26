// The executor's device memory: host memory that only device pointers may reach.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <source_location>

namespace ofer::kernels::simt {

// Who touched a word of device memory last, for finding races between the threads of one launch.
// Words are of 2 bytes, so that neighbours of the smallest element type are apart; of bytes, which
// only a caller's memory has, every other one is looked at. An access is packed as launch, block,
// barriers passed, thread.
struct AccessShadow {
  AccessShadow(std::size_t words, bool filled_)
      : filled(filled_),
        writer(new std::atomic<std::uint64_t>[words]()),
        reader(new std::atomic<std::uint64_t>[words]()) {}
  static constexpr std::size_t kWord = 2;
  bool filled;  // false: what nobody has written yet may not be read
  std::unique_ptr<std::atomic<std::uint64_t>[]> writer, reader;
};

// Part of an allocation that a pointer may walk in.
struct Region {
  char* begin = nullptr;
  char* end = nullptr;
  char* origin = nullptr;          // of the shadow's first word
  AccessShadow* shadow = nullptr;  // null: races are not looked for
};

// Memory of `bytes`, aligned to 256, full of NaNs. Null when there is not enough. Tracked: races
// are looked for in it (16 bytes of shadow for every 2); kScratch: reads of what no kernel wrote as
// well.
enum class Tracking : std::uint8_t { kNone, kRaces, kScratch };
void* allocate(std::size_t bytes, Tracking tracking = Tracking::kNone);
void release(void* data) noexcept;

// Narrows what pointers into [data, data + bytes) may touch to just that range, until widened
// again: a test's buffer between its guards.
void narrow(void* data, std::size_t bytes);
void widen(void* data);

// The region of a device pointer; false for memory that is not this device's.
bool find_region(const void* pointer, Region& region);

// Scratch memory of which nothing is written, and what somebody other than a kernel has written.
void forget_writes(void* data);
void note_filled(const void* data, std::size_t bytes);

// Bytes allocated now; and, for tests, the allocation that fails (counted from 1; 0: none).
std::size_t allocated_bytes();
void fail_allocation(std::int64_t number);

// Notes a read or a write of tracked memory by the running thread; faults where it races with an
// access of another thread in the same launch.
void note_read(const Region& region, const void* at, std::size_t bytes,
               const std::source_location& where);
void note_write(const Region& region, const void* at, std::size_t bytes,
                const std::source_location& where);

}  // namespace ofer::kernels::simt
