// The covers that evaluations lay over faces: by kind, sharp and blurred.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ofer/data/occlusion.h"
#include "ofer/eval/eval_passes.h"

namespace ofer {

class EvalCovers {
 public:
  // Softening by a Gaussian of a standard deviation between these, in pixels of the S x S face.
  static constexpr float kMinSigma = 0.6f, kMaxSigma = 1.2f;

  // cutouts: the kinds are theirs; null: the shapes of ofer/data/shapes.h by their names, and
  // "piece", pieces of other faces, where there are others. `cutouts` and the passes are borrowed.
  EvalCovers(const EvalPasses& passes, const EvalFaces& faces, const CutoutSet* cutouts,
             std::uint64_t seed);

  const std::vector<std::string>& kinds() const { return kinds_; }
  // What covers, in words.
  const char* source() const { return source_; }

  // Face i behind a cover of kinds()[kind]; the blurred cover is the sharp one, softened.
  Occlusion of_kind(std::size_t kind, bool blurred, std::size_t i) const;
  // Face i behind a cover of a kind that is drawn, too, blurred for half of the faces.
  Occlusion any(std::size_t i) const;

 private:
  Occlusion draw(const Occluder& occluder, std::uint64_t stream, std::size_t i) const;

  const EvalPasses& passes_;
  const EvalFaces& faces_;
  std::uint64_t seed_;
  const char* source_;
  std::vector<std::string> kinds_;
  std::vector<Occluder> sharp_, blurred_, any_;  // by kind; any_ holds one
};

}  // namespace ofer
