// Times whole steps of training: the stage's objective, its gradients, clipping, AdamW.
//
// One stage and one batch that stays the same, so that a peer can be given it (--write-batch).
// Prints what it is and the loss of its first step as one line of JSON, then answers requests line
// by line:
//   {"stage": name, "seconds": s, "samples": n, "warm_up": w}
//       ->  {"stage": name, "samples_ms": [], "cpu_ms": []}
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/program.h"
#include "bench/timing.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/select.h"
#include "ofer/data/patch_masks.h"
#include "ofer/data/random.h"
#include "ofer/train/make_stage.h"
#include "ofer/train/trainer.h"
#include "weights/safetensors_writer.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr double kMaskedShare = 0.75;  // as the autoencoder's paper has it
constexpr double kRate = 1e-4;

// A stage whose batch is always this one.
class FixedBatch final : public TrainStage {
 public:
  FixedBatch(TrainStage& stage, TrainBatch batch) : stage_(stage), batch_(std::move(batch)) {}

  std::string_view name() const override { return stage_.name(); }
  std::vector<std::string> learned() const override { return stage_.learned(); }
  std::size_t samples() const override { return static_cast<std::size_t>(batch_.count); }
  void fill(TrainBatch& batch, std::uint64_t, std::span<const std::size_t>) const override {
    batch = batch_;
  }
  void prepare(Session& s, Staging& staging, const TrainBatch& batch) override {
    stage_.prepare(s, staging, batch);
  }
  Tensor loss(Session& s) override { return stage_.loss(s); }

 private:
  TrainStage& stage_;
  TrainBatch batch_;
};

// Smooth pictures, and of each as many patches covered as of any other.
TrainBatch draw_batch(const Config& config, std::int64_t count, std::size_t classes) {
  const auto side = static_cast<std::size_t>(config.image_size),
             patches = static_cast<std::size_t>(config.patch_count());
  TrainBatch batch;
  batch.count = count;
  for (std::int64_t n = 0; n < count; ++n) {
    SeededNumbers numbers(static_cast<std::uint64_t>(n) + 1);
    for (std::size_t c = 0; c < 3; ++c) {
      const double across = numbers.uniform(2, 9), down = numbers.uniform(2, 9);
      for (std::size_t y = 0; y < side; ++y)
        for (std::size_t x = 0; x < side; ++x) {
          const auto u = static_cast<double>(x) / static_cast<double>(side),
                     v = static_cast<double>(y) / static_cast<double>(side);
          batch.images.push_back(static_cast<float>(0.5 + 0.4 * std::sin(across * u + down * v)) +
                                 0.1f * (numbers.uniform() - 0.5f));
        }
    }
    const std::vector<std::uint8_t> mask =
        random_patches(grid_of(config), patch_count(kMaskedShare, patches), numbers);
    for (const std::uint8_t bit : mask) {
      batch.covered.push_back(bit);
      batch.clean.push_back(!bit);
    }
    batch.labels.push_back(static_cast<std::int32_t>(static_cast<std::size_t>(n) % classes));
    batch.latent_use.push_back(1);
  }
  return batch;
}

