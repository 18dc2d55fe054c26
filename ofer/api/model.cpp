#include "ofer/api/model.h"

#include <cstring>
#include <limits>
#include <span>

#include "ofer/api/status.h"
#include "ofer/api/versioned.h"
#include "weights/weight_file.h"

ofer_model::ofer_model(ofer::LoadedWeights weights_, ofer::LogCallback log_)
    : weights(std::move(weights_)),
      log(std::move(log_)),
      layers(ofer::activation_layers(weights.config)) {}

std::shared_ptr<const ofer::Network> ofer_model::network(ofer::Device device,
                                                         ofer::Precision precision) {
  const std::lock_guard lock(mutex);
  for (const auto& known : networks)
    if (known->device() == device && known->precision() == precision) return known;
  (void)ofer::backend_of(device.kind);  // a missing device is told first
  auto made = std::make_shared<const ofer::Network>(weights, precision, device);
  networks.push_back(made);
  return made;
}

void ofer_model::remember(std::string_view text) const noexcept {
  const std::lock_guard lock(mutex);
  ofer::api::copy_text(text, last_error);
}

namespace ofer::api {

const ofer_model& checked(const ofer_model* model) {
  require(model != nullptr, ErrorCode::kBadArgument, "the model is null");
  const std::uint64_t mark = model->mark;
  require(mark != ofer_model::kEnded, ErrorCode::kBadArgument,
          "the model has ended (ofer_model_free)");
  require(mark == ofer_model::kAlive, ErrorCode::kBadArgument,
          "this is no model, or one that has ended");
  return *model;
}

namespace {

// A call on a model that has no other place for its text. `model` was a model when it was checked.
template <class Work>
ofer_status with_model(const ofer_model* model, Work&& work) noexcept {
  const ofer_model* known = nullptr;
  return guarded(
      [&] {
        known = &checked(model);
        work(*known);
      },
      [&known](ofer_status, std::string_view text) {
        if (known) known->remember(text);
      });
}

LogCallback log_of(const ofer_model_options& options) {
  if (!options.log) return {};
  return [log = options.log, user = options.log_user](LogLevel level, std::string_view text) {
    log(user, static_cast<std::int32_t>(level), std::string(text).c_str());
  };
}

// Loads by `open`, which makes an opened file of the options.
template <class Open>
ofer_status load(const ofer_model_options* given, ofer_model** model, ofer_error* error,
                 Open&& open) noexcept {
  if (model) *model = nullptr;
  return guarded_into(error, [&] {
    require(model != nullptr, ErrorCode::kBadArgument, "there is no place for the model: null");
    const auto options =
        read_struct(given, ofer_model_options OFER_MODEL_OPTIONS_INIT, "ofer_model_options");
    require(options.storage >= OFER_STORAGE_DEFAULT && options.storage <= OFER_STORAGE_BORROW,
            ErrorCode::kBadArgument, "storage ", options.storage, " is none of OFER_STORAGE_...");
    LoadOptions how;
    how.verify_checksum = options.skip_checksum == 0;
    auto made = std::make_shared<ofer_model>(load_weights(open(options), how), log_of(options));
    made->self = made;
    *model = made.get();
  });
}

Buffer room_for(std::uint64_t bytes) {
  require(bytes <= std::numeric_limits<std::size_t>::max(), ErrorCode::kOutOfMemory, "a file of ",
          bytes, " bytes does not fit into memory");
  return Buffer(static_cast<std::size_t>(bytes));
}

constexpr const char* kOnlyMemory =
    "OFER_STORAGE_BORROW is for ofer_model_load_memory: there is no memory to borrow";

}  // namespace
}  // namespace ofer::api

