#include "ofer/pipeline.h"

#include <algorithm>

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
  check_size(inputs.vit.size(), 3 * s * s, "input for the ViT");
  if (request.last != Stage::kDetect)
    check_size(inputs.restored.size(), 3 * u * u, "input for the U-Net");
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
  const bool detect = request.mask == MaskSource::kDetect;
  if (count <= planned_count_ && (!detect || planned_detect_) && request.last <= planned_last_ &&
      (!request.grad_cam || (planned_cam_ && planned_layer_ == request.grad_cam_layer)))
    return;
  Inputs largest;
  largest.count = std::max(count, planned_count_);
  Request all = request;
  if (planned_detect_) all.mask = MaskSource::kDetect;
  all.last = std::max(request.last, planned_last_);
  all.latent_use = LatentUse::kChosen;  // the others need no more memory
  all.grad_cam = request.grad_cam || planned_cam_;
  planned_count_ = 0;  // should planning fail, nothing is planned
  session_.plan([&] { forward(largest, all, [](const Pass&) {}); });
  planned_count_ = largest.count;
  planned_detect_ = all.mask == MaskSource::kDetect;
  planned_last_ = all.last;
  planned_cam_ = all.grad_cam;
  planned_layer_ = request.grad_cam_layer;
}

std::vector<Result> Pipeline::run(const Inputs& inputs, const Request& request) {
  check(inputs, request);
  plan(inputs.count, request);
  std::vector<Result> results(static_cast<std::size_t>(inputs.count));
  forward(inputs, request, [&](const Pass& pass) { collect(pass, results); });
  for (Result& r : results) {
    r.time_ms = times_;
    for (double* ms : {&r.time_ms.detect, &r.time_ms.reconstruct, &r.time_ms.recognise,
                       &r.time_ms.total})
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
  forward(inputs, all, [&](const Pass& pass) { collect(pass, outputs); });
}

std::vector<Result> Pipeline::run(std::span<const Image> images, const Request& request,
                                  std::span<const std::uint8_t> masks) {
  return run(inputs_of(
                 images.size(), [&](std::size_t i) { return ImageView(images[i]); }, masks,
                 request),
             request);
}

void Pipeline::run(std::span<const ImageView> images, const Request& request,
                   std::span<const std::uint8_t> masks, const Outputs& outputs) {
  run(inputs_of(
          images.size(), [&](std::size_t i) { return images[i]; }, masks, request),
      request, outputs);
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
    });
  });
  map_sizes_.emplace_back(layer, size);
  return size;
}

Tensor Pipeline::upload(std::span<const float> values, const Shape& shape) {
  const Tensor tensor = session_.allocate(shape);
  if (!session_.counting()) staging_.send(session_, values, tensor);
  return tensor;
}

void Pipeline::detect(Pass& pass) {
  const std::int64_t n = pass.inputs.count, patches = network_->config().patch_count();
  mask_.assign(static_cast<std::size_t>(n * patches), 0);
  if (pass.request.mask == MaskSource::kGiven && !session_.counting())
    std::transform(pass.inputs.mask.begin(), pass.inputs.mask.end(), mask_.begin(),
                   [](std::uint8_t value) { return value != 0 ? 1 : 0; });
  if (pass.request.mask != MaskSource::kDetect) return;
  pass.distance = session_.allocate({n, patches});
  pass.covered = session_.allocate({n, patches});
  const Workspace::Scope scope(session_.workspace());
  PatchSelection& all = selection_;
  all.assign(n, patches, {});
  all.upload(session_, staging_);
  key_.assign({kDetect, n});
  replays_.run(key_, {pass.vit, all.all().offsets, pass.distance}, {}, [&] {
    const Session::Path path(session_, "detect");
    const Detector::Output found = network_->detector()(session_, pass.vit, all);
    ops::copy_to(session_, found.distance, pass.distance);
    ops::copy_to(session_, found.mask, pass.covered);
  });
  // The one place where the host has to wait for the device: how many patches are visible decides
  // the shapes of what follows.
  if (session_.counting()) return;
  staging_.fetch(session_, std::span(&pass.covered, 1));
  const std::span<const float> covered = staging_.fetched(0);
  std::transform(covered.begin(), covered.end(), mask_.begin(),
                 [](float value) { return value > 0 ? 1 : 0; });
}

void Pipeline::reconstruct(Pass& pass) {
  Session& s = session_;
  const std::int64_t n = pass.inputs.count, patches = network_->config().patch_count();
  if (s.counting())
    selection_.assign_largest(n, patches);
  else
    selection_.assign(n, patches, mask_);
  selection_.upload(s, staging_);
  pass.made = allocate_reconstruction(s, *network_, pass.image, selection_);

  // Products and attention are queued by the number of tokens that each image has left.
  key_.assign({kReconstruct, n});
  for (std::int64_t i = 0; i <= n; ++i) key_.push_back(selection_.visible().host[i]);
  replays_.run(key_, {pass.vit, pass.image, selection_.covered_flag(), pass.made.latent}, {}, [&] {
    const Session::Path path(s, "reconstruct");
    ofer::reconstruct(s, *network_, network_->unet(), pass.vit, pass.image, selection_, pass.made);
  });
}

// With a tape, classifies on it and asks it what mattered.
void Pipeline::recognise(Pass& pass, Tape* tape) {
  const std::int64_t n = pass.inputs.count;
  const Recogniser& recogniser = network_->recogniser();
  pass.latent_rows = recogniser.send_latent_rows(session_, staging_, n, latent_rows_);
  const std::string* layer = nullptr;
  if (tape)
    layer = pass.request.grad_cam_layer.empty() ? &recogniser.activation_layers().front()
                                                : &pass.request.grad_cam_layer;
  if (tape && pass.request.grad_cam_class >= 0) {
    const std::int64_t classes = recogniser.classes();
    seed_.assign(static_cast<std::size_t>(n * classes), 0.0f);
    for (std::int64_t i = 0; i < n; ++i)
      seed_[static_cast<std::size_t>(i * classes + pass.request.grad_cam_class)] = 1;
    pass.seed = upload(seed_, {n, classes});
  }

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
  staging_.begin();
  s.mark(kBegin);
  const std::int64_t n = inputs.count, size = network_->config().image_size;
  const std::int64_t u = network_->restored_size();
  Pass pass(inputs, request);
  pass.raw = upload(inputs.vit, {n, 3, size, size});
  if (request.last != Stage::kDetect) pass.image = upload(inputs.restored, {n, 3, u, u});
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
  collect(pass);
  if (s.counting()) return;
  s.mark(kRecognised);
  times_ = {s.milliseconds(kBegin, kDetected), s.milliseconds(kDetected, kReconstructed),
            s.milliseconds(kReconstructed, kRecognised), s.milliseconds(kBegin, kRecognised)};
}

}  // namespace ofer
