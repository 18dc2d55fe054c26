// A device's memory as a program that embeds the library has it, and what every device must do with
// pictures, masks and results there.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "tests/api/api_support.h"
#include "tests/support/backend.h"

namespace ofer::test {

inline SessionHandle session_on(ofer_model* model, std::int32_t device, int largest_batch = 0,
                                void* stream = nullptr) {
  ofer_session_options options = session_options(2, largest_batch);
  options.device = device;
  options.stream = stream;
  return make_session(model, options);
}

inline double worst(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    result = std::max(result, std::fabs(double{a[i]} - double{b[i]}));
  }
  return result;
}

inline void check_close(const Everything& a, const Everything& b) {
  CHECK(a.masks == b.masks);
  CHECK(a.chosen == b.chosen);
  CHECK(a.labels == b.labels);
  CHECK(worst(a.probabilities, b.probabilities) <= 1e-4);
  CHECK(worst(a.coarse, b.coarse) <= 1e-4);
  CHECK(worst(a.restored, b.restored) <= 1e-3);
  CHECK(worst(a.attention, b.attention) <= 1e-4);
  CHECK(worst(a.latents, b.latents) <= 1e-3);
  CHECK(worst(a.grad_cam, b.grad_cam) <= 1e-2);
}

// A copy of host values in a device's memory.
template <class T>
class OnDevice {
 public:
  OnDevice(Memory& memory, const std::vector<T>& values)
      : memory_(memory), count_(values.size()), data_(static_cast<T*>(memory.allocate(bytes()))) {
    if (count_ > 0) memory.write(data_, values.data(), bytes());
  }
  ~OnDevice() { memory_.release(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* data() { return data_; }
  std::size_t size() const { return count_; }
  void read(std::vector<T>& values) const { memory_.read(values.data(), data_, bytes()); }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }
  Memory& memory_;
  std::size_t count_;
  T* data_;
};

// Everything, with its buffers on the device.
struct OnDeviceEverything {
  OnDeviceEverything(Memory& memory, const Everything& all)
      : labels(memory, all.labels),
        masks(memory, all.masks),
        chosen(memory, all.chosen),
        probabilities(memory, all.probabilities),
        distances(memory, all.distances),
        coarse(memory, all.coarse),
        restored(memory, all.restored),
        attention(memory, all.attention),
        grad_cam(memory, all.grad_cam),
        latents(memory, all.latents) {}

  ofer_results results(bool distances_too) {
    ofer_results r = results_in(*this, distances_too);
    r.memory = OFER_MEMORY_DEVICE;
    return r;
  }
  void read(Everything& all) const {
    labels.read(all.labels);
    masks.read(all.masks);
    chosen.read(all.chosen);
    probabilities.read(all.probabilities);
    distances.read(all.distances);
    coarse.read(all.coarse);
    restored.read(all.restored);
    attention.read(all.attention);
    grad_cam.read(all.grad_cam);
    latents.read(all.latents);
  }

  OnDevice<std::int32_t> labels;
  OnDevice<std::uint8_t> masks, chosen;
  OnDevice<float> probabilities, distances, coarse, restored, attention, grad_cam, latents;
};

// Pictures, masks and results in `memory` of `device`, dense and not, beside the same request from
// and to the host. `stream`, if any, is lent to the session.
inline void check_device_memory(std::int32_t device, Memory& memory, void* stream = nullptr) {
  const ModelHandle model = load_model();
  const std::vector<Image> images = drawn_pictures(3);
  const SessionHandle session = session_on(model.get(), device, 2, stream);
  const std::vector<ofer_image> on_host = as_given(images);
  std::vector<std::unique_ptr<OnDevice<std::uint8_t>>> pixels;
  std::vector<ofer_image> on_device = on_host;
  for (std::size_t i = 0; i < images.size(); ++i) {
    pixels.push_back(std::make_unique<OnDevice<std::uint8_t>>(memory, images[i].pixels));
    on_device[i].data = pixels.back()->data();
    on_device[i].memory = OFER_MEMORY_DEVICE;
  }
  for (const int source : {OFER_MASK_DETECT, OFER_MASK_GIVEN, OFER_MASK_NONE})
    for (const int explained : {-1, 0, 6}) {
      INFO("mask ", source, ", class ", explained);
      Everything host(session.get(), model.get(), 3), got(session.get(), model.get(), 3);
      const std::vector<std::uint8_t> mask = scattered(3, host.masks.size() / 3);
      OnDevice<std::uint8_t> mask_there(memory, mask);
      ofer_request request = OFER_REQUEST_INIT;
      request.mask_source = source;
      request.masks = mask.data();
      request.mask_count = mask.size();
      request.grad_cam_class = explained;
      request.dense = 1;
      const bool detects = source == OFER_MASK_DETECT;
      ofer_results results = host.results(detects);
      REQUIRE(ofer_analyse(session.get(), on_host.data(), 3, &request, &results) == OFER_OK);
      request.masks = mask_there.data();
      request.mask_memory = OFER_MEMORY_DEVICE;
      OnDeviceEverything there(memory, got);
      results = there.results(detects);
      for (int round = 0; round < 3; ++round) {
        const ofer_status status =
            ofer_analyse(session.get(), on_device.data(), 3, &request, &results);
        INFO(ofer_session_error(session.get()));
        REQUIRE(status == OFER_OK);
        REQUIRE(ofer_session_wait(session.get()) == OFER_OK);
        there.read(got);
        check_close(got, host);
      }
      // Without `dense`, the host learns the mask on the way.
      if (!detects) continue;
      request.dense = 0;
      REQUIRE(ofer_analyse(session.get(), on_device.data(), 3, &request, &results) == OFER_OK);
      REQUIRE(ofer_session_wait(session.get()) == OFER_OK);
      there.read(got);
      check_close(got, host);
    }
  ofer_request request = OFER_REQUEST_INIT;
  request.mask_source = OFER_MASK_GIVEN;
  request.mask_memory = OFER_MEMORY_DEVICE;
  std::vector<std::uint8_t> one(3 * 16, 1);
  request.masks = one.data();
  request.mask_count = one.size();
  const ofer_results none = OFER_RESULTS_INIT;
  CHECK(ofer_analyse(session.get(), on_device.data(), 3, &request, &none) == OFER_BAD_ARGUMENT);
  CHECK(std::string(ofer_session_error(session.get())).find("dense") != std::string::npos);
}

}  // namespace ofer::test
