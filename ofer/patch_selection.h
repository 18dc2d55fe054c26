// Which patches of each image of a batch are visible, as the index lists that the stages gather by.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/ragged.h"
#include "engine/session.h"
#include "engine/staging.h"

namespace ofer {

// Host lists, reused from batch to batch (no allocation once the largest batch has been seen), and
// their copies on the session's device. The device copies are valid until the workspace scope in
// which upload() was called ends.
class PatchSelection {
 public:
  // covered: [batch * patches], non-zero where a patch is covered; empty: none is.
  void assign(std::int64_t batch, std::int64_t patches, std::span<const std::uint8_t> covered);
  // The largest any batch of this size can need, for counting: every patch visible, and yet every
  // image among the covered ones.
  void assign_largest(std::int64_t batch, std::int64_t patches);
  // Takes memory on the device and sends the lists there.
  void upload(Session& session, Staging& staging);

  // The dense form, made on the device from a mask that only it knows, covered [batch, patches],
  // > 0 where covered (undefined: none is): nothing is copied from or to the host, and no shape
  // depends on the mask. Every image has room for all its tokens and uses a beginning of it; every
  // image is among the covered ones. What stands in rows that are not used is anything.
  void assign_dense(Session& session, std::int64_t batch, std::int64_t patches,
                    const Tensor& covered = {});
  bool dense() const { return dense_; }

  std::int64_t batch() const { return batch_; }
  std::int64_t patches() const { return patches_; }
  // Images that have a covered patch, in order.
  std::span<const std::int32_t> covered_images() const { return covered_images_; }

  // Packed tokens of the visible patches: for each image its class token, then its visible patches
  // in raster order.
  const Ragged& visible() const { return visible_; }
  // Packed tokens when every patch is there: patches + 1 for each image.
  const Ragged& all() const { return all_; }

  // [visible().rows()]: row of [batch * patches] that a token is made of, -1 for a class token.
  const Tensor& token_source() const { return token_source_; }
  // [all().rows()]: the same when every patch is there.
  const Tensor& all_token_source() const { return all_token_source_; }
  // [batch * (patches + 1)]: packed row of each token of the full grid, -1 where it is covered.
  const Tensor& grid_source() const { return grid_source_; }
  // [batch * patches]: packed row of each patch, -1 where it is covered.
  const Tensor& patch_source() const { return patch_source_; }
  // [covered_images().size()]: those images' numbers. Not of the dense form, nor the next.
  const Tensor& covered_index() const { return covered_index_; }
  // [batch]: place of each image in covered_images(), -1 where it has no covered patch.
  const Tensor& covered_place() const { return covered_place_; }
  // [batch]: 1 for an image that has a covered patch, else 0, in the session's element type.
  const Tensor& covered_flag() const { return covered_flag_; }
  // [batch, patches]: 1 for a covered patch, else 0, in the session's element type.
  const Tensor& covered_mask() const { return covered_mask_; }

 private:
  std::int64_t batch_ = 0, patches_ = 0;
  bool dense_ = false;
  std::vector<std::int32_t> visible_offsets_, all_offsets_, token_source_host_,
      all_token_source_host_, grid_source_host_, patch_source_host_, covered_images_,
      covered_place_host_;
  std::vector<std::uint8_t> covered_;
  std::vector<std::int32_t> packed_;  // all lists, one behind the other, for one copy
  std::vector<float> flags_;
  Ragged visible_, all_;
  Tensor token_source_, all_token_source_, grid_source_, patch_source_, covered_index_,
      covered_place_, covered_flag_, covered_mask_;
};

}  // namespace ofer