extern "C" {

ofer_status ofer_model_load(const char* path, const ofer_model_options* options, ofer_model** model,
                            ofer_error* error) noexcept {
  using namespace ofer;
  return api::load(options, model, error, [path](const ofer_model_options& how) {
    require(path != nullptr && *path != '\0', ErrorCode::kBadArgument, "the path is null or empty");
    require(how.storage != OFER_STORAGE_BORROW, ErrorCode::kBadArgument, api::kOnlyMemory);
    if (how.storage == OFER_STORAGE_DEFAULT) return SafetensorsFile::open(path);
    const OpenedFile file{path};
    Buffer buffer = api::room_for(file.size());
    const std::size_t got =
        file.read(0, std::span(static_cast<std::byte*>(buffer.data()), buffer.size()));
    require(got == buffer.size(), ErrorCode::kIo, path, ": cut short while it was read");
    return SafetensorsFile::from_buffer(std::move(buffer), path);
  });
}

ofer_status ofer_model_load_memory(const void* data, size_t bytes,
                                   const ofer_model_options* options, ofer_model** model,
                                   ofer_error* error) noexcept {
  using namespace ofer;
  return api::load(options, model, error, [data, bytes](const ofer_model_options& how) {
    require(data != nullptr, ErrorCode::kBadArgument, "the weights' memory is null");
    const std::span content(static_cast<const std::byte*>(data), bytes);
    return how.storage == OFER_STORAGE_BORROW
               ? SafetensorsFile::borrow(content, "weights in memory")
               : SafetensorsFile::from_bytes(content, "weights in memory");
  });
}

ofer_status ofer_model_load_reader(ofer_read_callback read, void* user, uint64_t bytes,
                                   const ofer_model_options* options, ofer_model** model,
                                   ofer_error* error) noexcept {
  using namespace ofer;
  return api::load(options, model, error, [=](const ofer_model_options& how) {
    require(read != nullptr, ErrorCode::kBadArgument, "the reader is null");
    require(how.storage != OFER_STORAGE_BORROW, ErrorCode::kBadArgument, api::kOnlyMemory);
    // A piece at a time: a reader that fails, or a size that is made up, is found out early.
    constexpr std::size_t kPiece = std::size_t{16} << 20;
    Buffer buffer = api::room_for(bytes);
    auto* place = static_cast<std::byte*>(buffer.data());
    for (std::size_t done = 0; done < buffer.size();) {
      const std::size_t piece = std::min(buffer.size() - done, kPiece);
      const std::int32_t failed = read(user, done, place + done, piece);
      require(failed == 0, ErrorCode::kIo, "the reader failed (", failed, ") at bytes ", done,
              " to ", done + piece);
      done += piece;
    }
    return SafetensorsFile::from_buffer(std::move(buffer), "weights by a reader");
  });
}

void ofer_model_free(ofer_model* model) noexcept {
  if (!model) return;
  std::uint64_t alive = ofer_model::kAlive;
  if (!model->mark.compare_exchange_strong(alive, ofer_model::kEnded)) return;
  const std::shared_ptr<ofer_model> last = std::move(model->self);  // ends here, or with a session
}

ofer_status ofer_model_get_info(const ofer_model* model, ofer_model_info* info) noexcept {
  return ofer::api::with_model(model, [info](const ofer_model& m) {
    const ofer::Config& config = m.weights.config;
    ofer_model_info told = OFER_MODEL_INFO_INIT;
    told.classes = static_cast<std::int32_t>(m.weights.labels.size());
    told.patch_rows = config.patch_rows();
    told.patch_columns = config.patch_columns();
    told.patches = static_cast<std::int32_t>(config.patch_count());
    told.image_size = config.image_size;
    told.restored_size = config.restored_size();
    told.latent_width = config.latent_width();
    told.grad_cam_layers = static_cast<std::int32_t>(m.layers.size());
    told.has_detector = config.detector.spheres.empty() ? 0 : 1;
    told.has_unet = config.unet ? 1 : 0;
    told.all_latents = config.recogniser.latent_selection == ofer::LatentSelection::kFixed ? 0 : 1;
    told.trained = m.weights.trained ? 1 : 0;
    for (const auto& [name, tensor] : *m.weights.model)
      told.weights += static_cast<std::uint64_t>(tensor.elements());
    ofer::api::write_struct(told, info, "ofer_model_info");
  });
}

const char* ofer_model_label(const ofer_model* model, int32_t number) noexcept {
  const char* text = nullptr;
  ofer::api::with_model(model, [&](const ofer_model& m) {
    ofer::require(number >= 0 && static_cast<std::size_t>(number) < m.weights.labels.size(),
                  ofer::ErrorCode::kBadArgument, "no label ", number, "; there are 0 to ",
                  m.weights.labels.size() - 1);
    text = m.weights.labels[static_cast<std::size_t>(number)].c_str();
  });
  return text;
}

const char* ofer_model_grad_cam_layer(const ofer_model* model, int32_t number) noexcept {
  const char* text = nullptr;
  ofer::api::with_model(model, [&](const ofer_model& m) {
    ofer::require(number >= 0 && static_cast<std::size_t>(number) < m.layers.size(),
                  ofer::ErrorCode::kBadArgument, "no layer ", number, "; there are 0 to ",
                  m.layers.size() - 1);
    text = m.layers[static_cast<std::size_t>(number)].c_str();
  });
  return text;
}

const char* ofer_model_configuration(const ofer_model* model) noexcept {
  return ofer_model_metadata(model, "configuration");
}

const char* ofer_model_metadata(const ofer_model* model, const char* key) noexcept {
  const char* text = nullptr;
  ofer::api::with_model(model, [&](const ofer_model& m) {
    ofer::require(key != nullptr, ofer::ErrorCode::kBadArgument, "the key is null");
    const auto& metadata = m.weights.model->metadata();
    const auto found = metadata.find(std::string_view(key));
    ofer::require(found != metadata.end(), ofer::ErrorCode::kBadArgument, "no metadata \"", key,
                  "\"");
    text = found->second.c_str();
  });
  return text;
}

void ofer_model_error(const ofer_model* model, char* text, size_t bytes) noexcept {
  if (!text || bytes == 0) return;
  *text = '\0';
  ofer::api::guarded(
      [&] {
        const ofer_model& m = ofer::api::checked(model);
        const std::lock_guard lock(m.mutex);
        ofer::api::copy_text(m.last_error.data(), std::span(text, bytes));
      },
      [](ofer_status, std::string_view) {});
}

}  // extern "C"
