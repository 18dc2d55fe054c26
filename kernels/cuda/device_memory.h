// Memory, copies and streams of a CUDA device, for code that knows no CUDA.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/stream.h"

namespace ofer::kernels::cuda {

// A stream of its own on device `index`, ready for kernels. Throws DeviceError that says what is
// missing: a driver, a device of that number, or a device that this build has code for.
std::unique_ptr<Stream> make_stream(int index);
// The same around somebody else's cudaStream_t of that device, which stays theirs.
std::unique_ptr<Stream> borrow_stream(int index, void* stream);

// Device memory, aligned to 256 bytes; null when there is not enough. Throws DeviceError.
void* allocate(std::size_t bytes, int index);
void release(void* data, int index) noexcept;

// Page-locked memory of the host; null when there is not enough. Throws DeviceError.
void* allocate_host(std::size_t bytes, int index);
void release_host(void* data) noexcept;

// In stream order. With pageable host memory the calls return when it may be used again; with
// page-locked memory at once. Throw DeviceError, also for what failed earlier in the stream.
void to_device(void* device, const void* host, std::size_t bytes, Stream& stream);
void to_host(void* host, const void* device, std::size_t bytes, Stream& stream);

}  // namespace ofer::kernels::cuda
