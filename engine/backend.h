// The backends: for each kind of device the table of its operations and how to start a stream on it.
#pragma once

#include <cstddef>
#include <memory>

#include "engine/device.h"
#include "kernels/table.h"

namespace ofer {

// One row of the list below. All functions are safe to call from several threads; a stream is not.
struct Backend {
  const char* name;
  DeviceKind kind;
  const kernels::Table<float>* f32;
  const kernels::Table<double>* f64;
  std::unique_ptr<kernels::Stream> (*make_stream)(int threads);
  // Copies between host and device memory, in stream order; to_host returns when it is done.
  void (*to_device)(void* device, const void* host, std::size_t bytes, kernels::Stream& stream);
  void (*to_host)(void* host, const void* device, std::size_t bytes, kernels::Stream& stream);
};

// The backend of a device. Throws kUnsupported, with the remedy, when this build has none.
const Backend& backend_of(DeviceKind kind);

}  // namespace ofer
