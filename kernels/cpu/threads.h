// The threads of one CPU stream, and their scratch memory.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/stream.h"
#include "kernels/types.h"

namespace ofer::kernels::cpu {

// A borrowed callable: calls what it was made from, owns nothing, allocates nothing.
class RangeFunction {
 public:
  template <class F>
  RangeFunction(F& function)  // NOLINT: implicit by design, made at the call
      : object_(&function), call_([](void* object, Index begin, Index end, int worker) {
          (*static_cast<F*>(object))(begin, end, worker);
        }) {}
  void operator()(Index begin, Index end, int worker) const { call_(object_, begin, end, worker); }

 private:
  void* object_;
  void (*call_)(void*, Index, Index, int);
};

// Grow-only aligned memory: no allocation once every size has been seen.
class Scratch {
 public:
  ~Scratch();
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* get(std::size_t bytes);
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

// A stream on the CPU: `threads` threads, the caller's among them, that share loops.
// Used by one thread at a time. The split of a loop into ranges never changes what is computed:
// kernels write each output from one range alone, in an order that does not depend on the threads.
class CpuStream final : public Stream {
 public:
  // threads >= 1.
  explicit CpuStream(int threads);
  ~CpuStream() override;

  OFER_INLINE int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls function(begin, end, worker) for disjoint ranges that cover [0, count), each at most
  // `grain` long and starting at a multiple of it, worker in [0, threads()). Ranges are handed out
  // as threads become free. An exception of one range is rethrown here after all have ended.
  template <class F>
  void parallel_for(Index count, Index grain, F&& function) {
    if (count <= 0) return;
    if (grain < 1) grain = 1;
    if (workers_.empty() || count <= grain) {
      for (Index begin = 0; begin < count; begin += grain)
        function(begin, begin + grain < count ? begin + grain : count, 0);
      return;
    }
    RangeFunction range(function);
    run(count, grain, range);
  }

  // Memory of `count` elements for one worker's use inside a loop, or (shared_scratch) for the
  // caller's between loops. `slot` in [0, kSlots) tells several apart. Valid until the same slot is
  // asked for again. Uninitialised. What one worker needed in a loop that was shared out all have
  // behind it: which of them takes which range differs from call to call, and a later call shall
  // take no memory.
  static constexpr int kSlots = 4;
  template <class T>
  OFER_INLINE T* scratch(int worker, int slot, Index count) {
    Scratch& own = scratch_[static_cast<std::size_t>(worker * kSlots + slot)];
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (bytes > own.size()) grew_.store(true, std::memory_order_relaxed);
    return static_cast<T*>(own.get(bytes));
  }
  template <class T>
  OFER_INLINE T* shared_scratch(int slot, Index count) {
    return static_cast<T*>(shared_scratch_[slot].get(static_cast<std::size_t>(count) * sizeof(T)));
  }
  std::size_t scratch_bytes() const;

 private:
  struct Job {
    const RangeFunction* function = nullptr;
    Index count = 0, grain = 1;
  };

  void run(Index count, Index grain, const RangeFunction& function);
  void work(int worker);
  void take_ranges(int worker);
  void level_scratch();

  std::vector<std::thread> workers_;
  std::vector<Scratch> scratch_;
  std::atomic<bool> grew_{false};  // some worker's, in the loop that runs
  Scratch shared_scratch_[kSlots];

  Job job_;
  std::atomic<Index> next_{0};
  std::atomic<int> busy_{0};             // workers that have not finished this job
  std::atomic<std::uint32_t> generation_{0};  // counts jobs; workers wait for it to change
  std::atomic<bool> stop_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

OFER_INLINE CpuStream& cpu_stream(Stream& stream) { return static_cast<CpuStream&>(stream); }

}  // namespace ofer::kernels::cpu
