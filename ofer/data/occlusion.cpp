#include "ofer/data/occlusion.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "engine/error.h"
#include "ofer/data/patch_masks.h"

namespace ofer {

namespace {

enum Family { kPatches, kBlobs, kShapes, kPieces, kCutouts };

bool is_share(double value) {
  return value >= 0 && value <= 1;
}

}  // namespace

std::size_t Occlusion::count(PatchState state) const {
  return static_cast<std::size_t>(std::count(patches.begin(), patches.end(), state));
}

std::vector<std::uint8_t> Occlusion::mask() const {
  std::vector<std::uint8_t> bits(patches.size());
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = patches[i] == PatchState::kCovered;
  return bits;
}

Occlusion occlude(const Image& face, const Layer& layer, std::string kind, PatchGrid grid,
                  PatchShares shares) {
  CoveredFace covered = lay_over(face, layer);
  std::vector<PatchState> patches =
      patch_states(covered.coverage, face.width, face.height, grid, shares);
  return {std::move(covered.picture), std::move(covered.coverage), std::move(patches),
          std::move(kind)};
}

Occluder::Occluder(OcclusionOptions options, const CutoutSet* cutouts)
    : options_(std::move(options)), cutouts_(cutouts) {
  const OcclusionOptions& o = options_;
  double total = 0;
  for (double weight : {o.patches, o.blobs, o.shapes, o.pieces, o.cutouts}) {
    require(weight >= 0 && weight <= 1e6, ErrorCode::kBadArgument, "a kind of cover has weight ",
            weight, "; 0 to 1000000 is possible");
    total += weight;
  }
  require(total > 0, ErrorCode::kBadArgument, "every kind of cover has weight 0");
  require(is_share(o.min_share) && is_share(o.max_share) && o.min_share <= o.max_share,
          ErrorCode::kBadArgument, "covered shares from ", o.min_share, " to ", o.max_share,
          "; 0 <= min_share <= max_share <= 1 is needed");
  require(is_share(o.blur_probability) && o.min_sigma >= 0 && o.min_sigma <= o.max_sigma &&
              o.max_sigma <= 100,
          ErrorCode::kBadArgument,
          "a softening needs a probability of 0 to 1 and 0 <= min_sigma <= max_sigma <= 100");
  require(o.blobs_at_most >= 1, ErrorCode::kBadArgument, o.blobs_at_most,
          " blobs; at least 1 is needed");
  if (options_.shape_kinds.empty())
    options_.shape_kinds.assign(std::begin(kShapeKinds), std::end(kShapeKinds));
  if (o.cutouts == 0) return;
  require(cutouts_ && !cutouts_->cutouts.empty(), ErrorCode::kBadArgument,
          "cut-outs have a weight, but there are none; give a folder of them");
  if (options_.cutout_kinds.empty()) options_.cutout_kinds = cutouts_->kinds();
  // A kind is drawn first, so that many pictures of one do not make the others rare.
  for (const std::string& kind : options_.cutout_kinds) {
    cutouts_by_kind_.push_back(cutouts_->of_kind(kind));
    require(!cutouts_by_kind_.back().empty(), ErrorCode::kBadArgument, "no cut-out is a ", kind);
  }
}

Layer Occluder::draw(const Image& face, const Image* other, SeededNumbers& numbers,
                     std::string& kind) const {
  const OcclusionOptions& o = options_;
  const double weights[] = {o.patches, o.blobs, o.shapes, other ? o.pieces : 0, o.cutouts};
  double total = 0;
  for (double weight : weights) total += weight;
  require(total > 0, ErrorCode::kBadArgument,
          "only pieces of other faces may cover, and there is no other face");
  double place = static_cast<double>(numbers.uniform()) * total;
  int family = -1;
  for (int i = 0; i < static_cast<int>(std::size(weights)); ++i) {
    if (weights[i] == 0) continue;
    family = i;  // the last one with a weight, should rounding go past all
    if (place < weights[i]) break;
    place -= weights[i];
  }

  const int width = face.width, height = face.height;
  Layer layer;
  if (family == kPatches || family == kBlobs) {
    const double share =
        o.min_share + (o.max_share - o.min_share) * static_cast<double>(numbers.uniform());
    const std::size_t count = std::max<std::size_t>(1, patch_count(share, o.grid.size()));
    kind = family == kPatches ? "patches" : "blobs";
    return patch_layer(
        width, height, o.grid,
        family == kPatches
            ? random_patches(o.grid, count, numbers)
            : connected_patches(o.grid, count, 1 + numbers.index(o.blobs_at_most), numbers),
        o.patch_colour);
  }
  if (family == kShapes) {
    const ShapeKind shape = o.shape_kinds[static_cast<std::size_t>(
        numbers.index(static_cast<int>(o.shape_kinds.size())))];
    kind = name_of(shape);
    layer = shape_layer(width, height, shape, numbers.next());
  } else if (family == kPieces) {
    kind = "piece";
    layer = piece_layer(*other, width, height, o.piece, numbers);
  } else {
    const auto which =
        static_cast<std::size_t>(numbers.index(static_cast<int>(cutouts_by_kind_.size())));
    const std::vector<std::size_t>& of_kind = cutouts_by_kind_[which];
    kind = o.cutout_kinds[which];
    const Cutout& cutout = cutouts_->cutouts[of_kind[static_cast<std::size_t>(
        numbers.index(static_cast<int>(of_kind.size())))]];
    layer = cutout_layer(cutout, width, height, plausible_place(kind, numbers));
  }
  if (numbers.chance(o.blur_probability)) soften(layer, numbers.uniform(o.min_sigma, o.max_sigma));
  return layer;
}

Occlusion Occluder::cover(const Image& face, const Image* other, SeededNumbers& numbers) const {
  require(!face.empty(), ErrorCode::kBadArgument, "an empty picture cannot be covered");
  constexpr int kTries = 8;
  for (int attempt = 1;; ++attempt) {
    std::string kind;
    const Layer layer = draw(face, other, numbers, kind);
    Occlusion occlusion = occlude(face, layer, std::move(kind), options_.grid, options_.shares);
    if (attempt == kTries || occlusion.count(PatchState::kCovered) > 0) return occlusion;
  }
}

}  // namespace ofer
