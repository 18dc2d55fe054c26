#include "kernels/simt/executor.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <numeric>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace ofer::kernels::simt {

namespace {

// Sanitizers put guard zones around every variable, so their frames are several times as large.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kStackBytes = 512 << 10;
#else
constexpr std::size_t kStackBytes = 128 << 10;
#endif

std::string text_of(const Dim3& d) {
  return "(" + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " + std::to_string(d.z) + ")";
}

std::string text_of(const std::source_location& where) {
  const std::string file = where.file_name();
  const std::size_t room = file.rfind("kernels/");
  const std::size_t tests = file.rfind("tests/");
  const std::size_t from = room != std::string::npos    ? room
                           : tests != std::string::npos ? tests
                                                        : 0;
  return file.substr(from) + ":" + std::to_string(where.line());
}

bool same_place(const std::source_location& a, const std::source_location& b) {
  return a.line() == b.line() && std::strcmp(a.file_name(), b.file_name()) == 0;
}

std::uint64_t next_random(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// AddressSanitizer has to be told which stack runs. Nothing in other builds.
struct StackSwitch {
#if defined(__SANITIZE_ADDRESS__)
  void* fake = nullptr;
  void leave_for(const void* bottom, std::size_t size) {
    __sanitizer_start_switch_fiber(&fake, bottom, size);
  }
  void leave_for_good(const void* bottom, std::size_t size) {
    __sanitizer_start_switch_fiber(nullptr, bottom, size);
  }
  void arrived(const void** from, std::size_t* size) {
    __sanitizer_finish_switch_fiber(fake, from, size);
  }
#else
  void leave_for_good(const void*, std::size_t) {}
  void leave_for(const void*, std::size_t) {}
  void arrived(const void**, std::size_t*) {}
#endif
};

// Thrown in a thread of a block that another thread's fault has ended.
struct Abandoned {};

std::string lanes_text(std::uint32_t lanes) {
  std::string text;
  for (unsigned lane = 0; lane < kWarp; ++lane)
    if (lanes >> lane & 1) text += (text.empty() ? "" : ", ") + std::to_string(lane);
  return text;
}

}  // namespace

void fault(const std::source_location& where, const std::string& what) {
  if (!running) throw Fault(text_of(where) + ": " + what);
  const Thread& t = *running;
  throw Fault("kernel " + std::string(t.block->kernel()) + ", block " + text_of(t.block->index()) +
              ", thread " + text_of(t.index) + ", " + text_of(where) + ": " + what);
}

