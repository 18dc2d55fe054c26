// The C interface on a GPU: the caller's stream, memory, workspace and CUDA graph.
#include "tests/api/on_device.h"
#include "tests/support/cuda_backend.h"
#if defined(OFER_HAVE_CUDA)
#include <cuda_runtime_api.h>
#endif

namespace ofer::test {

#if defined(OFER_HAVE_CUDA)
namespace {

struct OwnStream {
  cudaStream_t handle = nullptr;
  OwnStream() { REQUIRE(cudaStreamCreateWithFlags(&handle, cudaStreamNonBlocking) == cudaSuccess); }
  ~OwnStream() { cudaStreamDestroy(handle); }
  void wait() const { REQUIRE(cudaStreamSynchronize(handle) == cudaSuccess); }
};

// A batch of pictures of one size, its results, and the workspace: all on the device.
struct Place {
  Place(ofer_session* session, const ofer_model* model, Memory& memory,
        const std::vector<Image>& images)
      : host(session, model, images.size()), results_there(memory, host) {
    for (const Image& image : images) {
      pixels.push_back(std::make_unique<OnDevice<std::uint8_t>>(memory, image.pixels));
      given.push_back(as_given(image));
      given.back().data = pixels.back()->data();
      given.back().memory = OFER_MEMORY_DEVICE;
    }
    request.dense = 1;
  }
  ofer_status analyse(ofer_session* session) {
    const ofer_results results = results_there.results(true);
    return ofer_analyse(session, given.data(), given.size(), &request, &results);
  }

  Everything host;
  OnDeviceEverything results_there;
  std::vector<std::unique_ptr<OnDevice<std::uint8_t>>> pixels;
  std::vector<ofer_image> given;
  ofer_request request = OFER_REQUEST_INIT;
};

std::vector<Image> pictures_of_one_size(int count, int first) {
  std::vector<Image> images;
  for (int n = 0; n < count; ++n) {
    images.emplace_back(48, 44);
    for (std::size_t i = 0; i < images.back().pixels.size(); ++i)
      images.back().pixels[i] = static_cast<std::uint8_t>(
          128 + 100 * std::sin(0.004 * static_cast<double>(i) * (first + n + 1)));
  }
  return images;
}

}  // namespace
#endif

TEST_SUITE("api_cuda") {
  TEST_CASE("the CPU's results; several sessions of one model") {
    if (skipped_for_no_gpu()) return;
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(5);
    const std::vector<ofer_image> given = as_given(images);
    const SessionHandle cpu = make_session(model.get(), 2, 2);
    Everything expected(cpu.get(), model.get(), 5);
    ofer_results results = expected.results();
    REQUIRE(ofer_analyse(cpu.get(), given.data(), 5, nullptr, &results) == OFER_OK);
    std::vector<SessionHandle> sessions;
    for (int i = 0; i < 3; ++i) sessions.push_back(session_on(model.get(), OFER_DEVICE_CUDA, 2));
    for (const SessionHandle& session : sessions) {
      Everything got(session.get(), model.get(), 5);
      results = got.results();
      REQUIRE(ofer_analyse(session.get(), given.data(), 5, nullptr, &results) == OFER_OK);
      check_close(got, expected);
    }
  }

#if defined(OFER_HAVE_CUDA)
  TEST_CASE("pictures, masks and results on the device, by the session's stream or the caller's") {
    if (skipped_for_no_gpu()) return;
    check_device_memory(OFER_DEVICE_CUDA, *cuda_backend().memory);
    const OwnStream stream;
    check_device_memory(OFER_DEVICE_CUDA, *cuda_backend().memory, stream.handle);
  }

  TEST_CASE("a CUDA graph of the caller's takes a whole pass, in the caller's workspace") {
    if (skipped_for_no_gpu()) return;
    Memory& memory = *cuda_backend().memory;
    const ModelHandle model = load_model();
    const OwnStream stream;
    const SessionHandle session = session_on(model.get(), OFER_DEVICE_CUDA, 2, stream.handle);
    const std::vector<Image> first = pictures_of_one_size(2, 0);
    Place place(session.get(), model.get(), memory, first);
    const ofer_results results = place.results_there.results(true);
    std::size_t bytes = 0;
    REQUIRE(ofer_session_workspace_bytes(session.get(), &place.request, &results, &bytes) ==
            OFER_OK);
    OnDevice<char> workspace(memory, std::vector<char>(bytes, '\x7f'));
    REQUIRE(ofer_session_set_workspace(session.get(), workspace.data(), bytes) == OFER_OK);
    REQUIRE(place.analyse(session.get()) == OFER_OK);
    stream.wait();
    place.results_there.read(place.host);

    cudaGraph_t noted = nullptr;
    cudaGraphExec_t graph = nullptr;
    REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    const ofer_status status = place.analyse(session.get());
    INFO(ofer_session_error(session.get()));
    CHECK(status == OFER_OK);
    REQUIRE(cudaStreamEndCapture(stream.handle, &noted) == cudaSuccess);
    REQUIRE(cudaGraphInstantiateWithFlags(&graph, noted, 0) == cudaSuccess);
    for (int round = 0; round < 3; ++round) {
      const std::vector<Image> images = pictures_of_one_size(2, 3 * round);
      for (std::size_t i = 0; i < images.size(); ++i)
        memory.write(place.pixels[i]->data(), images[i].pixels.data(), images[i].pixels.size());
      REQUIRE(cudaGraphLaunch(graph, stream.handle) == cudaSuccess);
      stream.wait();
      Everything played(session.get(), model.get(), 2);
      place.results_there.read(played);
      // What the same session gives without a graph.
      REQUIRE(place.analyse(session.get()) == OFER_OK);
      stream.wait();
      Everything expected(session.get(), model.get(), 2);
      place.results_there.read(expected);
      CHECK(played.same_bits(expected));
      if (round == 0) CHECK(played.same_bits(place.host));
      if (round == 1) CHECK_FALSE(played.same_bits(place.host));
    }
    cudaGraphExecDestroy(graph);
    cudaGraphDestroy(noted);

    // What must wait for the host cannot be captured, and says so.
    REQUIRE(cudaStreamBeginCapture(stream.handle, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
    place.request.dense = 0;
    CHECK(place.analyse(session.get()) == OFER_UNSUPPORTED);
    CHECK(ofer_session_wait(session.get()) == OFER_UNSUPPORTED);
    cudaStreamEndCapture(stream.handle, &noted);
    if (noted) cudaGraphDestroy(noted);
    (void)cudaGetLastError();
    place.request.dense = 1;
    CHECK(place.analyse(session.get()) == OFER_OK);
    stream.wait();
  }
#endif
}

}  // namespace ofer::test
