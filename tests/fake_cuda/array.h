// An array in the stand-in's device memory, filled and read through the backend's own copies.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/stream.h"

namespace ofer::test {

template <class T>
class DeviceArray {
 public:
  // As the device gives it out: NaNs.
  DeviceArray(kernels::cuda::CudaStream& stream, std::size_t count)
      : stream_(stream),
        count_(count),
        data_(static_cast<T*>(kernels::cuda::allocate(count * sizeof(T), stream.device()))) {
    if (!data_ && count > 0) throw std::bad_alloc();
  }
  DeviceArray(kernels::cuda::CudaStream& stream, const std::vector<double>& values)
      : DeviceArray(stream, values.size()) {
    std::vector<T> host(count_);
    for (std::size_t i = 0; i < count_; ++i) host[i] = T(static_cast<float>(values[i]));
    kernels::cuda::to_device(data_, host.data(), count_ * sizeof(T), stream_);
  }
  ~DeviceArray() { kernels::cuda::release(data_, stream_.device()); }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  T* data() { return data_; }
  std::vector<T> read() const {
    std::vector<T> host(count_);
    kernels::cuda::to_host(host.data(), data_, count_ * sizeof(T), stream_);
    stream_.synchronise();
    return host;
  }

 private:
  kernels::cuda::CudaStream& stream_;
  std::size_t count_;
  T* data_;
};

}  // namespace ofer::test
