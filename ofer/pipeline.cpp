#include "ofer/pipeline.h"

#include <algorithm>
#include <array>

#include "engine/ops.h"
#include "ofer/recogniser_input.h"
#include "ofer/reconstruction.h"

namespace ofer {

namespace {

// Moments of a pass, as marks of the stream.
enum Moment : std::size_t { kBegin, kDetected, kReconstructed, kRecognised };

// Sections of a pass that may be played again; the first number of their keys.
enum Section : std::int64_t { kDetect, kReconstruct, kRecognise };

}  // namespace

// What the stages hand on, in memory that lasts for the pass.
struct Pipeline::Pass {
  Pass(const Inputs& inputs_, const Request& request_) : inputs(inputs_), request(request_) {}
  const Inputs& inputs;
  const Request& request;
  Tensor raw;       // [N, 3, S, S] in [0, 1]
  Tensor vit;       // [N, 3, S, S] normalised
  Tensor image;     // [N, 3, U, U] in [0, 1]
  Tensor distance;  // [N, L], when detected
  Tensor covered;   // [N, L], when detected: 1 for a covered patch
  Reconstruction made;
  Tensor attention;    // [N, rows, columns]
  Tensor latent_rows;  // of the chosen patches, when a fixed list chooses
  Tensor chosen;       // [N, L]
  Tensor seed;  // [N, classes]: 1 for the class that Grad-CAM explains, when one was asked for
  Tensor probabilities;  // [N, classes]
  Tensor grad_cam;       // [N, h, w]
};

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
  check_size(inputs.restored.size(), 3 * u * u, "input for the U-Net");
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
  if (request.grad_cam && !request.grad_cam_layer.empty()) {
    const std::vector<std::string>& layers = network_->recogniser().activation_layers();
    require(std::find(layers.begin(), layers.end(), request.grad_cam_layer) != layers.end(),
            ErrorCode::kBadArgument, "Grad-CAM layer ", request.grad_cam_layer,
            " is not one of this network's");
  }
}

void Pipeline::plan(std::int64_t count, const Request& request) {
  const bool detect = request.mask == MaskSource::kDetect;
  if (count <= planned_count_ && (!detect || planned_detect_) &&
      (!request.grad_cam || (planned_cam_ && planned_layer_ == request.grad_cam_layer)))
    return;
  Inputs largest;
  largest.count = std::max(count, planned_count_);
  Request all = request;
  if (planned_detect_) all.mask = MaskSource::kDetect;
  all.latent_use = LatentUse::kChosen;  // the others need no more memory
  all.grad_cam = request.grad_cam || planned_cam_;
  planned_count_ = 0;  // should planning fail, nothing is planned
  session_.plan([&] { forward(largest, all, nullptr); });
  planned_count_ = largest.count;
  planned_detect_ = all.mask == MaskSource::kDetect;
  planned_cam_ = all.grad_cam;
  planned_layer_ = request.grad_cam_layer;
}

std::vector<Result> Pipeline::run(const Inputs& inputs, const Request& request) {
  check(inputs, request);
  plan(inputs.count, request);
  std::vector<Result> results(static_cast<std::size_t>(inputs.count));
  forward(inputs, request, &results);
  return results;
}

