#include "kernels/cuda/stream.h"

#include <string>

#include "kernels/cuda/device_memory.h"

namespace ofer::kernels::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the error is told once
  throw DeviceError(std::string(what) + ": " + cudaGetErrorString(status),
                    status == cudaErrorMemoryAllocation);
}

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(std::string(what) + ": " + cublasGetStatusString(status),
                    status == CUBLAS_STATUS_ALLOC_FAILED);
}

namespace {

// cuBLAS is given its workspace, so that it allocates nothing later and gives the same bits whatever
// else runs on the device. 32 MiB is what NVIDIA recommends for the newest architecture.
constexpr std::size_t kCublasWorkspace = std::size_t{32} << 20;

std::string name_of(int device) { return "CUDA device " + std::to_string(device); }

void use(int device) { check(cudaSetDevice(device), name_of(device).c_str()); }

// A clear word for what a user can mend, instead of the runtime's.
void require_device(int device) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice || count == 0) {
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
    int major = 0, minor = 0;
    check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device_),
          "cudaDeviceGetAttribute");
    check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device_),
          "cudaDeviceGetAttribute");
    compute_capability_ = 10 * major + minor;
    check(cublasCreate(&cublas_), "cublasCreate");
    check(cublasSetStream(cublas_, stream_), "cublasSetStream");
    check(cudaMalloc(&cublas_workspace_, kCublasWorkspace), "workspace of cuBLAS");
    check(cublasSetWorkspace(cublas_, cublas_workspace_, kCublasWorkspace), "cublasSetWorkspace");
    // Strict single precision, and the same bits from run to run.
    check(cublasSetMathMode(cublas_, CUBLAS_PEDANTIC_MATH), "cublasSetMathMode");
    check(cublasSetAtomicsMode(cublas_, CUBLAS_ATOMICS_NOT_ALLOWED), "cublasSetAtomicsMode");
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
  if (cublas_) cublasDestroy(cublas_);
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
    cudaFree(scratch_[slot]);
    scratch_[slot] = fresh;
    scratch_size_[slot] = bytes;
    ++moves_;
  }
  return scratch_[slot];
}

std::unique_ptr<Stream> make_stream(int index) { return std::make_unique<CudaStream>(index); }

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
