// cuda_stream WEIGHTS PICTURE: the library inside a CUDA program of its own: the caller's stream,
// the caller's memory, and a CUDA graph that takes a whole analysis. Without a GPU it says so.
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <ofer/ofer.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

namespace {

void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

struct FreePixels {
  void operator()(unsigned char* pixels) const { stbi_image_free(pixels); }
};
struct FreeDevice {
  void operator()(void* memory) const { cudaFree(memory); }
};
using DeviceMemory = std::unique_ptr<void, FreeDevice>;

DeviceMemory allocate(std::size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes));
  return DeviceMemory(memory);
}

struct Stream {
  cudaStream_t handle = nullptr;
  Stream() { check(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking)); }
  ~Stream() { cudaStreamDestroy(handle); }
};

void run(const std::string& weights, const std::string& file) {
  int width = 0, height = 0;
  const std::unique_ptr<unsigned char, FreePixels> pixels(
      stbi_load(file.c_str(), &width, &height, nullptr, 3));
  if (!pixels) throw std::runtime_error(file + ": " + stbi_failure_reason());

  Stream stream;  // outlives the session
  const ofer::Model model = ofer::Model::load(weights);
  ofer::SessionOptions options;
  options.device = OFER_DEVICE_CUDA;
  options.largest_batch = 1;
  options.stream = stream.handle;
  ofer::Session session(model, options);

  // Pictures and results stay on the device. `dense`: nothing that is queued depends on what is
  // found, so that nobody has to wait on the way.
  const auto bytes = static_cast<std::size_t>(3 * width * height);
  const auto classes = static_cast<std::size_t>(model.info().classes);
  const DeviceMemory picture = allocate(bytes);
  const DeviceMemory probabilities = allocate(classes * sizeof(float));
  ofer_image image = OFER_IMAGE_INIT;
  image.data = picture.get();
  image.width = width;
  image.height = height;
  image.memory = OFER_MEMORY_DEVICE;
  ofer_request request = OFER_REQUEST_INIT;
  request.dense = 1;
  ofer_results results = OFER_RESULTS_INIT;
  results.memory = OFER_MEMORY_DEVICE;
  results.probabilities = {static_cast<float*>(probabilities.get()), classes};

  // The library's tensors in the caller's memory: exactly as much as is needed.
  const std::size_t needed = session.workspace_bytes(request, results);
  const DeviceMemory workspace = allocate(needed);
  session.set_workspace(workspace.get(), needed);

  // Once as it is, which takes what memory is still wanted; then into a graph, which is played for
  // every new picture in the same place.
  const auto analyse = [&] { session.analyse(&image, 1, request, results); };
  check(cudaMemcpyAsync(picture.get(), pixels.get(), bytes, cudaMemcpyHostToDevice, stream.handle));
  analyse();
  cudaGraph_t noted = nullptr;
  cudaGraphExec_t graph = nullptr;
  check(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal));
  analyse();
  check(cudaStreamEndCapture(stream.handle, &noted));
  check(cudaGraphInstantiateWithFlags(&graph, noted, 0));
  check(cudaGraphLaunch(graph, stream.handle));

  std::vector<float> got(classes);
  check(cudaMemcpyAsync(got.data(), probabilities.get(), classes * sizeof(float),
                        cudaMemcpyDeviceToHost, stream.handle));
  check(cudaStreamSynchronize(stream.handle));
  cudaGraphExecDestroy(graph);
  cudaGraphDestroy(noted);
  const auto best = std::max_element(got.begin(), got.end()) - got.begin();
  std::printf("%s: %s, %.0f %%; %zu bytes of workspace\n", file.c_str(),
              model.label(static_cast<int>(best)).c_str(),
              100.0 * got[static_cast<std::size_t>(best)], needed);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: cuda_stream WEIGHTS PICTURE\n");
    return 2;
  }
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("no GPU on this machine; nothing was run\n");
    return 0;
  }
  try {
    run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
