// Faces covered by the program: for training, and for measuring where the truth must be known.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/image.h"
#include "ofer/data/cutouts.h"
#include "ofer/data/face_pieces.h"
#include "ofer/data/layer.h"
#include "ofer/data/patch_grid.h"
#include "ofer/data/random.h"
#include "ofer/data/shapes.h"

namespace ofer {

struct Occlusion {
  Image picture;
  std::vector<std::uint8_t> coverage;  // width x height, 0 free to 255 hidden
  std::vector<PatchState> patches;     // of the grid, row by row
  std::string kind;  // patches, blobs, piece, a shape's name (bands, ...) or a cut-out's kind

  std::size_t count(PatchState state) const;
  // 1 where a patch is covered.
  std::vector<std::uint8_t> mask() const;
};

// The face behind the layer, with its patches judged. Throws what lay_over and patch_states throw.
Occlusion occlude(const Image& face, const Layer& layer, std::string kind, PatchGrid grid,
                  PatchShares shares = {});

struct OcclusionOptions {
  PatchGrid grid;
  PatchShares shares;
  // How often each family is drawn, as weights; 0: never. Not all may be 0.
  double patches = 0, blobs = 0, shapes = 1, pieces = 1, cutouts = 0;
  // Patches and blobs: the share of the grid, their colour, and at most how many blobs.
  double min_share = 0.1, max_share = 0.5;
  Colour patch_colour{128, 128, 128};
  int blobs_at_most = 3;
  // Empty: all of them.
  std::vector<ShapeKind> shape_kinds;
  std::vector<std::string> cutout_kinds;
  PieceOptions piece;
  // Softening, so that a sharp edge does not give the cover away: how often, and between which
  // standard deviations in pixels. Patches and blobs are never softened.
  double blur_probability = 0.5;
  float min_sigma = 0.6f, max_sigma = 1.2f;
};

// Draws covers. Immutable: several threads may use one.
class Occluder {
 public:
  // `cutouts` is borrowed, needed when they have a weight. Throws kBadArgument for options that
  // cannot be, with the reason.
  explicit Occluder(OcclusionOptions options, const CutoutSet* cutouts = nullptr);

  // A cover that hides at least one patch, if one is found in a few tries. The same face, other
  // face and numbers give the same bytes. `other` is where pieces come from; with nullptr none are
  // drawn, which is an error (kBadArgument) when nothing else may be.
  Occlusion cover(const Image& face, const Image* other, SeededNumbers& numbers) const;

  const OcclusionOptions& options() const { return options_; }

 private:
  Layer draw(const Image& face, const Image* other, SeededNumbers& numbers,
             std::string& kind) const;

  OcclusionOptions options_;
  const CutoutSet* cutouts_;
  std::vector<std::vector<std::size_t>> cutouts_by_kind_;
};

}  // namespace ofer
