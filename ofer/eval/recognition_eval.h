// How well expressions are named, on clean and on covered faces, for every row of the paper's
// ablation.
#pragma once

#include <string>
#include <vector>

#include "ofer/data/cutouts.h"
#include "ofer/eval/eval_input.h"
#include "ofer/eval/recognition.h"
#include "ofer/eval/report.h"
#include "ofer/pipeline.h"

namespace ofer {

struct RecognitionEval {
  // A way to run the pipeline. Without reconstruction the recogniser sees the picture as it is, and
  // its latent vectors come from the autoencoder with every patch visible (MaskSource::kNone); with
  // it the mask is the detector's, or, where there is none or it says so, the exact one.
  struct Row {
    std::string name;  // "with reconstruction, chosen latents"
    MaskSource mask = MaskSource::kDetect;
    LatentUse latent = LatentUse::kChosen;
    RecognitionFigures figures;
  };
  std::vector<Row> clean, covered;
  // On covered faces, paired face by face: a's accuracy less b's.
  struct Gain {
    std::string name, a, b;  // names of rows
    Estimate accuracy;
  };
  std::vector<Gain> gains;
  std::int64_t unlabelled = 0;  // faces left out
  Section section;
};

// On the faces with a label, each clean and behind one cover of a kind that is drawn; half of the
// covers are softened. cutouts: null for drawn covers (ofer/eval/eval_covers.h). Nothing is
// measured where no face has a label, which the section then says. Throws as evaluate_detection
// does, and kBadArgument for a label that is none of the network's.
RecognitionEval evaluate_recognition(Pipeline& pipeline, const EvalFaces& faces,
                                     const CutoutSet* cutouts, const EvalOptions& options);

// The faces that have a label; `left_out` counts the others.
EvalFaces labelled_faces(const EvalFaces& faces, const Network& network, std::int64_t& left_out);

}  // namespace ofer
