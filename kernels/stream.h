// The queue that kernels of one session run on, one after the other.
#pragma once

namespace ofer::kernels {

// Each backend derives its own: threads and scratch memory on a CPU, a CUDA stream and library
// handles on a GPU. Used by one thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;

 protected:
  Stream() = default;
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
};

}  // namespace ofer::kernels
