#include "kernels/cuda/stream.h"

#include <string>
#include <utility>

#include "kernels/cuda/device_memory.h"
#include "kernels/cuda/product_plan.h"

namespace ofer::kernels::cuda {

namespace {

// "7.5"
std::string version_of(int compute_capability) {
  return std::to_string(compute_capability / 10) + '.' + std::to_string(compute_capability % 10);
}

int compute_capability_of(int device) {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device),
        "cudaDeviceGetAttribute");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device),
        "cudaDeviceGetAttribute");
  return 10 * major + minor;
}

std::string remedy(int compute_capability) {
  return "use device cpu, or build with -DOFER_CUDA_ARCHITECTURES=" +
         std::to_string(compute_capability);
}

// A launch found no code for the thread's current device.
std::string no_code_text() {
  try {
    int device = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    const int capability = compute_capability_of(device);
    return "this build has no code for compute capability " + version_of(capability) + "; " +
           remedy(capability);
  } catch (const DeviceError&) {
    return "this build has no code for the device; use device cpu, or build for it with "
           "-DOFER_CUDA_ARCHITECTURES";
  }
}

}  // namespace

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the error is told once
  const std::string why =
      status == cudaErrorNoKernelImageForDevice ? no_code_text() : cudaGetErrorString(status);
  throw DeviceError(std::string(what) + ": " + why, status == cudaErrorMemoryAllocation);
}

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  cudaGetLastError();  // what failed inside the library is not the next kernel's fault
  throw DeviceError(std::string(what) + ": " + cublasLtGetStatusString(status),
                    status == CUBLAS_STATUS_ALLOC_FAILED);
}

namespace {

// The lowest compute capability that this build has code for; 0 where the build did not name one.
#if defined(OFER_CUDA_LOWEST_ARCHITECTURE)
constexpr int kLowest = OFER_CUDA_LOWEST_ARCHITECTURE;
#else
constexpr int kLowest = 0;
#endif

std::string name_of(int device) { return "CUDA device " + std::to_string(device); }

void use(int device) { check(cudaSetDevice(device), name_of(device).c_str()); }

// A clear word for what a user can mend, instead of the runtime's.
void require_device(int device) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice ||
      (status == cudaSuccess && count == 0)) {
    cudaGetLastError();
    throw DeviceError(status == cudaErrorInsufficientDriver
                          ? "device cuda: no NVIDIA driver, or one that is too old for this build; "
                            "use device cpu"
                          : "device cuda: this machine has none; use device cpu");
  }
  check(status, "cudaGetDeviceCount");
  if (device < 0 || device >= count)
    throw DeviceError("there is no " + name_of(device) + "; this machine has " +
                      std::to_string(count));
}

}  // namespace

CudaStream::CudaStream(int device) : device_(device), owned_(true) {
  require_device(device);
  use(device);
  check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreate");
  open();
}

CudaStream::CudaStream(int device, cudaStream_t borrowed)
    : device_(device), owned_(false), stream_(borrowed) {
  require_device(device);
  use(device);
  open();
}

CudaStream::~CudaStream() { close(); }

void CudaStream::open() {
  try {
    check(cudaDeviceGetAttribute(&multiprocessors_, cudaDevAttrMultiProcessorCount, device_),
          "cudaDeviceGetAttribute");
    compute_capability_ = compute_capability_of(device_);
    if (compute_capability_ < kLowest)
      throw DeviceError(name_of(device_) + " has compute capability " +
                        version_of(compute_capability_) + ", this build needs " +
                        version_of(kLowest) + " or more; " + remedy(compute_capability_));
    check(cublasLtCreate(&cublas_), "cublasLtCreate");
    check(cudaMalloc(&cublas_workspace_, kCublasWorkspace), "workspace of cuBLAS");
    // So that whatever a kernel of the library reads there is the same every time.
    if (!capturing())
      check(cudaMemset2DAsync(cublas_workspace_, kCublasWorkspace, 0, kCublasWorkspace, 1, stream_),
            "workspace of cuBLAS");
    product_plans_ = std::make_unique<ProductPlans>(*this);
    for (cudaEvent_t& event : marks_) check(cudaEventCreate(&event), "cudaEventCreate");
  } catch (...) {
    close();
    throw;
  }
}

void CudaStream::close() noexcept {
  cudaSetDevice(device_);
  if (stream_) cudaStreamSynchronize(stream_);
  for (cudaEvent_t event : marks_)
    if (event) cudaEventDestroy(event);
  for (void* data : scratch_) cudaFree(data);
  if (cublas_) cublasLtDestroy(cublas_);
  cudaFree(cublas_workspace_);
  if (owned_ && stream_) cudaStreamDestroy(stream_);
  cudaGetLastError();
}

void CudaStream::make_current() const { use(device_); }

void CudaStream::synchronise() {
  make_current();
  check(cudaStreamSynchronize(stream_), "waiting for the device");
}

void CudaStream::mark(std::size_t number) {
  make_current();
  if (captured_by_owner()) return;  // a moment of the capture is none of the graph's
  check(cudaEventRecord(marks_[number], stream_), "cudaEventRecord");
}

double CudaStream::milliseconds(std::size_t from, std::size_t to) {
  check(cudaEventSynchronize(marks_[from]), "waiting for the device");
  check(cudaEventSynchronize(marks_[to]), "waiting for the device");
  float result = 0;
  check(cudaEventElapsedTime(&result, marks_[from], marks_[to]), "cudaEventElapsedTime");
  return result;
}

void* CudaStream::scratch_bytes(int slot, std::size_t bytes) {
  if (bytes > scratch_size_[slot]) {
    // Kernels that are queued may still use the old memory.
    synchronise();
    void* fresh = nullptr;
    check(cudaMalloc(&fresh, bytes), "scratch memory of a kernel");
    void* const old = std::exchange(scratch_[slot], fresh);
    scratch_size_[slot] = bytes;
    ++moves_;
    check(cudaFree(old), "scratch memory of a kernel");
  }
  return scratch_[slot];
}

std::unique_ptr<Stream> make_stream(int index) { return std::make_unique<CudaStream>(index); }

std::unique_ptr<Stream> borrow_stream(int index, void* stream) {
  return std::make_unique<CudaStream>(index, static_cast<cudaStream_t>(stream));
}

void* allocate(std::size_t bytes, int index) {
  require_device(index);
  use(index);
  void* data = nullptr;
  const cudaError_t status = cudaMalloc(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(status, "cudaMalloc");
  return data;
}

void release(void* data, int index) noexcept {
  cudaSetDevice(index);
  cudaFree(data);
  cudaGetLastError();
}

void* allocate_host(std::size_t bytes, int index) {
  require_device(index);
  use(index);
  void* data = nullptr;
  const cudaError_t status = cudaMallocHost(&data, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check(status, "cudaMallocHost");
  return data;
}

void release_host(void* data) noexcept {
  cudaFreeHost(data);
  cudaGetLastError();
}

void to_device(void* device, const void* host, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  auto& cuda = static_cast<CudaStream&>(stream);
  cuda.make_current();
  check(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, cuda.handle()),
        "copy to the device");
}

void to_host(void* host, const void* device, std::size_t bytes, Stream& stream) {
  if (bytes == 0) return;
  auto& cuda = static_cast<CudaStream&>(stream);
  cuda.make_current();
  check(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, cuda.handle()),
        "copy to the host");
}

}  // namespace ofer::kernels::cuda
