// Training the U-Net: batches, both turns of a step, what a checkpoint holds, what is refused.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "ofer/train/checkpoint.h"
#include "ofer/train/reconstruct_stage.h"
#include "ofer/train/trainer.h"
#include "ofer/train/vgg_features.h"
#include "tests/support/command.h"
#include "tests/support/drawn_faces.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"

namespace ofer::test {
namespace {

ReconstructStageOptions stage_options() {
  ReconstructStageOptions options;
  options.seed = 3;
  options.augment.flip = 0.5;
  options.covers.patches = 1;
  options.covers.blobs = 1;
  options.reconstruct.discriminator_width = 2;
  // Untrained, the recogniser finds all expressions as probable: not much to gain there.
  options.reconstruct.weights.semantic = 0.1;
  return options;
}

TrainerOptions trainer_options(std::int64_t steps) {
  TrainerOptions options;
  options.seed = 3;
  options.batch = 4;
  options.optimiser = {.kind = OptimiserKind::kAdam, .beta1 = 0.5};
  options.schedule = {.shape = Schedule::Shape::kLinear, .base = 2e-3, .total = steps, .hold = 8};
  return options;
}

std::string bytes_of(const Tensor& tensor) {
  return {static_cast<const char*>(tensor.raw()), tensor.bytes()};
}

std::map<std::string, std::string> state_of(const Trainer& trainer) {
  std::map<std::string, std::string> all;
  for (const auto& [name, tensor] : trainer.state()) all[name] = bytes_of(tensor);
  return all;
}

// A VGG-16 of these widths, up to relu4_3, all of one number.
void write_vgg(const std::filesystem::path& path, std::int64_t width, float number,
               std::int64_t kernel = 3) {
  std::vector<TensorSource> sources;
  std::vector<std::vector<float>> values;
  values.reserve(32);
  std::int64_t channels = 3;
  const auto add = [&](const std::string& name, const Shape& shape) {
    const std::vector<float>& list =
        values.emplace_back(static_cast<std::size_t>(shape.elements()), number);
    sources.push_back(
        {name, DType::kF32, shape, [&list](std::uint64_t offset, std::span<std::byte> out) {
           std::memcpy(out.data(), reinterpret_cast<const char*>(list.data()) + offset, out.size());
         }});
  };
  for (const int i : {0, 2, 5, 7, 10, 12, 14, 17, 19, 21}) {
    const std::string name = "features." + std::to_string(i);
    add(name + ".weight", {width, channels, kernel, kernel});
    add(name + ".bias", {width});
    channels = width;
  }
  write_safetensors(path, sources, {});
}

}  // namespace

TEST_SUITE("reconstruct") {
  TEST_CASE("a run goes down, moves the U-Net alone, and is taken up again with the same bits") {
    const DrawnFaces faces(14);
    const std::vector<std::size_t> samples = faces.store->usable();
    constexpr std::int64_t kSteps = 18;  // six epochs of three
    const TemporaryFolder folder;
    std::map<std::string, std::string> start;
    const auto run = [&](std::int64_t from, std::int64_t to, int threads,
                         std::vector<double>& losses) {
      Trainable model(load_weights(tiny_weights()));
      ReconstructStage stage(model, *faces.store, samples, stage_options());
      SessionOptions session;
      session.threads = threads;
      Trainer trainer(model, stage, trainer_options(kSteps), session);
      if (from == 0)
        start = state_of(trainer);
      else
        restore_checkpoint(open_checkpoint(folder / "state"), trainer);
      CHECK(trainer.steps_done() == from);
      while (trainer.steps_done() < to) {
        const StepReport step = trainer.step();
        losses.push_back(step.loss);
        losses.push_back(step.adversary_loss.value());
      }
      save_checkpoint(folder / "state", trainer, {});
      return state_of(trainer);
    };
    std::vector<double> whole, parts;
    const auto expected = run(0, kSteps, 2, whole);
    run(0, 7, 1, parts);
    const auto got = run(7, kSteps, 3, parts);
    CHECK(parts == whole);
    CHECK(got == expected);

    const auto mean = [&](std::size_t first) {
      double sum = 0;
      for (std::size_t i = first; i < first + 5; ++i) sum += whole[2 * i] / 5;
      return sum;
    };
    CHECK(mean(13) < 0.8 * mean(0));
    int judges = 0, moments = 0;
    for (const auto& [name, bytes] : expected) {
      CAPTURE(name);
      if (name.starts_with("weights/")) {
        if (!name.starts_with("weights/unet.")) CHECK(bytes == start.at(name));
        if (name == "weights/unet.level0.in.weight") CHECK(bytes != start.at(name));
      }
      if (name.starts_with("adversary/weights/") && name.ends_with(".weight")) {
        ++judges;
        CHECK(bytes != start.at(name));
      }
      moments += name.starts_with("adversary/first/") || name.starts_with("adversary/second/");
    }
    CHECK(judges == 8 + 4);                   // convolutions and norms
    CHECK(moments == 2 * (2 * (8 + 4) - 4));  // each with a bias but for those in front of a norm
  }

  TEST_CASE("without adversarial loss nobody is trained against it, and nothing is kept of them") {
    const DrawnFaces faces(6);
    Trainable model(load_weights(tiny_weights()));
    ReconstructStageOptions options = stage_options();
    options.reconstruct.weights = {1, 0, 1, 0};
    ReconstructStage stage(model, *faces.store, faces.store->usable(), options);
    CHECK(stage.adversary() == nullptr);
    CHECK(stage.notes().empty());
    Trainer trainer(model, stage, trainer_options(2), {});
    const StepReport step = trainer.step();
    CHECK(step.loss > 0);
    CHECK(!step.adversary_loss.has_value());
    for (const auto& [name, tensor] : trainer.state()) CHECK(!name.starts_with("adversary/"));
  }

  TEST_CASE("a batch: both sizes, the truth beside it, the same whenever it is made") {
    const DrawnFaces faces(8);
    const Trainable model(load_weights(tiny_weights()));
    ReconstructStageOptions options = stage_options();
    options.covers.shapes = options.covers.pieces = 0;
    const ReconstructStage stage(model, *faces.store, faces.store->usable(), options);
    const std::size_t chosen[] = {5, 0, 3};
    TrainBatch batch, again, later;
    stage.fill(batch, 2, chosen);
    stage.fill(again, 2, chosen);
    stage.fill(later, 3, chosen);
    CHECK(batch.count == 3);
    CHECK(batch.images.size() == 3 * 3 * 32 * 32);
    CHECK(batch.unet_images.size() == 3 * 3 * 48 * 48);
    CHECK(batch.truth.size() == batch.unet_images.size());
    CHECK(batch.covered.size() == 3 * 16);
    CHECK(batch.unet_images == again.unet_images);
    CHECK(batch.images == again.images);
    CHECK(batch.covered == again.covered);
    CHECK(batch.covered != later.covered);
    // Covers of whole patches: 12 pixels of the U-Net's image each.
    std::size_t inside = 0, differs_inside = 0, differs_outside = 0;
    for (std::size_t i = 0; i < batch.truth.size(); ++i) {
      const std::size_t image = i / (3 * 48 * 48), y = i / 48 % 48, x = i % 48;
      const bool covered = batch.covered[image * 16 + y / 12 * 4 + x / 12] != 0;
      const bool differs = batch.truth[i] != batch.unet_images[i];
      inside += covered;
      (covered ? differs_inside : differs_outside) += differs;
    }
    CHECK(differs_outside == 0);
    CHECK(differs_inside > 0.9 * static_cast<double>(inside));
    CHECK(inside > 0);
  }

  TEST_CASE("masks that are given: one that covers nothing is legal") {
    const DrawnFaces faces(8);
    Trainable model(load_weights(tiny_weights()));
    ReconstructStageOptions options = stage_options();
    options.masks = {std::vector<std::uint8_t>(16, 0)};
    {
      ReconstructStage stage(model, *faces.store, faces.store->usable(), options);
      Trainer trainer(model, stage, trainer_options(2), {});
      CHECK(std::isfinite(trainer.step().loss));
      CHECK(std::isfinite(trainer.step().adversary_loss.value()));
    }
    {  // Nothing is masked: no feature to compare.
      options.reconstruct.weights = {0, 1, 0, 0};
      ReconstructStage stage(model, *faces.store, faces.store->usable(), options);
      Trainer trainer(model, stage, trainer_options(1), {});
      CHECK(trainer.step().loss == 0);
    }
    options.masks.emplace_back(16, 1);
    const ReconstructStage stage(model, *faces.store, faces.store->usable(), options);
    TrainBatch batch;
    const std::size_t all[] = {0, 1, 2, 3, 4, 5, 6, 7};
    stage.fill(batch, 0, all);
    int covered = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      covered += batch.covered[16 * i];
      for (std::size_t l = 0; l < 16; ++l)
        CHECK(batch.covered[16 * i + l] == batch.covered[16 * i]);
    }
    CHECK(covered > 0);
    CHECK(covered < 8);
    CHECK(batch.truth == batch.unet_images);  // what is left out need not be painted over
  }

