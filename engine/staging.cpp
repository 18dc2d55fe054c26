#include "engine/staging.h"

#include <algorithm>
#include <cstring>

#include "engine/convert.h"
#include "engine/session.h"

namespace ofer {

namespace {

constexpr std::size_t kAlignment = 64;

// Elements that one thread converts at once; that are on their way before the next are converted;
// and threads that convert: more would wait for the host's memory.
constexpr std::size_t kPiece = std::size_t{1} << 16, kUnderWay = std::size_t{1} << 20;
constexpr int kMostHelpers = 4;

std::size_t aligned(std::size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

Staging::~Staging() {
  if (memory_) backend_of(device_.kind).release_host(memory_, device_);
}

// At least `bytes` behind what is used. Room is made for everything the pass has sent, as if memory
// had not grown on the way, so that the next pass like this one need not grow it again. What was
// sent may still be on its way, so the session waits before memory moves.
void Staging::reserve(Session& session, std::size_t bytes) {
  const std::size_t needed = sent_ + bytes;
  if (needed <= size_) return;
  session.synchronise();
  const Backend& backend = session.backend();
  void* fresh = on_device([&] { return backend.allocate_host(needed, device_); });
  require(fresh != nullptr, ErrorCode::kOutOfMemory, "cannot allocate ", needed,
          " bytes of memory for copies to ", backend.name);
  if (memory_) backend.release_host(memory_, device_);
  memory_ = static_cast<std::byte*>(fresh);
  size_ = needed;
  used_ = 0;
}

std::byte* Staging::take(Session& session, const Tensor& tensor) {
  session.require_uncaptured("a copy from the host (images, masks, lists of patches)");
  reserve(session, aligned(tensor.bytes()));
  std::byte* const place = memory_ + used_;
  used_ += aligned(tensor.bytes());
  sent_ += aligned(tensor.bytes());
  return place;
}

template <class F>
void Staging::share_out(Session& session, std::size_t count, const F& function) {
  if (count <= kPiece || device_.host_accessible() || session.threads() == 1) {
    function(std::size_t{0}, count);
    return;
  }
  if (!helpers_)
    helpers_ = std::make_unique<kernels::cpu::CpuStream>(std::min(session.threads(), kMostHelpers));
  helpers_->parallel_for(static_cast<std::int64_t>(count), static_cast<std::int64_t>(kPiece),
                         [&](std::int64_t begin, std::int64_t end, int) {
                           function(static_cast<std::size_t>(begin), static_cast<std::size_t>(end));
                         });
}

void Staging::send(Session& session, std::span<const float> values, const Tensor& tensor) {
  OFER_ASSERT(static_cast<std::int64_t>(values.size()) == tensor.elements());
  if (session.counting() || values.empty()) return;
  const std::size_t size = size_of(tensor.dtype());
  std::byte* const place = take(session, tensor);
  // What is converted is on its way while the next is converted.
  for (std::size_t first = 0; first < values.size(); first += kUnderWay) {
    const auto some = values.subspan(first, std::min(kUnderWay, values.size() - first));
    std::byte* const to = place + first * size;
    share_out(session, some.size(), [&](std::size_t begin, std::size_t end) {
      from_floats(some.subspan(begin, end - begin), tensor.dtype(), to + begin * size);
    });
    session.queue_to_device(
        Tensor(static_cast<std::byte*>(tensor.raw()) + first * size,
               {static_cast<std::int64_t>(some.size())}, tensor.dtype(), tensor.device()),
        to);
  }
}

void Staging::send(Session& session, std::span<const std::int32_t> values, const Tensor& tensor) {
  OFER_ASSERT(static_cast<std::int64_t>(values.size()) == tensor.elements() &&
              tensor.dtype() == DType::kI32);
  if (session.counting() || values.empty()) return;
  std::byte* const place = take(session, tensor);
  std::memcpy(place, values.data(), values.size_bytes());
  session.queue_to_device(tensor, place);
}

void Staging::fetch(Session& session, std::span<const Tensor> tensors) {
  std::size_t bytes = 0, count = 0;
  first_.assign(1, 0);
  for (const Tensor& tensor : tensors) {
    if (tensor.defined()) {
      bytes += aligned(tensor.bytes());
      count += static_cast<std::size_t>(tensor.elements());
    }
    first_.push_back(count);
  }
  floats_.resize(count);
  if (session.counting()) return;
  session.require_uncaptured("a copy to the host (results, the mask that was detected)");
  reserve(session, bytes);
  std::byte* place = memory_ + used_;
  for (const Tensor& tensor : tensors)
    if (tensor.defined()) {
      session.queue_to_host(tensor, place);
      place += aligned(tensor.bytes());
    }
  session.synchronise();
  place = memory_ + used_;
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].defined()) {
      const auto values = std::span(floats_).subspan(first_[i], first_[i + 1] - first_[i]);
      const std::size_t size = size_of(tensors[i].dtype());
      share_out(session, values.size(), [&](std::size_t begin, std::size_t end) {
        to_floats(place + begin * size, tensors[i].dtype(), values.subspan(begin, end - begin));
      });
      place += aligned(tensors[i].bytes());
    }
}

}  // namespace ofer
