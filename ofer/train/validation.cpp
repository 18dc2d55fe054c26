#include "ofer/train/validation.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/buffer.h"
#include "engine/error.h"
#include "ofer/train/open_faces.h"

namespace ofer {

std::shared_ptr<const Network> shipped_network(Trainer& trainer, const Trainable& model) {
  const Network& network = model.network();
  auto memory = std::make_shared<std::vector<Buffer>>();
  std::vector<Model::NamedTensor> tensors;
  const std::string kind = trainer.options().average > 0 ? "average/" : "weights/";
  for (const auto& [name, tensor] : trainer.state()) {
    if (!name.starts_with(kind)) continue;
    Buffer& copy = memory->emplace_back(tensor.bytes());
    trainer.session().to_host(tensor, copy.data());
    tensors.emplace_back(name.substr(kind.size()),
                         Tensor(copy.data(), tensor.shape(), tensor.dtype()));
  }
  LoadedWeights weights;
  weights.model = std::make_shared<const Model>(memory, std::move(tensors));
  weights.config = network.config();
  weights.labels = network.labels();
  weights.trained = true;
  return std::make_shared<const Network>(std::move(weights), network.precision(), network.device());
}

double recognition_accuracy(const std::shared_ptr<const Network>& network,
                            const SessionOptions& session, const FaceStore& faces,
                            std::span<const std::size_t> samples, LatentUse use) {
  std::vector<std::size_t> labelled;
  std::copy_if(samples.begin(), samples.end(), std::back_inserter(labelled),
               [&](std::size_t sample) { return faces.dataset().samples[sample].label >= 0; });
  require(!labelled.empty(), ErrorCode::kBadArgument, "no face with a label to be measured by");
  Pipeline pipeline(network, session);
  std::size_t right = 0;
  Request request;
  request.latent_use = use;
  run_open_faces(pipeline, faces, labelled, request, [&](std::size_t sample, const Result& result) {
    right += result.label == faces.dataset().samples[sample].label;
  });
  return static_cast<double>(right) / static_cast<double>(labelled.size());
}

}  // namespace ofer