  TEST_CASE("numbers that go astray stop the run, with the step, and nothing has moved") {
    const DrawnFaces faces(6);
    Trainable model(load_weights(tiny_weights()));
    ReconstructStage stage(model, *faces.store, faces.store->usable(), stage_options());
    Trainer trainer(model, stage, trainer_options(3), {});
    trainer.step();
    const Tensor planted = stage.adversary()->parameters()[0].value;
    const float before = planted.data<float>()[0];
    const auto weights = state_of(trainer);
    planted.data<float>()[0] = NAN;
    CHECK(has(error_of([&] { trainer.step(); }), "step 2: the loss is not finite"));
    planted.data<float>()[0] = before;
    CHECK(state_of(trainer) == weights);
    CHECK(trainer.steps_done() == 1);
  }

  TEST_CASE("options that cannot be are refused") {
    const DrawnFaces faces(4);
    const Trainable model(load_weights(tiny_weights()));
    const auto refusal = [&](const Trainable& network, auto&& change) {
      ReconstructStageOptions options = stage_options();
      change(options);
      return error_of([&] {
        const ReconstructStage stage(network, *faces.store, faces.store->usable(), options);
      });
    };
    using Options = ReconstructStageOptions;
    CHECK(refusal(model, [](Options&) {}).empty());
    CHECK(has(refusal(model, [](Options& o) { o.reconstruct.weights.semantic = -1; }),
              "weights of the losses are 0 or more"));
    CHECK(has(refusal(model, [](Options& o) { o.reconstruct.weights.consistency = NAN; }),
              "weights of the losses are 0 or more"));
    CHECK(has(refusal(model,
                      [](Options& o) {
                        o.reconstruct.weights = {0, 0, 0, 0};
                      }),
              "nothing to learn"));
    CHECK(has(refusal(model, [](Options& o) { o.reconstruct.discriminator_width = 0; }),
              "from 1 to"));
    CHECK(has(refusal(model, [](Options& o) { o.masks.emplace_back(15, 1); }),
              "a mask of 15 patches for a configuration of 16"));
    CHECK(has(refusal(model, [](Options& o) { o.augment.flip = 2; }), "flip"));

    const auto other = [&](auto&& change) {
      Config config = runnable_config();
      change(config);
      const TemporaryFolder folder;
      write_initial_weights(config, 1, folder / "w");
      return Trainable(load_weights(folder / "w"));
    };
    CHECK(has(refusal(other([](Config& c) { c.unet.reset(); }), [](Options&) {}), "has no U-Net"));
    const Trainable narrow = other([](Config& c) { c.unet->image_size = 16; });
    CHECK(has(refusal(narrow, [](Options&) {}),
              "images of 16 x 16 are too small for their discriminator, which needs 24 x 24"));
    CHECK(refusal(narrow, [](Options& o) { o.reconstruct.weights.adversarial = 0; }).empty());
    const Trainable blind = other([](Config& c) { c.recogniser.image_size = 24; });
    CHECK(has(refusal(blind, [](Options&) {}),
              "features of 6 x 6 are too small for their discriminator, which needs 8 x 8"));
  }

