// The CUDA runtime of the stand-in.
#include <sys/mman.h>

#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string_view>

#include "tests/fake_cuda/state.h"

namespace ofer::fake_cuda {

namespace {

struct Stream {
  int device;
  bool captures = false;
  std::vector<std::function<void()>> captured;
};
struct Event {
  int device;
  long recorded = 0;  // the number of the call and what products took until then; 0: never
};
using Graph = std::vector<std::function<void()>>;

// Addresses are never given out twice, so freed memory stays known as such.
struct Memory {
  std::size_t bytes, mapped;
  int device;  // -1: page-locked memory of the host
  bool freed = false;
};

struct State {
  Machine machine;
  int device = 0;
  cudaError_t last_error = cudaSuccess;
  std::map<void*, std::unique_ptr<Stream>> streams;
  std::map<void*, std::unique_ptr<Event>> events;
  std::map<void*, std::unique_ptr<Graph>> graphs;  // and those ready to run
  std::map<const char*, Memory> memory;
  std::map<std::string_view, long> calls;
  std::vector<std::string> mistakes;
  std::vector<QueuedProduct> products;
  int libraries = 0;
  long count = 0, failing = 0;
  long spent = 0;  // by products, in calls
  Failure failure = Failure::kBroken;
  const char* failing_function = nullptr;
  cudaError_t failing_status = cudaSuccess;
  std::string failed;

