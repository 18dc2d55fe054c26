// A CUDA stream, owned or borrowed, with what kernels need beside it: scratch memory and cuBLAS.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <stdexcept>
#include <string>

#include "kernels/stream.h"
#include "kernels/types.h"

namespace ofer::kernels::cuda {

// The driver, the runtime or a library refused something. `out_of_memory`: it lacked the memory.
class DeviceError : public std::runtime_error {
 public:
  DeviceError(const std::string& text, bool memory)
      : std::runtime_error(text), out_of_memory(memory) {}
  const bool out_of_memory;
};

// Throws a DeviceError that names `what` and the reason, and clears the runtime's last error.
void check(cudaError_t status, const char* what);
void check(cublasStatus_t status, const char* what);

// Used by one thread at a time. The device is made current where it is used.
class CudaStream final : public Stream {
 public:
  // A stream of its own on `device`; or somebody else's, which stays theirs.
  explicit CudaStream(int device);
  CudaStream(int device, cudaStream_t borrowed);
  ~CudaStream() override;

  cudaStream_t handle() const { return stream_; }
  cublasHandle_t cublas() const { return cublas_; }
  int device() const { return device_; }
  int multiprocessors() const { return multiprocessors_; }
  void synchronise();

  // Device memory for one kernel's use inside a call; valid until the same slot is asked for again.
  // Grows while a session warms up; no allocation once every size has been seen.
  static constexpr int kSlots = 4;
  template <class T>
  T* scratch(int slot, Index count) {
    return static_cast<T*>(scratch_bytes(slot, static_cast<std::size_t>(count) * sizeof(T)));
  }

 private:
  void open();
  void close() noexcept;
  void* scratch_bytes(int slot, std::size_t bytes);

  int device_;
  int multiprocessors_ = 0;
  bool owned_;
  cudaStream_t stream_ = nullptr;
  cublasHandle_t cublas_ = nullptr;
  void* cublas_workspace_ = nullptr;
  void* scratch_[kSlots] = {};
  std::size_t scratch_size_[kSlots] = {};
};

}  // namespace ofer::kernels::cuda