  TEST_CASE("VGG-16's weights, or the recogniser's in their place, which is said") {
    const DrawnFaces faces(4);
    Trainable model(load_weights(tiny_weights()));
    const TemporaryFolder folder;
    const auto stage_with = [&](const std::string& vgg) {
      ReconstructStageOptions options = stage_options();
      options.reconstruct.vgg = vgg;
      return std::make_unique<ReconstructStage>(model, *faces.store, faces.store->usable(),
                                                options);
    };
    const std::vector<std::string> notes = stage_with("")->notes();
    REQUIRE(notes.size() == 1);
    // Sizes 16, 8, 4 and 2 beside 48 / 4 and 48 / 8: of two as near the earlier.
    CHECK(has(notes[0], "no weights of VGG-16 were given"));
    CHECK(has(notes[0], "the recogniser's stages 1 and 2 serve"));

    write_vgg(folder / "vgg", 5, 0.03f);
    const auto stage = stage_with((folder / "vgg").string());
    CHECK(stage->notes().empty());
    Trainer trainer(model, *stage, trainer_options(1), {});
    CHECK(std::isfinite(trainer.step().loss));
    const VggFeatures features(folder / "vgg", 48, Precision::kF32, {});
    CHECK(features.fine_channels() == 5);
    CHECK(features.fine_size() == 12);

    CHECK(has(error_of([&] { stage_with(tiny_weights()); }), "has no features.0.weight"));
    CHECK_FALSE(error_of([&] { stage_with((folder / "nowhere").string()); }).empty());
    write_vgg(folder / "wide", 5, 0.03f, 5);
    CHECK(has(error_of([&] { stage_with((folder / "wide").string()); }),
              "features.0.weight is [5, 3, 5, 5] instead of [out, 3, 3, 3]"));
  }
}

}  // namespace ofer::test
