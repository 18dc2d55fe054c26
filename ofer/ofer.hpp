// ofer.hpp: ofer.h for C++17. Header-only; owns handles and memory, throws ofer::Error.
//
//     const ofer::Model model = ofer::Model::load("latent-ofer-small.safetensors");
//     ofer::Session session(model);
//     const ofer::Results results = session.analyse({ofer::image(pixels, width, height)});
//     std::cout << model.label(results.labels[0]) << '\n';
//
// Threads and lifetimes are those of ofer.h: a Model may be used by any number of threads, a
// Session by one at a time. Functions throw ofer::Error, std::bad_alloc, and what a caller's
// function threw. The inline namespace keeps these names apart from those inside a static library.
#ifndef OFER_OFER_HPP
#define OFER_OFER_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ofer.h"

namespace ofer {
inline namespace v1 {

// What a call of ofer.h came to: what() is its text.
class Error : public std::runtime_error {
 public:
  Error(ofer_status status, const std::string& text)
      : std::runtime_error(text.empty() ? ofer_status_name(status) : text), status_(status) {}
  ofer_status status() const { return status_; }  // OFER_BAD_ARGUMENT, ...

 private:
  ofer_status status_;
};

inline const char* version() {
  return ofer_version();
}

// A picture in the caller's memory, interleaved, 8-bit or float; row_stride in bytes, 0: packed.
// Set the fields of ofer_image for anything else.
inline ofer_image image(const std::uint8_t* pixels, int width, int height, int format = OFER_RGB,
                        std::ptrdiff_t row_stride = 0) {
  ofer_image made = OFER_IMAGE_INIT;
  made.data = pixels;
  made.width = width;
  made.height = height;
  made.format = format;
  made.row_stride = row_stride;
  return made;
}
inline ofer_image image(const float* pixels, int width, int height, int format = OFER_RGB,
                        std::ptrdiff_t row_stride = 0) {
  ofer_image made =
      image(static_cast<const std::uint8_t*>(nullptr), width, height, format, row_stride);
  made.data = pixels;
  made.type = OFER_F32_PIXELS;
  return made;
}

struct ModelOptions {
  int storage = OFER_STORAGE_DEFAULT;
  bool skip_checksum = false;
  // Called from any thread, by several at once. level: OFER_LOG_.... What it throws is lost.
  std::function<void(int level, std::string_view text)> log;
};

// The weights of a network. Copies share one handle; sessions keep it alive.
class Model {
 public:
  static Model load(const std::string& path, const ModelOptions& options = {}) {
    return made(options, [&](const ofer_model_options& o, ofer_model** model, ofer_error* error) {
      return ofer_model_load(path.c_str(), &o, model, error);
    });
  }
  static Model from_memory(const void* data, std::size_t bytes, const ModelOptions& options = {}) {
    return made(options, [&](const ofer_model_options& o, ofer_model** model, ofer_error* error) {
      return ofer_model_load_memory(data, bytes, &o, model, error);
    });
  }
  // read(offset, buffer, bytes) fills the buffer, or throws.
  using Reader = std::function<void(std::uint64_t, void*, std::size_t)>;
  static Model from_reader(Reader read, std::uint64_t bytes, const ModelOptions& options = {}) {
    struct State {
      Reader read;
      std::exception_ptr thrown;
    } state{std::move(read), nullptr};
    const ofer_read_callback call = [](void* user, std::uint64_t offset, void* buffer,
                                       std::size_t count) -> std::int32_t {
      auto& s = *static_cast<State*>(user);
      try {
        s.read(offset, buffer, count);
        return 0;
      } catch (...) {
        s.thrown = std::current_exception();
        return 1;
      }
    };
    return made(options, [&](const ofer_model_options& o, ofer_model** model, ofer_error* error) {
      const ofer_status status = ofer_model_load_reader(call, &state, bytes, &o, model, error);
      if (state.thrown) std::rethrow_exception(state.thrown);
      return status;
    });
  }

  ofer_model_info info() const {
    ofer_model_info told = OFER_MODEL_INFO_INIT;
    check(ofer_model_get_info(get(), &told));
    return told;
  }
  std::string label(int number) const { return text(ofer_model_label(get(), number)); }
  std::vector<std::string> labels() const {
    std::vector<std::string> all;
    for (int i = 0; i < info().classes; ++i) all.push_back(label(i));
    return all;
  }
  std::vector<std::string> grad_cam_layers() const {
    std::vector<std::string> all;
    for (int i = 0; i < info().grad_cam_layers; ++i)
      all.push_back(text(ofer_model_grad_cam_layer(get(), i)));
    return all;
  }
  std::string configuration() const { return text(ofer_model_configuration(get())); }
  std::string metadata(const std::string& key) const {
    return text(ofer_model_metadata(get(), key.c_str()));
  }

  ofer_model* get() const { return handle_.get(); }

 private:
  using Log = std::function<void(int, std::string_view)>;

  template <class Load>
  static Model made(const ModelOptions& options, Load&& load) {
    const std::shared_ptr<Log> log = options.log ? std::make_shared<Log>(options.log) : nullptr;
    ofer_model_options given = OFER_MODEL_OPTIONS_INIT;
    given.storage = options.storage;
    given.skip_checksum = options.skip_checksum ? 1 : 0;
    if (log) {
      given.log_user = log.get();
      given.log = [](void* user, std::int32_t level, const char* text) {
        try {
          (*static_cast<Log*>(user))(level, text);
        } catch (...) {
        }
      };
    }
    ofer_error error = OFER_ERROR_INIT;
    ofer_model* handle = nullptr;
    const ofer_status status = load(given, &handle, &error);
    if (status != OFER_OK) throw Error(status, error.text);
    Model model;
    // The remarks' function lives as long as anybody may call it.
    model.handle_ =
        std::shared_ptr<ofer_model>(handle, [log](ofer_model* m) { ofer_model_free(m); });
    return model;
  }

  std::string last_error() const {
    char text[sizeof(ofer_error::text)] = "";
    ofer_model_error(get(), text, sizeof text);
    return text;
  }
  void check(ofer_status status) const {
    if (status != OFER_OK) throw Error(status, last_error());
  }
  const char* text(const char* told) const {
    if (!told) throw Error(OFER_BAD_ARGUMENT, last_error());
    return told;
  }

  std::shared_ptr<ofer_model> handle_;
};

struct SessionOptions {
  int device = OFER_DEVICE_CPU, device_index = 0;
  int precision = OFER_PRECISION_FP32;
  int threads = 0;        // 0: one for each core
  int largest_batch = 0;  // 0: the library's own choice
  bool fast = false;
  void* stream = nullptr;  // of a GPU: the caller's cudaStream_t
};

// What is wanted. Labels and probabilities, and the masks, always come where their stage runs.
struct Request {
  int mask_source = OFER_MASK_DETECT;
  std::vector<std::uint8_t> masks;  // OFER_MASK_GIVEN: L values for each image
  int last_stage = OFER_STAGE_RECOGNISE;
  int latents_seen = OFER_LATENTS_CHOSEN;
  bool distances = false, chosen = false, coarse = false, restored = false, attention = false,
       grad_cam = false, latents = false;
  int grad_cam_class = -1;
  bool grad_cam_plus_plus = false;
  bool dense = false;
  std::string grad_cam_layer;  // empty: the first
};

// Image after image; empty where it was not wanted. Shapes as in ofer_results.
struct Results {
  std::vector<std::int32_t> labels;
  std::vector<float> probabilities, distances;
  std::vector<std::uint8_t> masks, chosen;
  std::vector<float> coarse, restored, attention, grad_cam, latents;
};

class Session {
 public:
  explicit Session(const Model& model, const SessionOptions& options = {})
      : model_(model), info_(model.info()), calls_(std::make_unique<Calls>()) {
    ofer_session_options given = OFER_SESSION_OPTIONS_INIT;
    given.device = options.device;
    given.device_index = options.device_index;
    given.precision = options.precision;
    given.threads = options.threads;
    given.largest_batch = options.largest_batch;
    given.fast = options.fast ? 1 : 0;
    given.stream = options.stream;
    ofer_error error = OFER_ERROR_INIT;
    ofer_session* handle = nullptr;
    const ofer_status status = ofer_session_create(model.get(), &given, &handle, &error);
    if (status != OFER_OK) throw Error(status, error.text);
    handle_.reset(handle);
  }

  const Model& model() const { return model_; }
  ofer_session* get() const { return handle_.get(); }

  Results analyse(const std::vector<ofer_image>& images, const Request& request = {}) {
    Results results;
    analyse(images, request, results);
    return results;
  }
  // The same into vectors that are used again.
  void analyse(const std::vector<ofer_image>& images, const Request& request, Results& results) {
    const std::size_t n = images.size();
    const auto patches = static_cast<std::size_t>(info_.patches);
    const bool detects = request.mask_source == OFER_MASK_DETECT;
    const bool restores = request.last_stage >= OFER_STAGE_RESTORE;
    const bool recognises = request.last_stage >= OFER_STAGE_RECOGNISE;
    ofer_results to = OFER_RESULTS_INIT;
    room(results.labels, recognises ? n : 0, to.labels);
    room(results.probabilities, recognises ? n * size(info_.classes) : 0, to.probabilities);
    room(results.masks, n * patches, to.masks);
    room(results.distances, detects && request.distances ? n * patches : 0, to.distances);
    room(results.chosen, recognises && request.chosen ? n * patches : 0, to.chosen);
    room(results.coarse, restores && request.coarse ? n * picture(info_.image_size) : 0, to.coarse);
    room(results.restored, restores && request.restored ? n * picture(info_.restored_size) : 0,
         to.restored);
    room(results.attention, recognises && request.attention ? n * patches : 0, to.attention);
    room(results.latents, restores && request.latents ? n * patches * size(info_.latent_width) : 0,
         to.latents);
    const char* layer = request.grad_cam_layer.empty() ? nullptr : request.grad_cam_layer.c_str();
    std::size_t map = 0;
    if (recognises && request.grad_cam) {
      std::int32_t rows = 0, columns = 0;
      check(ofer_session_grad_cam_size(get(), layer, &rows, &columns));
      map = size(rows) * size(columns);
    }
    room(results.grad_cam, n * map, to.grad_cam);
    ofer_request given = OFER_REQUEST_INIT;
    given.mask_source = request.mask_source;
    given.last_stage = request.last_stage;
    given.latents = request.latents_seen;
    given.masks = request.masks.data();
    given.mask_count = request.masks.size();
    given.grad_cam_class = request.grad_cam_class;
    given.grad_cam_plus_plus = request.grad_cam_plus_plus ? 1 : 0;
    given.grad_cam_layer = layer;
    given.dense = request.dense ? 1 : 0;
    analyse(images.data(), n, given, to);
  }
  // The same into memory of the caller's.
  void analyse(const ofer_image* images, std::size_t count, const ofer_request& request,
               const ofer_results& results) {
    calls_->thrown = nullptr;
    const ofer_status status = ofer_analyse(get(), images, count, &request, &results);
    if (calls_->thrown) std::rethrow_exception(std::exchange(calls_->thrown, nullptr));
    check(status);
  }

  // Memory on a GPU: see ofer_session_workspace_bytes and ofer_session_set_workspace.
  std::size_t workspace_bytes(const ofer_request& request, const ofer_results& results) {
    std::size_t bytes = 0;
    check(ofer_session_workspace_bytes(get(), &request, &results, &bytes));
    return bytes;
  }
  void set_workspace(void* memory, std::size_t bytes) {
    check(ofer_session_set_workspace(get(), memory, bytes));
  }
  // Until results in the device's memory are there.
  void wait() { check(ofer_session_wait(get())); }

  // Which patches are covered: masks and distances.
  Results detect(const std::vector<ofer_image>& images) {
    Request request;
    request.last_stage = OFER_STAGE_DETECT;
    request.distances = true;
    return analyse(images, request);
  }
  // What is behind the masks: coarse and restored images.
  Results restore(const std::vector<ofer_image>& images, std::vector<std::uint8_t> masks) {
    Request request;
    request.mask_source = OFER_MASK_GIVEN;
    request.masks = std::move(masks);
    request.last_stage = OFER_STAGE_RESTORE;
    request.coarse = request.restored = true;
    return analyse(images, request);
  }
  // The expressions of faces that nothing covers.
  Results recognise(const std::vector<ofer_image>& images) {
    Request request;
    request.mask_source = OFER_MASK_NONE;
    return analyse(images, request);
  }

  // A patch is covered when its distance > radius^2.
  float radius() const { return ofer_session_radius(get()); }
  ofer_times times() const {
    ofer_times told = OFER_TIMES_INIT;
    check(ofer_session_times(get(), &told));
    return told;
  }

  // Called as a stage begins (OFER_STAGE_...), for `count` images from number `first` on. What it
  // throws breaks the call off and comes out of it. Empty: nobody.
  using Progress = std::function<void(int stage, std::size_t first, std::size_t count)>;
  void set_progress(Progress progress) {
    const ofer_progress_callback call = [](void* user, std::int32_t stage, std::size_t first,
                                           std::size_t count) {
      auto& calls = *static_cast<Calls*>(user);
      return calls.guarded([&] { calls.progress(stage, first, count); });
    };
    const bool any = static_cast<bool>(progress);
    check(ofer_session_set_progress(get(), any ? call : nullptr, calls_.get()));
    calls_->progress = std::move(progress);
  }

  // Sees intermediate results; `wanted` says of which names (empty: all). Likewise.
  using Tap = std::function<void(const ofer_tensor&)>;
  using Wanted = std::function<bool(std::string_view name)>;
  void set_tap(Tap tap, Wanted wanted = {}) {
    const ofer_tap_callback call = [](void* user, const ofer_tensor* tensor) {
      auto& calls = *static_cast<Calls*>(user);
      return calls.guarded([&] { calls.tap(*tensor); });
    };
    const ofer_tap_filter filter = [](void* user, const char* name) -> std::int32_t {
      auto& calls = *static_cast<Calls*>(user);
      bool yes = false;
      calls.guarded([&] { yes = calls.wanted(name); });
      return yes ? 1 : 0;
    };
    const bool any = static_cast<bool>(tap), some = static_cast<bool>(wanted);
    check(ofer_session_set_tap(get(), any ? call : nullptr, some ? filter : nullptr, calls_.get()));
    calls_->tap = std::move(tap);
    calls_->wanted = std::move(wanted);
  }

  // From any thread.
  void cancel() { ofer_session_cancel(get()); }

 private:
  // At one address, wherever the session moves.
  struct Calls {
    Progress progress;
    Tap tap;
    Wanted wanted;
    std::exception_ptr thrown;

    template <class Work>
    std::int32_t guarded(Work&& work) {
      try {
        work();
        return 0;
      } catch (...) {
        if (!thrown) thrown = std::current_exception();
        return 1;
      }
    }
  };

  struct End {
    void operator()(ofer_session* session) const { ofer_session_free(session); }
  };

  static std::size_t size(std::int32_t number) { return static_cast<std::size_t>(number); }
  static std::size_t picture(std::int32_t side) { return 3 * size(side) * size(side); }

  template <class Value, class Place>
  static void room(std::vector<Value>& values, std::size_t count, Place& place) {
    values.resize(count);
    place = {count > 0 ? values.data() : nullptr, count};
  }

  void check(ofer_status status) const {
    if (status == OFER_BUSY) throw Error(status, "the session is in a call already");
    if (status != OFER_OK) throw Error(status, ofer_session_error(get()));
  }

  Model model_;
  ofer_model_info info_;
  std::unique_ptr<Calls> calls_;
  std::unique_ptr<ofer_session, End> handle_;
};

}  // namespace v1
}  // namespace ofer

#endif
