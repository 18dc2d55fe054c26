// A CUDA stream, owned or borrowed, with what kernels need beside it: scratch memory and cuBLAS.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <array>
#include <cstddef>
#include <memory>

#include "kernels/device_error.h"
#include "kernels/stream.h"
#include "kernels/types.h"

namespace ofer::kernels::cuda {

class ProductPlans;

// Throws a DeviceError that names `what` and the reason, and clears the runtime's last error.
void check(cudaError_t status, const char* what);
void check(cublasStatus_t status, const char* what);

// Used by one thread at a time. Every use makes its device the thread's current one.
class CudaStream final : public Stream {
 public:
  // A stream of its own on `device`; or somebody else's, which stays theirs.
  explicit CudaStream(int device);
  CudaStream(int device, cudaStream_t borrowed);
  ~CudaStream() override;

  cudaStream_t handle() const { return stream_; }
  cublasLtHandle_t cublas() const { return cublas_; }
  // cuBLAS is given its workspace, so that it allocates nothing and gives the same bits whatever
  // else runs on the device. 32 MiB is what NVIDIA recommends for the newest architecture.
  static constexpr std::size_t kCublasWorkspace = std::size_t{32} << 20;
  void* cublas_workspace() const { return cublas_workspace_; }
  // How the matrix products that this stream has seen are computed.
  ProductPlans& product_plans() { return *product_plans_; }
  int device() const { return device_; }
  // The calling thread's CUDA calls go to this stream's device from here on.
  void make_current() const;
  int multiprocessors() const { return multiprocessors_; }
  // 75 for 7.5, 80 for 8.0: tensor-core products (kernels/cuda/ptx.cuh) want 80.
  int compute_capability() const override { return compute_capability_; }
  bool tensor_cores() const override { return compute_capability_ >= 80; }

  void synchronise() override;
  void mark(std::size_t number) override;
  double milliseconds(std::size_t from, std::size_t to) override;

  // CUDA graphs (capture.cpp). A borrowed stream is never captured from here: its owner may be
  // using it, and may be capturing it, which takes this work into the owner's graph.
  bool captures() const override;
  bool captured_by_owner() const override;
  bool capturing() const;  // by anybody
  void begin_capture() override;
  std::unique_ptr<Graph> end_capture() override;
  void drop_capture() noexcept override;
  void play(Graph& graph) override;

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
  int multiprocessors_ = 0, compute_capability_ = 0;
  bool owned_;
  cudaStream_t stream_ = nullptr;
  cublasLtHandle_t cublas_ = nullptr;
  void* cublas_workspace_ = nullptr;
  std::unique_ptr<ProductPlans> product_plans_;
  std::array<cudaEvent_t, kMarks> marks_{};
  void* scratch_[kSlots] = {};
  std::size_t scratch_size_[kSlots] = {};
};

}  // namespace ofer::kernels::cuda
