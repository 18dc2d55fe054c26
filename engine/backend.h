// The backends: for each kind of device the table of its operations, its memory and its streams.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "engine/device.h"
#include "engine/error.h"
#include "engine/precision.h"
#include "kernels/bf16.h"
#include "kernels/device_error.h"
#include "kernels/table.h"

namespace ofer {

// One row of the list of backends. All functions are safe to call from several threads; a stream is
// not. They throw kernels::DeviceError.
struct Backend {
  const char* name;
  DeviceKind kind;
  const kernels::Table<float>* f32;
  const kernels::Table<double>* f64;              // null: the backend has no double precision
  const kernels::Table<kernels::BFloat16>* bf16;  // null: no bfloat16
  bool tf32;                                      // do streams know tf32?
  // Of a backend without bfloat16 tensors: why its streams cannot round the operands of products to
  // bfloat16 either (Stream::set_bf16), as the end of a sentence; null: they can.
  const char* bf16_products_missing;
  // `threads`: host threads, for backends that compute with them. Throws when the device is
  // missing.
  std::unique_ptr<kernels::Stream> (*make_stream)(Device device, int threads);
  // The same around a stream of the caller's, which stays theirs; null: the backend knows none.
  std::unique_ptr<kernels::Stream> (*borrow_stream)(Device device, void* stream);
  // Memory aligned to 64 bytes, uninitialised; null when there is not enough.
  void* (*allocate)(std::size_t bytes, Device device);
  void (*release)(void* data, Device device) noexcept;
  // Memory of the host for copies that need not wait: page-locked where that matters. Null when
  // there is not enough.
  void* (*allocate_host)(std::size_t bytes, Device device);
  void (*release_host)(void* data, Device device) noexcept;
  // Copies between host and device memory, in stream order. With pageable memory the call returns
  // when the host's side may be used again; with memory of allocate_host that is when the stream
  // has been waited for.
  void (*to_device)(void* device, const void* host, std::size_t bytes, kernels::Stream& stream);
  void (*to_host)(void* host, const void* device, std::size_t bytes, kernels::Stream& stream);

  bool computes(Precision precision) const {
    switch (precision) {
      case Precision::kF32:
        return f32 != nullptr;
      case Precision::kTf32:
        return f32 != nullptr && tf32;
      case Precision::kBf16:
      case Precision::kMixed:
        return bf16 != nullptr || bf16_products_missing == nullptr;
      case Precision::kF64:
        return f64 != nullptr;
    }
    return false;
  }
  // Of the tensors that a session of that precision computes with.
  DType dtype(Precision precision) const {
    return precision == Precision::kBf16 && bf16 == nullptr ? DType::kF32
                                                            : dtype_of_precision(precision);
  }
  // "fp32, fp64"
  std::string precisions() const {
    std::string text;
    for (const Precision precision : kPrecisions)
      if (computes(precision)) text += (text.empty() ? "" : ", ") + std::string(name_of(precision));
    return text;
  }
};

// The backend of a device. Throws kUnsupported, with the remedy, when this build has none.
const Backend& backend_of(DeviceKind kind);

// Throws kUnsupported, naming what there is, where the backend, or the device that `stream` runs
// on, does not compute in that precision.
void require_precision(const Backend& backend, const kernels::Stream& stream, Precision precision);

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
