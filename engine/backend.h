// The backends: for each kind of device the table of its operations, its memory and its streams.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>

#include "engine/device.h"
#include "engine/error.h"
#include "kernels/device_error.h"
#include "kernels/table.h"

namespace ofer {

// One row of the list of backends. All functions are safe to call from several threads; a stream is
// not. They throw kernels::DeviceError.
struct Backend {
  const char* name;
  DeviceKind kind;
  const kernels::Table<float>* f32;
  const kernels::Table<double>* f64;  // null: the backend has no double precision
  // `threads`: host threads, for backends that compute with them. Throws when the device is missing.
  std::unique_ptr<kernels::Stream> (*make_stream)(Device device, int threads);
  // Memory aligned to 64 bytes, uninitialised; null when there is not enough.
  void* (*allocate)(std::size_t bytes, Device device);
  void (*release)(void* data, Device device) noexcept;
  // Copies between host and device memory, in stream order. The host's memory may be used again when
  // the call returns; to_host returns when its data is there.
  void (*to_device)(void* device, const void* host, std::size_t bytes, kernels::Stream& stream);
  void (*to_host)(void* host, const void* device, std::size_t bytes, kernels::Stream& stream);
};

// The backend of a device. Throws kUnsupported, with the remedy, when this build has none.
const Backend& backend_of(DeviceKind kind);

// Runs body() and turns what a device refused into an ofer::Error: kOutOfMemory or kDevice.
template <class Body>
decltype(auto) on_device(Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const kernels::DeviceError& error) {
    fail(error.out_of_memory ? ErrorCode::kOutOfMemory : ErrorCode::kDevice, error.what());
  }
}

}  // namespace ofer
