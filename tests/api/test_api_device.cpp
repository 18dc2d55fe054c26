// Pictures, masks, results and workspace in a device's memory, and dense requests: on the executor
// of CUDA kernels, whose memory is a GPU's to the library.
#include <cstring>

#include "tests/api/api_support.h"
#include "tests/api/faults.h"
#if defined(OFER_HAVE_SIMT)
#include "kernels/simt/memory.h"
#endif

namespace ofer::test {
namespace {

SessionHandle session_on(ofer_model* model, std::int32_t device, int largest_batch = 0) {
  ofer_session_options options = session_options(2, largest_batch);
  options.device = device;
  ofer_error error = OFER_ERROR_INIT;
  ofer_session* session = nullptr;
  const ofer_status status = ofer_session_create(model, &options, &session, &error);
  INFO(error.text);
  REQUIRE(status == OFER_OK);
  return SessionHandle(session);
}

double worst(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(std::isfinite(a[i]));
    result = std::max(result, std::fabs(double{a[i]} - double{b[i]}));
  }
  return result;
}

void check_close(const Everything& a, const Everything& b) {
  CHECK(a.masks == b.masks);
  CHECK(a.chosen == b.chosen);
  CHECK(a.labels == b.labels);
  CHECK(worst(a.probabilities, b.probabilities) <= 1e-4);
  CHECK(worst(a.coarse, b.coarse) <= 1e-4);
  CHECK(worst(a.restored, b.restored) <= 1e-3);
  CHECK(worst(a.attention, b.attention) <= 1e-4);
  CHECK(worst(a.latents, b.latents) <= 1e-3);
  CHECK(worst(a.grad_cam, b.grad_cam) <= 1e-2);
}

#if defined(OFER_HAVE_SIMT)
// A copy of host values in the executor's memory.
template <class T>
class OnDevice {
 public:
  explicit OnDevice(const std::vector<T>& values) : count_(values.size()) {
    data_ = static_cast<T*>(kernels::simt::allocate(bytes()));
    if (count_ > 0) std::memcpy(data_, values.data(), bytes());
  }
  ~OnDevice() { kernels::simt::release(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  T* data() { return data_; }
  std::size_t size() const { return count_; }
  void read(std::vector<T>& values) const { std::memcpy(values.data(), data_, bytes()); }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }
  std::size_t count_;
  T* data_;
};

// Everything, with its buffers on the device.
struct OnDeviceEverything {
  explicit OnDeviceEverything(const Everything& all)
      : labels(all.labels),
        masks(all.masks),
        chosen(all.chosen),
        probabilities(all.probabilities),
        distances(all.distances),
        coarse(all.coarse),
        restored(all.restored),
        attention(all.attention),
        grad_cam(all.grad_cam),
        latents(all.latents) {}

  ofer_results results(bool distances_too) {
    ofer_results r = results_in(*this, distances_too);
    r.memory = OFER_MEMORY_DEVICE;
    return r;
  }
  void read(Everything& all) const {
    labels.read(all.labels);
    masks.read(all.masks);
    chosen.read(all.chosen);
    probabilities.read(all.probabilities);
    distances.read(all.distances);
    coarse.read(all.coarse);
    restored.read(all.restored);
    attention.read(all.attention);
    grad_cam.read(all.grad_cam);
    latents.read(all.latents);
  }

