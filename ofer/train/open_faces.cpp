#include "ofer/train/open_faces.h"

#include <algorithm>
#include <vector>

namespace ofer {

void run_open_faces(Pipeline& pipeline, const FaceStore& faces,
                    std::span<const std::size_t> samples, Request request,
                    const std::function<void(std::size_t sample, const Result&)>& then) {
  // Large enough to keep every thread busy, small enough to need little memory.
  constexpr std::size_t kBatch = 32;
  request.mask = MaskSource::kNone;
  std::vector<Image> pictures;
  for (std::size_t first = 0; first < samples.size(); first += kBatch) {
    const auto some = samples.subspan(first, std::min(kBatch, samples.size() - first));
    pictures.clear();
    for (const std::size_t sample : some) {
      pictures.push_back(faces.face(sample));
      require(!pictures.back().empty(), ErrorCode::kBadFile, "face ", sample, " cannot be read");
    }
    const std::vector<Result> results = pipeline.run(pictures, request);
    for (std::size_t i = 0; i < some.size(); ++i) then(some[i], results[i]);
  }
}

}  // namespace ofer
