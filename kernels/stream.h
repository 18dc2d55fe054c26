// The queue that kernels of one session run on, one after the other.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>

namespace ofer::kernels {

// Work that a stream has noted instead of doing it, to be played on that stream, which it must not
// outlive. The memory that the work refers to is not its own.
class Graph {
 public:
  virtual ~Graph() = default;
};

// Each backend derives its own: threads and scratch memory on a CPU, a CUDA stream and library
// handles on a GPU. Used by one thread at a time. What is here suits a backend whose calls return
// when they are done.
class Stream {
 public:
  virtual ~Stream() = default;

  // Waits until everything queued has ended. Throws DeviceError for what failed on the way.
  virtual void synchronise() {}

  // Notes the moment that the queue has come to; milliseconds from one mark to another, which waits
  // until both have passed. 0 <= number < kMarks.
  static constexpr std::size_t kMarks = 8;
  virtual void mark(std::size_t number) { marks_[number] = Clock::now(); }
  virtual double milliseconds(std::size_t from, std::size_t to) {
    return std::chrono::duration<double, std::milli>(marks_[to] - marks_[from]).count();
  }

  // Where captures() says so, work between begin_capture() and end_capture() is noted, not done,
  // and play() queues all of it with one call. While a stream captures, copies between host and
  // device, waiting, marks and growing scratch memory are errors. drop_capture() leaves a capture
  // that failed. The calls throw DeviceError.
  virtual bool captures() const { return false; }
  // Is somebody else, whose stream this is, noting what is queued? Then nothing may be waited for
  // or copied to or from pageable memory, and marks are left out.
  virtual bool captured_by_owner() const { return false; }
  virtual void begin_capture() {}
  virtual std::unique_ptr<Graph> end_capture() { return nullptr; }
  virtual void drop_capture() noexcept {}
  virtual void play(Graph&) {}
  // How often scratch memory, which noted work may refer to, has moved: older graphs are void.
  std::size_t moves() const { return moves_; }

  // May products, convolutions and attention of floats round their operands to tf32? For backends
  // that can.
  void set_tf32(bool on) { tf32_ = on; }
  bool tf32() const { return tf32_; }

  // May products (on a CPU convolutions, too) of floats round their operands to bfloat16? Goes
  // before tf32.
  void set_bf16(bool on) { bf16_ = on; }
  bool bf16() const { return bf16_; }

  // Does the device have what tf32 and bfloat16 are computed with?
  virtual bool tensor_cores() const { return true; }
  // Of a GPU: 75 for 7.5. 0 where there is none.
  virtual int compute_capability() const { return 0; }

 protected:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  std::size_t moves_ = 0;

 private:
  using Clock = std::chrono::steady_clock;
  std::array<Clock::time_point, kMarks> marks_{};
  bool tf32_ = false, bf16_ = false;
};

}  // namespace ofer::kernels
