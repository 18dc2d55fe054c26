// The whole method, from images to expressions.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/function_ref.h"
#include "engine/image_resize.h"
#include "engine/replays.h"
#include "engine/session.h"
#include "engine/staging.h"
#include "ofer/network.h"
#include "ofer/outputs.h"
#include "ofer/patch_selection.h"
#include "ofer/result.h"

namespace ofer {

// Where the mask of covered patches comes from.
enum class MaskSource { kDetect, kGiven, kNone };

// In the order in which they run.
enum class Stage { kDetect, kReconstruct, kRecognise };

struct Request {
  MaskSource mask = MaskSource::kDetect;
  // The last stage that runs; a result of a later one is empty. kDetect alone detects, kReconstruct
  // restores behind a mask of either source.
  Stage last = Stage::kRecognise;
  // Nothing that is queued depends on what is found: every patch is computed as if it were visible,
  // and left out where it is covered. Dearer, but the host waits for nothing on the way, so that a
  // caller's CUDA graph can take a whole pass (with `on_device` inputs and outputs). The results
  // are the same but for roundings.
  bool dense = false;
  bool coarse = false, restored = false, attention = false, latent = false;
  // Which latent vectors the classifier sees. kAll needs a model whose attention chooses them.
  LatentUse latent_use = LatentUse::kChosen;
  // Grad-CAM: of which class (-1: the most probable one) and which layer (empty: the first of
  // Recogniser::activation_layers()).
  bool grad_cam = false;
  bool grad_cam_plus_plus = false;
  int grad_cam_class = -1;
  std::string grad_cam_layer;
};

// A batch as numbers: planar RGB in [0, 1].
struct Inputs {
  std::int64_t count = 0;
  std::span<const float> vit;          // [count, 3, S, S], S = config.image_size
  std::span<const float> restored;     // [count, 3, U, U], U = network.restored_size(); empty when
                                       // nothing but detection runs
  std::span<const std::uint8_t> mask;  // kGiven: [count, L], 1 covered
  // Or pictures of any size in the memory of the session's device, in place of vit and restored.
  // Floats of theirs that are no numbers count as 0.
  std::span<const ImageView> pictures;
  bool mask_on_device = false;
};

// A picture that cannot be analysed: which of the batch, and why.
class ImageError : public Error {
 public:
  ImageError(const Error& cause, std::size_t number)
      : Error(cause.code(), message("image ", number, ": ", cause.what())),
        cause_(cause),
        number_(number) {}
  // The same picture by its number in a longer row, whose number `first` began the batch.
  ImageError counted_from(std::size_t first) const { return {cause_, first + number_}; }

 private:
  Error cause_;
  std::size_t number_;
};

// One caller's pipeline: a shared network and a session of its own. Used by one thread at a time.
// Memory is planned when a batch is larger, or a request asks for more, than any before; after that
// nothing is allocated but the results.
class Pipeline {
 public:
  // Throws kBadArgument when the session's precision is not the network's, kUnsupported when this
  // build has no such device.
  Pipeline(std::shared_ptr<const Network> network, const SessionOptions& options);

  const Network& network() const { return *network_; }
  Session& session() { return session_; }
  // What is played again instead of being queued anew (engine/replays.h).
  const Replays& replays() const { return replays_; }

  // Analyses a batch. A pass that throws (kCancelled, kOutOfMemory, ...) leaves the pipeline
  // usable.
  std::vector<Result> run(const Inputs& inputs, const Request& request);

  // The same from pictures of any size, resized as the method asks. masks: for each image
  // L bytes, 1 covered, when request.mask is kGiven.
  std::vector<Result> run(std::span<const Image> images, const Request& request,
                          std::span<const std::uint8_t> masks = {});

  // Both again, with the results in the caller's memory, where nothing is allocated once a pass
  // like this one has been seen. What `outputs` holds decides what is computed and fetched; the
  // request's own switches of results do not. Its spans must have the sizes that ofer/outputs.h
  // says (kBadArgument); they are written when the pass has succeeded, and untouched otherwise.
  void run(const Inputs& inputs, const Request& request, const Outputs& outputs);
  void run(std::span<const ImageView> images, bool images_on_device, const Request& request,
           std::span<const std::uint8_t> masks, bool masks_on_device, const Outputs& outputs);

