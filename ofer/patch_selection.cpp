#include "ofer/patch_selection.h"

#include <algorithm>

#include "engine/convert.h"

namespace ofer {

void PatchSelection::assign(std::int64_t batch, std::int64_t patches,
                            std::span<const std::uint8_t> covered) {
  OFER_ASSERT(covered.empty() || static_cast<std::int64_t>(covered.size()) == batch * patches);
  require(batch * (patches + 1) < (std::int64_t{1} << 31), ErrorCode::kBadArgument, "a batch of ",
          batch, " images is too large");
  batch_ = batch;
  patches_ = patches;
  covered_.assign(static_cast<std::size_t>(batch * patches), 0);
  std::copy(covered.begin(), covered.end(), covered_.begin());
  visible_offsets_.assign(1, 0);
  all_offsets_.assign(1, 0);
  token_source_host_.clear();
  all_token_source_host_.clear();
  grid_source_host_.clear();
  patch_source_host_.clear();
  covered_images_.clear();
  covered_place_host_.clear();
  visible_.longest = 0;
  for (std::int64_t n = 0; n < batch; ++n) {
    const auto row = [&] { return static_cast<std::int32_t>(token_source_host_.size()); };
    grid_source_host_.push_back(row());
    token_source_host_.push_back(-1);
    all_token_source_host_.push_back(-1);
    bool any = false;
    for (std::int64_t l = 0; l < patches; ++l) {
      const bool hidden = !covered.empty() && covered[static_cast<std::size_t>(n * patches + l)];
      const std::int32_t source = hidden ? -1 : row();
      grid_source_host_.push_back(source);
      patch_source_host_.push_back(source);
      all_token_source_host_.push_back(static_cast<std::int32_t>(n * patches + l));
      if (!hidden) token_source_host_.push_back(static_cast<std::int32_t>(n * patches + l));
      any = any || hidden;
    }
    covered_place_host_.push_back(any ? static_cast<std::int32_t>(covered_images_.size()) : -1);
    if (any) covered_images_.push_back(static_cast<std::int32_t>(n));
    visible_.longest = std::max<std::int64_t>(visible_.longest, row() - visible_offsets_.back());
    visible_offsets_.push_back(row());
    all_offsets_.push_back(static_cast<std::int32_t>((n + 1) * (patches + 1)));
  }
  visible_.host = visible_offsets_.data();
  visible_.count = batch;
  all_.host = all_offsets_.data();
  all_.count = batch;
  all_.longest = patches + 1;
}

void PatchSelection::assign_largest(std::int64_t batch, std::int64_t patches) {
  assign(batch, patches, {});
  for (std::int64_t n = 0; n < batch; ++n) {
    covered_place_host_[static_cast<std::size_t>(n)] = static_cast<std::int32_t>(n);
    covered_images_.push_back(static_cast<std::int32_t>(n));
  }
}

void PatchSelection::upload(Session& session) {
  const auto copy = [&session](const std::vector<std::int32_t>& host) {
    const Tensor tensor =
        session.allocate({static_cast<std::int64_t>(host.size())}, DType::kI32);
    session.to_device(tensor, host.data());
    return tensor;
  };
  visible_.offsets = copy(visible_offsets_);
  all_.offsets = copy(all_offsets_);
  token_source_ = copy(token_source_host_);
  all_token_source_ = copy(all_token_source_host_);
  grid_source_ = copy(grid_source_host_);
  patch_source_ = copy(patch_source_host_);
  covered_index_ = copy(covered_images_);
  covered_place_ = copy(covered_place_host_);

  // Numbers in the session's element type, through one staging array.
  const auto flags = [&](const Shape& shape, const auto& at) {
    const Tensor tensor = session.allocate(shape);
    if (session.counting()) return tensor;
    const auto count = static_cast<std::size_t>(tensor.elements());
    staging_.resize(count);
    for (std::size_t i = 0; i < count; ++i) staging_[i] = at(i) ? 1.0f : 0.0f;
    session.to_device(tensor, from_floats(staging_, session.dtype(), staging_raw_));
    return tensor;
  };
  covered_flag_ = flags({batch_}, [&](std::size_t i) { return covered_place_host_[i] >= 0; });
  covered_mask_ = flags({batch_, patches_}, [&](std::size_t i) { return covered_[i] != 0; });
}

}  // namespace ofer
