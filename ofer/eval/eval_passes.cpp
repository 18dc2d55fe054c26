#include "ofer/eval/eval_passes.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "engine/image_resize.h"

namespace ofer {

EvalPasses::EvalPasses(Pipeline& pipeline, const EvalFaces& faces, const EvalOptions& options)
    : pipeline_(pipeline), faces_(faces), options_(options) {
  require(faces.size() >= 1, ErrorCode::kBadArgument, "an evaluation needs at least one face");
  require(options.batch >= 1, ErrorCode::kBadArgument,
          "an evaluation needs batches of at least one picture");
}

Image EvalPasses::face(std::size_t i) const {
  const Image picture = faces_.picture(i);
  require(!picture.empty(), ErrorCode::kBadArgument, "evaluation: face ", i, " (",
          faces_.faces[i].name, ") has no picture");
  const int side = network().config().image_size;
  return resize_image(picture, side, side);
}

PatchGrid EvalPasses::grid() const {
  return {network().config().patch_rows(), network().config().patch_columns()};
}

std::vector<Result> EvalPasses::analyse(const Request& request,
                                        std::vector<EvalPicture>& pictures) {
  std::vector<Image> images;
  std::vector<std::uint8_t> masks;
  for (EvalPicture& picture : pictures) {
    images.push_back(std::move(picture.picture));
    masks.insert(masks.end(), picture.mask.begin(), picture.mask.end());
  }
  std::vector<Result> results = pipeline_.run(images, request, masks);
  for (std::size_t i = 0; i < pictures.size(); ++i) pictures[i].picture = std::move(images[i]);
  return results;
}

void EvalPasses::run(const Request& request, std::size_t count,
                     FunctionRef<EvalPicture(std::size_t)> make,
                     FunctionRef<void(std::size_t, const EvalPicture&, const Result&)> take) {
  std::vector<EvalPicture> pictures;
  for (std::size_t first = 0; first < count; first += pictures.size()) {
    pictures.clear();
    const std::size_t last = std::min(count, first + options_.batch);
    for (std::size_t i = first; i < last; ++i) pictures.push_back(make(i));
    const std::vector<Result> results = analyse(request, pictures);
    for (std::size_t k = 0; k < results.size(); ++k) take(first + k, pictures[k], results[k]);
    done_ += pictures.size();
    if (options_.progress)
      require(options_.progress(done_, total_), ErrorCode::kCancelled, "cancelled");
  }
}

Result EvalPasses::again(const Request& request, const EvalPicture& picture) {
  std::vector<EvalPicture> one{picture};
  return analyse(request, one).front();
}

}  // namespace ofer
