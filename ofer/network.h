// Latent-OFER's network: the stages over one model's weights.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/buffer.h"
#include "engine/model.h"
#include "engine/session.h"
#include "ofer/autoencoder.h"
#include "ofer/detector.h"
#include "ofer/recogniser.h"
#include "ofer/unet.h"
#include "weights/weight_file.h"

namespace ofer {

// Immutable after construction; any number of threads and pipelines may share one through
// std::shared_ptr<const Network>. Keeps the mapped weight file alive.
class Network {
 public:
  // Opens and checks a weight file (kIo, kBadFile). With kF64 the weights are widened, which takes
  // memory of its own; on a device other than the CPU they are copied there once (kOutOfMemory,
  // kDevice).
  static std::shared_ptr<const Network> load(const std::string& path,
                                             Precision precision = Precision::kF32,
                                             const LoadOptions& options = {}, Device device = {});

  Network(LoadedWeights weights, Precision precision, Device device = {});
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // The weights, as the layers see them: on the device, in the precision's element type.
  const Model& model() const { return *model_; }
  const Config& config() const { return config_; }
  const std::vector<std::string>& labels() const { return labels_; }
  bool trained() const { return trained_; }
  Precision precision() const { return precision_; }
  Device device() const { return device_; }

  const Detector& detector() const { return detector_; }
  const Autoencoder& autoencoder() const { return autoencoder_; }
  const UNet* unet() const { return unet_ ? &*unet_ : nullptr; }
  const Recogniser& recogniser() const { return recogniser_; }

  // Mean and deviation of the input normalisation, [3, 1, 1] each.
  const Tensor& mean() const { return mean_; }
  const Tensor& deviation() const { return deviation_; }

  // Width and height of the image that the U-Net works on; the ViT's where there is no U-Net.
  int restored_size() const { return config_.restored_size(); }

 private:
  std::shared_ptr<const Model> model_;
  Config config_;
  std::vector<std::string> labels_;
  bool trained_;
  Precision precision_;
  Device device_;
  Buffer normalisation_;
  Tensor mean_, deviation_;
  Autoencoder autoencoder_;
  Detector detector_;
  std::optional<UNet> unet_;
  Recogniser recogniser_;
};

}  // namespace ofer
