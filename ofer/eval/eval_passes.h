// Many pictures through a pipeline, a batch at a time, so that memory does not grow with their
// number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/function_ref.h"
#include "ofer/data/patch_grid.h"
#include "ofer/eval/eval_input.h"
#include "ofer/pipeline.h"

namespace ofer {

struct EvalPicture {
  Image picture;
  std::vector<std::uint8_t> mask;  // [L], where the request takes the mask as given
};

// One evaluation's passes. Borrows all of its arguments. One thread.
class EvalPasses {
 public:
  // Throws kBadArgument without a face and for a batch of 0.
  EvalPasses(Pipeline& pipeline, const EvalFaces& faces, const EvalOptions& options);

  // How many pictures will be analysed in all, for EvalOptions::progress.
  void expect(std::size_t total) { total_ = total; }

  // Face i at S x S. Throws kBadArgument when its picture is empty.
  Image face(std::size_t i) const;
  PatchGrid grid() const;

  // Analyses the pictures make(0), ..., make(count - 1); take() sees each with its result, in
  // order. Throws what the pipeline throws, and kCancelled.
  void run(const Request& request, std::size_t count, FunctionRef<EvalPicture(std::size_t)> make,
           FunctionRef<void(std::size_t, const EvalPicture&, const Result&)> take);
  // One picture that is not counted.
  Result again(const Request& request, const EvalPicture& picture);

  Pipeline& pipeline() { return pipeline_; }
  const Network& network() const { return pipeline_.network(); }

 private:
  std::vector<Result> analyse(const Request& request, std::vector<EvalPicture>& pictures);

  Pipeline& pipeline_;
  const EvalFaces& faces_;
  const EvalOptions& options_;
  std::size_t done_ = 0, total_ = 0;
};

}  // namespace ofer
