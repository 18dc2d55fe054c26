// Accuracy against the share of the face that is covered: the paper's Figure 1.
#pragma once

#include <string>
#include <vector>

#include "ofer/eval/eval_input.h"
#include "ofer/eval/report.h"
#include "ofer/pipeline.h"

namespace ofer {

struct CurveEval {
  struct Line {
    std::string name;                  // "random, with reconstruction", ...
    std::vector<Replicates> accuracy;  // [shares]
  };
  std::vector<double> shares;  // 0, 0.1, ..., 0.9
  std::vector<Line> lines;     // random and grad, each without and with reconstruction
  std::int64_t unlabelled = 0;
  Section section;
};

// Patches of the faces with a label are painted in one colour (the model's mean, which its input
// normalisation makes 0) and the mask is given. Random ones, each share holding those of the
// smaller ones; and "grad": those where the Grad-CAM map of the clean face's most probable class is
// highest. Throws as evaluate_recognition does.
CurveEval evaluate_curves(Pipeline& pipeline, const EvalFaces& faces, const EvalOptions& options);

}  // namespace ofer
