#include "ofer/train/patch_list.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "engine/buffer.h"
#include "engine/error.h"
#include "ofer/data/patch_masks.h"
#include "ofer/train/open_faces.h"

namespace ofer {

std::vector<float> mean_attention(Pipeline& pipeline, const FaceStore& faces,
                                  std::span<const std::size_t> samples) {
  require(!samples.empty(), ErrorCode::kBadArgument, "no face to see where attention goes");
  std::vector<double> mean(static_cast<std::size_t>(pipeline.network().config().patch_count()));
  Request request;
  request.attention = true;
  run_open_faces(pipeline, faces, samples, request, [&](std::size_t, const Result& result) {
    for (std::size_t l = 0; l < mean.size(); ++l)
      mean[l] += double{result.attention.values[l]} / static_cast<double>(samples.size());
  });
  return {mean.begin(), mean.end()};
}

std::vector<int> leading_patch_list(std::span<const float> map, std::size_t count) {
  const std::vector<std::uint8_t> leading = leading_patches(map, count);
  std::vector<int> list;
  for (std::size_t l = 0; l < leading.size(); ++l)
    if (leading[l]) list.push_back(static_cast<int>(l));
  return list;
}

LoadedWeights with_patch_list(const LoadedWeights& weights, const std::vector<int>& list) {
  constexpr const char* kFirst = "recogniser.classifier.latent1.weight";
  const RecogniserConfig& recogniser = weights.config.recogniser;
  const std::vector<int>& before = recogniser.latent_patches;
  require(recogniser.latent_selection == LatentSelection::kFixed &&
              recogniser.structure == RecogniserStructure::kLayers,
          ErrorCode::kBadArgument,
          "a list of patches belongs to latent_selection \"fixed\" and structure \"layers\"");
  require(list.size() == before.size(), ErrorCode::kBadArgument, "a list of ", list.size(),
          " patches for a classifier of ", before.size());
  auto memory = std::make_shared<std::vector<Buffer>>();
  std::vector<Model::NamedTensor> tensors(weights.model->begin(), weights.model->end());
  for (auto& [name, tensor] : tensors) {
    if (name != kFirst) continue;
    // [out, patches x W]: a patch has W columns.
    const std::size_t rows = static_cast<std::size_t>(tensor.size(0));
    const std::size_t each = tensor.bytes() / rows / list.size();
    Buffer& moved = memory->emplace_back(tensor.bytes());
    auto* to = static_cast<std::byte*>(moved.data());
    const auto* from = static_cast<const std::byte*>(tensor.raw());
    std::memset(to, 0, tensor.bytes());
    for (std::size_t p = 0; p < list.size(); ++p) {
      const auto found = std::find(before.begin(), before.end(), list[p]);
      if (found == before.end()) continue;
      const auto old = static_cast<std::size_t>(found - before.begin());
      for (std::size_t r = 0; r < rows; ++r)
        std::memcpy(to + (r * list.size() + p) * each, from + (r * list.size() + old) * each, each);
    }
    tensor = Tensor(to, tensor.shape(), tensor.dtype());
  }
  LoadedWeights result = weights;
  result.config.recogniser.latent_patches = list;
  // The old model lives on beside the new tensor.
  struct Owner {
    std::shared_ptr<const Model> model;
    std::shared_ptr<std::vector<Buffer>> memory;
  };
  result.model =
      std::make_shared<const Model>(std::make_shared<const Owner>(Owner{weights.model, memory}),
                                    std::move(tensors), weights.model->metadata());
  return result;
}

}  // namespace ofer
