// Training the detector: closed forms, kernel spheres, radii, and the stage over a network.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "ofer/pipeline.h"
#include "ofer/score_smoothing.h"
#include "ofer/train/checkpoint.h"
#include "ofer/train/kernel_fit.h"
#include "ofer/train/quantile.h"
#include "ofer/train/sphere_fit.h"
#include "ofer/train/svdd_stage.h"
#include "ofer/train/whitening.h"
#include "tests/support/command.h"
#include "tests/support/drawn_faces.h"
#include "tests/support/error_of.h"

namespace ofer::test {
namespace {

// Latents [count, groups, width] of independent coordinates with these deviations, turned by
// 30 degrees in the first two, around a mean that is another for each group.
std::vector<float> latents(std::int64_t count, std::int64_t groups, std::vector<double> deviations,
                           std::uint64_t seed) {
  Random random(seed);
  const auto width = static_cast<std::int64_t>(deviations.size());
  std::vector<float> z;
  for (std::int64_t i = 0; i < count; ++i)
    for (std::int64_t g = 0; g < groups; ++g) {
      std::vector<double> x;
      // Uniform numbers of deviation 1.
      for (const double d : deviations) x.push_back(d * random.between(-1.7320508, 1.7320508));
      const double c = std::cos(M_PI / 6), n = std::sin(M_PI / 6), x0 = x[0], x1 = x[1];
      x[0] = c * x0 - n * x1;
      x[1] = n * x0 + c * x1;
      for (std::int64_t k = 0; k < width; ++k)
        z.push_back(static_cast<float>(x[static_cast<std::size_t>(k)] +
                                       static_cast<double>(g + 1) * static_cast<double>(k - 1)));
    }
  return z;
}

// ||W z - c||^2 of each latent.
std::vector<double> distances(const Whitening::Map& map, const std::vector<float>& z,
                              std::int64_t groups, std::int64_t width) {
  const auto features = static_cast<std::int64_t>(map.center.size()) / groups;
  std::vector<double> result;
  for (std::size_t v = 0; v * static_cast<std::size_t>(width) < z.size(); ++v) {
    const std::int64_t group = static_cast<std::int64_t>(v) % groups;
    double sum = 0;
    for (std::int64_t k = 0; k < features; ++k) {
      double dot = -double{map.center[static_cast<std::size_t>(group * features + k)]};
      for (std::int64_t i = 0; i < width; ++i)
        dot += double{map.phi[static_cast<std::size_t>((group * features + k) * width + i)]} *
               z[v * static_cast<std::size_t>(width) + static_cast<std::size_t>(i)];
      sum += dot * dot;
    }
    result.push_back(sum);
  }
  return result;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TrainerOptions short_run(std::int64_t steps, double average = 0) {
  TrainerOptions options;
  options.batch = 4;
  options.optimiser = {.kind = OptimiserKind::kAdam, .clip = 1};
  options.schedule = {.shape = Schedule::Shape::kConstant, .base = 1e-2, .total = steps};
  options.average = average;
  return options;
}

// The tiny network with other spheres, and an encoder of the detector's own.
Config with_spheres(std::vector<SphereConfig> spheres, bool own_encoder = false) {
  Config config = runnable_config();
  config.detector.spheres = std::move(spheres);
  if (own_encoder) config.detector.encoder = config.encoder;
  return config;
}

SphereConfig perceptron(std::vector<std::string> taps, bool by_position = false) {
  return {.kind = SphereKind::kDeep,
          .taps = std::move(taps),
          .widths = {12, 6},
          .slope = 0.01,
          .by_position = by_position};
}
SphereConfig linear(std::vector<std::string> taps, int features, bool by_position) {
  return {.kind = SphereKind::kDeep,
          .taps = std::move(taps),
          .widths = {features},
          .slope = 0.01,
          .by_position = by_position};
}
SphereConfig kernel(int support, double gamma, bool by_position) {
  return {.kind = SphereKind::kKernel,
          .taps = {"norm"},
          .support = support,
          .gamma = gamma,
          .by_position = by_position};
}

struct SvddRun {
  TemporaryFolder folder;
  Config config;
  Trainable model;
  SvddStage stage;
  Trainer trainer;
  WeightsDraft draft;

  SvddRun(const Config& c, const DrawnFaces& faces, const SvddStageOptions& options,
          std::int64_t steps, int threads = 1, double average = 0)
      : config(c),
        model(load_weights(written(c))),
        stage(model, *faces.store, faces.store->usable(), options),
        trainer(model, stage, short_run(steps, average), session(threads)),
        draft{c, {}} {}

  std::filesystem::path written(const Config& c) {
    write_initial_weights(c, 7, folder / "start.safetensors");
    return folder / "start.safetensors";
  }
  static SessionOptions session(int threads) {
    SessionOptions options;
    options.threads = threads;
    return options;
  }
  std::vector<double> train() {
    std::vector<double> losses;
    while (!trainer.finished()) losses.push_back(trainer.step().loss);
    return losses;
  }
  std::vector<float> values(const std::string& name) {
    return read_values(trainer.session(), model.parameter(name).value);
  }
  // The weights in a file, as a program would load them.
  std::shared_ptr<const Network> shipped() {
    WeightInfo info;
    info.config = draft.config;
    info.provenance = info.licence = "test";
    write_weights(folder / "out.safetensors", info, [&](const TensorSpec& spec) {
      return fill_from(trainer.session(), model.parameter(spec.name).value);
    });
    return Network::load((folder / "out.safetensors").string());
  }
};

SvddStageOptions options_for(const Config& config) {
  SvddStageOptions options;
  options.covers.grid = {config.patch_rows(), config.patch_columns()};
  options.svdd.held_out = 0.25;
  options.svdd.outside = 0.1;
  return options;
}

}  // namespace

TEST_SUITE("svdd_stage") {
  TEST_CASE("quantiles: at most that share lies beyond") {
    const auto at = [](std::vector<float> values, double beyond) {
      return upper_quantile(values, beyond);
    };
    CHECK(at({5, 1, 4, 2, 3}, 0) == 5);
    CHECK(at({5, 1, 4, 2, 3}, 0.2) == 4);
    CHECK(at({5, 1, 4, 2, 3}, 0.19) == 5);
    CHECK(at({5, 1, 4, 2, 3}, 0.99) == 1);
    CHECK(at({7}, 0.5) == 7);
  }

  TEST_CASE("whitening: distances of Mahalanobis, whatever the number of threads and pieces") {
    const std::int64_t groups = 3, width = 4, count = 4000;
    const std::vector<float> z = latents(count, groups, {5, 0.02, 1, 0.5}, 1);
    Whitening whitening(groups, width);
    const std::size_t half = z.size() / 2;
    whitening.add(std::span(z).first(half), count / 2, 2);
    whitening.add(std::span(z).subspan(half), count / 2, 3);
    const Whitening::Map map = whitening.solve(width, 0, 2);
    // The mean squared Mahalanobis distance is the dimension, over each group.
    CHECK(mean_of(distances(map, z, groups, width)) == doctest::Approx(4).epsilon(2e-3));
    // One deviation along the turned first axis counts as much as one along the second.
    std::vector<float> probe = latents(1, groups, {0, 0, 0, 0}, 2);
    const double c = std::cos(M_PI / 6), n = std::sin(M_PI / 6);
    for (const auto& [x, y] : {std::pair{5 * c, 5 * n}, std::pair{-0.02 * n, 0.02 * c}}) {
      std::vector<float> moved = probe;
      for (std::int64_t g = 0; g < groups; ++g) {
        moved[static_cast<std::size_t>(g * width)] += static_cast<float>(3 * x);
        moved[static_cast<std::size_t>(g * width + 1)] += static_cast<float>(3 * y);
      }
      for (const double d : distances(map, moved, groups, width))
        CHECK(d == doctest::Approx(9).epsilon(0.08));
    }
    // Fewer features: the directions that vary least. The first axis is none of them.
    const Whitening::Map one = whitening.solve(1, 0, 1);
    CHECK(mean_of(distances(one, z, groups, width)) == doctest::Approx(1).epsilon(2e-3));
    std::vector<float> along = probe, across = probe;
    along[0] += static_cast<float>(5 * c), along[1] += static_cast<float>(5 * n);
    across[0] -= static_cast<float>(0.1 * n), across[1] += static_cast<float>(0.1 * c);
    CHECK(distances(one, along, groups, width)[0] < 1);
    CHECK(distances(one, across, groups, width)[0] > 20);
    // All patches as one group have another mean and a wider spread.
    Whitening together(1, width);
    together.add(z, count, 1);
    CHECK(mean_of(distances(together.solve(width, 0, 1), z, 1, width)) ==
          doctest::Approx(4).epsilon(2e-3));
  }

  TEST_CASE("whitening: what cannot be") {
    Whitening whitening(1, 2);
    CHECK(has(error_of([&] { whitening.solve(2, 0, 1); }), "no latent"));
    CHECK(has(error_of([&] { whitening.solve(3, 0, 1); }), "3 features"));
    whitening.add(std::vector<float>{1, 2, 1, 2}, 2, 1);
    // All the same: no direction, and yet numbers.
    for (const float v : whitening.solve(2, 1e-3, 1).phi) CHECK(std::isfinite(v));
    whitening.add(std::vector<float>{NAN, 2}, 1, 1);
    CHECK(has(error_of([&] { whitening.solve(1, 0, 1); }), "not finite"));
  }

  TEST_CASE("where a sphere starts: the mean, away from zero, and radius 1") {
    // Two groups of two features; three faces.
    const std::vector<float> f = {1, 0, 10, 0.001f, 3, 0, 10, -0.001f, 2, 0, 13, 0};
    const SphereStart start = sphere_start(f, 2, 2, 0.01);
    // Around (2, 0) the farthest is at 1, around (11, 0) at 2: their mean is 1.5.
    CHECK(start.scale == doctest::Approx(1 / 1.5).epsilon(1e-5));
    CHECK(start.center[0] == doctest::Approx(2 / 1.5).epsilon(1e-5));
    CHECK(std::abs(start.center[1]) == doctest::Approx(0.1));
    CHECK(start.center[2] == doctest::Approx(11 / 1.5).epsilon(1e-5));
    CHECK(start.radius[0] == doctest::Approx(std::sqrt(1 / 2.25 + 0.01)).epsilon(1e-5));
    CHECK(has(error_of([&] { sphere_start(std::vector<float>(8, 1.0f), 2, 2, 0.1); }),
              "the same latent"));
    CHECK(has(error_of([&] {
                sphere_start(std::vector<float>{1, NAN}, 1, 1, 0.1);
              }),
              "not finite"));
  }

  TEST_CASE("radii: each sphere's quantile, by position in units of its mean, then all together") {
    // One sphere: R^2 is the quantile itself.
    const std::vector<float> d = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    CHECK(joint_radii({d}, {1}, {1}, 0.2)[0][0] == doctest::Approx(std::sqrt(8.0)));
    // By position: the second position's distances are ten times the first's.
    const std::vector<float> two = {1, 10, 2, 20, 3, 30, 4, 40};
    const auto radii = joint_radii({two}, {2}, {2}, 0.25);
    CHECK(radii[0][1] / radii[0][0] == doctest::Approx(std::sqrt(10.0)));
    CHECK(radii[0][0] * radii[0][0] == doctest::Approx(3));
    // Two spheres that never agree: each alone leaves two of ten out, the score must too.
    std::vector<float> reversed(d.rbegin(), d.rend());
    const auto both = joint_radii({d, reversed}, {1, 1}, {1, 0.5}, 0.2);
    int outside = 0;
    for (std::size_t i = 0; i < d.size(); ++i)
      outside += std::log(d[i] / (both[0][0] * both[0][0])) +
                     0.5 * std::log(reversed[i] / (both[1][0] * both[1][0])) >
                 1e-6;
    CHECK(outside == 2);
  }

  TEST_CASE("radii of scores that are averaged with their neighbours'") {
    // Six faces of 2 x 2 patches.
    std::vector<float> d;
    for (int i = 0; i < 24; ++i) d.push_back(static_cast<float>(1 + i * 7 % 24));
    const std::vector<double> smoothing = score_smoothing(2, 2, 0.25);
    const double square = std::pow(double{joint_radii({d}, {1}, {1}, 0.25, smoothing)[0][0]}, 2);
    const double alone = std::pow(double{joint_radii({d}, {1}, {1}, 0.25)[0][0]}, 2);
    CHECK(std::abs(square / alone - 1) > 0.05);
    int outside = 0;
    for (std::size_t face = 0; face < d.size(); face += 4)
      for (std::size_t p = 0; p < 4; ++p) {
        // At a corner each axis weighs 2/3 and 1/3.
        double score = 0;
        for (std::size_t q = 0; q < 4; ++q)
          score += (p / 2 == q / 2 ? 2 : 1) * (p % 2 == q % 2 ? 2 : 1) / 9.0 *
                   std::log(double{d[face + q]} / square);
        outside += score > 1e-6;
      }
    CHECK(outside == 6);
  }

  TEST_CASE("kernel spheres: the conditions of the optimum hold" *
            doctest::skip(!kernel_fit_available())) {
    const std::int64_t count = 200, width = 3;
    const std::vector<float> z = latents(count, 1, {1, 0.5, 0.2}, 4);
    const double gamma = 0.7, nu = 0.1;
    const KernelFit fit = fit_kernel_svdd(z, count, gamma, nu);
    const double sum = std::accumulate(fit.alpha.begin(), fit.alpha.end(), 0.0);
    CHECK(sum == doctest::Approx(1).epsilon(1e-5));
    const auto k = [&](const float* a, const float* b) {
      double square = 0;
      for (std::int64_t i = 0; i < width; ++i) square += (a[i] - b[i]) * (a[i] - b[i]);
      return std::exp(-gamma * square);
    };
    // f(x) = sum_j alpha_j K(x, x_j) is the same rho at every support vector below the bound
    // 1 / (nu n), at most rho at those that have reached it, and at least rho everywhere else.
    const double bound = 1 / (nu * static_cast<double>(count));
    const auto f = [&](const float* x) {
      double value = 0;
      for (std::size_t j = 0; j < fit.alpha.size(); ++j)
        value += double{fit.alpha[j]} * k(x, fit.support.data() + j * 3);
      return value;
    };
    double low = 1e9, high = -1e9;
    int at_bound = 0;
    for (std::size_t j = 0; j < fit.alpha.size(); ++j) {
      CHECK(fit.alpha[j] <= bound * (1 + 1e-4));
      if (fit.alpha[j] > bound * (1 - 1e-3)) {
        ++at_bound;
        continue;
      }
      low = std::min(low, f(fit.support.data() + j * 3));
      high = std::max(high, f(fit.support.data() + j * 3));
    }
    REQUIRE(high >= low);
    CHECK(high - low < 1e-3 * high);
    CHECK(at_bound <= nu * static_cast<double>(count));
    int outside = 0;
    for (std::int64_t i = 0; i < count; ++i) outside += f(z.data() + i * 3) < low - 1e-3 * high;
    CHECK(outside <= nu * static_cast<double>(count));
    CHECK(has(error_of([&] { fit_kernel_svdd(z, count, gamma, 2); }), "cannot be fitted"));
    CHECK(
        has(error_of([&] { fit_kernel_svdd(std::vector<float>(3), 1, gamma, nu); }), "1 latents"));
  }

  TEST_CASE("kernel spheres: no more support vectors than there is room for" *
            doctest::skip(!kernel_fit_available())) {
    const std::vector<float> z = latents(300, 2, {1, 0.5}, 5);
    KernelSample sample(2, 2, 7, 0.05, 1);
    sample.add(std::span(z).first(400), 100);
    sample.add(std::span(z).subspan(400), 200);
    const KernelFits fits = sample.fit(40);
    CHECK(fits.most <= 7);
    CHECK(fits.most >= 2);
    for (int group = 0; group < 2; ++group) {
      double sum = 0;
      for (int j = 0; j < 7; ++j)
        sum += double{fits.alpha[static_cast<std::size_t>(group * 7 + j)]};
      CHECK(sum == doctest::Approx(1).epsilon(1e-5));
    }
  }

  TEST_CASE("a perceptron: covered patches go out, and the run can be taken up again") {
    const DrawnFaces faces(20);
    const Config config = with_spheres({perceptron({"block00", "norm"})}, true);
    const SvddStageOptions options = options_for(config);
    SvddRun whole(config, faces, options, 96, 2, 0.9);
    CHECK(whole.stage.samples() == 15);
    CHECK(whole.stage.learned() ==
          std::vector<std::string>{"detector.sphere0.phi", "detector.encoder."});
    const std::vector<float> shared = whole.values("mae.encoder.block00.qkv.weight");
    const std::vector<double> losses = whole.train();
    const auto mean = [&](std::size_t first) {
      double sum = 0;
      for (std::size_t i = first; i < first + 24; ++i) sum += losses[i] / 24;
      return sum;
    };
    CHECK(mean(72) < 0.8 * mean(0));
    CHECK(whole.values("mae.encoder.block00.qkv.weight") == shared);

    SvddRun first(config, faces, options, 96, 1, 0.9);
    std::vector<double> parts;
    for (int i = 0; i < 9; ++i) parts.push_back(first.trainer.step().loss);
    save_checkpoint(first.folder / "state", first.trainer, {});
    SvddRun second(config, faces, options, 96, 3, 0.9);
    restore_checkpoint(open_checkpoint(first.folder / "state"), second.trainer);
    while (!second.trainer.finished()) parts.push_back(second.trainer.step().loss);
    CHECK(parts == losses);
    whole.trainer.finish(whole.draft);
    second.trainer.finish(second.draft);
    for (const Parameter& p : whole.model.parameters())
      CHECK_MESSAGE(whole.values(p.name) == second.values(p.name), p.name);
  }

  TEST_CASE(
      "through the autoencoder's encoder: it learns along, and so does what it was made for") {
    const DrawnFaces faces(20);
    const Config config = with_spheres({perceptron({"norm"})});
    SvddStageOptions options = options_for(config);
    const auto after = [&](double weight) {
      options.svdd.autoencoder_weight = weight;
      SvddRun run(config, faces, options, 6);
      const std::vector<float> encoder = run.values("mae.encoder.block00.qkv.weight"),
                               decoder = run.values("mae.decoder.predict.weight");
      run.train();
      return std::pair(run.values("mae.encoder.block00.qkv.weight") != encoder,
                       run.values("mae.decoder.predict.weight") != decoder);
    };
    CHECK(after(1) == std::pair(true, true));
    CHECK(after(0) == std::pair(true, false));
    options.svdd.encoder = false;
    CHECK(after(1) == std::pair(false, false));

    // The same step with another weight: the autoencoder's objective is what lies between.
    options.svdd.encoder = true;
    const auto first_loss = [&](double weight) {
      options.svdd.autoencoder_weight = weight;
      return SvddRun(config, faces, options, 1).train()[0];
    };
    const double alone = first_loss(0), once = first_loss(1), twice = first_loss(2);
    CHECK(once > alone);
    CHECK(twice - alone == doctest::Approx(2 * (once - alone)).epsilon(1e-4));
  }

  TEST_CASE("the soft boundary moves the radius behind its first epochs, and not before") {
    const DrawnFaces faces(20);
    const Config config = with_spheres({perceptron({"norm"}, true)});
    SvddStageOptions options = options_for(config);
    options.svdd.soft_boundary = true;
    options.svdd.soft_after = 2;
    SvddRun run(config, faces, options, 12);
    run.trainer.step();
    const std::vector<float> start = run.values("detector.sphere0.radius");
    CHECK(start.size() == static_cast<std::size_t>(config.patch_count()));
    const std::int64_t per_epoch = run.trainer.steps_per_epoch();
    while (run.trainer.steps_done() < 2 * per_epoch) run.trainer.step();
    CHECK(run.values("detector.sphere0.radius") == start);
    run.trainer.step();
    CHECK(run.values("detector.sphere0.radius") != start);
  }

  TEST_CASE("what comes out: the stated share of held-out patches lies outside, of every form") {
    const DrawnFaces faces(40);
    std::vector<std::vector<SphereConfig>> designs = {
        {linear({"block00"}, 8, true)},
        {linear({"norm"}, 24, false)},
        {perceptron({"norm"})},
        {perceptron({"block01"}, true), linear({"block00"}, 6, true)}};
    designs[3][1].weight = 0.5;
    if (kernel_fit_available()) {
      designs.push_back({kernel(30, 0.05, false)});
      designs.push_back({kernel(8, 0.05, true), linear({"norm"}, 5, false)});
    }
    for (std::size_t i = 0; i < designs.size(); ++i) {
      CAPTURE(i);
      const Config config = with_spheres(designs[i]);
      SvddStageOptions options = options_for(config);
      options.svdd.outside_weight = 0;
      options.svdd.held_out = 0.5;
      SvddRun run(config, faces, options, 4);
      run.train();
      run.trainer.finish(run.draft);
      CHECK_FALSE(run.draft.notes.empty());
      // Seen by the pipeline of the written file, over all faces: half of them are the held-out
      // ones, of which one patch in ten lies outside; the others shaped the spheres.
      Pipeline pipeline(run.shipped(), {});
      std::vector<Image> pictures;
      for (const std::size_t face : faces.store->usable())
        pictures.push_back(faces.store->face(face));
      std::size_t outside = 0, all = 0;
      for (const Result& result : pipeline.run(pictures, {})) {
        for (const std::uint8_t bit : result.occluded) outside += bit;
        all += result.occluded.size();
        for (const float d : result.distance) CHECK(std::isfinite(d));
      }
      const double share = static_cast<double>(outside) / static_cast<double>(all);
      CHECK(share > 0.02);
      CHECK(share < 0.14);
    }
  }

  TEST_CASE("nothing is learned where every sphere has a closed form") {
    const DrawnFaces faces(12);
    const Config config = with_spheres({linear({"norm"}, 4, true)}, true);
    SvddRun run(config, faces, options_for(config), 50);
    CHECK(run.stage.learned().empty());
    CHECK(run.trainer.finished());
    CHECK(run.train().empty());
  }

  TEST_CASE("a face that comes several times is learned from or held out, never both") {
    const DrawnFaces faces(6);
    const Config config = with_spheres({perceptron({"norm"})});
    const Trainable model(load_weights(tiny_weights()));
    std::vector<std::size_t> samples;
    for (int round = 0; round < 3; ++round)
      for (const std::size_t face : faces.store->usable()) samples.push_back(face);
    SvddStageOptions options = options_for(config);
    options.svdd.held_out = 0.34;
    const SvddStage stage(model, *faces.store, samples, options);
    CHECK(stage.samples() == 12);  // four of six faces, three times each
    // Two samples of one face are varied each in its own way.
    options.augment.jitter = 1;
    const SvddStage varied(model, *faces.store, samples, options);
    TrainBatch batch;
    const std::size_t pair[] = {0, 1};
    varied.fill(batch, 0, pair);
    const std::size_t half = batch.images.size() / 2;
    CHECK_FALSE(std::equal(batch.images.begin(),
                           batch.images.begin() + static_cast<std::ptrdiff_t>(half),
                           batch.images.begin() + static_cast<std::ptrdiff_t>(half)));
  }

  TEST_CASE("what cannot be trained") {
    const DrawnFaces faces(3);
    const Config none = with_spheres({});
    CHECK(has(error_of([&] { SvddRun(none, faces, options_for(none), 1); }), "no spheres"));
    const Config config = with_spheres({perceptron({"norm"})});
    const Trainable model(load_weights(tiny_weights()));
    CHECK(has(error_of([&] { SvddStage(model, *faces.store, {0}, options_for(config)); }),
              "two or more"));
  }
}

}  // namespace ofer::test