// Stacks of all fibers of a block in one mapping; pages are taken from the system when touched.
struct Block::Stacks {
  char* base;
  Stacks() {
    void* memory = mmap(nullptr, kMostThreads * kStackBytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    base = static_cast<char*>(memory);
  }
  ~Stacks() { munmap(base, kMostThreads * kStackBytes); }

  // What boost::context asks of a stack allocator.
  struct One {
    char* base;
    boost::context::stack_context allocate() {
      boost::context::stack_context stack;
      stack.size = kStackBytes;
      stack.sp = base + kStackBytes;
      return stack;
    }
    void deallocate(boost::context::stack_context&) noexcept {}
  };
  One of(unsigned thread) { return {base + thread * kStackBytes}; }
};

Block::Block() : threads_(kMostThreads), stacks_(new Stacks) {
  syncs_.resize(kMostThreads / kWarp);
}

Block::~Block() {
  // Every fiber waits between two kernels; each is let run to its end.
  ending_ = true;
  for (Thread& thread : threads_)
    if (thread.own) enter(thread);
  delete stacks_;
}

void Block::start_fiber(Thread& thread) {
  thread.own = boost::context::fiber(std::allocator_arg, stacks_->of(thread.linear),
                                     [this, &thread](boost::context::fiber&& scheduler) {
                                       StackSwitch().arrived(&host_stack_, &host_stack_size_);
                                       thread.scheduler = std::move(scheduler);
                                       // One round for each block: a fiber is made once and used
                                       // again.
                                       for (;;) {
                                         try {
                                           if (!abandoned_) (*call_)();
                                         } catch (const Abandoned&) {
                                         } catch (const std::exception& error) {
                                           if (fault_.empty()) fault_ = error.what();
                                         }
                                         thread.state = Thread::State::kDone;
                                         ++done_;
                                         switch_back(thread);
                                         if (ending_) break;
                                       }
                                       StackSwitch().leave_for_good(host_stack_, host_stack_size_);
                                       return std::move(thread.scheduler);
                                     });
}

// From the scheduler into a thread's fiber, until it pauses.
void Block::enter(Thread& thread) {
  running = &thread;
  StackSwitch here;
  here.leave_for(stacks_->base + thread.linear * kStackBytes, kStackBytes);
  thread.own = std::move(thread.own).resume();
  here.arrived(nullptr, nullptr);
  running = nullptr;
}

// From a thread's fiber back to the scheduler, until it is entered again.
void Block::switch_back(Thread& thread) {
  StackSwitch here;
  here.leave_for(host_stack_, host_stack_size_);
  thread.scheduler = std::move(thread.scheduler).resume();
  here.arrived(&host_stack_, &host_stack_size_);
}

// In the middle of a kernel: a block that failed is left from there.
void Block::pause(Thread& thread) {
  switch_back(thread);
  if (abandoned_) throw Abandoned();
}

void Block::barrier(const std::source_location& where) {
  Thread& thread = *running;
  thread.state = Thread::State::kAtBarrier;
  thread.where = where;
  ++at_barrier_;
  pause(thread);
}

void Block::meet(std::uint32_t mask, void (*combine)(Thread* const*, std::uint32_t), void* operand,
                 const std::source_location& where) {
  Thread& thread = *running;
  if (!(mask >> thread.lane & 1))
    fault(where, "the mask of a warp operation leaves out the calling lane " +
                     std::to_string(thread.lane));
  thread.mask = mask;
  thread.combine = combine;
  thread.operand = operand;
  thread.where = where;
  thread.state = Thread::State::kInWarp;
  if (!complete(thread)) pause(thread);
}

// Has every lane of the operation arrived? Then it is carried out and all of them go on.
bool Block::complete(Thread& last) {
  Thread* lanes[kWarp] = {};
  const unsigned first = last.warp * kWarp;
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if (!(last.mask >> lane & 1)) continue;
    if (first + lane >= count_)
      fault(last.where, "a warp operation names lane " + std::to_string(lane) +
                            ", which this block has not got");
    Thread& other = threads_[first + lane];
    if (other.state != Thread::State::kInWarp) return false;
    if (other.mask != last.mask || other.combine != last.combine ||
        !same_place(other.where, last.where))
      fault(last.where, "divergent warp operation: lane " + std::to_string(lane) + " is at " +
                            text_of(other.where));
    lanes[lane] = &other;
  }
  last.combine(lanes, last.mask);
  for (Thread* lane : lanes)
    if (lane) lane->state = Thread::State::kReady;
  return true;
}

void Block::release_barrier() {
  const Thread* first = nullptr;
  for (unsigned i = 0; i < count_; ++i) {
    Thread& thread = threads_[i];
    if (!first) first = &thread;
    if (!same_place(first->where, thread.where)) {
      running = &thread;
      fault(thread.where, "divergent barrier: thread " + text_of(first->index) + " waits at " +
                              text_of(first->where));
    }
    thread.state = Thread::State::kReady;
  }
  at_barrier_ = 0;
  ++phase_;
}

