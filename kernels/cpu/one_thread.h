// oneDNN asks OpenMP how many threads to use; the pool's threads each want one.
#pragma once

#include <omp.h>

namespace ofer::kernels::cpu {

// While it lives, oneDNN computes on the calling thread alone. The setting is that thread's own and
// is put back, so a host program that uses OpenMP sees no change.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) {
    if (before_ != 1) omp_set_num_threads(1);
  }
  ~OneThread() {
    if (before_ != 1) omp_set_num_threads(before_);
  }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace ofer::kernels::cpu
