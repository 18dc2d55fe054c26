// How well covered patches are found, by kind of cover: the paper's Table 1 on one's own faces.
#pragma once

#include <string>
#include <vector>

#include "ofer/data/cutouts.h"
#include "ofer/eval/detection.h"
#include "ofer/eval/eval_input.h"
#include "ofer/eval/report.h"
#include "ofer/pipeline.h"

namespace ofer {

struct DetectionEval {
  // "uncovered"; each kind "sharp" and "blurred"; "all, sharp", "all, blurred" and "all", which
  // count the uncovered faces once. Empty where the model has no detector.
  struct Row {
    std::string covers;
    DetectionFigures figures;
  };
  std::vector<Row> rows;
  Section section;
};

// Each face uncovered, and behind one cover of every kind, sharp and blurred. cutouts: null for
// drawn covers (ofer/eval/eval_covers.h). A patch is judged where its truth is plain (PatchShares),
// and ranked by Result::distance, which means the same at every position: the one radius is common
// to all, and where radii differ by position or spheres are several it is the product of (d /
// R^2)^w. Throws kBadArgument without faces and for options that cannot be, kCancelled, and what
// the pipeline throws.
DetectionEval evaluate_detection(Pipeline& pipeline, const EvalFaces& faces,
                                 const CutoutSet* cutouts, const EvalOptions& options);

}  // namespace ofer
