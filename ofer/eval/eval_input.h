// What an evaluation measures on, and how. `ofer eval` is one caller; a program of one's own may be
// another: a pipeline, faces from anywhere, and evaluate_detection() and its neighbours give
// figures and a section of a report (ofer/eval/report.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/image.h"
#include "ofer/eval/bootstrap.h"

namespace ofer {

struct EvalFace {
  // What is drawn for a face follows from the seed and this number, whichever other faces are
  // measured (but for pieces, which are cut out of another of them).
  std::uint64_t number = 0;
  std::int32_t label = -1;  // of the network's labels; -1: not known
  std::string name;         // below its pictures
};

// Every face is a unit of the bootstrap (ofer/eval/bootstrap.h).
struct EvalFaces {
  std::vector<EvalFace> faces;
  // The picture of faces[i], of any size; it is resized to the S x S of the model's ViT and
  // measured there, where patches end at whole pixels.
  std::function<Image(std::size_t i)> picture;

  std::size_t size() const { return faces.size(); }
};

struct EvalOptions {
  std::uint64_t seed = 1;
  std::size_t batch = 8;  // pictures at once; changes no figure
  BootstrapOptions bootstrap;
  std::size_t shown = 4;  // best cases in pictures, and as many worst
  // Told after every batch; false ends the evaluation, which then throws kCancelled.
  std::function<bool(std::size_t done, std::size_t total)> progress;
};

}  // namespace ofer
