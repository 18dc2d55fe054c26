#include "ofer/network.h"

namespace ofer {

namespace {

DType dtype_of_precision(Precision precision) {
  return precision == Precision::kF64 ? DType::kF64 : DType::kF32;
}

}  // namespace

std::shared_ptr<const Network> Network::load(const std::string& path, Precision precision,
                                             const LoadOptions& options) {
  return std::make_shared<const Network>(load_weights(path, options), precision);
}

Network::Network(LoadedWeights weights, Precision precision)
    : model_(weights.model->cast(dtype_of_precision(precision))),
      config_(weights.config),
      labels_(weights.labels),
      trained_(weights.trained),
      precision_(precision),
      normalisation_(6 * sizeof(double)),
      autoencoder_(layers::Parameters(*model_, "mae"), config_),
      detector_(layers::Parameters(*model_, "detector"), config_, autoencoder_.encoder()),
      recogniser_(layers::Parameters(*model_, "recogniser"), config_) {
  if (config_.unet) unet_.emplace(layers::Parameters(*model_, "unet"), *config_.unet);
  const auto fill = [&]<class T>(T* values) {
    for (std::size_t c = 0; c < 3; ++c) {
      values[c] = static_cast<T>(config_.mean[c]);
      values[3 + c] = static_cast<T>(config_.std[c]);
    }
    mean_ = Tensor(values, {3, 1, 1}, dtype_of<T>::value);
    deviation_ = Tensor(values + 3, {3, 1, 1}, dtype_of<T>::value);
  };
  if (precision == Precision::kF64)
    fill(static_cast<double*>(normalisation_.data()));
  else
    fill(static_cast<float*>(normalisation_.data()));
}

}  // namespace ofer
