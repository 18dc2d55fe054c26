#include "ofer/patch_selection.h"

#include <algorithm>
#include <utility>

#include "engine/ops.h"

namespace ofer {

void PatchSelection::assign(std::int64_t batch, std::int64_t patches,
                            std::span<const std::uint8_t> covered) {
  OFER_ASSERT(covered.empty() || static_cast<std::int64_t>(covered.size()) == batch * patches);
  require(batch * (patches + 1) < (std::int64_t{1} << 31), ErrorCode::kBadArgument, "a batch of ",
          batch, " images is too large");
  batch_ = batch;
  patches_ = patches;
  dense_ = false;
  visible_.stride = all_.stride = 1;
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

void PatchSelection::assign_dense(Session& session, std::int64_t batch, std::int64_t patches,
                                  const Tensor& covered) {
  // Where nothing is covered, the lists are those of all patches.
  const Tensor none = ops::full(session, {batch, patches}, 0);
  const ops::PatchLists every = ops::patch_lists(session, none);
  const ops::PatchLists seen = covered.defined() ? ops::patch_lists(session, covered) : every;
  batch_ = batch;
  patches_ = patches;
  dense_ = true;
  all_offsets_.clear();
  covered_images_.clear();
  for (std::int64_t n = 0; n <= batch; ++n)
    all_offsets_.push_back(static_cast<std::int32_t>(n * (patches + 1)));
  for (std::int64_t n = 0; n < batch; ++n) covered_images_.push_back(static_cast<std::int32_t>(n));
  for (Ragged* rows : {&visible_, &all_}) {
    rows->host = all_offsets_.data();
    rows->count = batch;
    rows->longest = patches + 1;
    rows->stride = 2;
  }
  all_.offsets = every.used;
  all_token_source_ = every.token_source;
  visible_.offsets = seen.used;
  token_source_ = seen.token_source;
  grid_source_ = seen.grid_source;
  patch_source_ = seen.patch_source;
  covered_flag_ = seen.any;
  covered_mask_ = covered.defined() ? covered : none;
  covered_index_ = covered_place_ = {};
}

void PatchSelection::upload(Session& session, Staging& staging) {
  // Numbers in the session's element type: a flag for each image, then one for each patch.
  flags_.clear();
  for (const std::int32_t place : covered_place_host_) flags_.push_back(place >= 0 ? 1.0f : 0.0f);
  for (const std::uint8_t covered : covered_) flags_.push_back(covered != 0 ? 1.0f : 0.0f);
  const Tensor flags = session.allocate({batch_ * (1 + patches_)});
  staging.send(session, flags_, flags);
  const Tensor columns = flags.view({batch_ * (1 + patches_), 1});
  covered_flag_ = columns.rows(0, batch_).view({batch_});
  covered_mask_ = columns.rows(batch_, batch_ * patches_).view({batch_, patches_});

  // Each list begins where a vector may.
  const auto aligned = [](std::size_t count) {
    constexpr std::size_t kAlignment = Buffer::kAlignment / sizeof(std::int32_t);
    return (count + kAlignment - 1) / kAlignment * kAlignment;
  };
  const std::pair<const std::vector<std::int32_t>*, Tensor*> lists[] = {
      {&visible_offsets_, &visible_.offsets}, {&all_offsets_, &all_.offsets},
      {&token_source_host_, &token_source_},  {&all_token_source_host_, &all_token_source_},
      {&grid_source_host_, &grid_source_},    {&patch_source_host_, &patch_source_},
      {&covered_images_, &covered_index_},    {&covered_place_host_, &covered_place_}};
  packed_.clear();
  for (const auto& [list, tensor] : lists) {
    packed_.insert(packed_.end(), list->begin(), list->end());
    packed_.resize(aligned(packed_.size()));
  }
  const Tensor packed = session.allocate({static_cast<std::int64_t>(packed_.size())}, DType::kI32);
  staging.send(session, packed_, packed);
  std::int64_t first = 0;
  for (const auto& [list, tensor] : lists) {
    *tensor = packed.rows(first, static_cast<std::int64_t>(list->size()));
    first += static_cast<std::int64_t>(aligned(list->size()));
  }
}

}  // namespace ofer