void write_batch(const std::string& path, const TrainBatch& batch, const Config& config) {
  const auto floats = [](const auto& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  const std::int64_t n = batch.count, s = config.image_size, l = config.patch_count();
  const std::vector<std::pair<std::string, std::pair<std::vector<float>, Shape>>> all = {
      {"images", {batch.images, {n, 3, s, s}}},
      {"covered", {floats(batch.covered), {n, l}}},
      {"clean", {floats(batch.clean), {n, l}}},
      {"labels", {floats(batch.labels), {n}}}};
  std::vector<TensorSource> sources;
  for (const auto& [name, content] : all) {
    const Tensor tensor(const_cast<float*>(content.first.data()), content.second, DType::kF32);
    sources.push_back({name, DType::kF32, content.second, fill_from(tensor)});
  }
  write_safetensors(path, sources, {});
}

// The stage as its recipe has it, but for what a peer would have to draw the same way.
Recipe recipe_of(TrainStageKind kind) {
  Recipe recipe = default_recipe(kind);
  recipe.svdd.autoencoder_weight = 0;  // spheres alone
  recipe.recognise.smoothing = 0;
  recipe.recognise.no_latents = 0;
  recipe.recognise.balance = 0;
  return recipe;
}

int run(int argc, char** argv) {
  CLI::App app("Times steps of training on this machine.");
  std::string weights, stage_name = "mae", batch_path;
  Precision precision = Precision::kF32;
  std::int64_t count = 64;
  int threads = 0;
  app.add_option("-m,--weights", weights, "weight file")->required();
  app.add_option("--stage", stage_name, "mae (default), svdd or recognise");
  app.add_option("--batch", count, "faces of a step")->check(CLI::Range(2, 65536));
  app.add_option("--threads", threads, "threads (0: one for each core)");
  app.add_option("--precision", precision, "fp32 (default) or bf16")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Precision>{{"fp32", Precision::kF32}, {"bf16", Precision::kBf16}}));
  app.add_option("--write-batch", batch_path, "write the batch to this file");
  CLI11_PARSE(app, argc, argv);

  SessionOptions session;
  session.threads = threads;
  session.precision = precision;
  Trainable model(load_weights(weights), session.device, precision);
  const Config& config = model.network().config();
  const std::vector<std::string>& labels = model.network().labels();
  // Faces that nobody reads: the batch is drawn.
  Dataset dataset;
  dataset.labels = labels;
  dataset.samples.resize(static_cast<std::size_t>(count));
  std::vector<std::size_t> samples;
  for (std::size_t i = 0; i < dataset.samples.size(); ++i) {
    dataset.samples[i].label = static_cast<int>(i % labels.size());
    samples.push_back(i);
  }
  const FaceStore faces(dataset, {.side = config.image_size});
  std::optional<TrainStageKind> kind;
  for (const TrainStageKind known :
       {TrainStageKind::kMae, TrainStageKind::kSvdd, TrainStageKind::kRecognise})
    if (stage_name == name_of(known)) kind = known;
  require(kind.has_value(), ErrorCode::kBadArgument, "no stage ", stage_name, " to time");
  const std::unique_ptr<TrainStage> stage = make_stage(recipe_of(*kind), model, faces, samples);
  const TrainBatch batch = draw_batch(config, count, labels.size());
  if (!batch_path.empty()) write_batch(batch_path, batch, config);
  FixedBatch fixed(*stage, batch);
  TrainerOptions options;
  options.batch = count;
  options.optimiser = {.kind = OptimiserKind::kAdamW, .weight_decay = 0.05, .clip = 1};
  options.schedule = {
      .shape = Schedule::Shape::kConstant, .base = kRate, .total = std::int64_t{1} << 40};
  Trainer trainer(model, fixed, options, session);
  const double first = trainer.step().loss;
  const Json about = {{"config", config.name},
                      {"batch", count},
                      {"threads", trainer.session().threads()},
                      {"precision", name_of(precision)},
                      {"matmul", kernels::cpu::matmul_library()},
                      {"kernels", kernels::cpu::best_variant()},
                      {"stage", stage_name},
                      {"first_loss", first}};
  std::cout << about.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const Json request = Json::parse(line);
    const StopRule rule = rule_in(request);
    const Samples taken = measure(rule, [&] { trainer.step(); });
    const Json answer = {
        {"stage", stage_name}, {"samples_ms", taken.wall_ms}, {"cpu_ms", taken.cpu_ms}};
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}

}  // namespace

}  // namespace ofer::bench

int main(int argc, char** argv) {
  return ofer::bench::run_program("ofer_bench_training",
                                  [&] { return ofer::bench::run(argc, argv); });
}
