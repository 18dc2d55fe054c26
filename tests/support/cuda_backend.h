// A GPU as a backend under test, where there is one.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/table.h"
#include "kernels/device_error.h"
#include "tests/support/backend.h"

namespace ofer::test {

// Why there is no GPU to test; empty when there is one.
inline std::string missing_gpu() {
#if defined(OFER_HAVE_CUDA)
  try {
    kernels::cuda::make_stream(0);
    return "";
  } catch (const kernels::DeviceError& error) {
    return error.what();
  }
#else
  return "this build has no CUDA";
#endif
}

// A suite that needs a GPU shows nothing without one, and says so: ctest counts it as skipped.
inline bool skipped_for_no_gpu() {
  static const std::string missing = missing_gpu();
  if (missing.empty()) return false;
  std::printf("SKIPPED, no GPU: %s\n", missing.c_str());
  return true;
}

#if defined(OFER_HAVE_CUDA)

class CudaMemory final : public Memory {
 public:
  explicit CudaMemory(std::unique_ptr<kernels::Stream> stream) : stream_(std::move(stream)) {}
  void* allocate(std::size_t bytes) override {
    void* data = kernels::cuda::allocate(bytes, 0);
    if (!data) throw std::bad_alloc();
    return data;
  }
  void release(void* data) override { kernels::cuda::release(data, 0); }
  void write(void* device, const void* host, std::size_t bytes) override {
    kernels::cuda::to_device(device, host, bytes, *stream_);
    stream_->synchronise();
  }
  void read(void* host, const void* device, std::size_t bytes) override {
    kernels::cuda::to_host(host, device, bytes, *stream_);
  }
  bool host_accessible() const override { return false; }

 private:
  std::unique_ptr<kernels::Stream> stream_;
};

// The first GPU; only where missing_gpu() is empty. `tf32`: products of floats round their
// operands; `mixed`: those of matrices to bfloat16.
inline Backend cuda_backend(bool tf32 = false, bool mixed = false) {
  static CudaMemory memory(kernels::cuda::make_stream(0));
  Backend backend;
  backend.name = mixed ? "cuda mixed" : tf32 ? "cuda tf32" : "cuda";
  backend.f32 = &kernels::cuda::table_f32();
  backend.bf16 = &kernels::cuda::table_bf16();
  backend.make_stream = [tf32, mixed](int) {
    auto stream = kernels::cuda::make_stream(0);
    stream->set_tf32(tf32 || mixed);
    stream->set_bf16(mixed);
    return stream;
  };
  backend.synchronise = [](kernels::Stream& stream) { stream.synchronise(); };
  backend.memory = &memory;
  return backend;
}

#endif

}  // namespace ofer::test