  OnDevice<std::int32_t> labels;
  OnDevice<std::uint8_t> masks, chosen;
  OnDevice<float> probabilities, distances, coarse, restored, attention, grad_cam, latents;
};
#endif

}  // namespace

TEST_SUITE("api_device") {
  TEST_CASE("a dense request gives what the usual one gives, but for roundings") {
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(4);
    const std::vector<ofer_image> given = as_given(images);
    const SessionHandle session = session_on(model.get(), OFER_DEVICE_CPU, 3);
    for (const int source : {OFER_MASK_DETECT, OFER_MASK_GIVEN, OFER_MASK_NONE}) {
      INFO("mask ", source);
      Everything usual(session.get(), model.get(), 4), dense(session.get(), model.get(), 4),
          again(session.get(), model.get(), 4), alone(session.get(), model.get(), 1);
      const std::vector<std::uint8_t> mask = scattered(4, usual.masks.size() / 4);
      ofer_request request = OFER_REQUEST_INIT;
      request.mask_source = source;
      request.masks = mask.data();
      request.mask_count = mask.size();
      ofer_results results = usual.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      request.dense = 1;
      results = dense.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      check_close(dense, usual);
      // The same bits again, and alone.
      results = again.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
      CHECK(again.same_bits(dense));
      request.mask_count = mask.size() / 4;
      results = alone.results(source == OFER_MASK_DETECT);
      REQUIRE(ofer_analyse(session.get(), given.data(), 1, &request, &results) == OFER_OK);
      CHECK(std::equal(alone.probabilities.begin(), alone.probabilities.end(),
                       dense.probabilities.begin()));
      CHECK(std::equal(alone.restored.begin(), alone.restored.end(), dense.restored.begin()));
    }
  }

  TEST_CASE("to the CPU device memory is memory, and a stream is refused") {
    const ModelHandle model = load_model();
    const SessionHandle session = session_on(model.get(), OFER_DEVICE_CPU);
    const Image image = drawn_picture(2);
    ofer_image given = as_given(image);
    Everything host(session.get(), model.get(), 1), device(session.get(), model.get(), 1);
    ofer_results results = host.results();
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    given.memory = OFER_MEMORY_DEVICE;
    results = device.results();
    results.memory = OFER_MEMORY_DEVICE;
    REQUIRE(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_OK);
    CHECK(device.same_bits(host));
    given.memory = 2;
    CHECK(ofer_analyse(session.get(), &given, 1, nullptr, &results) == OFER_BAD_ARGUMENT);

    ofer_session_options options = OFER_SESSION_OPTIONS_INIT;
    options.stream = &options;
    ofer_error error = OFER_ERROR_INIT;
    ofer_session* refused = nullptr;
    CHECK(ofer_session_create(model.get(), &options, &refused, &error) == OFER_BAD_ARGUMENT);
    CHECK(std::string(error.text).find("stream") != std::string::npos);
  }

  TEST_CASE("a workspace that is lent is enough when it has what was asked for, and not one less") {
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(4);
    const std::vector<ofer_image> given = as_given(images);
    for (const bool dense : {false, true})
      for (const int source : {OFER_MASK_DETECT, OFER_MASK_NONE}) {
        INFO("dense ", dense, ", mask ", source);
        const SessionHandle session = session_on(model.get(), OFER_DEVICE_CPU, 2);
        Everything own(session.get(), model.get(), 4), lent(session.get(), model.get(), 4);
        ofer_request request = OFER_REQUEST_INIT;
        request.dense = dense ? 1 : 0;
        request.mask_source = source;
        ofer_results results = own.results(source == OFER_MASK_DETECT);
        REQUIRE(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
        std::size_t bytes = 0;
        results = lent.results(source == OFER_MASK_DETECT);
        REQUIRE(ofer_session_workspace_bytes(session.get(), &request, &results, &bytes) == OFER_OK);
        CHECK(bytes > 1000);
        std::vector<char> room(bytes + 64);
        char* begin = room.data() + (64 - reinterpret_cast<std::uintptr_t>(room.data()) % 64) % 64;
        CHECK(ofer_session_set_workspace(session.get(), begin + 1, bytes) == OFER_BAD_ARGUMENT);
        REQUIRE(ofer_session_set_workspace(session.get(), begin, bytes - 64) == OFER_OK);
        CHECK(ofer_analyse(session.get(), given.data(), 4, &request, &results) ==
              OFER_OUT_OF_MEMORY);
        CHECK(std::string(ofer_session_error(session.get())).find(std::to_string(bytes)) !=
              std::string::npos);
        REQUIRE(ofer_session_set_workspace(session.get(), begin, bytes) == OFER_OK);
        CHECK(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
        CHECK(lent.same_bits(own));
        REQUIRE(ofer_session_set_workspace(session.get(), nullptr, 0) == OFER_OK);
        std::fill(room.begin(), room.end(), '\x7f');
        CHECK(ofer_analyse(session.get(), given.data(), 4, &request, &results) == OFER_OK);
        CHECK(lent.same_bits(own));
      }
  }

#if defined(OFER_HAVE_SIMT)
  TEST_CASE("pictures, masks and results on the device") {
    const ModelHandle model = load_model();
    const std::vector<Image> images = drawn_pictures(3);
    const SessionHandle session = session_on(model.get(), OFER_DEVICE_SIMT, 2);
    const std::vector<ofer_image> on_host = as_given(images);
    std::vector<std::unique_ptr<OnDevice<std::uint8_t>>> pixels;
    std::vector<ofer_image> on_device = on_host;
    for (std::size_t i = 0; i < images.size(); ++i) {
      pixels.push_back(std::make_unique<OnDevice<std::uint8_t>>(images[i].pixels));
      on_device[i].data = pixels.back()->data();
      on_device[i].memory = OFER_MEMORY_DEVICE;
    }
    for (const int source : {OFER_MASK_DETECT, OFER_MASK_GIVEN, OFER_MASK_NONE})
      for (const int explained : {-1, 0, 6}) {
        INFO("mask ", source, ", class ", explained);
        Everything host(session.get(), model.get(), 3), device(session.get(), model.get(), 3);
        const std::vector<std::uint8_t> mask = scattered(3, host.masks.size() / 3);
        OnDevice<std::uint8_t> mask_there(mask);
        ofer_request request = OFER_REQUEST_INIT;
        request.mask_source = source;
        request.masks = mask.data();
        request.mask_count = mask.size();
        request.grad_cam_class = explained;
        request.dense = 1;
        const bool detects = source == OFER_MASK_DETECT;
        ofer_results results = host.results(detects);
        REQUIRE(ofer_analyse(session.get(), on_host.data(), 3, &request, &results) == OFER_OK);
        request.masks = mask_there.data();
        request.mask_memory = OFER_MEMORY_DEVICE;
        OnDeviceEverything there(device);
        results = there.results(detects);
        for (int round = 0; round < 3; ++round) {
          const ofer_status status =
              ofer_analyse(session.get(), on_device.data(), 3, &request, &results);
          INFO(ofer_session_error(session.get()));
          REQUIRE(status == OFER_OK);
          there.read(device);
          check_close(device, host);
        }
        // Without `dense`, the host learns the mask on the way.
        if (!detects) continue;
        request.dense = 0;
        REQUIRE(ofer_analyse(session.get(), on_device.data(), 3, &request, &results) == OFER_OK);
        there.read(device);
        check_close(device, host);
      }
    ofer_request request = OFER_REQUEST_INIT;
    request.mask_source = OFER_MASK_GIVEN;
    request.mask_memory = OFER_MEMORY_DEVICE;
    std::vector<std::uint8_t> one(3 * 16, 1);
    request.masks = one.data();
    request.mask_count = one.size();
    const ofer_results none = OFER_RESULTS_INIT;
    CHECK(ofer_analyse(session.get(), on_device.data(), 3, &request, &none) == OFER_BAD_ARGUMENT);
    CHECK(std::string(ofer_session_error(session.get())).find("dense") != std::string::npos);
  }
#endif
}

}  // namespace ofer::test
