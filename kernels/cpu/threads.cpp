#include "kernels/cpu/threads.h"

#include <algorithm>
#include <cstdlib>
#include <new>

#include "kernels/cpu/signals_held.h"

namespace ofer::kernels::cpu {

namespace {
constexpr std::size_t kAlignment = 64;
// How often a waiting thread looks before it sleeps: a few microseconds, the time between two
// kernels of a layer.
constexpr int kSpins = 2000;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
}  // namespace

Scratch::~Scratch() {
  std::free(data_);
}

void* Scratch::get(std::size_t bytes) {
  if (bytes <= size_) return data_;
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  void* fresh = rounded < bytes ? nullptr : std::aligned_alloc(kAlignment, rounded);
  if (!fresh) throw std::bad_alloc();
  std::free(data_);
  data_ = fresh;
  size_ = rounded;
  return data_;
}

CpuStream::CpuStream(int threads) : scratch_(static_cast<std::size_t>(threads) * kSlots) {
  workers_.reserve(static_cast<std::size_t>(threads - 1));
  const SignalsHeld inherited;  // by the workers, for as long as they live
  try {
    for (int worker = 1; worker < threads; ++worker)
      workers_.emplace_back([this, worker] { work(worker); });
  } catch (...) {
    stop_ = true;
    ++generation_;
    generation_.notify_all();
    for (std::thread& thread : workers_) thread.join();
    throw;
  }
}

CpuStream::~CpuStream() {
  stop_ = true;
  ++generation_;
  generation_.notify_all();
  for (std::thread& thread : workers_) thread.join();
}

std::size_t CpuStream::scratch_bytes() const {
  std::size_t sum = 0;
  for (const Scratch& scratch : scratch_) sum += scratch.size();
  for (const Scratch& scratch : shared_scratch_) sum += scratch.size();
  return sum;
}

// Behind a loop, when no worker uses its own.
void CpuStream::level_scratch() {
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    std::size_t most = 0;
    for (std::size_t i = slot; i < scratch_.size(); i += kSlots)
      most = std::max(most, scratch_[i].size());
    for (std::size_t i = slot; i < scratch_.size(); i += kSlots) scratch_[i].get(most);
  }
}

void CpuStream::run(Index count, Index grain, const RangeFunction& function) {
  job_ = {&function, count, grain};
  grew_.store(false, std::memory_order_relaxed);
  next_.store(0, std::memory_order_relaxed);
  busy_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  const SignalsHeld held;  // once for the loop, not for each product in it
  take_ranges(0);
  for (int spin = 0; busy_.load(std::memory_order_acquire) != 0; ++spin) {
    if (spin < kSpins) {
      pause();
    } else {
      const int busy = busy_.load(std::memory_order_acquire);
      if (busy != 0) busy_.wait(busy, std::memory_order_acquire);
    }
  }
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  if (grew_.load(std::memory_order_relaxed)) level_scratch();
}

void CpuStream::take_ranges(int worker) {
  const Index count = job_.count, grain = job_.grain;
  for (;;) {
    const Index begin = next_.fetch_add(grain, std::memory_order_relaxed);
    if (begin >= count) return;
    try {
      (*job_.function)(begin, begin + grain < count ? begin + grain : count, worker);
    } catch (...) {
      std::lock_guard<std::mutex> lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }
}

void CpuStream::work(int worker) {
  const SignalsHeld held;
  std::uint32_t seen = 0;
  for (;;) {
    for (int spin = 0; generation_.load(std::memory_order_acquire) == seen; ++spin) {
      if (spin < kSpins)
        pause();
      else
        generation_.wait(seen, std::memory_order_acquire);
    }
    // One job at a time: run() waits for every worker, so the generation moved by exactly one.
    ++seen;
    if (stop_.load(std::memory_order_relaxed)) return;
    take_ranges(worker);
    if (busy_.fetch_sub(1, std::memory_order_release) == 1) busy_.notify_one();
  }
}

}  // namespace ofer::kernels::cpu
