#include "ofer/eval/eval_covers.h"

#include <iterator>

namespace ofer {

namespace {

// Under the number of a kind for of_kind(); of any() under one that no kind has.
constexpr std::uint64_t kAnyKind = ~std::uint64_t{0};

}  // namespace

EvalCovers::EvalCovers(const EvalPasses& passes, const EvalFaces& faces, const CutoutSet* cutouts,
                       std::uint64_t seed)
    : passes_(passes),
      faces_(faces),
      seed_(seed),
      source_(cutouts ? "cut-outs, placed by the rule of ofer/data/cutouts.cpp"
                      : "drawn shapes and pieces of other faces") {
  OcclusionOptions options;
  options.grid = passes.grid();
  options.min_sigma = kMinSigma;
  options.max_sigma = kMaxSigma;
  options.shapes = options.pieces = options.cutouts = 0;
  const auto add = [&](std::string kind, const OcclusionOptions& of_kind) {
    OcclusionOptions one = of_kind;
    one.blur_probability = 0;
    sharp_.emplace_back(one, cutouts);
    one.blur_probability = 1;
    blurred_.emplace_back(one, cutouts);
    kinds_.push_back(std::move(kind));
  };
  OcclusionOptions all = options;
  if (cutouts) {
    for (const std::string& kind : cutouts->kinds()) {
      OcclusionOptions one = options;
      one.cutouts = 1;
      one.cutout_kinds = {kind};
      add(kind, one);
    }
    all.cutouts = 1;
  } else {
    for (const ShapeKind kind : kShapeKinds) {
      OcclusionOptions one = options;
      one.shapes = 1;
      one.shape_kinds = {kind};
      add(std::string(name_of(kind)), one);
    }
    all.shapes = static_cast<double>(std::size(kShapeKinds));
    if (faces.size() > 1) {
      OcclusionOptions one = options;
      one.pieces = 1;
      add("piece", one);
      all.pieces = 1;
    }
  }
  all.blur_probability = 0.5;
  any_.emplace_back(all, cutouts);
}

Occlusion EvalCovers::draw(const Occluder& occluder, std::uint64_t stream, std::size_t i) const {
  const std::uint64_t number = faces_.faces[i].number;
  SeededNumbers numbers = numbers_for(seed_, stream, number, RandomPurpose::kOcclude);
  const Image face = passes_.face(i);
  if (occluder.options().pieces == 0) return occluder.cover(face, nullptr, numbers);
  // Any face but this one.
  SeededNumbers choice = numbers_for(seed_, stream, number, RandomPurpose::kOther);
  const std::size_t step = 1 + static_cast<std::size_t>(choice.next() % (faces_.size() - 1));
  const Image other = passes_.face((i + step) % faces_.size());
  return occluder.cover(face, &other, numbers);
}

Occlusion EvalCovers::of_kind(std::size_t kind, bool blurred, std::size_t i) const {
  return draw((blurred ? blurred_ : sharp_)[kind], kind, i);
}

Occlusion EvalCovers::any(std::size_t i) const {
  return draw(any_.front(), kAnyKind, i);
}

}  // namespace ofer
