// The parts of training: schedules, optimisers over a network, the objectives.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "engine/ops.h"
#include "ofer/train/checkpoint.h"
#include "ofer/train/losses.h"
#include "ofer/train/mae_stage.h"
#include "ofer/train/optimiser.h"
#include "ofer/train/plan.h"
#include "ofer/train/run_report.h"
#include "ofer/train/schedule.h"
#include "ofer/train/sources.h"
#include "tests/support/command.h"
#include "tests/support/device_pipeline.h"
#include "tests/support/drawn_faces.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace ofer::test {
namespace {

// Batch, images and masks of one step.
struct Batch {
  std::vector<float> images;
  std::vector<std::uint8_t> mask;
  std::int64_t count = 0;
};

Batch random_batch(const Config& config, std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  Batch batch;
  batch.count = count;
  batch.images.resize(static_cast<std::size_t>(count * 3 * config.image_size * config.image_size));
  for (float& v : batch.images) v = static_cast<float>(random.between(-1, 1));
  batch.mask.resize(static_cast<std::size_t>(count * config.patch_count()));
  for (std::uint8_t& v : batch.mask) v = random.below(3) > 0;
  return batch;
}

// One pass of the autoencoder's objective, and what `then` does with the tape; gives the loss.
template <class Then>
double mae_pass(Session& s, const Trainable& model, const Batch& batch, const Optimiser& optimiser,
                Then&& then) {
  const Config& config = model.network().config();
  Staging staging(s.device());
  PatchSelection selection;
  float value = 0;
  const auto pass = [&] {
    const Workspace::Scope scope(s.workspace());
    staging.begin();
    const Tensor images = s.allocate({batch.count, 3, config.image_size, config.image_size});
    if (!s.counting()) staging.send(s, batch.images, images);
    selection.assign(batch.count, config.patch_count(), batch.mask);
    selection.upload(s, staging);
    Session::Recording recording(s);
    optimiser.watch(recording.tape());
    const Tensor loss = mae_loss(s, model.network().autoencoder(), images, selection,
                                 config.patch_size, config.decoder.norm_pix_loss);
    recording.tape().backward(s, loss, ops::full(s, {1}, 1));
    then(recording.tape());
    s.to_host(loss, &value);
  };
  s.plan(pass);
  pass();
  return double{value};
}

const std::vector<std::string> kMae = {"mae."};

TrainerOptions short_run(std::int64_t steps) {
  TrainerOptions options;
  options.batch = 4;
  options.optimiser = {.kind = OptimiserKind::kAdamW, .weight_decay = 0.05, .clip = 1};
  options.schedule = {
      .shape = Schedule::Shape::kCosine, .base = 3e-3, .total = steps, .warm_up = 3};
  options.average = 0.9;
  return options;
}

}  // namespace

