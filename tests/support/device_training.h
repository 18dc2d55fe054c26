// Training on a device beside training on the CPU.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ofer/train/mae_stage.h"
#include "ofer/train/recognise_stage.h"
#include "ofer/train/reconstruct_stage.h"
#include "ofer/train/sphere_fit.h"
#include "ofer/train/svdd_stage.h"
#include "ofer/train/trainer.h"
#include "tests/support/command.h"
#include "tests/support/drawn_faces.h"

namespace ofer::test {

using MakeStage = std::function<std::unique_ptr<TrainStage>(const Trainable&, const FaceStore&)>;

// What a run of a few steps was like.
struct TrainedSteps {
  std::vector<double> losses;
  std::vector<std::vector<float>> start, end;  // of every parameter
};

inline TrainedSteps train_steps(const std::string& weights, const DrawnFaces& faces,
                                const MakeStage& make, const OptimiserOptions& optimiser,
                                double rate, std::int64_t batch, DeviceKind device, int steps,
                                Precision precision = Precision::kF32) {
  SessionOptions session;
  session.device = {device, 0};
  session.precision = precision;
  session.threads = 2;
  Trainable model(load_weights(weights), session.device, precision);
  const std::unique_ptr<TrainStage> stage = make(model, *faces.store);
  TrainerOptions options;
  options.batch = batch;
  options.optimiser = optimiser;
  options.schedule = {.shape = Schedule::Shape::kConstant, .base = rate, .total = steps};
  options.average = 0.5;
  Trainer trainer(model, *stage, options, session);
  TrainedSteps result;
  const auto values = [&] {
    std::vector<std::vector<float>> all;
    for (const Parameter& p : model.parameters())
      all.push_back(read_values(trainer.session(), p.value));
    return all;
  };
  result.start = values();
  while (!trainer.finished()) result.losses.push_back(trainer.step().loss);
  result.end = values();
  return result;
}

// How far apart two runs have ended, as a share of the way that all weights together have gone.
inline double apart(const TrainedSteps& expected, const TrainedSteps& got) {
  double off = 0, way = 0;
  for (std::size_t p = 0; p < got.end.size(); ++p)
    for (std::size_t i = 0; i < got.end[p].size(); ++i) {
      off += std::pow(double{got.end[p][i]} - expected.end[p][i], 2);
      way += std::pow(double{expected.end[p][i]} - expected.start[p][i], 2);
    }
  CHECK(way > 0);
  return std::sqrt(off / way);
}

inline void check_losses(const TrainedSteps& expected, const TrainedSteps& got, int steps) {
  REQUIRE(got.losses.size() == static_cast<std::size_t>(steps));
  CHECK(expected.losses.front() != expected.losses.back());
  for (std::size_t i = 0; i < got.losses.size(); ++i)
    CHECK(got.losses[i] == doctest::Approx(expected.losses[i]).epsilon(1e-4));
}

// Five steps: the same losses, and the way that all weights together have gone the same, but for
// rounding. By SGD, whose steps are as long as their gradients; Adam's are as long for a gradient
// that is nothing but rounding, so there the losses alone are compared. Batch norms divide by what
// a few faces differ by, and so magnify roundings: a stage that has them takes more faces, smaller
// steps.
inline void check_training_stage(const std::string& weights, DeviceKind device,
                                 const MakeStage& make, std::int64_t batch = 4, double pace = 1) {
  constexpr int kSteps = 5;
  DrawnFaces faces(10);
  faces.label(load_weights(weights).labels);
  for (const OptimiserKind kind :
       {OptimiserKind::kSgd, OptimiserKind::kAdam, OptimiserKind::kAdamW}) {
    const OptimiserOptions optimiser = {.kind = kind, .weight_decay = 0.01, .clip = 1};
    const double rate = pace * (kind == OptimiserKind::kSgd ? 0.05 : 1e-3);
    const TrainedSteps expected =
        train_steps(weights, faces, make, optimiser, rate, batch, DeviceKind::kCpu, kSteps);
    const TrainedSteps got =
        train_steps(weights, faces, make, optimiser, rate, batch, device, kSteps);
    check_losses(expected, got, kSteps);
    if (kind == OptimiserKind::kSgd) CHECK(apart(expected, got) < 1e-3);
  }
}

// The U-Net's features choose each other in the self-assembly, and a choice that roundings decide
// is a jump: on the CPU, too, weights off by their last bit go 2 % of the way apart in five steps.
// So the losses are compared over five steps, the way behind one.
inline void check_training_unet(DeviceKind device) {
  constexpr int kSteps = 5;
  const DrawnFaces faces(10);
  const auto train = [&](DeviceKind kind, int steps) {
    return train_steps(
        tiny_weights(), faces,
        [](const Trainable& model, const FaceStore& store) {
          ReconstructStageOptions options;
          options.reconstruct.weights = {1, 0.1, 1, 0.1};
          options.reconstruct.discriminator_width = 2;
          return std::make_unique<ReconstructStage>(model, store, store.usable(), options);
        },
        {.kind = OptimiserKind::kSgd, .weight_decay = 0.01, .clip = 1}, 0.005, 4, kind, steps);
  };
  check_losses(train(DeviceKind::kCpu, kSteps), train(device, kSteps), kSteps);
  CHECK(apart(train(DeviceKind::kCpu, 1), train(device, 1)) < 1e-4);
}

// Products of rounded operands, everything else as in fp32: near it, and not the same.
inline void check_mixed_training(DeviceKind device) {
  constexpr int kSteps = 5;
  const DrawnFaces faces(10);
  const auto train = [&](DeviceKind kind, Precision precision) {
    return train_steps(
        tiny_weights(), faces,
        [](const Trainable& model, const FaceStore& store) {
          return std::make_unique<MaeStage>(model, store, store.usable(), MaeStageOptions{});
        },
        {.kind = OptimiserKind::kSgd, .weight_decay = 0.01, .clip = 1}, 0.05, 4, kind, kSteps,
        precision);
  };
  const TrainedSteps exact = train(DeviceKind::kCpu, Precision::kF32);
  const TrainedSteps mixed = train(device, Precision::kMixed);
  CHECK(mixed.losses != exact.losses);
  for (std::size_t i = 0; i < mixed.losses.size(); ++i)
    CHECK(mixed.losses[i] == doctest::Approx(exact.losses[i]).epsilon(5e-3));
  const double off = apart(exact, mixed);
  CHECK(off > 1e-4);
  CHECK(off < 2e-2);
}

inline void check_training(DeviceKind device) {
  SUBCASE("mae") {
    check_training_stage(
        tiny_weights(), device, [](const Trainable& model, const FaceStore& faces) {
          return std::make_unique<MaeStage>(model, faces, faces.usable(), MaeStageOptions{});
        });
  }
  SUBCASE("svdd") {
    check_training_stage(
        tiny_weights(), device, [](const Trainable& model, const FaceStore& faces) {
          SvddStageOptions options;
          const Config& config = model.network().config();
          options.covers.grid = {config.patch_rows(), config.patch_columns()};
          return std::make_unique<SvddStage>(model, faces, faces.usable(), options);
        });
  }
  SUBCASE("recognise") {
    check_training_stage(
        tiny_weights(), device,
        [](const Trainable& model, const FaceStore& faces) {
          RecogniseStageOptions options;
          const Config& config = model.network().config();
          options.covers.grid = {config.patch_rows(), config.patch_columns()};
          options.recognise.no_latents = 0.2;
          options.recognise.balance = 1;
          options.recognise.smoothing = 0.1;
          return std::make_unique<RecogniseStage>(model, faces, faces.usable(), options);
        },
        10, 0.1);
  }
  SUBCASE("reconstruct") {
    check_training_unet(device);
  }
}

}  // namespace ofer::test