  State() {
    // So that writing down takes no memory while a test counts allocations.
    products.reserve(1 << 16);
  }
  ~State() {
    for (auto& [data, piece] : memory) munmap(const_cast<char*>(data), piece.mapped);
  }
};

std::unique_ptr<State>& pointer() {
  static std::unique_ptr<State> state = std::make_unique<State>();
  return state;
}
State& state() {
  return *pointer();
}

// The body of a runtime function. `destroys`: it is done even when the call is to fail.
template <class Body>
cudaError_t runtime(const char* function, const Body& body, bool destroys = false) {
  cudaError_t status = refusal(function);
  if (status == cudaSuccess || destroys) {
    const cudaError_t result = body();
    if (status == cudaSuccess) status = result;
  }
  if (status != cudaSuccess) set_last_error(status);
  return status;
}

template <class T>
T* find(std::map<void*, std::unique_ptr<T>>& things, void* handle, const char* what) {
  const auto found = things.find(handle);
  if (found != things.end()) return found->second.get();
  write_down(std::string(what) + " that does not exist");
  return nullptr;
}

template <class T>
void* add(std::map<void*, std::unique_ptr<T>>& things, std::unique_ptr<T> thing) {
  void* handle = thing.get();
  things[handle] = std::move(thing);
  return handle;
}

template <class T>
cudaError_t destroy(std::map<void*, std::unique_ptr<T>>& things, void* handle, const char* what) {
  if (!find(things, handle, what)) return cudaErrorInvalidResourceHandle;
  things.erase(handle);
  return cudaSuccess;
}

bool any_capture() {
  for (const auto& [handle, stream] : state().streams)
    if (stream->captures) return true;
  return false;
}

cudaError_t take(void** data, std::size_t bytes, int device) {
  *data = nullptr;
  if (any_capture()) {
    write_down("memory asked for while a graph is captured");
    return cudaErrorStreamCaptureUnsupported;
  }
  if (bytes == 0) return cudaSuccess;
  std::size_t taken = 0;
  for (const auto& [address, piece] : state().memory)
    if (piece.device == device && !piece.freed) taken += piece.bytes;
  if (bytes > state().machine.memory || taken + bytes > state().machine.memory)
    return cudaErrorMemoryAllocation;
  const std::size_t mapped = (bytes + 4095) / 4096 * 4096;
  void* fresh = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (fresh == MAP_FAILED) return cudaErrorMemoryAllocation;
  // NaNs of float and bfloat16. A workspace's are not worth their pages.
  if (mapped <= std::size_t{8} << 20) std::memset(fresh, 0xff, mapped);
  state().memory[static_cast<char*>(fresh)] = {bytes, mapped, device};
  *data = fresh;
  return cudaSuccess;
}

cudaError_t give_back(void* data, bool host) {
  if (!data) return cudaSuccess;
  const auto found = state().memory.find(static_cast<char*>(data));
  if (found == state().memory.end() || (found->second.device < 0) != host) {
    write_down("frees what was never given out");
    return cudaErrorInvalidValue;
  }
  if (found->second.freed) {
    write_down("frees memory twice");
    return cudaErrorInvalidValue;
  }
  found->second.freed = true;
  mprotect(data, found->second.mapped, PROT_NONE);
  madvise(data, found->second.mapped, MADV_DONTNEED);
  return cudaSuccess;
}

// May this be queued on `stream` with the thread's current device? -1: no.
int usable(cudaStream_t stream, const char* what) {
  const int device = device_of(stream);
  if (device < 0) return -1;
  if (device != state().device) {
    write_down(std::string(what) + " on a stream of device " + std::to_string(device) +
               " while device " + std::to_string(state().device) + " is current");
    return -1;
  }
  return device;
}

}  // namespace

void reset(const Machine& machine) {
  pointer() = std::make_unique<State>();
  state().machine = machine;
}
Machine& machine() {
  return state().machine;
}

Living living() {
  Living result;
  result.streams = static_cast<int>(state().streams.size());
  result.events = static_cast<int>(state().events.size());
  result.graphs = static_cast<int>(state().graphs.size());
  result.libraries = state().libraries;
  for (const auto& [address, piece] : state().memory)
    if (!piece.freed) ++(piece.device < 0 ? result.host_buffers : result.device_buffers);
  return result;
}

const std::vector<std::string>& mistakes() {
  return state().mistakes;
}
long calls() {
  return state().count;
}
long calls(const char* function) {
  return state().calls[function];
}
void fail(long ahead, Failure failure) {
  state().failing = state().count + ahead;
  state().failure = failure;
}
void fail(const char* function, cudaError_t status) {
  state().failing_function = function;
  state().failing_status = status;
}
std::string failed_function() {
  return state().failed;
}
cudaError_t last_error() {
  return state().last_error;
}
const std::vector<QueuedProduct>& products() {
  return state().products;
}

int current_device() {
  return state().device;
}
void set_last_error(cudaError_t status) {
  state().last_error = status;
}
void write_down(const std::string& mistake) {
  state().mistakes.push_back(mistake);
}
void note_library(int change) {
  state().libraries += change;
}
void note_product(const QueuedProduct& product) {
  state().spent += product.cost;
  state().products.push_back(product);
}

cudaError_t refusal(const char* function) {
  State& s = state();
  ++s.count;
  ++s.calls[function];
  if (!s.machine.driver) return cudaErrorInsufficientDriver;
  if (s.count == s.failing) {
    s.failed = function;
    return s.failure == Failure::kNoMemory ? cudaErrorMemoryAllocation : cudaErrorUnknown;
  }
  if (s.failing_function && std::string_view(s.failing_function) == function) {
    s.failing_function = nullptr;
    s.failed = function;
    return s.failing_status;
  }
  return s.machine.devices == 0 ? cudaErrorNoDevice : cudaSuccess;
}

bool on_device(const void* data, std::size_t bytes, int device, const char* what) {
  const char* begin = static_cast<const char*>(data);
  auto found = state().memory.upper_bound(begin);
  const auto no = [&](const char* reason) {
    write_down(std::string(what) + reason);
    return false;
  };
  if (found == state().memory.begin()) return no(" is not in device memory");
  --found;
  const Memory& piece = found->second;
  if (begin >= found->first + piece.mapped || piece.device < 0)
    return no(" is not in device memory");
  if (piece.freed) return no(" is in memory that was freed");
  if (begin + bytes > found->first + piece.bytes) return no(" leaves its memory");
  if (piece.device != device) return no(" is in another device's memory");
  return true;
}

int device_of(cudaStream_t stream) {
  if (!stream) return state().device;
  const Stream* found = find(state().streams, stream, "uses a stream");
  return found ? found->device : -1;
}

bool capturing(cudaStream_t stream) {
  const auto found = state().streams.find(stream);
  return found != state().streams.end() && found->second->captures;
}
void keep(cudaStream_t stream, std::function<void()> work) {
  state().streams[stream]->captured.push_back(std::move(work));
}

}  // namespace ofer::fake_cuda