TEST_SUITE("training") {
  TEST_CASE("schedules") {
    Schedule s;
    s.base = 2;
    s.total = 100;
    s.warm_up = 10;
    s.shape = Schedule::Shape::kCosine;
    CHECK(s.rate(0) == doctest::Approx(0.2));
    CHECK(s.rate(9) == doctest::Approx(2));
    CHECK(s.rate(10) == doctest::Approx(2));
    CHECK(s.rate(55) == doctest::Approx(1));
    CHECK(s.rate(100) == doctest::Approx(0).epsilon(1e-12));
    s.floor = 0.1;
    CHECK(s.rate(100) == doctest::Approx(0.2));
    Schedule steps{.shape = Schedule::Shape::kSteps, .base = 0.1, .total = 100, .period = 10};
    CHECK(steps.rate(9) == 0.1);
    CHECK(steps.rate(10) == doctest::Approx(0.01));
    CHECK(steps.rate(29) == doctest::Approx(0.001));
    Schedule linear{.shape = Schedule::Shape::kLinear, .base = 1, .total = 120, .hold = 20};
    CHECK(linear.rate(20) == 1);
    CHECK(linear.rate(70) == doctest::Approx(0.5));
    CHECK(linear.rate(120) == 0);
    CHECK(Schedule{.base = 3}.rate(1000000) == 3);
  }

  TEST_CASE("what is learned, and what weight decay draws to zero") {
    const Trainable model(load_weights(tiny_weights()));
    const auto has_it = [&](const char* name, bool learned, bool decays) {
      CAPTURE(name);
      CHECK(model.parameter(name).learned == learned);
      CHECK(model.parameter(name).decays == decays);
    };
    has_it("mae.encoder.block00.qkv.weight", true, true);
    has_it("mae.encoder.block00.qkv.bias", true, false);
    has_it("mae.encoder.norm.weight", true, false);
    has_it("mae.encoder.position", false, false);
    has_it("mae.encoder.class_token", true, false);
    has_it("detector.sphere0.phi0.weight", true, true);
    has_it("detector.sphere0.center", false, false);
    has_it("recogniser.stem.bn.mean", false, false);
    CHECK(has(error_of([&] { model.parameter("nobody"); }), "no parameter nobody"));
    for (const Parameter& p : model.learned(kMae)) CHECK(p.name.starts_with("mae."));
  }

  TEST_CASE("the weights are a copy: the file's stay as they are") {
    const LoadedWeights start = load_weights(tiny_weights());
    const Trainable model(start);
    const Tensor moved = model.parameter("mae.encoder.norm.bias").value;
    moved.data<float>()[0] = 5;
    CHECK(start.model->find("mae.encoder.norm.bias").data<float>()[0] != 5);
    CHECK(model.network().model().find("mae.encoder.norm.bias").data<float>()[0] == 5);
  }

  TEST_CASE("weights that move are float or double, also where products are bf16") {
    const LoadedWeights start = load_weights(tiny_weights());
    const char* const name = "mae.encoder.norm.bias";
    const double first = double{start.model->find(name).data<float>()[0]};
    const Trainable wide(start, {}, Precision::kF64);
    CHECK(wide.parameter(name).value.data<double>()[0] == first);
    const Trainable rounded(start, {}, Precision::kBf16);
    CHECK(double{rounded.parameter(name).value.data<float>()[0]} == first);
    const Trainable mixed(start, {}, Precision::kMixed);
    CHECK(double{mixed.parameter(name).value.data<float>()[0]} == first);
#ifdef OFER_HAVE_SIMT
    const Device simt{DeviceKind::kSimt, 0};
    CHECK(has(error_of([&] { Trainable(start, simt, Precision::kBf16); }),
              "weights cannot be trained in bf16; train in fp32 or mixed"));
#endif
  }

  TEST_CASE("the autoencoder's gradients agree with differences of its loss") {
    Config config = runnable_config();
    for (const bool standardised : {false, true}) {
      config.decoder.norm_pix_loss = standardised;
      const TemporaryFolder folder;
      write_initial_weights(config, 4, folder / "w");
      const Trainable model(load_weights(folder / "w"));
      Session session;
      const Optimiser optimiser(model.learned(kMae), {}, session);
      const Batch batch = random_batch(config, 3, 8);
      const auto loss = [&] {
        return mae_pass(session, model, batch, optimiser, [](const Tape&) {});
      };
      // Along each tensor's own gradient: (L(w + h g) - L(w - h g)) / 2h = |g|^2.
      std::map<std::string, std::vector<float>> gradients;
      mae_pass(session, model, batch, optimiser, [&](const Tape& tape) {
        if (session.counting()) return;
        for (const Parameter& p : optimiser.parameters()) {
          const Tensor g = tape.gradient(p.value);
          REQUIRE_MESSAGE(g.defined(), p.name);
          gradients[p.name] = {g.data<float>(), g.data<float>() + g.elements()};
        }
      });
      for (const Parameter& p : optimiser.parameters()) {
        if (p.name.find("block00") == p.name.npos && p.name.find("token") == p.name.npos &&
            p.name.find("embed") == p.name.npos && p.name.find("predict") == p.name.npos)
          continue;
        const std::vector<float>& g = gradients.at(p.name);
        double square = 0;
        for (const float v : g) square += double{v} * v;
        if (square < 1e-9) continue;  // a bias of keys: softmax does not see it
        const double h = 2e-2 / std::sqrt(square);
        float* const w = p.value.data<float>();
        const std::vector<float> kept(w, w + g.size());
        const auto at = [&](double step) {
          for (std::size_t i = 0; i < g.size(); ++i)
            w[i] = static_cast<float>(kept[i] + step * g[i]);
          const double value = loss();
          std::copy(kept.begin(), kept.end(), w);
          return value;
        };
        const double slope = (at(h) - at(-h)) / (2 * h);
        CHECK_MESSAGE(slope == doctest::Approx(square).epsilon(0.02), p.name);
      }
    }
  }

  TEST_CASE("steps go down, by every optimiser, and the same steps give the same bits") {
    const Config config = runnable_config();
    const Batch batch = random_batch(config, 4, 5);
    for (const OptimiserKind kind :
         {OptimiserKind::kSgd, OptimiserKind::kAdam, OptimiserKind::kAdamW}) {
      const auto train = [&](int threads) {
        const Trainable model(load_weights(tiny_weights()));
        SessionOptions options;
        options.threads = threads;
        Session session(options);
        Optimiser optimiser(model.learned(kMae), {.kind = kind, .weight_decay = 0.01, .clip = 1},
                            session);
        std::vector<double> losses;
        for (int step = 0; step < 20; ++step)
          losses.push_back(mae_pass(session, model, batch, optimiser, [&](const Tape& tape) {
            optimiser.step(session, tape, kind == OptimiserKind::kSgd ? 0.1 : 2e-3);
          }));
        CHECK(optimiser.steps() == 20);
        return losses;
      };
      const std::vector<double> one = train(1);
      CHECK(one.back() < 0.8 * one.front());
      CHECK(train(3) == one);
    }
  }

  TEST_CASE("a gradient that is not finite is named, and nothing has moved") {
    const Trainable model(load_weights(tiny_weights()));
    Session session;
    Optimiser optimiser(model.learned(kMae), {}, session);
    const Batch batch = random_batch(runnable_config(), 2, 1);
    const Tensor planted = model.parameter("mae.decoder.predict.bias").value;
    planted.data<float>()[3] = NAN;
    const Tensor other = model.parameter("mae.encoder.norm.weight").value;
    const float before = other.data<float>()[0];
    CHECK(has(error_of([&] {
                mae_pass(session, model, batch, optimiser,
                         [&](const Tape& tape) { optimiser.step(session, tape, 0.1); });
              }),
              "step 1: the gradient of mae."));
    CHECK(other.data<float>()[0] == before);
    CHECK(optimiser.steps() == 0);
  }

  TEST_CASE("a run goes down, and one that is taken up again gives the same bits") {
    const DrawnFaces faces(14);
    const std::vector<std::size_t> samples = faces.store->usable();
    REQUIRE(samples.size() == 14);
    constexpr std::int64_t kSteps = 24;  // eight epochs of three
    const auto weights_of = [](const Trainer& trainer) {
      std::map<std::string, std::string> all;
      for (const auto& [name, tensor] : trainer.state())
        all[name] = std::string(static_cast<const char*>(tensor.raw()), tensor.bytes());
      return all;
    };
    const TemporaryFolder folder;
    const auto run = [&](std::int64_t from, std::int64_t to, int threads,
                         std::vector<double>& losses) {
      Trainable model(load_weights(tiny_weights()));
      MaeStage stage(model, *faces.store, samples, {});
      SessionOptions session;
      session.threads = threads;
      Trainer trainer(model, stage, short_run(kSteps), session);
      CHECK(trainer.steps_per_epoch() == 3);
      if (from > 0) {
        restore_checkpoint(open_checkpoint(folder / "state"), trainer);
        CHECK(trainer.steps_done() == from);
      }
      while (trainer.steps_done() < to) losses.push_back(trainer.step().loss);
      save_checkpoint(folder / "state", trainer, {{"note", "of a test"}});
      CHECK(trainer.finished() == (to == kSteps));
      return weights_of(trainer);
    };
    std::vector<double> whole, parts;
    const auto expected = run(0, kSteps, 2, whole);
    run(0, 10, 1, parts);
    const auto got = run(10, kSteps, 3, parts);
    CHECK(parts == whole);
    CHECK(got == expected);
    const auto mean = [&](std::size_t first) {
      double sum = 0;
      for (std::size_t i = first; i < first + 6; ++i) sum += whole[i] / 6;
      return sum;
    };
    CHECK(mean(18) < 0.8 * mean(0));
    CHECK(open_checkpoint(folder / "state").metadata().at("note") == "of a test");
  }

  TEST_CASE("checkpoints that do not fit are refused, and nothing has changed") {
    const DrawnFaces faces(8);
    const TemporaryFolder folder;
    const auto with = [&](const TrainerOptions& options, auto&& then) {
      Trainable model(load_weights(tiny_weights()));
      MaeStage stage(model, *faces.store, faces.store->usable(), {});
      Trainer trainer(model, stage, options, {});
      then(trainer);
    };
    with(short_run(5), [&](Trainer& trainer) {
      trainer.step();
      save_checkpoint(folder / "state", trainer, {});
    });
    TrainerOptions plain = short_run(5);
    plain.average = 0;
    with(plain, [&](Trainer& trainer) {
      CHECK(has(error_of([&] { restore_checkpoint(open_checkpoint(folder / "state"), trainer); }),
                "its settings were others"));
      CHECK(trainer.steps_done() == 0);
    });
    plain.optimiser.kind = OptimiserKind::kSgd;
    plain.average = 0.5;
    with(plain, [&](Trainer& trainer) {
      CHECK(has(error_of([&] { restore_checkpoint(open_checkpoint(folder / "state"), trainer); }),
                "settings were others"));
    });
    CHECK(has(error_of([&] { open_checkpoint(tiny_weights()); }), "is no checkpoint"));
    std::string bytes = read_file(folder / "state");
    bytes[bytes.size() - 5] ^= 1;
    write_file(folder / "damaged", bytes);
    CHECK(has(error_of([&] { open_checkpoint(folder / "damaged"); }), "damaged"));
    write_file(folder / "cut", bytes.substr(0, bytes.size() / 2));
    CHECK_FALSE(error_of([&] { open_checkpoint(folder / "cut"); }).empty());
    TrainerOptions wide = short_run(5);
    wide.batch = 9;
    CHECK(has(error_of([&] { with(wide, [](Trainer&) {}); }), "a batch of 9 from 8 samples"));
  }

  TEST_CASE("sources: their faces as often as the recipe says") {
    Dataset dataset;
    for (const char* source : {"a", "b", "a", "c", ""}) {
      Sample& sample = dataset.samples.emplace_back();
      sample.source = source;
    }
    const std::vector<std::size_t> all = {0, 1, 2, 3, 4};
    CHECK(by_source(dataset, all, {}) == all);
    CHECK(by_source(dataset, all, {{"a", 2}, {"c", 1}}) == std::vector<std::size_t>{0, 2, 3, 0, 2});
    CHECK(has(error_of([&] { by_source(dataset, all, {{"d", 1}}); }), "there are: a, b, c"));
    CHECK(has(error_of([&] { by_source(dataset, {4}, {{"d", 1}}); }), "name no sources"));
    CHECK(has(error_of([&] { by_source(dataset, all, {{"a", 0}}); }), "faces.a"));
    Recipe recipe = default_recipe(TrainStageKind::kMae);
    recipe.faces = {{"lfw", 3}, {"fer2013", 1}};
    CHECK(parse_recipe(to_json(recipe)).faces == recipe.faces);
  }

  TEST_CASE("a run's curves: what the log says, whatever else is in it") {
    const Section section = run_curves(
        "{\"step\":10,\"loss\":2,\"gradient_norm\":1.5,\"rate\":0.1}\n"
        "{\"step\":12,\"accuracy\":0.5}\nnoise\n[1]\n"
        "{\"step\":20,\"loss\":1,\"gradient_norm\":0.5,\"rate\":0.2}\n{\"step\":30,\"lo");
    REQUIRE(section.elements.size() == 4);  // loss, accuracy, norm, rate
    const auto& loss = std::get<LinePlot>(section.elements[0]);
    REQUIRE(loss.series[0].points.size() == 2);
    CHECK(loss.series[0].points[1].x == 20);
    CHECK(loss.series[0].points[1].y == 1);
    CHECK(std::get<LinePlot>(section.elements[1]).series[0].points[0].y == 0.5);
    CHECK(run_curves("").elements.size() == 1);
  }

  TEST_CASE("a run's pictures: the same faces and covers for any network") {
    const DrawnFaces faces(9);
    const auto network = Network::load(tiny_weights());
    const Config& config = network->config();
    OcclusionOptions covers;
    covers.grid = {config.patch_rows(), config.patch_columns()};
    const Occluder occluder(covers);
    const auto sheet = [&](std::uint64_t seed, bool detect) {
      return run_pictures(network, {}, *faces.store, faces.store->usable(), occluder, seed, detect);
    };
    const PictureSheet one = sheet(1, false), again = sheet(1, false), other = sheet(2, false);
    REQUIRE(one.pictures.size() == 6);
    CHECK(one.pictures[0].image.pixels == again.pictures[0].image.pixels);
    CHECK(one.pictures[0].image.pixels != other.pictures[0].image.pixels);
    CHECK(one.pictures[0].image.height == config.image_size);
    CHECK(one.pictures[0].image.width > 4 * config.image_size);
    CHECK(sheet(1, true).pictures.size() == 6);
  }

  TEST_CASE("plans: recipes in a row, through JSON and back") {
    const TrainPlan plan = default_plan(true);
    REQUIRE(plan.size() == 5);
    CHECK(plan[3].stage == TrainStageKind::kReconstruct);
    CHECK(default_plan(false).size() == 3);
    const TrainPlan back = parse_plan(to_json(plan));
    REQUIRE(back.size() == plan.size());
    for (std::size_t i = 0; i < plan.size(); ++i) CHECK(to_json(back[i]) == to_json(plan[i]));
    CHECK(has(error_of([] { parse_plan("{\"stages\": []}"); }), "list of recipes"));
    CHECK(has(error_of([] { parse_plan("{\"stages\": [{\"stage\": \"nap\"}]}"); }),
              "stage 1 of the plan"));
  }

  TEST_CASE("spheres: what is drawn in, what is pushed out") {
    Session s;
    const auto tensor = [&](std::initializer_list<float> values) {
      const Tensor t = s.allocate({1, static_cast<std::int64_t>(values.size())});
      std::copy(values.begin(), values.end(), t.data<float>());
      return t;
    };
    const Tensor d = tensor({1, 4, 9, 0.5f}), clean = tensor({1, 1, 0, 0}),
                 covered = tensor({0, 0, 1, 1});
    const Tensor radius = tensor({2}).view({1});
    const auto loss = [&](const SvddObjective& o) {
      return double{svdd_loss(s, d, radius, clean, covered, o).data<float>()[0]};
    };
    CHECK(loss({}) == doctest::Approx(2.5));
    // R^2 = 4: nobody is beyond it.
    CHECK(loss({.soft_boundary = true, .nu = 0.5}) == doctest::Approx(4));
    radius.data<float>()[0] = 1;  // R^2 = 1: one is, by 3, of two
    CHECK(loss({.soft_boundary = true, .nu = 0.5}) == doctest::Approx(1 + 1.5 / 0.5));
    // Pushed: max(0, 1 + 2 - 9) and max(0, 1 + 2 - 0.5).
    CHECK(loss({.outside_weight = 3, .margin = 2}) == doctest::Approx(2.5 + 3 * 1.25));
    CHECK(loss({.outside_weight = 1, .inverse = true}) ==
          doctest::Approx(2.5 + (1.0 / 9 + 2) / 2).epsilon(1e-5));
    // Nothing covered, nothing clean: zero, not NaN.
    const Tensor none = tensor({0, 0, 0, 0});
    CHECK(svdd_loss(s, d, radius, none, none, {.outside_weight = 1}).data<float>()[0] == 0);
  }
}

}  // namespace ofer::test
