#include "bench/stages.h"

#include <algorithm>

#include "bench/flops.h"
#include "engine/ops.h"

namespace ofer::bench {

namespace {

// kLayers or kFolded, f32: what Network::load does, with the weights kept for the stages.
LoadedWeights open_weights(const std::string& path) {
  LoadOptions options;
  options.verify_checksum = false;  // made a moment ago; a gigabyte of hashing tells nothing
  return load_weights(path, options);
}

SessionOptions session_options(int threads, Precision precision) {
  SessionOptions options;
  options.precision = precision;
  options.threads = threads;
  return options;
}

std::vector<float> copied(const Tensor& tensor) {
  const float* values = tensor.data<float>();
  return {values, values + tensor.elements()};
}

}  // namespace

Bench::Bench(const std::string& weights, const std::string& inputs, int threads,
             Precision precision)
    : weights_(open_weights(weights)),
      inputs_(SafetensorsFile::open(inputs)),
      network_(std::make_shared<const Network>(weights_, precision)),
      decoder_(layers::Parameters(*weights_.model, "mae").child("decoder"), config().decoder),
      session_(session_options(threads, precision)),
      staging_(session_.device()),
      pipeline_(network_, session_options(threads, precision)),
      batch_(input("vit").size(0)) {
  half_mask_ = flags("mask");
  require(static_cast<std::int64_t>(half_mask_.size()) == batch_ * config().patch_count(),
          ErrorCode::kBadFile, inputs, ": made for another configuration than ", weights);
  all_.assign(batch_, config().patch_count(), {});
  half_.assign(batch_, config().patch_count(), half_mask_);
  add_transformer_stages();
  if (network_->unet()) add_unet_stages();
  add_recogniser();
  add_operations();
  session_stages_ = stages_.size();
  add_pipeline();
  plan();
}

Tensor Bench::input(const std::string& name) const {
  const SafetensorsEntry* entry = inputs_.find(name);
  require(entry != nullptr, ErrorCode::kBadFile, inputs_.name(), ": has no tensor ", name);
  return inputs_.tensor(*entry);
}

std::vector<std::uint8_t> Bench::flags(const std::string& name) const {
  const std::vector<float> values = copied(input(name));
  std::vector<std::uint8_t> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(),
                 [](float value) { return value > 0 ? 1 : 0; });
  return result;
}

std::int64_t Bench::count_ones(const std::string& name) const {
  const std::vector<std::uint8_t> values = flags(name);
  return std::count(values.begin(), values.end(), 1);
}

void Bench::add(std::string name, double flops,
                std::function<std::vector<std::pair<std::string, Tensor>>()> body) {
  stages_.push_back({std::move(name), flops, [this, body = std::move(body)](Outputs* outputs) {
                       const Workspace::Scope scope(session_.workspace());
                       const auto results = body();
                       if (!outputs) return;
                       for (const auto& [key, tensor] : results)
                         outputs->emplace_back(key, copied(tensor));
                     }});
}

void Bench::upload(PatchSelection& selection) {
  staging_.begin();
  selection.upload(session_, staging_);
}

void Bench::add_transformer_stages() {
  const VitEncoder& encoder = network_->autoencoder().encoder();
  const EncoderConfig& size = config().encoder;
  const std::int64_t patches = config().patch_count();
  const auto images = static_cast<double>(batch_);
  add("encoder_all", images * encoder_flops(config(), size, patches, size.depth), [this, &encoder] {
    upload(all_);
    return std::vector{std::pair<std::string, Tensor>{
        "tokens", encoder(session_, input("vit"), all_, true, encoder.depth())}};
  });
  // Every image of the inputs file has the same number of covered patches.
  const std::int64_t visible = patches - count_ones("mask") / batch_;
  add("encoder_half", images * encoder_flops(config(), size, visible, size.depth),
      [this, &encoder] {
        upload(half_);
        return std::vector{std::pair<std::string, Tensor>{
            "tokens", encoder(session_, input("vit"), half_, false, encoder.depth())}};
      });
  add("decoder", images * decoder_flops(config(), visible), [this] {
    upload(half_);
    const VitDecoder::Output out = decoder_(session_, input("decoder/tokens"), half_);
    return std::vector<std::pair<std::string, Tensor>>{{"latent", out.latent},
                                                       {"prediction", out.prediction}};
  });
}