std::vector<Result> Pipeline::run(std::span<const Image> images, const Request& request,
                                  std::span<const std::uint8_t> masks) {
  const int s = network_->config().image_size, u = network_->restored_size();
  const std::size_t vit = 3 * static_cast<std::size_t>(s) * static_cast<std::size_t>(s);
  const std::size_t unet = 3 * static_cast<std::size_t>(u) * static_cast<std::size_t>(u);
  vit_planes_.resize(images.size() * vit);
  restored_planes_.resize(images.size() * unet);
  for (std::size_t i = 0; i < images.size(); ++i) {
    image_to_planes(images[i], s, s, vit_planes_.data() + i * vit, vit_resize_);
    image_to_planes(images[i], u, u, restored_planes_.data() + i * unet, restored_resize_);
  }
  Inputs inputs;
  inputs.count = static_cast<std::int64_t>(images.size());
  inputs.vit = vit_planes_;
  inputs.restored = restored_planes_;
  inputs.mask = masks;
  return run(inputs, request);
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

// Everything that is asked for, fetched at once and shared out among the images.
void Pipeline::collect(const Pass& pass, std::vector<Result>& results) {
  const Config& config = network_->config();
  const Request& want = pass.request;
  const auto only = [](bool wanted, const Tensor& tensor) { return wanted ? tensor : Tensor{}; };
  enum : std::size_t {
    kProbabilities,
    kChosen,
    kDistance,
    kCoarse,
    kRestored,
    kAttention,
    kLatent,
    kGradCam,
    kCount
  };
  const std::array<Tensor, kCount> tensors = {pass.probabilities,
                                              pass.chosen,
                                              pass.distance,
                                              only(want.coarse, pass.made.coarse),
                                              only(want.restored, pass.made.restored),
                                              only(want.attention, pass.attention),
                                              only(want.latent, pass.made.latent),
                                              only(want.grad_cam, pass.grad_cam)};
  staging_.fetch(session_, tensors);
  // Image i's share of a tensor.
  const auto part = [&](std::size_t number, std::size_t i) {
    const std::span<const float> all = staging_.fetched(number);
    const std::size_t each = all.size() / results.size();
    return all.subspan(i * each, each);
  };
  const auto planes = [&](std::size_t number, std::size_t i, int channels, std::int64_t height,
                          std::int64_t width, Planes& out) {
    const std::span<const float> values = part(number, i);
    if (values.empty()) return;
    out.channels = channels;
    out.height = static_cast<int>(height);
    out.width = static_cast<int>(width);
    out.values.assign(values.begin(), values.end());
  };
  const auto patches = static_cast<std::size_t>(config.patch_count());
  const int s = config.image_size, u = network_->restored_size();
  for (std::size_t i = 0; i < results.size(); ++i) {
    Result& r = results[i];
    const std::span<const float> row = part(kProbabilities, i);
    r.probabilities.assign(row.begin(), row.end());
    r.label = static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
    r.rows = config.patch_rows();
    r.columns = config.patch_columns();
    r.occluded.assign(mask_.begin() + static_cast<std::ptrdiff_t>(i * patches),
                      mask_.begin() + static_cast<std::ptrdiff_t>((i + 1) * patches));
    r.radius = static_cast<float>(network_->detector().radius());
    const std::span<const float> chosen = part(kChosen, i);
    for (std::size_t l = 0; l < patches; ++l)
      if (chosen[l] > 0) r.chosen.push_back(static_cast<std::int32_t>(l));
    const std::span<const float> distance = part(kDistance, i);
    r.distance.assign(distance.begin(), distance.end());
    planes(kCoarse, i, 3, s, s, r.coarse);
    planes(kRestored, i, 3, u, u, r.restored);
    planes(kAttention, i, 1, config.patch_rows(), config.patch_columns(), r.attention);
    planes(kLatent, i, 1, pass.made.latent.size(1), pass.made.latent.size(2), r.latent);
    if (want.grad_cam)
      planes(kGradCam, i, 1, pass.grad_cam.size(1), pass.grad_cam.size(2), r.grad_cam);
  }
}

// One pass over a batch; with `results` null it is only counted.
void Pipeline::forward(const Inputs& inputs, const Request& request, std::vector<Result>* results) {
  Session& s = session_;
  const Workspace::Scope scope(s.workspace());
  staging_.begin();
  s.mark(kBegin);
  const std::int64_t n = inputs.count, size = network_->config().image_size;
  const std::int64_t u = network_->restored_size();
  Pass pass(inputs, request);
  pass.raw = upload(inputs.vit, {n, 3, size, size});
  pass.image = upload(inputs.restored, {n, 3, u, u});
  pass.vit = ops::divide(s, ops::subtract(s, pass.raw, network_->mean()), network_->deviation());
  {
    const Session::Path path(s, "input");
    s.tap("vit", pass.vit);
    s.tap("unet", pass.image);
  }
  detect(pass);
  s.mark(kDetected);
  reconstruct(pass);
  s.mark(kReconstructed);
  std::optional<Session::Recording> recording;
  if (request.grad_cam) recording.emplace(s);
  recognise(pass, recording ? &recording->tape() : nullptr);
  if (!results) return;
  collect(pass, *results);
  s.mark(kRecognised);
  const auto share = [&](std::size_t from, std::size_t to) {
    return s.milliseconds(from, to) / static_cast<double>(n);
  };
  const StageTimes times{share(kBegin, kDetected), share(kDetected, kReconstructed),
                         share(kReconstructed, kRecognised), share(kBegin, kRecognised)};
  for (Result& r : *results) r.time_ms = times;
}

}  // namespace ofer
