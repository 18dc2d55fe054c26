// A stand-in for the parts of the CUDA runtime and of cuBLASLt that the backend's host files call,
// so that they can be tested where there is no GPU and no driver. Device memory is host memory that
// is kept account of; what is queued happens at once, except while a graph is captured.
//
// Whatever the real ones would refuse is refused, with the same status; whatever they would do in
// silence, and wrongly, is written down in mistakes(). One thread.
#pragma once

#include <cublasLt.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <string>
#include <vector>

namespace ofer::fake_cuda {

struct Machine {
  bool driver = true;
  int devices = 2;
  int major = 9, minor = 0;
  std::size_t memory = std::size_t{1} << 30;  // bytes of each device
  bool algorithms = true;                     // has the library any for a product?
  bool bias_epilogue = true;                  // any that add a bias?
  // Our own kernel for rows, which the stand-in multiplies in kAligned's order, or in another.
  long ordered_cost = 1000;  // tile 0 takes that and every other one more
  bool ordered_agrees = true;
};

// A machine with nothing on it: forgets all that was made, counted and written down.
void reset(const Machine& machine = {});
// May be changed at any time.
Machine& machine();

// What has been made and not destroyed.
struct Living {
  int streams = 0, events = 0, libraries = 0, graphs = 0, device_buffers = 0, host_buffers = 0;
  int total() const {
    return streams + events + libraries + graphs + device_buffers + host_buffers;
  }
};
Living living();

// Uses that a device would not forgive: freed memory, one device's things on another, ...
const std::vector<std::string>& mistakes();

// Calls since reset, all of them or of one function. Asking for the last error is none.
long calls();
long calls(const char* function);

// Makes call number calls() + `ahead` fail, once (1: the next). A function that destroys or frees
// does so nevertheless, as the real ones do.
enum class Failure { kBroken, kNoMemory };
void fail(long ahead, Failure failure);
// The next call of one function fails, with that status.
void fail(const char* function, cudaError_t status);
// The function that was made to fail last; empty: none was.
std::string failed_function();

// The text of the two failures.
inline constexpr const char* kBrokenText = "broken on purpose";
inline constexpr const char* kNoMemoryText = "out of memory";

// What cudaGetLastError would give, without forgetting it.
cudaError_t last_error();

// The products that the library has queued. The stand-in's algorithms differ in the order of their
// sums, and so in the last bits of what they compute.
struct QueuedProduct {
  int algorithm, items;
  cublasComputeType_t arithmetic;
  bool bias;
  long cost;  // what it adds to the clock of events
};
const std::vector<QueuedProduct>& products();

// The algorithms, in no order.
inline constexpr int kInOutput = 1;  // sums in parts, put together in the result's type
inline constexpr int kParts = 2;     // sums in parts, put together in float, in the workspace
inline constexpr int kAlone = 3;     // one item at a time; the fastest for few rows
inline constexpr int kAligned = 4;   // operands, and bias, in vectors of 16 bytes
inline constexpr int kPlain = 5;     // operands that lie anywhere
inline constexpr int kOrdered = 6;   // none of the library's: tile 0 of our own kernel

}  // namespace ofer::fake_cuda