// Nobody can go on: names the first thread that waits in vain, and for whom.
void Block::explain_deadlock() {
  for (unsigned i = 0; i < count_; ++i) {
    Thread& thread = threads_[i];
    if (thread.state != Thread::State::kInWarp) continue;
    std::uint32_t missing = 0, gone = 0;
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      if (!(thread.mask >> lane & 1)) continue;
      const Thread& other = threads_[thread.warp * kWarp + lane];
      if (other.state == Thread::State::kInWarp) continue;
      missing |= 1u << lane;
      if (other.state == Thread::State::kDone) gone |= 1u << lane;
    }
    running = &thread;
    fault(thread.where,
          "warp operation among missing lanes " + lanes_text(missing) +
              (gone ? "; of these have ended: " + lanes_text(gone) : "; they wait elsewhere"));
  }
  for (unsigned i = 0; i < count_; ++i)
    if (threads_[i].state == Thread::State::kAtBarrier) {
      running = &threads_[i];
      fault(threads_[i].where, "divergent barrier: " + std::to_string(at_barrier_) + " of " +
                                   std::to_string(count_) + " threads reach it, the others ended");
    }
  fault({}, "no thread can go on");
}

void Block::schedule(std::uint64_t seed) {
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u;
  while (done_ < count_) {
    // A walk over all threads with a stride prime to their number: each comes once, in an order
    // that the seed decides.
    const unsigned start = static_cast<unsigned>(next_random(state) % count_);
    unsigned stride = static_cast<unsigned>(next_random(state) % count_) | 1;
    while (std::gcd(stride, count_) != 1) stride += 2;
    stride %= count_;
    if (stride == 0) stride = 1;
    bool progress = false;
    unsigned at = start;
    for (unsigned i = 0; i < count_; ++i) {
      Thread& thread = threads_[at];
      at += stride;
      if (at >= count_) at -= count_;
      if (thread.state != Thread::State::kReady) continue;
      progress = true;
      enter(thread);
      if (!fault_.empty()) throw Fault(fault_);
    }
    if (!progress) {
      if (at_barrier_ == count_)
        release_barrier();
      else
        explain_deadlock();
    }
  }
}

void Block::run(const char* kernel, const LaunchShape& shape, std::uint64_t number,
                std::uint32_t launch, std::uint64_t seed, const KernelCall& call) {
  kernel_ = kernel;
  shape_ = shape;
  number_ = number;
  launch_ = launch;
  call_ = &call;
  index_ = {static_cast<unsigned>(number % shape.grid.x),
            static_cast<unsigned>(number / shape.grid.x % shape.grid.y),
            static_cast<unsigned>(number / shape.grid.x / shape.grid.y)};
  count_ = static_cast<unsigned>(shape.block.count());
  done_ = at_barrier_ = phase_ = 0;
  fault_.clear();
  arrays_.clear();
  memory_used_ = cells_used_ = static_shared_ = 0;
  std::fill(syncs_.begin(), syncs_.end(), std::uint16_t{0});
  for (unsigned i = 0; i < count_; ++i) {
    Thread& thread = threads_[i];
    thread.index = {i % shape.block.x, i / shape.block.x % shape.block.y,
                    i / shape.block.x / shape.block.y};
    thread.linear = i;
    thread.lane = i % kWarp;
    thread.warp = i / kWarp;
    thread.block = this;
    thread.state = Thread::State::kReady;
    thread.copies.clear();
    thread.copy_groups.clear();
    if (!thread.own) start_fiber(thread);
  }
  try {
    schedule(seed + number);
  } catch (...) {
    // Threads in the middle of the kernel leave it.
    abandoned_ = true;
    for (unsigned i = 0; i < count_; ++i)
      if (threads_[i].state != Thread::State::kDone) enter(threads_[i]);
    abandoned_ = false;
    running = nullptr;
    throw;
  }
}

