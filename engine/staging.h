// The host's side of copies to and from a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/backend.h"
#include "engine/tensor.h"

namespace ofer {

class Session;

// Page-locked memory on a GPU's host (plain memory elsewhere), through which a pass sends its
// inputs and fetches its results without waiting in between. Grows to the largest pass and stays.
// Used by one thread at a time; the memory belongs to the session's device and must not outlive it.
class Staging {
 public:
  explicit Staging(Device device) : device_(device) {}
  ~Staging();
  Staging(const Staging&) = delete;
  Staging& operator=(const Staging&) = delete;

  // Queues a copy of `values` into `tensor`, in its element type. The values may change when the
  // call returns; begin() forgets what was sent before, once its pass has ended.
  void begin() { used_ = sent_ = 0; }
  // Has this pass sent anything? Then the next may begin only when it has ended.
  bool sent() const { return sent_ > 0; }
  void send(Session& session, std::span<const float> values, const Tensor& tensor);
  void send(Session& session, std::span<const std::int32_t> values, const Tensor& tensor);

  // Fetches all of the tensors with one wait: floats, one tensor behind the other; an undefined
  // tensor has none. Valid until the next call.
  void fetch(Session& session, std::span<const Tensor> tensors);
  std::span<const float> fetched(std::size_t number) const {
    return std::span(floats_).subspan(first_[number], first_[number + 1] - first_[number]);
  }

 private:
  void reserve(Session& session, std::size_t bytes);
  void queue(Session& session, const void* data, const Tensor& tensor);

  Device device_;
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_ = 0;  // of the memory
  std::size_t sent_ = 0;  // by this pass
  std::vector<std::byte> converted_;
  std::vector<float> floats_;
  std::vector<std::size_t> first_;  // of each tensor's floats
};

}  // namespace ofer
