#include "ofer/network.h"

#include "engine/backend.h"

namespace ofer {

namespace {

DType dtype_of_precision(Precision precision) {
  return precision == Precision::kF64 ? DType::kF64 : DType::kF32;
}

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
    : model_(placed(weights.model->cast(dtype_of_precision(precision)), device)),
      config_(weights.config),
      labels_(weights.labels),
      trained_(weights.trained),
      precision_(precision),
      device_(device),
      normalisation_(6 * size_of(dtype_of_precision(precision)), device),
      autoencoder_(layers::Parameters(*model_, "mae"), config_),
      detector_(layers::Parameters(*model_, "detector"), config_, autoencoder_.encoder()),
      recogniser_(layers::Parameters(*model_, "recogniser"), config_) {
  if (config_.unet) unet_.emplace(layers::Parameters(*model_, "unet"), *config_.unet);
  const auto upload = [&]<class T>(T) {
    T values[6];
    for (std::size_t c = 0; c < 3; ++c) {
      values[c] = static_cast<T>(config_.mean[c]);
      values[3 + c] = static_cast<T>(config_.std[c]);
    }
    auto* data = static_cast<T*>(normalisation_.data());
    const Backend& backend = backend_of(device.kind);
    on_device([&] {
      const auto stream = backend.make_stream(device, 1);
      backend.to_device(data, values, sizeof(values), *stream);
      stream->synchronise();
    });
    mean_ = Tensor(data, {3, 1, 1}, dtype_of<T>::value, device);
    deviation_ = Tensor(data + 3, {3, 1, 1}, dtype_of<T>::value, device);
  };
  if (precision == Precision::kF64)
    upload(double());
  else
    upload(float());
}

}  // namespace ofer