using namespace ofer::fake_cuda;

cudaError_t cudaGetLastError() {
  const cudaError_t result = state().last_error;
  state().last_error = cudaSuccess;
  return result;
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaErrorMemoryAllocation:
      return kNoMemoryText;
    case cudaErrorUnknown:
      return kBrokenText;
    case cudaErrorInsufficientDriver:
      return "driver too old";
    case cudaErrorNoDevice:
      return "no device";
    case cudaErrorInvalidDevice:
      return "invalid device";
    case cudaErrorInvalidValue:
      return "invalid value";
    case cudaErrorInvalidResourceHandle:
      return "invalid handle";
    case cudaErrorIllegalAddress:
      return "illegal address";
    default:
      return "some other error";
  }
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 0;
  return runtime("cudaGetDeviceCount", [&] {
    *count = state().machine.devices;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return runtime("cudaSetDevice", [&] {
    if (device < 0 || device >= state().machine.devices) return cudaErrorInvalidDevice;
    state().device = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return runtime("cudaGetDevice", [&] {
    *device = state().device;
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return runtime("cudaDeviceGetAttribute", [&] {
    if (device < 0 || device >= state().machine.devices) return cudaErrorInvalidDevice;
    switch (attribute) {
      case cudaDevAttrMultiProcessorCount:
        *value = 132;
        return cudaSuccess;
      case cudaDevAttrComputeCapabilityMajor:
        *value = state().machine.major;
        return cudaSuccess;
      case cudaDevAttrComputeCapabilityMinor:
        *value = state().machine.minor;
        return cudaSuccess;
      default:
        return cudaErrorInvalidValue;
    }
  });
}

cudaError_t cudaMalloc(void** data, size_t bytes) {
  return runtime("cudaMalloc", [&] { return take(data, bytes, state().device); });
}
cudaError_t cudaFree(void* data) {
  return runtime(
      "cudaFree", [&] { return give_back(data, false); }, true);
}
cudaError_t cudaMallocHost(void** data, size_t bytes) {
  return runtime("cudaMallocHost", [&] { return take(data, bytes, -1); });
}
cudaError_t cudaFreeHost(void* data) {
  return runtime(
      "cudaFreeHost", [&] { return give_back(data, true); }, true);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int) {
  return runtime("cudaStreamCreateWithFlags", [&] {
    auto fresh = std::make_unique<Stream>();
    fresh->device = state().device;
    *stream = static_cast<cudaStream_t>(add(state().streams, std::move(fresh)));
    return cudaSuccess;
  });
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return runtime(
      "cudaStreamDestroy", [&] { return destroy(state().streams, stream, "destroys a stream"); },
      true);
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return runtime("cudaStreamSynchronize", [&] {
    if (device_of(stream) < 0) return cudaErrorInvalidResourceHandle;
    if (!capturing(stream)) return cudaSuccess;
    write_down("waits for a stream that captures");
    return cudaErrorStreamCaptureUnsupported;
  });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  return runtime("cudaEventCreate", [&] {
    auto fresh = std::make_unique<Event>();
    fresh->device = state().device;
    *event = static_cast<cudaEvent_t>(add(state().events, std::move(fresh)));
    return cudaSuccess;
  });
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return runtime(
      "cudaEventDestroy", [&] { return destroy(state().events, event, "destroys an event"); },
      true);
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return runtime("cudaEventRecord", [&] {
    Event* found = find(state().events, event, "records an event");
    const int device = usable(stream, "records an event");
    if (!found || device < 0) return cudaErrorInvalidResourceHandle;
    if (found->device != device) {
      write_down("records an event of another device");
      return cudaErrorInvalidResourceHandle;
    }
    found->recorded = state().count + state().spent;
    return cudaSuccess;
  });
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return runtime("cudaEventSynchronize", [&] {
    return find(state().events, event, "waits for an event") ? cudaSuccess
                                                             : cudaErrorInvalidResourceHandle;
  });
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t from, cudaEvent_t to) {
  return runtime("cudaEventElapsedTime", [&] {
    const Event* first = find(state().events, from, "asks an event");
    const Event* last = find(state().events, to, "asks an event");
    if (!first || !last || !first->recorded || !last->recorded)
      return cudaErrorInvalidResourceHandle;
    *milliseconds = static_cast<float>(last->recorded - first->recorded);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return runtime("cudaMemcpyAsync", [&] {
    const int device = usable(stream, "copies");
    if (device < 0) return cudaErrorInvalidResourceHandle;
    const bool fits =
        kind == cudaMemcpyHostToDevice     ? on_device(to, bytes, device, "a copy's target")
        : kind == cudaMemcpyDeviceToHost   ? on_device(from, bytes, device, "a copy's source")
        : kind == cudaMemcpyDeviceToDevice ? on_device(to, bytes, device, "a copy's target") &&
                                                 on_device(from, bytes, device, "a copy's source")
                                           : false;
    if (!fits) return cudaErrorInvalidValue;
    queue(stream, [=] { std::memcpy(to, from, bytes); });
    return cudaSuccess;
  });
}

cudaError_t cudaMemset2DAsync(void* data, size_t pitch, int value, size_t width, size_t height,
                              cudaStream_t stream) {
  return runtime("cudaMemset2DAsync", [&] {
    const int device = usable(stream, "fills");
    if (device < 0) return cudaErrorInvalidResourceHandle;
    if (width > pitch) return cudaErrorInvalidPitchValue;
    if (width == 0 || height == 0) return cudaSuccess;
    if (!on_device(data, (height - 1) * pitch + width, device, "what is filled"))
      return cudaErrorInvalidValue;
    queue(stream, [=] {
      for (size_t row = 0; row < height; ++row)
        std::memset(static_cast<char*>(data) + row * pitch, value, width);
    });
    return cudaSuccess;
  });
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  return runtime("cudaStreamBeginCapture", [&] {
    if (!stream || device_of(stream) < 0) return cudaErrorStreamCaptureUnsupported;
    if (capturing(stream)) return cudaErrorIllegalState;
    state().streams[stream]->captures = true;
    return cudaSuccess;
  });
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  *graph = nullptr;
  return runtime("cudaStreamEndCapture", [&] {
    if (!capturing(stream)) return cudaErrorIllegalState;
    Stream& captured = *state().streams[stream];
    captured.captures = false;
    *graph = static_cast<cudaGraph_t>(
        add(state().graphs, std::make_unique<Graph>(std::move(captured.captured))));
    captured.captured.clear();
    return cudaSuccess;
  });
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  return runtime("cudaStreamIsCapturing", [&] {
    if (device_of(stream) < 0) return cudaErrorInvalidResourceHandle;
    *status = capturing(stream) ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
    return cudaSuccess;
  });
}
cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* ready, cudaGraph_t graph,
                                          unsigned long long) {
  return runtime("cudaGraphInstantiateWithFlags", [&] {
    const Graph* found = find(state().graphs, graph, "makes ready a graph");
    if (!found) return cudaErrorInvalidValue;
    *ready = static_cast<cudaGraphExec_t>(add(state().graphs, std::make_unique<Graph>(*found)));
    return cudaSuccess;
  });
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  return runtime("cudaGraphLaunch", [&] {
    const Graph* found = find(state().graphs, graph, "runs a graph");
    if (!found || usable(stream, "runs a graph") < 0) return cudaErrorInvalidResourceHandle;
    for (const auto& work : *found) work();
    return cudaSuccess;
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return runtime(
      "cudaGraphDestroy", [&] { return destroy(state().graphs, graph, "destroys a graph"); }, true);
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  return runtime(
      "cudaGraphExecDestroy", [&] { return destroy(state().graphs, graph, "destroys a graph"); },
      true);
}
