// A run of training as a page: what it was told, its curves, and pictures of what it makes.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "ofer/data/face_store.h"
#include "ofer/data/occlusion.h"
#include "ofer/eval/report.h"
#include "ofer/network.h"
#include "ofer/train/recipe.h"

namespace ofer {

// Curves of a run's log (JSON lines of tools/train_run.h): loss, an adversary's where there is one,
// gradient norm, rate, accuracy where it was measured. Lines that are no such objects are passed
// over: the last one may be cut.
Section run_curves(std::string_view log);

// Faces of `samples`, at most `most`, drawn by the seed: each behind a cover of the occluder, which
// patches count as covered (with `detect` as the network finds them, else as they are), the coarse
// picture, what the recogniser sees, and which expression it names. The same for any network, so
// that two pages of a run can be compared. `samples` is not empty.
PictureSheet run_pictures(const std::shared_ptr<const Network>& network,
                          const SessionOptions& session, const FaceStore& faces,
                          std::span<const std::size_t> samples, const Occluder& occluder,
                          std::uint64_t seed, bool detect, std::size_t most = 6);

// The page of a run: the recipe's fields as facts, then curves and pictures.
Report run_report(const Recipe& recipe, std::string_view data, std::size_t faces,
                  std::string_view log, PictureSheet pictures);

}  // namespace ofer