  // Rows and columns of a Grad-CAM map at that layer (Request::grad_cam_layer).
  struct MapSize {
    std::int64_t rows = 0, columns = 0;
  };
  MapSize grad_cam_size(const std::string& layer);

  // Called on the caller's thread as each stage of a pass begins (on a GPU: begins to be queued).
  // What it throws breaks the pass off. Null: nobody.
  void set_progress(std::function<void(Stage)> progress) { progress_ = std::move(progress); }

  // Milliseconds of the last pass, of each stage and of all; zeros when its outputs were on the
  // device, since nobody has waited for it.
  const StageTimes& times() const { return times_; }

  // Bytes of workspace that passes like this one need, exactly; nothing is computed.
  std::size_t workspace_bytes(std::int64_t count, const Request& request);
  // Memory of the device for the tensors of passes, in place of the session's own
  // (Workspace::lend). Waits for what is queued.
  void lend_workspace(void* memory, std::size_t bytes);

 private:
  struct Pass;  // the tensors of one pass

  void check(const Inputs& inputs, const Request& request) const;
  void check(const Inputs& inputs, const Request& request, const Outputs& outputs);
  void check_layer(const std::string& layer) const;
  void plan(std::int64_t count, const Request& request);
  void keep_latent_rows(std::int64_t count);
  void take_images(Pass& pass);
  void take_mask(Pass& pass);
  Tensor class_seed(const Pass& pass);
  Tensor dense_latent_rows(const Pass& pass);
  using Collect = FunctionRef<bool(const Pass&)>;
  // One pass; `collect` takes what is to come out of it, and says whether it has waited for it.
  // Counted, its tensors have shapes only.
  void forward(const Inputs& inputs, const Request& request, Collect collect);
  void begin_stage(Stage stage);
  void detect(Pass& pass);
  void reconstruct(Pass& pass);
  void recognise(Pass& pass, Tape* tape);
  Tensor classify(Pass& pass);
  void explain(Pass& pass, Tape& tape, const std::string& layer);  // Grad-CAM
  bool collect(const Pass& pass, std::vector<Result>& results);
  bool collect(const Pass& pass, const Outputs& outputs);
  void export_to_device(const Pass& pass, const Outputs& outputs);
  void fetch(const Pass& pass, std::span<Tensor> tensors);
  // Makes inputs of pictures, one by one.
  Inputs inputs_of(std::size_t count, FunctionRef<ImageView(std::size_t)> image,
                   std::span<const std::uint8_t> masks, const Request& request);

  std::shared_ptr<const Network> network_;
  Session session_;
  PatchSelection selection_;
  std::vector<std::uint8_t> mask_;  // [count, L] of the current batch
  Staging staging_;                 // behind the session, whose memory it uses
  Replays replays_;                 // likewise
  std::vector<std::int64_t> key_;   // of the section that is about to run
  std::vector<std::int32_t> latent_rows_;
  std::vector<float> mask_values_;
  std::vector<Session::Watch> watches_;
  std::vector<float> vit_planes_, restored_planes_;  // inputs made from pictures
  ResizeScratch vit_resize_, restored_resize_;
  std::function<void(Stage)> progress_;
  StageTimes times_;
  bool unwaited_ = false;  // has the last pass been left before it had ended?
  std::vector<std::pair<std::string, MapSize>> map_sizes_;  // of the layers asked for so far

  // The largest pass planned so far, and the largest dense one.
  struct Planned {
    std::int64_t count = 0;
    bool cam = false, detect = false;
    Stage last = Stage::kDetect;
    std::string layer;
  };
  Planned planned_, planned_dense_;
  Buffer latent_rows_memory_;  // of dense passes: the same for every batch up to the largest
  std::int64_t latent_rows_count_ = 0;
};

}  // namespace ofer
