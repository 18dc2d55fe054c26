// The recogniser of two runs as one: the mean of their numbers.
//
// Fine-tuning on other faces, or with other weights of the classes, wins here and loses there. The
// weights it began from, or those of an earlier cycle, lie in the same valley, and the mean of both
// does about as well as either where it is good (averaging of cycles: Izmailov et al. 2018; of a
// model and its fine-tuned self: Wortsman et al. 2022).
#pragma once

#include <filesystem>

#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"
#include "weights/tensor_table.h"

namespace ofer {

// Running statistics are averaged like weights. The chain of the latent vectors keeps its own
// numbers: the other run may never have seen a latent vector. One thread at a time.
class Blend {
 public:
  // `share` of the numbers are those of the weight file `path`, as training writes it. Throws kIo,
  // kBadFile.
  Blend(const std::filesystem::path& path, double share);

  // Throws kBadFile where the file lacks such a tensor of the recogniser, or has it in another
  // shape or type.
  void check(const TensorSpec& spec) const;
  // What is to be written of a tensor; `own` gives floats. The blend must outlive it.
  TensorFill operator()(const TensorSpec& spec, TensorFill own) const;

 private:
  SafetensorsFile file_;
  double share_;
};

}  // namespace ofer
