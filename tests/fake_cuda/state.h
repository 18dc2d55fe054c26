// What the stand-in's two halves share.
#pragma once

#include <cstdint>
#include <functional>

#include "tests/fake_cuda/fake_cuda.h"

namespace ofer::fake_cuda {

// The device that is the thread's current one.
int current_device();

// Counts a call; an error when it is to fail, or when there is no driver or device.
cudaError_t refusal(const char* function);
void set_last_error(cudaError_t status);
void write_down(const std::string& mistake);
void note_library(int change);
void note_product(const QueuedProduct& product);

// Does [data, data + bytes) lie in one living piece of `device`'s memory? Writes down what is
// wrong.
bool on_device(const void* data, std::size_t bytes, int device, const char* what);

// The device of a stream, or -1 when there is no such stream, which is written down. The null
// stream is that of the current device.
int device_of(cudaStream_t stream);

// Does `work` now, or keeps it for the graph that the stream captures.
bool capturing(cudaStream_t stream);
void keep(cudaStream_t stream, std::function<void()> work);
template <class Work>
void queue(cudaStream_t stream, const Work& work) {
  if (capturing(stream))
    keep(stream, work);
  else
    work();
}

}  // namespace ofer::fake_cuda