SharedRegion Block::shared(const void* key, const char* name, std::size_t element,
                           std::size_t count, std::size_t first_byte,
                           const std::source_location& where) {
  for (const Array& array : arrays_)
    if (array.key == key && array.first_byte == first_byte && array.element == element) {
      if (array.region.count != count)
        fault(where, std::string("shared array ") + name + " has two sizes");
      return array.region;
    }
  const std::size_t bytes = element * count;
  if (first_byte == kStatic) {
    static_shared_ += (bytes + 15) / 16 * 16;
    if (static_shared_ > kMostStaticShared)
      fault(where,
            std::string("shared array ") + name + ": more than 48 KiB of static shared memory");
  } else if (first_byte + bytes > shape_.dynamic_shared) {
    fault(where, std::string("shared array ") + name + " ends at byte " +
                     std::to_string(first_byte + bytes) + ", the launch gave " +
                     std::to_string(shape_.dynamic_shared));
  }
  if (memory_.empty()) memory_.resize(2 * kMostShared);
  const std::size_t begin = (memory_used_ + 127) / 128 * 128;
  if (begin + bytes > memory_.size()) fault(where, "the block's arrays do not fit");
  if (cells_.empty()) cells_.resize(memory_.size() / 2);
  if (cells_used_ + count > cells_.size()) fault(where, "the block's arrays do not fit");
  SharedRegion region{memory_.data() + begin, cells_.data() + cells_used_, count, name};
  memory_used_ = begin + bytes;
  cells_used_ += count;
  std::memset(region.data, 0xff, bytes);  // NaNs
  std::fill_n(region.cells, count, SharedCell{});
  arrays_.push_back({key, element, first_byte, region});
  return region;
}

SimtStream::SimtStream(int threads, std::uint64_t seed) : host_(threads), seed_(seed) {
  blocks_.resize(static_cast<std::size_t>(threads));
}

SimtStream::~SimtStream() {
  for (void* data : scratch_) release(data);
}

void* SimtStream::scratch_bytes(int slot, std::size_t bytes) {
  if (bytes > scratch_size_[slot]) {
    refuse_while_capturing("scratch memory grows");
    void* fresh = allocate(bytes, Tracking::kScratch);
    if (!fresh)
      throw DeviceError("cannot allocate " + std::to_string(bytes) + " bytes of scratch memory",
                        true);
    release(scratch_[slot]);
    scratch_[slot] = fresh;
    scratch_size_[slot] = bytes;
    ++moves_;
  }
  return scratch_[slot];
}

void SimtStream::refuse_while_capturing(const char* what) const {
  if (captured_) throw Fault(std::string(what) + " while a graph is captured");
}

void SimtStream::play(Graph& graph) {
  for (const std::function<void()>& work : static_cast<SimtGraph&>(graph).work) work();
}

void SimtStream::synchronise() {
  refuse_while_capturing("the host waits");
  ++waits_;
}

void SimtStream::mark(std::size_t number) {
  refuse_while_capturing("a moment is marked");
  Stream::mark(number);
}

void SimtStream::dirty_scratch() {
  for (int slot = 0; slot < kSlots; ++slot)
    if (scratch_[slot]) {
      std::memset(scratch_[slot], 0xff, scratch_size_[slot]);
      forget_writes(scratch_[slot]);
    }
}

void SimtStream::launch(const char* kernel, const LaunchShape& shape, const KernelCall& call) {
  static std::atomic<std::uint32_t> launches{0};
  const std::string name = std::string("kernel ") + kernel + ": ";
  if (shape.block.count() == 0 || shape.block.count() > kMostThreads)
    throw Fault(name + "a block of " + std::to_string(shape.block.count()) + " threads");
  if (shape.grid.y > 65535 || shape.grid.z > 65535 || shape.grid.x > 0x7fffffffu)
    throw Fault(name + "a grid of " + text_of(shape.grid) + " blocks");
  if (shape.dynamic_shared > kMostShared)
    throw Fault(name + std::to_string(shape.dynamic_shared) + " bytes of shared memory");
  const std::uint32_t launch = launches.fetch_add(1) + 1;
  host_.parallel_for(
      static_cast<Index>(shape.grid.count()), 1, [&](Index begin, Index end, int worker) {
        auto& block = blocks_[static_cast<std::size_t>(worker)];
        if (!block) block = std::make_unique<Block>();
        for (Index i = begin; i < end; ++i)
          block->run(kernel, shape, static_cast<std::uint64_t>(i), launch, seed_, call);
      });
}

}  // namespace ofer::kernels::simt
