// Work of a stream as a CUDA graph: noted once, queued with one call from then on.
#include "kernels/cuda/stream.h"

namespace ofer::kernels::cuda {

namespace {

class CudaGraph final : public Graph {
 public:
  CudaGraph(cudaGraphExec_t graph, int device) : graph_(graph), device_(device) {}
  ~CudaGraph() override {
    cudaSetDevice(device_);
    cudaGraphExecDestroy(graph_);
    cudaGetLastError();
  }
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;
  cudaGraphExec_t handle() const { return graph_; }

 private:
  cudaGraphExec_t graph_;
  int device_;
};

}  // namespace

bool CudaStream::captures() const { return owned_ && !capturing(); }

bool CudaStream::captured_by_owner() const { return !owned_ && capturing(); }

bool CudaStream::capturing() const {
  // The legacy default stream cannot be captured.
  if (stream_ == nullptr || stream_ == cudaStreamLegacy) return false;
  make_current();
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream_, &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

void CudaStream::begin_capture() {
  make_current();
  // Relaxed: what other threads do with their streams is none of this one's business.
  check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
}

std::unique_ptr<Graph> CudaStream::end_capture() {
  make_current();
  cudaGraph_t noted = nullptr;
  check(cudaStreamEndCapture(stream_, &noted), "cudaStreamEndCapture");
  cudaGraphExec_t ready = nullptr;
  const cudaError_t status = cudaGraphInstantiateWithFlags(&ready, noted, 0);
  const cudaError_t end = cudaGraphDestroy(noted);
  check(status, "cudaGraphInstantiate");
  auto graph = std::make_unique<CudaGraph>(ready, device_);
  check(end, "cudaGraphDestroy");
  return graph;
}

void CudaStream::drop_capture() noexcept {
  cudaSetDevice(device_);
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cudaStreamIsCapturing(stream_, &status) == cudaSuccess &&
      status != cudaStreamCaptureStatusNone) {
    cudaGraph_t noted = nullptr;
    if (cudaStreamEndCapture(stream_, &noted) == cudaSuccess && noted) cudaGraphDestroy(noted);
  }
  cudaGetLastError();
}

void CudaStream::play(Graph& graph) {
  make_current();
  check(cudaGraphLaunch(static_cast<CudaGraph&>(graph).handle(), stream_), "cudaGraphLaunch");
}

}  // namespace ofer::kernels::cuda
