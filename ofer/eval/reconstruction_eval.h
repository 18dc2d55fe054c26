// How well the face behind a cover is painted: mean colour, the autoencoder alone, and with the
// U-Net.
#pragma once

#include <string>
#include <vector>

#include "ofer/eval/eval_input.h"
#include "ofer/eval/report.h"
#include "ofer/pipeline.h"

namespace ofer {

struct ReconstructionEval {
  // For each of "scattered" and "blobs": "mean colour", "coarse", and "hybrid" where the model has
  // a U-Net.
  struct Row {
    std::string patches, painter;
    Replicates hole_psnr, hole_ssim, psnr, ssim;  // means over faces; decibels
    std::int64_t equal = 0;  // pictures without any error, whose PSNR is infinite, left out of it
    std::int64_t bordering = 0;  // holes without an SSIM of their own (ofer/eval/ssim.h), left out
  };
  std::vector<Row> rows;
  Section section;
};

// How many of so many patches a share covers. Throws kBadArgument when that is none, or all.
std::size_t covered_count(double share, std::size_t patches);

// `share` of every face's patches is covered, once scattered ones and once in up to three blobs,
// and the mask given. What is compared with the face at S x S:
//   mean colour  the hole in the mean of the visible pixels
//   coarse       the hole as the autoencoder paints it
//   hybrid       the U-Net's picture as the recogniser sees it, which may differ outside the hole,
//                too, brought from its own size to S x S
// Throws as covered_count and evaluate_detection do.
ReconstructionEval evaluate_reconstruction(Pipeline& pipeline, const EvalFaces& faces, double share,
                                           const EvalOptions& options);

}  // namespace ofer
