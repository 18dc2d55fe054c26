#include "ofer/pipeline.h"

#include <algorithm>
#include <array>

#include "engine/ops.h"
#include "ofer/pipeline_pass.h"
#include "ofer/recogniser_input.h"

namespace ofer {

namespace {

// Moments of a pass, as marks of the stream.
enum Moment : std::size_t { kBegin, kDetected, kReconstructed, kRecognised };

// Sections of a pass that may be played again; the first number of their keys.
enum Section : std::int64_t { kDetect, kReconstruct, kRecognise };

}  // namespace

Pipeline::Pipeline(std::shared_ptr<const Network> network, const SessionOptions& options)
    : network_(std::move(network)),
      session_(options),
      staging_(options.device),
      replays_(session_) {
  require(network_ != nullptr, ErrorCode::kBadArgument, "a pipeline needs a network");
  require(session_.precision() == network_->precision(), ErrorCode::kBadArgument,
          "the network was loaded for ", name_of(network_->precision()),
          ", the session computes in ", name_of(session_.precision()));
  require(session_.device() == network_->device(), ErrorCode::kBadArgument,
          "the network is on device ", name_of(network_->device().kind), ' ',
          network_->device().index, ", the session on ", name_of(session_.device().kind), ' ',
          session_.device().index);
}

void Pipeline::check(const Inputs& inputs, const Request& request) const {
  const Config& config = network_->config();
  const std::int64_t s = config.image_size, u = network_->restored_size();
  require(inputs.count > 0, ErrorCode::kBadArgument, "an empty batch");
  const auto check_size = [&](std::size_t size, std::int64_t each, const char* what) {
    require(static_cast<std::int64_t>(size) == inputs.count * each, ErrorCode::kBadArgument, what,
            ": ", size, " values for ", inputs.count, " images of ", each);
  };
  if (inputs.pictures.empty()) {
    check_size(inputs.vit.size(), 3 * s * s, "input for the ViT");
    if (request.last != Stage::kDetect)
      check_size(inputs.restored.size(), 3 * u * u, "input for the U-Net");
  } else {
    check_size(inputs.pictures.size(), 1, "pictures");
  }
  require(request.mask != MaskSource::kGiven || !inputs.mask_on_device || request.dense,
          ErrorCode::kBadArgument,
          "a mask on the device can be given to a dense pass only: in any other the host has to "
          "know what is covered");
  require(request.last != Stage::kDetect || request.mask == MaskSource::kDetect,
          ErrorCode::kBadArgument,
          "nothing to do: detection is the last stage, and the mask is not to be detected");
  require(!request.grad_cam || request.last == Stage::kRecognise, ErrorCode::kBadArgument,
          "Grad-CAM explains what the recogniser says, which is not asked for");
  require(request.mask != MaskSource::kDetect || network_->detector().available(),
          ErrorCode::kBadArgument,
          "the model has no detector; give the mask of covered patches, or none");
  if (request.mask == MaskSource::kGiven)
    check_size(inputs.mask.size(), config.patch_count(), "mask");
  require(network_->recogniser().supports(request.latent_use), ErrorCode::kUnsupported,
          "the model's latent vectors are chosen by a fixed list (latent_selection), and its "
          "classifier has no place for the others; ask for the chosen ones, or none");
  const auto classes = static_cast<int>(network_->labels().size());
  require(request.grad_cam_class >= -1 && request.grad_cam_class < classes, ErrorCode::kBadArgument,
          "Grad-CAM class ", request.grad_cam_class, " is not between 0 and ", classes - 1);
  if (request.grad_cam) check_layer(request.grad_cam_layer);
}

void Pipeline::check_layer(const std::string& layer) const {
  const std::vector<std::string>& layers = network_->recogniser().activation_layers();
  require(layer.empty() || std::find(layers.begin(), layers.end(), layer) != layers.end(),
          ErrorCode::kBadArgument, "Grad-CAM layer ", layer, " is not one of this network's");
}

void Pipeline::plan(std::int64_t count, const Request& request) {
  Planned& known = request.dense ? planned_dense_ : planned_;
  const bool detect = request.mask == MaskSource::kDetect;
  if (count <= known.count && (!detect || known.detect) && request.last <= known.last &&
      (!request.grad_cam || (known.cam && known.layer == request.grad_cam_layer)))
    return;
  Inputs largest;
  largest.count = std::max(count, known.count);
  Request all = request;
  if (known.detect) all.mask = MaskSource::kDetect;
  all.last = std::max(request.last, known.last);
  all.latent_use = LatentUse::kChosen;  // the others need no more memory
  all.grad_cam = request.grad_cam || known.cam;
  session_.require_uncaptured("taking memory (analyse once before you capture)");
  known.count = 0;  // should planning fail, nothing is planned
  if (all.dense) keep_latent_rows(largest.count);
  session_.plan([&] { forward(largest, all, [](const Pass&) { return true; }); });
  known = {largest.count, all.grad_cam, all.mask == MaskSource::kDetect, all.last,
           request.grad_cam_layer};
}

std::size_t Pipeline::workspace_bytes(std::int64_t count, const Request& request) {
  Inputs largest;
  largest.count = count;
  if (request.dense) keep_latent_rows(count);
  return session_.count([&] { forward(largest, request, [](const Pass&) { return true; }); });
}

void Pipeline::lend_workspace(void* memory, std::size_t bytes) {
  session_.require_uncaptured("lending a workspace");
  session_.synchronise();
  session_.workspace().lend(memory, bytes);
  planned_ = planned_dense_ = {};
}

// The rows of a smaller batch are the first of a larger one's.
void Pipeline::keep_latent_rows(std::int64_t count) {
  if (count <= latent_rows_count_) return;
  network_->recogniser().fill_latent_rows(count, latent_rows_);
  if (latent_rows_.empty()) return;
  latent_rows_count_ = 0;
  session_.synchronise();  // a pass that is queued may still read them
  latent_rows_memory_ = Buffer(latent_rows_.size() * sizeof(std::int32_t), session_.device());
  const Tensor rows(latent_rows_memory_.data(), {static_cast<std::int64_t>(latent_rows_.size())},
                    DType::kI32, session_.device());
  session_.to_device(rows, latent_rows_.data());
  session_.synchronise();
  latent_rows_count_ = count;
}

std::vector<Result> Pipeline::run(const Inputs& inputs, const Request& request) {
  check(inputs, request);
  plan(inputs.count, request);
  std::vector<Result> results(static_cast<std::size_t>(inputs.count));
  forward(inputs, request, [&](const Pass& pass) { return collect(pass, results); });
  for (Result& r : results) {
    r.time_ms = times_;
    for (double* ms :
         {&r.time_ms.detect, &r.time_ms.reconstruct, &r.time_ms.recognise, &r.time_ms.total})
      *ms /= static_cast<double>(inputs.count);
  }
  return results;
}

void Pipeline::run(const Inputs& inputs, const Request& request, const Outputs& outputs) {
  Request all = request;
  all.grad_cam = !outputs.grad_cam.empty();
  check(inputs, all);
  check(inputs, all, outputs);
  plan(inputs.count, all);
  forward(inputs, all, [&](const Pass& pass) { return collect(pass, outputs); });
}

std::vector<Result> Pipeline::run(std::span<const Image> images, const Request& request,
                                  std::span<const std::uint8_t> masks) {
  return run(
      inputs_of(
          images.size(), [&](std::size_t i) { return ImageView(images[i]); }, masks, request),
      request);
}

void Pipeline::run(std::span<const ImageView> images, bool images_on_device, const Request& request,
                   std::span<const std::uint8_t> masks, bool masks_on_device,
                   const Outputs& outputs) {
  Inputs inputs;
  if (images_on_device && !session_.device().host_accessible()) {
    inputs.count = static_cast<std::int64_t>(images.size());
    inputs.pictures = images;
    inputs.mask = masks;
  } else {
    inputs = inputs_of(
        images.size(), [&](std::size_t i) { return images[i]; }, masks, request);
  }
  // Where the host reaches the device's memory, a mask there is one of the host's.
  inputs.mask_on_device = masks_on_device && !session_.device().host_accessible();
  run(inputs, request, outputs);
}

Inputs Pipeline::inputs_of(std::size_t count, FunctionRef<ImageView(std::size_t)> image,
                           std::span<const std::uint8_t> masks, const Request& request) {
  const int s = network_->config().image_size, u = network_->restored_size();
  const std::size_t vit = 3 * static_cast<std::size_t>(s) * static_cast<std::size_t>(s);
  const std::size_t unet = request.last == Stage::kDetect
                               ? 0
                               : 3 * static_cast<std::size_t>(u) * static_cast<std::size_t>(u);
  vit_planes_.resize(count * vit);
  restored_planes_.resize(count * unet);
  for (std::size_t i = 0; i < count; ++i) {
    const ImageView picture = image(i);
    try {
      image_to_planes(picture, s, s, vit_planes_.data() + i * vit, vit_resize_);
      if (unet > 0)
        image_to_planes(picture, u, u, restored_planes_.data() + i * unet, restored_resize_);
    } catch (const Error& error) {
      throw ImageError(error, i);
    }
  }
  Inputs inputs;
  inputs.count = static_cast<std::int64_t>(count);
  inputs.vit = vit_planes_;
  inputs.restored = restored_planes_;
  inputs.mask = masks;
  return inputs;
}

// A counted pass shows the map's shape.
Pipeline::MapSize Pipeline::grad_cam_size(const std::string& layer) {
  check_layer(layer);
  const auto known = std::find_if(map_sizes_.begin(), map_sizes_.end(),
                                  [&](const auto& entry) { return entry.first == layer; });
  if (known != map_sizes_.end()) return known->second;
  Inputs one;
  one.count = 1;
  Request request;
  request.mask = MaskSource::kNone;
  request.grad_cam = true;
  request.grad_cam_layer = layer;
  MapSize size;
  session_.count([&] {
    forward(one, request, [&](const Pass& pass) {
      size = {pass.grad_cam.size(1), pass.grad_cam.size(2)};
      return true;
    });
  });
  map_sizes_.emplace_back(layer, size);
  return size;
}

void Pipeline::take_images(Pass& pass) {
  if (session_.counting()) return;
  const Inputs& in = pass.inputs;
  if (in.pictures.empty()) {
    staging_.send(session_, in.vit, pass.raw);
    if (pass.image.defined()) staging_.send(session_, in.restored, pass.image);
    return;
  }
  for (std::int64_t i = 0; i < in.count; ++i) {
    const ImageView& picture = in.pictures[static_cast<std::size_t>(i)];
    for (const Tensor* to : {&pass.raw, &pass.image})
      if (to->defined())
        ops::image_planes(session_, picture, to->rows(i, 1).view({3, to->size(2), to->size(3)}));
  }
}

// Fills mask_ with what is given, on the host; of a dense pass pass.covered, on the device.
void Pipeline::take_mask(Pass& pass) {
  const Inputs& in = pass.inputs;
  const std::int64_t n = in.count, patches = network_->config().patch_count();
  const bool given = pass.request.mask == MaskSource::kGiven;
  mask_.assign(static_cast<std::size_t>(n * patches), 0);
  if (given && !in.mask_on_device && !session_.counting())
    std::transform(in.mask.begin(), in.mask.end(), mask_.begin(),
                   [](std::uint8_t value) { return value != 0 ? 1 : 0; });
  if (!pass.request.dense || pass.request.mask == MaskSource::kDetect) return;
  pass.covered = session_.allocate({n, patches});
  if (given && in.mask_on_device) {
    ops::import_flags(session_, in.mask.data(), pass.covered);
  } else if (given) {
    mask_values_.assign(mask_.begin(), mask_.end());
    staging_.send(session_, mask_values_, pass.covered);
  } else {
    const Workspace::Scope scope(session_.workspace());
    ops::copy_to(session_, ops::full(session_, {n, patches}, 0), pass.covered);
  }
}

void Pipeline::detect(Pass& pass) {
  const std::int64_t n = pass.inputs.count, patches = network_->config().patch_count();
  const bool dense = pass.request.dense;
  take_mask(pass);
  if (pass.request.mask != MaskSource::kDetect) return;
  pass.distance = session_.allocate({n, patches});
  pass.covered = session_.allocate({n, patches});
  const Workspace::Scope scope(session_.workspace());
  PatchSelection& all = selection_;
  if (dense) {
    all.assign_dense(session_, n, patches);
  } else {
    all.assign(n, patches, {});
    all.upload(session_, staging_);
  }
  key_.assign({kDetect, n, dense ? 1 : 0});
  replays_.run(key_, {pass.vit, all.all().offsets, pass.distance}, {}, [&] {
    const Session::Path path(session_, "detect");
    const Detector::Output found = network_->detector()(session_, pass.vit, all);
    ops::copy_to(session_, found.distance, pass.distance);
    ops::copy_to(session_, found.mask, pass.covered);
  });
  // The one place where the host has to wait for the device: how many patches are visible decides
  // the shapes of what follows.
  if (dense || session_.counting()) return;
  staging_.fetch(session_, std::span(&pass.covered, 1));
  const std::span<const float> covered = staging_.fetched(0);
  std::transform(covered.begin(), covered.end(), mask_.begin(),
                 [](float value) { return value > 0 ? 1 : 0; });
}

void Pipeline::reconstruct(Pass& pass) {
  Session& s = session_;
  const std::int64_t n = pass.inputs.count, patches = network_->config().patch_count();
  if (pass.request.dense) {
    selection_.assign_dense(s, n, patches, pass.covered);
  } else {
    if (s.counting())
      selection_.assign_largest(n, patches);
    else
      selection_.assign(n, patches, mask_);
    selection_.upload(s, staging_);
  }
  pass.made = allocate_reconstruction(s, *network_, pass.image, selection_);

  // Products and attention are queued by the number of tokens that each image has left.
  key_.assign({kReconstruct, n, pass.request.dense ? 1 : 0});
  for (std::int64_t i = 0; i <= n; ++i) key_.push_back(selection_.visible().host[i]);
  replays_.run(key_, {pass.vit, pass.image, selection_.covered_flag(), pass.made.latent}, {}, [&] {
    const Session::Path path(s, "reconstruct");
    ofer::reconstruct(s, *network_, network_->unet(), pass.vit, pass.image, selection_, pass.made);
  });
}

// A dense pass sends nothing to the device: the rows are there already.
Tensor Pipeline::dense_latent_rows(const Pass& pass) {
  if (!pass.request.dense || latent_rows_count_ == 0) return {};
  const auto all = static_cast<std::int64_t>(latent_rows_memory_.size() / sizeof(std::int32_t));
  return Tensor(latent_rows_memory_.data(), {all / latent_rows_count_ * pass.inputs.count},
                DType::kI32, session_.device());
}

// [N, classes]: 1 for the class that is asked for.
Tensor Pipeline::class_seed(const Pass& pass) {
  const std::int64_t n = pass.inputs.count, classes = network_->recogniser().classes();
  const std::int64_t asked = pass.request.grad_cam_class;
  const Tensor seed = session_.allocate({n, classes});
  const Workspace::Scope scope(session_.workspace());
  std::array<Tensor, 3> parts;
  std::size_t count = 0;
  if (asked > 0) parts[count++] = ops::full(session_, {n, asked}, 0);
  parts[count++] = ops::full(session_, {n, 1}, 1);
  if (asked + 1 < classes) parts[count++] = ops::full(session_, {n, classes - asked - 1}, 0);
  ops::copy_to(session_, ops::concatenate(session_, std::span(parts).first(count), 1), seed);
  return seed;
}

// With a tape, classifies on it and asks it what mattered.
void Pipeline::recognise(Pass& pass, Tape* tape) {
  const std::int64_t n = pass.inputs.count;
  const Recogniser& recogniser = network_->recogniser();
  pass.latent_rows = dense_latent_rows(pass);
  if (!pass.latent_rows.defined())
    pass.latent_rows = recogniser.send_latent_rows(session_, staging_, n, latent_rows_);
  const std::string* layer = nullptr;
  if (tape)
    layer = pass.request.grad_cam_layer.empty() ? &recogniser.activation_layers().front()
                                                : &pass.request.grad_cam_layer;
  if (tape && pass.request.grad_cam_class >= 0) pass.seed = class_seed(pass);

  key_.assign({kRecognise, n, static_cast<std::int64_t>(pass.request.latent_use), tape ? 1 : 0,
               pass.request.grad_cam_plus_plus ? 1 : 0});
  if (tape) {
    const std::vector<std::string>& layers = recogniser.activation_layers();
    key_.push_back(std::find(layers.begin(), layers.end(), *layer) - layers.begin());
  }
  replays_.run(key_,
               {pass.raw, pass.made.restored, pass.made.latent, selection_.covered_flag(),
                pass.latent_rows, pass.seed},
               {&pass.probabilities, &pass.attention, &pass.chosen, &pass.grad_cam}, [&] {
                 const Session::Path path(session_, "recognise");
                 if (tape)
                   explain(pass, *tape, *layer);
                 else
                   classify(pass);
               });
}

// Returns the logits.
Tensor Pipeline::classify(Pass& pass) {
  Session& s = session_;
  const Tensor x =
      recogniser_input(s, *network_, pass.raw, pass.made.restored, selection_.covered_flag());
  const Recogniser::Output out =
      network_->recogniser()(s, x, pass.made.latent, pass.latent_rows, pass.request.latent_use);
  pass.probabilities = out.probabilities;
  pass.attention = out.attention_grid;
  pass.chosen = out.chosen;
  return out.logits;
}

void Pipeline::explain(Pass& pass, Tape& tape, const std::string& layer) {
  Session& s = session_;
  watches_.resize(1);
  watches_[0].seen = {};
  watches_[0].name = layer;
  s.set_watches(&watches_);
  struct Unset {
    Session& session;
    ~Unset() { session.set_watches(nullptr); }
  } unset{s};
  const Tensor logits = classify(pass);
  const Tensor features = watches_[0].seen;
  OFER_ASSERT(features.defined());
  const Tensor seed = pass.seed.defined() ? pass.seed : ops::select_top(s, logits, 1);
  tape.backward(s, logits, seed);
  Tensor gradient = tape.gradient(features);
  s.tap("gradient", gradient);
  pass.grad_cam = ops::grad_cam(s, features, gradient, pass.request.grad_cam_plus_plus);
}

void Pipeline::begin_stage(Stage stage) {
  if (session_.counting()) return;
  session_.check_cancelled();
  if (progress_) progress_(stage);
}

void Pipeline::forward(const Inputs& inputs, const Request& request, Collect collect) {
  Session& s = session_;
  const Workspace::Scope scope(s.workspace());
  if (!s.counting()) {
    // What the last pass sent may still be on its way.
    if (unwaited_ && staging_.sent()) s.synchronise();
    staging_.begin();
    unwaited_ = true;
  }
  s.mark(kBegin);
  const std::int64_t n = inputs.count, size = network_->config().image_size;
  const std::int64_t u = network_->restored_size();
  Pass pass(inputs, request);
  pass.raw = session_.allocate({n, 3, size, size});
  if (request.last != Stage::kDetect) pass.image = session_.allocate({n, 3, u, u});
  take_images(pass);
  pass.vit = ops::divide(s, ops::subtract(s, pass.raw, network_->mean()), network_->deviation());
  {
    const Session::Path path(s, "input");
    s.tap("vit", pass.vit);
    if (pass.image.defined()) s.tap("unet", pass.image);
  }
  if (request.mask == MaskSource::kDetect) begin_stage(Stage::kDetect);
  detect(pass);
  s.mark(kDetected);
  if (request.last != Stage::kDetect) {
    begin_stage(Stage::kReconstruct);
    reconstruct(pass);
  }
  s.mark(kReconstructed);
  std::optional<Session::Recording> recording;
  if (request.last == Stage::kRecognise) {
    begin_stage(Stage::kRecognise);
    if (request.grad_cam) recording.emplace(s);
    recognise(pass, recording ? &recording->tape() : nullptr);
  }
  times_ = {};
  const bool waited = collect(pass);
  if (s.counting()) return;
  s.mark(kRecognised);
  if (!waited) return;
  unwaited_ = false;
  times_ = {s.milliseconds(kBegin, kDetected), s.milliseconds(kDetected, kReconstructed),
            s.milliseconds(kReconstructed, kRecognised), s.milliseconds(kBegin, kRecognised)};
}

}  // namespace ofer
