// The host's side of copies to and from a device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/backend.h"
#include "engine/tensor.h"
#include "kernels/cpu/threads.h"

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
  // The place of a tensor that is about to be sent.
  std::byte* take(Session& session, const Tensor& tensor);
  // Calls function(begin, end) for ranges that cover [0, count) elements, several at once where
  // they are many and the device is apart from the host.
  template <class F>
  void share_out(Session& session, std::size_t count, const F& function);

  Device device_;
  std::unique_ptr<kernels::cpu::CpuStream> helpers_;  // made when there is much to copy
  std::byte* memory_ = nullptr;
  std::size_t size_ = 0;
  std::size_t used_ = 0;  // of the memory
  std::size_t sent_ = 0;  // by this pass
  std::vector<float> floats_;
  std::vector<std::size_t> first_;  // of each tensor's floats
};

}  // namespace ofer
