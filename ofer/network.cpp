#include "ofer/network.h"

#include <algorithm>
#include <array>

#include "engine/backend.h"
#include "engine/convert.h"

namespace ofer {

namespace {

std::shared_ptr<const Model> placed(std::shared_ptr<const Model> model, Device device) {
  return device.host_accessible() ? model : model->on(device);
}

}  // namespace

std::shared_ptr<const Network> Network::load(const std::string& path, Precision precision,
                                             const LoadOptions& options, Device device) {
  (void)backend_of(device.kind);  // a missing device is told before the weights are read
  return std::make_shared<const Network>(load_weights(path, options), precision, device);
}

Network::Network(LoadedWeights weights, Precision precision, Device device)
    : model_(placed(weights.model->cast(backend_of(device.kind).dtype(precision)), device)),
      config_(weights.config),
      labels_(weights.labels),
      trained_(weights.trained),
      precision_(precision),
      device_(device),
      normalisation_(6 * size_of(backend_of(device.kind).dtype(precision)), device),
      autoencoder_(layers::Parameters(*model_, "mae"), config_),
      detector_(layers::Parameters(*model_, "detector"), config_, autoencoder_.encoder()),
      recogniser_(layers::Parameters(*model_, "recogniser"), config_) {
  if (config_.unet) unet_.emplace(layers::Parameters(*model_, "unet"), *config_.unet);
  std::array<double, 6> wide;
  for (std::size_t c = 0; c < 3; ++c) {
    wide[c] = config_.mean[c];
    wide[3 + c] = config_.std[c];
  }
  std::array<float, 6> narrow;
  std::copy(wide.begin(), wide.end(), narrow.begin());
  const DType dtype = backend_of(device.kind).dtype(precision);
  std::vector<std::byte> raw;
  const void* values = dtype == DType::kF64 ? wide.data() : from_floats(narrow, dtype, raw);
  on_device([&] {
    const Backend& backend = backend_of(device.kind);
    const auto stream = backend.make_stream(device, 1);
    backend.to_device(normalisation_.data(), values, normalisation_.size(), *stream);
    stream->synchronise();
  });
  char* data = static_cast<char*>(normalisation_.data());
  mean_ = Tensor(data, {3, 1, 1}, dtype, device);
  deviation_ = Tensor(data + 3 * size_of(dtype), {3, 1, 1}, dtype, device);
}

}  // namespace ofer
