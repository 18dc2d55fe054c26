// One caller's place of work: device, stream, workspace, precision, threads, tape and taps.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/backend.h"
#include "engine/log.h"
#include "engine/resize_axis.h"
#include "engine/tape.h"
#include "engine/workspace.h"

namespace ofer {

// Sees every named intermediate in execution order. The tensor is in host memory and valid during
// the call only.
using TapCallback = std::function<void(std::string_view name, const Tensor& tensor)>;

// Says by a tap's full name whether anybody wants to see it. Asked while a pass is only counted,
// too, so it gives the same answer for as long as it is set.
using TapFilter = std::function<bool(std::string_view name)>;

struct SessionOptions {
  Device device;
  Precision precision = Precision::kF32;
  int threads = 0;            // 0: one for each core the process may use
  bool deterministic = true;  // false: products over whole batches; bits may depend on the batch
  LogCallback log;

  // Of a GPU: a stream of the caller's (cudaStream_t) in place of one of the session's own. Work is
  // queued on it as it comes: sections are not played again (engine/replays.h), and where the
  // caller is capturing it, they become part of the caller's graph.
  void* stream = nullptr;  // must outlive the session
};

// Thread rule: a Session is used by one thread at a time. Sessions share nothing but Models.
class Session {
 public:
  // Throws kUnsupported when this build or machine lacks the device or the precision.
  explicit Session(const SessionOptions& options = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Device device() const { return options_.device; }
  Precision precision() const { return options_.precision; }
  DType dtype() const { return backend_->dtype(precision()); }
  int threads() const { return threads_; }
  bool deterministic() const { return options_.deterministic; }
  const Backend& backend() const { return *backend_; }
  kernels::Stream& stream() { return *stream_; }
  Workspace& workspace() { return workspace_; }

  Tensor allocate(const Shape& shape) { return workspace_.allocate(shape, dtype()); }
  Tensor allocate(const Shape& shape, DType dtype) { return workspace_.allocate(shape, dtype); }

  // Is this pass only being counted? Then no kernel runs and no tensor may be read or written.
  bool counting() const { return workspace_.counting(); }

  // Runs `pass` once counting: the bytes of workspace that it needs.
  template <class Pass>
  std::size_t count(Pass&& pass) {
    workspace_.begin_counting();
    try {
      pass();
    } catch (...) {
      workspace_.end_counting();
      throw;
    }
    return workspace_.end_counting();
  }
  // The same, then makes room for it. `pass` must allocate at most as much whenever it is run for
  // real.
  template <class Pass>
  void plan(Pass&& pass) {
    workspace_.reserve(count(std::forward<Pass>(pass)));
  }

  // Copies between host memory and a tensor, whichever device it is on; done when they return. The
  // host's memory is ordinary memory. Nothing while counting.
  void to_device(const Tensor& tensor, const void* host) { queue_to_device(tensor, host); }
  void to_host(const Tensor& tensor, void* host) {
    queue_to_host(tensor, host);
    synchronise();
  }
  // The same, only queued where the host's memory is the backend's own (engine/staging.h): it must
  // stay as it is until synchronise().
  void queue_to_device(const Tensor& tensor, const void* host);
  void queue_to_host(const Tensor& tensor, void* host);
  // Waits until everything queued has ended. Throws kDevice for what failed on the way.
  void synchronise() {
    if (!counting()) on_device([&] { stream_->synchronise(); });
  }

  // Is work noted instead of done (engine/replays.h)? Then nothing may be copied to or from the
  // host.
  bool capturing() const { return capturing_; }
  void set_capturing(bool on) { capturing_ = on; }

  // Throws kUnsupported, naming `what`, while the caller captures the stream that they have lent.
  void require_uncaptured(const char* what) {
    require(counting() || !on_device([&] { return stream_->captured_by_owner(); }),
            ErrorCode::kUnsupported, what, " cannot become part of a CUDA graph");
  }

  // For who observes operations: they are called through `backend`, a copy of the session's own
  // with other tables, and sections are queued anew instead of being played again
  // (engine/replays.h). Null: the session's own. Only between passes; what is set stays the
  // caller's, who keeps it and its tables until it is replaced.
  void replace_backend(const Backend* backend);
  bool replays_sections() const { return !replaced_; }

  // Moments of a pass and the time between two of them (kernels/stream.h). Nothing while counting.
  void mark(std::size_t number) {
    if (!counting()) on_device([&] { stream_->mark(number); });
  }
  double milliseconds(std::size_t from, std::size_t to) {
    return on_device([&] { return stream_->milliseconds(from, to); });
  }

  // What resizes an axis from `in` to `out`; made at its first use, also while counting.
  const ResizeAxis& resize_axis(std::int64_t in, std::int64_t out, bool nearest) {
    return resize_axes_.get(in, out, nearest, *stream_);
  }

  // In training, batch norms use the statistics of the batch and move their running ones, which
  // must then be in memory that may be written. Off by default.
  bool training() const { return training_; }
  void set_training(bool on) { training_ = on; }

  // The tape that records, or null. Set by Recording.
  Tape* tape() { return recording_ ? &tape_ : nullptr; }

  // While one lives, operations record themselves on the session's tape and memory is held; the
  // tape is empty before and after.
  class Recording {
   public:
    explicit Recording(Session& session) : session_(session), hold_(session.workspace_) {
      OFER_ASSERT(!session.recording_);
      session_.tape_.clear();
      session_.recording_ = true;
    }
    ~Recording() {
      session_.recording_ = false;
      session_.tape_.clear();
    }
    Recording(const Recording&) = delete;
    Recording& operator=(const Recording&) = delete;
    Tape& tape() { return session_.tape_; }

   private:
    Session& session_;
    Workspace::Hold hold_;
  };

  // --- taps: names like paths, "detect/encoder/block03/attention" ---

  // Called for every tap; null for none. With a filter only for the taps that it wants: the others
  // cost no copy from a device, and layers stay fused around them.
  void set_tap(TapCallback callback, TapFilter wanted = {}) {
    tap_ = std::move(callback);
    tap_wanted_ = std::move(wanted);
  }

  // Watches the tensor that will pass under this full name (Grad-CAM); what passed is kept in
  // `seen`. Empty name: none.
  struct Watch {
    std::string name;
    Tensor seen;
  };
  void set_watches(std::vector<Watch>* watches) { watches_ = watches; }

  // Reports `tensor` under the current path + "/" + name (empty: under the path itself).
  void tap(std::string_view name, Tensor& tensor);
  // The same, shown in another shape.
  void tap(std::string_view name, Tensor& tensor, const Shape& shape) {
    Tensor shown = tensor.view(shape);
    tap(name, shown);
    tensor.set_node(shown.node());
  }
  // Does anybody look at any tap?
  bool tapping() const { return static_cast<bool>(tap_); }
  // Does anybody look at the tap that tap(name, ...) would report here? Where not, layers may fuse
  // what it would have to see apart.
  bool tapping(std::string_view name) const;

  // Adds a piece, or a piece and a number with at least `digits` digits, to the path of taps.
  class Path {
   public:
    Path(Session& session, std::string_view piece, int number = -1, int digits = 1);
    ~Path() { session_.path_.resize(length_); }
    Path(const Path&) = delete;
    Path& operator=(const Path&) = delete;

   private:
    Session& session_;
    std::size_t length_;
  };

  // --- cancellation and remarks ---

  // May be called from any thread; the pass that is running, or the next one, ends with kCancelled.
  void cancel() { cancelled_ = true; }
  void check_cancelled() {
    if (cancelled_.exchange(false)) fail(ErrorCode::kCancelled, "cancelled");
  }
  void log(LogLevel level, std::string_view text) const {
    if (options_.log) options_.log(level, text);
  }

 private:
  SessionOptions options_;
  const Backend* backend_;
  int threads_;
  std::unique_ptr<kernels::Stream> stream_;
  Workspace workspace_;
  ResizeAxes resize_axes_;
  Tape tape_;
  bool recording_ = false, capturing_ = false, training_ = false, replaced_ = false;
  TapCallback tap_;
  TapFilter tap_wanted_;  // null: all
  std::vector<Watch>* watches_ = nullptr;
  std::string path_;
  std::vector<std::byte> staging_;  // host copy of a tapped tensor that lives on a device
  std::atomic<bool> cancelled_{false};
};

}  // namespace ofer