void Bench::add_unet_stages() {
  const UNetConfig& unet = *config().unet;
  const std::int64_t masked = count_ones("assembly/hole");
  add("unet",
      static_cast<double>(batch_) * unet_convolution_flops(unet) +
          self_assembly_flops(unet, masked / batch_) * static_cast<double>(batch_),
      [this] {
        return std::vector{std::pair<std::string, Tensor>{
            "image", (*network_->unet())(session_, input("unet/coarse"), input("unet/image"),
                                         input("unet/hole"))}};
      });
  const auto variant = unet.self_assembly == SelfAssemblyVariant::kPaper
                           ? ops::SelfAssembly::kPaper
                           : ops::SelfAssembly::kReleased;
  add("self_assembly", self_assembly_flops(unet, masked / batch_) * static_cast<double>(batch_),
      [this, variant] {
        return std::vector{std::pair<std::string, Tensor>{
            "map", ops::self_assembly(session_, input("assembly/x"), input("assembly/f"),
                                      input("assembly/hole"), variant)}};
      });
}

void Bench::add_recogniser() {
  const Recogniser& recogniser = network_->recogniser();
  add("recogniser", static_cast<double>(batch_) * recogniser_flops(config(), recogniser.classes()),
      [this, &recogniser] {
        staging_.begin();
        const Tensor rows = recogniser.send_latent_rows(session_, staging_, batch_, latent_rows_);
        const Recogniser::Output out =
            recogniser(session_, input("recogniser/image"), input("recogniser/latent"), rows);
        return std::vector<std::pair<std::string, Tensor>>{{"logits", out.logits},
                                                           {"attention", out.attention}};
      });
}

void Bench::add_pipeline() {
  // How many patches are found covered is known from the twin's run.
  const std::vector<std::uint8_t> mask = flags("pipeline/mask");
  const std::int64_t patches = config().patch_count(), classes = network_->recogniser().classes();
  std::vector<std::uint8_t> hole;
  if (config().unet) hole = flags("pipeline/hole");
  double flops = 0;
  std::int64_t place = 0;  // in `hole`, which holds the images that have a covered patch
  for (std::int64_t n = 0; n < batch_; ++n) {
    const auto ones = [](const std::vector<std::uint8_t>& values, std::int64_t first,
                         std::int64_t count) {
      return std::count(values.begin() + first, values.begin() + first + count, 1);
    };
    const std::int64_t covered = ones(mask, n * patches, patches);
    std::int64_t masked = 0;
    if (config().unet && covered > 0) {
      const std::int64_t side = config().unet->level_size(UNetConfig::kAssemblyLevel);
      masked = ones(hole, place++ * side * side, side * side);
    }
    flops += pipeline_flops(config(), patches - covered, masked, classes);
  }
  stages_.push_back(
      {"pipeline", flops, [this](Outputs* outputs) {
         Inputs inputs;
         inputs.count = batch_;
         const Tensor vit = input("vit_raw"), image = input("image");
         inputs.vit = {vit.data<float>(), static_cast<std::size_t>(vit.elements())};
         inputs.restored = {image.data<float>(), static_cast<std::size_t>(image.elements())};
         Request request;
         request.restored = outputs != nullptr;
         const std::vector<Result> results = pipeline_.run(inputs, request);
         if (!outputs) return;
         std::vector<float> probabilities, restored, covered;
         for (const Result& r : results) {
           probabilities.insert(probabilities.end(), r.probabilities.begin(),
                                r.probabilities.end());
           restored.insert(restored.end(), r.restored.values.begin(), r.restored.values.end());
           covered.insert(covered.end(), r.occluded.begin(), r.occluded.end());
         }
         outputs->emplace_back("mask", std::move(covered));
         outputs->emplace_back("restored", std::move(restored));
         outputs->emplace_back("probabilities", std::move(probabilities));
       }});
}

// One count over all stages, so that no run allocates.
void Bench::plan() {
  session_.plan([this] {
    for (std::size_t i = 0; i < session_stages_; ++i) stages_[i].run(nullptr);
  });
}

}  // namespace ofer::bench
