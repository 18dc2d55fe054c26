#include "ofer/train/patch_list.h"

#include <algorithm>
#include <cstring>

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

void move_patches(Session& s, const Tensor& weight, std::span<const int> before,
                  std::span<const int> after) {
  require(after.size() == before.size() && !after.empty(), ErrorCode::kBadArgument, "a list of ",
          after.size(), " patches for a classifier of ", before.size());
  std::vector<std::byte> from(weight.bytes()), to(weight.bytes());
  s.to_host(weight, from.data());
  const auto rows = static_cast<std::size_t>(weight.size(0));
  const std::size_t each = weight.bytes() / rows / after.size();
  for (std::size_t p = 0; p < after.size(); ++p) {
    const auto found = std::find(before.begin(), before.end(), after[p]);
    if (found == before.end()) continue;
    const auto old = static_cast<std::size_t>(found - before.begin());
    for (std::size_t r = 0; r < rows; ++r)
      std::memcpy(to.data() + (r * after.size() + p) * each,
                  from.data() + (r * after.size() + old) * each, each);
  }
  s.to_device(weight, to.data());
}

}  // namespace ofer
