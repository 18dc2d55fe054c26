// Runs a kernel's source on the host: blocks are shared out among threads, every device thread is a
// fiber, and whatever threads must do together (barriers, warp operations) is a rendezvous.
//
// Between two rendezvous the fibers of a block run one after the other, in an order that a seed
// shuffles, so that a missing barrier shows. What is checked: barriers that not all threads reach,
// or reach at different lines; warp operations with lanes that are missing, gone or elsewhere;
// shared memory that is read before it is written, is touched by two threads with no barrier in
// between, or out of range; device memory out of range, misaligned, or raced for.
#pragma once

#include <boost/context/fiber.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <source_location>
#include <string>
#include <vector>

#include "kernels/cpu/threads.h"
#include "kernels/simt/fault.h"
#include "kernels/simt/memory.h"
#include "kernels/stream.h"

namespace ofer::kernels::simt {

struct Dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr Dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

// What one device allows, as today's hardware does.
constexpr unsigned kWarp = 32;
constexpr unsigned kMostThreads = 1024;
constexpr std::size_t kMostStaticShared = 48 << 10;
constexpr std::size_t kMostShared = 227 << 10;

struct LaunchShape {
  Dim3 grid, block;
  std::size_t dynamic_shared = 0;  // bytes
};

class Block;

// A borrowed callable: the kernel with its arguments. Owns nothing.
class KernelCall {
 public:
  template <class F>
  explicit KernelCall(const F& call)
      : object_(&call), call_([](const void* object) { (*static_cast<const F*>(object))(); }) {}
  void operator()() const { call_(object_); }

 private:
  const void* object_;
  void (*call_)(const void*);
};

// An array in a block's shared memory, as one of its threads sees it.
struct SharedRegion {
  char* data = nullptr;
  struct SharedCell* cells = nullptr;  // one for each element
  std::size_t count = 0;
  const char* name = "";
};

// A copy from device to shared memory that has been asked for and not yet waited for.
struct PendingCopy {
  const void* from = nullptr;  // null: zeros
  SharedRegion region;
  std::size_t first = 0, count = 0, element = 0, bytes = 0;
};

// One thread of the block that is running.
struct Thread {
  enum class State : std::uint8_t { kReady, kAtBarrier, kInWarp, kDone };

  Dim3 index;
  unsigned linear = 0, lane = 0, warp = 0;
  Block* block = nullptr;
  State state = State::kDone;
  // Where it waits, and, in a warp operation, for whom and with what.
  std::source_location where;
  std::uint32_t mask = 0;
  void (*combine)(Thread* const* lanes, std::uint32_t mask) = nullptr;
  void* operand = nullptr;  // the operation's own record, on this fiber's stack

  // Asynchronous copies under way, oldest first, and where each closed group of them ends.
  std::vector<PendingCopy> copies;
  std::vector<std::size_t> copy_groups;
  // Carries out all but the newest `groups` groups.
  void finish_copies(std::size_t groups);

  boost::context::fiber own, scheduler;
};

inline thread_local constinit Thread* running = nullptr;

// --- shared memory ---

// One element's history within a block. Threads are counted from 1; 0 is nobody.
struct SharedCell {
  static constexpr std::uint16_t kSeveral = 0xffff;  // readers of different warps
  static constexpr std::uint16_t kInWarp = 0xfffe;   // several of one warp
  // As writer: an asynchronous copy, from when it is asked for until it is waited for.
  static constexpr std::uint16_t kUnderWay = 0xfffd;

  std::uint16_t writer = 0, reader = 0;
  std::uint16_t reader_warp = 0;
  std::uint16_t writer_sync = 0, reader_sync = 0;    // warp synchronisations the thread had passed
  std::uint32_t writer_phase = 0, reader_phase = 0;  // barriers the block had passed
};

// Notes an access of the running thread to element i; faults where it reads what nobody has
// written, or where another thread's access may come before or after. Between note_copy_start and
// note_copy_end, of the same thread, an element is touched by nobody.
void note_shared_read(const SharedRegion& region, std::size_t i, const std::source_location& where);
void note_shared_write(const SharedRegion& region, std::size_t i,
                       const std::source_location& where);
void note_copy_start(const SharedRegion& region, std::size_t i, const std::source_location& where);
void note_copy_end(const SharedRegion& region, std::size_t i);

// One block: its threads' fibers and its shared memory; reused from block to block. Used by one
// host thread.
class Block {
 public:
  Block();
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  // Runs every thread of block `number` of the grid to its end. Throws Fault.
  void run(const char* kernel, const LaunchShape& shape, std::uint64_t number, std::uint32_t launch,
           std::uint64_t seed, const KernelCall& call);

