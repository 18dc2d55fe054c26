#include "engine/staging.h"

#include <cstring>

#include "engine/convert.h"
#include "engine/session.h"

namespace ofer {

namespace {

constexpr std::size_t kAlignment = 64;

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

void Staging::queue(Session& session, const void* data, const Tensor& tensor) {
  session.require_uncaptured("a copy from the host (images, masks, lists of patches)");
  reserve(session, aligned(tensor.bytes()));
  std::byte* place = memory_ + used_;
  used_ += aligned(tensor.bytes());
  sent_ += aligned(tensor.bytes());
  std::memcpy(place, data, tensor.bytes());
  session.queue_to_device(tensor, place);
}

void Staging::send(Session& session, std::span<const float> values, const Tensor& tensor) {
  OFER_ASSERT(static_cast<std::int64_t>(values.size()) == tensor.elements());
  if (session.counting() || values.empty()) return;
  queue(session, from_floats(values, tensor.dtype(), converted_), tensor);
}

void Staging::send(Session& session, std::span<const std::int32_t> values, const Tensor& tensor) {
  OFER_ASSERT(static_cast<std::int64_t>(values.size()) == tensor.elements() &&
              tensor.dtype() == DType::kI32);
  if (session.counting() || values.empty()) return;
  queue(session, values.data(), tensor);
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
      to_floats(place, tensors[i].dtype(),
                std::span(floats_).subspan(first_[i], first_[i + 1] - first_[i]));
      place += aligned(tensors[i].bytes());
    }
}

}  // namespace ofer