  const char* kernel() const { return kernel_; }
  const LaunchShape& shape() const { return shape_; }
  Dim3 index() const { return index_; }
  std::uint64_t number() const { return number_; }
  std::uint32_t launch() const { return launch_; }
  std::uint32_t phase() const { return phase_; }
  std::uint16_t syncs(unsigned warp) const { return syncs_[warp]; }

  // The running thread waits for the whole block.
  void barrier(const std::source_location& where);
  // The running thread waits for the lanes in `mask`; the last one combines their operands.
  void meet(std::uint32_t mask, void (*combine)(Thread* const*, std::uint32_t), void* operand,
            const std::source_location& where);
  void note_warp_sync(unsigned warp) { ++syncs_[warp]; }

  // The array of `key`, made at its first mention. `first_byte` places an array in the launch's
  // dynamic shared memory; kStatic gives it memory of its own.
  static constexpr std::size_t kStatic = ~std::size_t{0};
  SharedRegion shared(const void* key, const char* name, std::size_t element, std::size_t count,
                      std::size_t first_byte, const std::source_location& where);

 private:
  struct Array {
    const void* key;
    std::size_t element, first_byte;
    SharedRegion region;
  };

  void schedule(std::uint64_t seed);
  void release_barrier();
  bool complete(Thread& last);
  [[noreturn]] void explain_deadlock();
  void enter(Thread& thread);
  void switch_back(Thread& thread);
  void pause(Thread& thread);
  void start_fiber(Thread& thread);

  const char* kernel_ = "";
  LaunchShape shape_;
  Dim3 index_;
  std::uint64_t number_ = 0;
  std::uint32_t launch_ = 0, phase_ = 0;
  const KernelCall* call_ = nullptr;
  std::vector<std::uint16_t> syncs_;
  std::vector<Thread> threads_;
  unsigned count_ = 0, done_ = 0, at_barrier_ = 0;
  std::string fault_;
  bool abandoned_ = false, ending_ = false;
  std::vector<Array> arrays_;
  std::vector<char> memory_;
  std::vector<SharedCell> cells_;
  std::size_t memory_used_ = 0, cells_used_ = 0, static_shared_ = 0;
  struct Stacks;
  Stacks* stacks_ = nullptr;
  const void* host_stack_ = nullptr;  // what AddressSanitizer wants to know of the scheduler's
  std::size_t host_stack_size_ = 0;
};

// --- stream and launch ---

// Launches and products in the order they came.
struct SimtGraph final : Graph {
  std::vector<std::function<void()>> work;
};

// Used by one thread at a time. Launches return when they are done.
class SimtStream final : public Stream {
 public:
  explicit SimtStream(int threads, std::uint64_t seed = 1);
  ~SimtStream() override;

  cpu::CpuStream& host() { return host_; }
  void set_seed(std::uint64_t seed) { seed_ = seed; }

  // Device memory for one kernel's use inside a call; valid until the same slot is asked for again.
  static constexpr int kSlots = 4;
  template <class T>
  T* scratch(int slot, Index count) {
    return static_cast<T*>(scratch_bytes(slot, static_cast<std::size_t>(count) * sizeof(T)));
  }
  // Fills all scratch memory with NaNs, for tests.
  void dirty_scratch();

  // Does `work`, or notes it while a graph is captured.
  template <class Work>
  void queue(Work&& work) {
    if (captured_)
      captured_->work.emplace_back(std::forward<Work>(work));
    else
      work();
  }
  void launch(const char* kernel, const LaunchShape& shape, const KernelCall& call);

  bool captures() const override { return !captured_; }
  void begin_capture() override { captured_ = std::make_unique<SimtGraph>(); }
  std::unique_ptr<Graph> end_capture() override { return std::move(captured_); }
  void drop_capture() noexcept override { captured_.reset(); }
  void play(Graph& graph) override;

  // As a CUDA stream that captures, refuses to wait.
  void synchronise() override;
  std::size_t waits() const { return waits_; }  // how often the host has waited
  void mark(std::size_t number) override;

  // What launchers ask the device about: as a large GPU would answer.
  int multiprocessors() const { return 132; }
  int compute_capability() const override { return 90; }

 private:
  void* scratch_bytes(int slot, std::size_t bytes);
  void refuse_while_capturing(const char* what) const;

  cpu::CpuStream host_;
  std::vector<std::unique_ptr<Block>> blocks_;  // one for each host thread
  std::unique_ptr<SimtGraph> captured_;         // the graph that grows, if any
  std::uint64_t seed_;
  std::size_t scratch_size_[kSlots] = {};
  void* scratch_[kSlots] = {};
  std::size_t waits_ = 0;
};

}  // namespace ofer::kernels::simt
