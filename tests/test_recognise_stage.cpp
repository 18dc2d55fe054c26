// Training the recogniser: what a batch holds, that the frozen stages hand on what the pipeline
// would, and runs.
#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "engine/image_io.h"
#include "engine/ops.h"
#include "ofer/pipeline.h"
#include "ofer/recogniser_input.h"
#include "ofer/train/checkpoint.h"
#include "ofer/train/class_weights.h"
#include "ofer/train/patch_list.h"
#include "ofer/train/recognise_stage.h"
#include "ofer/train/validation.h"
#include "tests/support/command.h"
#include "tests/support/device_pipeline.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"

namespace ofer::test {
namespace {

constexpr int kSide = 32;  // of runnable_config()

// Drawn faces, a folder for each class: lighter or darker, sloping down or up. `counts` by label.
struct Faces {
  TemporaryFolder folder;
  Dataset dataset;
  std::unique_ptr<FaceStore> store;

  explicit Faces(const std::map<std::string, int>& counts) {
    int number = 0, kind = 0;
    for (const auto& [label, count] : counts) {
      std::filesystem::create_directories(folder / label);
      for (int i = 0; i < count; ++i) {
        Random random(static_cast<std::uint64_t>(++number));
        Image image(kSide, kSide);
        const double tone = (kind % 2 == 0 ? 70 : 180) + random.between(-20, 20);
        const double slope = kind / 2 % 2 == 0 ? 60 : -60;
        for (std::size_t p = 0; p < image.pixels.size(); ++p) {
          const double y = static_cast<double>(p) / static_cast<double>(image.pixels.size()) - 0.5;
          image.pixels[p] = static_cast<std::uint8_t>(
              std::clamp(tone + slope * y + random.between(-8, 8), 0.0, 255.0));
        }
        save_png(image, (folder / label / (std::to_string(i) + ".png")).string());
      }
      ++kind;
    }
    DatasetOptions options;
    options.labels = load_weights(tiny_weights()).labels;
    dataset = load_dataset(folder / "", options);
    store = std::make_unique<FaceStore>(dataset, FaceStoreOptions{.side = kSide});
  }
  std::vector<std::size_t> all() const { return store->usable(); }
};

const std::map<std::string, int> kTwoKinds = {{"happiness", 8}, {"neutral", 8}};

RecogniseStageOptions plain() {
  RecogniseStageOptions options;
  options.augment = {};
  options.covers.grid = {4, 4};
  options.recognise.covered = options.recognise.masked = 0;
  return options;
}

TrainBatch filled(const RecogniseStage& stage, std::uint64_t epoch = 0) {
  std::vector<std::size_t> samples(stage.samples());
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = i;
  TrainBatch batch;
  stage.fill(batch, epoch, samples);
  return batch;
}

// prepare() and, in inference, what `then` makes of it.
template <class Then>
void prepared(RecogniseStage& stage, const TrainBatch& batch, Then&& then) {
  Session s;
  Staging staging(s.device());
  const auto pass = [&] {
    const Workspace::Scope scope(s.workspace());
    staging.begin();
    stage.prepare(s, staging, batch);
    then(s);
  };
  s.plan(pass);
  pass();
}

std::vector<float> values_of(Session& s, const Tensor& tensor) {
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  s.to_host(tensor, values.data());
  return values;
}

Recogniser::Output recognised(Session& s, const Network& network, const RecogniseBatch& batch) {
  return network.recogniser()(
      s, recogniser_input(s, network, batch.raw, batch.restored, batch.covered_flag), batch.latent,
      batch.latent_rows);
}

std::vector<Image> pictures_of(const TrainBatch& batch) {
  std::vector<Image> images;
  for (std::int64_t i = 0; i < batch.count; ++i)
    images.push_back(planes_to_image(batch.images.data() + i * 3 * kSide * kSide, kSide, kSide));
  return images;
}

TrainerOptions short_run(std::int64_t steps) {
  TrainerOptions options;
  options.batch = 8;
  options.optimiser = {.kind = OptimiserKind::kSgd, .weight_decay = 1e-4};
  options.schedule = {
      .shape = Schedule::Shape::kSteps, .base = 0.02, .total = steps, .period = steps};
  options.average = 0.9;
  return options;
}

}  // namespace

TEST_SUITE("recognise_stage") {
  TEST_CASE("class weights by hand") {
    const std::vector<std::size_t> counts = {6, 3, 0, 1};
    const auto check = [&](double balance, const std::vector<double>& expected) {
      const std::vector<float> got = class_weights(counts, balance);
      REQUIRE(got.size() == expected.size());
      for (std::size_t c = 0; c < got.size(); ++c)
        CHECK(double{got[c]} == doctest::Approx(expected[c]).epsilon(1e-6));
    };
    check(0, {1, 1, 0, 1});
    check(1, {10.0 / 18, 10.0 / 9, 0, 10.0 / 3});
    const double sum = std::sqrt(6) + std::sqrt(3) + 1;
    check(0.5, {10 / sum / std::sqrt(6), 10 / sum / std::sqrt(3), 0, 10 / sum});
    CHECK(has(error_of([&] { class_weights(counts, 1.5); }), "not by 1.5"));
    CHECK(has(error_of([] { class_weights(std::vector<std::size_t>(3), 0); }), "no class"));
  }

  TEST_CASE("faces without a label are left out and counted, classes without a face named") {
    Faces faces({{"happiness", 3}, {"neutral", 1}});
    const Trainable model(load_weights(tiny_weights()));
    faces.dataset.samples[0].label = -1;
    RecogniseStageOptions options = plain();
    options.recognise.balance = 1;
    const RecogniseStage stage(model, *faces.store, faces.all(), options);
    CHECK(stage.samples() == 3);
    CHECK(stage.report().count(DataProblem::kUnknownLabel) == 1);
    CHECK(stage.report().warnings().size() == 5);
    CHECK(has(stage.report().warnings().at(0), "no face is labelled surprise"));
    const std::vector<std::string>& labels = model.network().labels();
    for (std::size_t c = 0; c < labels.size(); ++c)
      CHECK(double{stage.class_weights()[c]} == doctest::Approx(labels[c] == "happiness" ? 0.75
                                                                : labels[c] == "neutral" ? 1.5
                                                                                         : 0));
    const TrainBatch batch = filled(stage);
    for (const std::int32_t label : batch.labels)
      CHECK((labels[static_cast<std::size_t>(label)] == "happiness" ||
             labels[static_cast<std::size_t>(label)] == "neutral"));
  }

  TEST_CASE("nothing to learn from, options that cannot be") {
    const Trainable model(load_weights(tiny_weights()));
    Faces faces({{"happiness", 3}, {"neutral", 2}});
    const auto error = [&](auto&& change, std::vector<std::size_t> samples = {}) {
      RecogniseStageOptions options = plain();
      change(options);
      if (samples.empty()) samples = faces.all();
      return error_of([&] { RecogniseStage(model, *faces.store, samples, options); });
    };
    const auto same = [](RecogniseStageOptions&) {};
    CHECK(error(same).empty());
    CHECK(has(error(same, {0, 1, 2}), "every face is labelled happiness"));
    CHECK(has(error([](auto& o) { o.recognise.covered = 0.7, o.recognise.masked = 0.4; }),
              "together at most 1"));
    CHECK(has(error([](auto& o) { o.recognise.no_latents = 2; }), "not 2"));
    CHECK(has(error([](auto& o) { o.recognise.smoothing = 1; }), "not by 1"));
    CHECK(has(error([](auto& o) { o.recognise.balance = -1; }), "not by -1"));
    CHECK(has(error([](auto& o) { o.masks.max_share = 2; }), "masks"));
    for (Sample& sample : faces.dataset.samples) sample.label = -1;
    CHECK(has(error(same), "none of 5 faces has a label"));
    faces.dataset.labels.pop_back();
    CHECK(has(error(same), "labels are not the network's"));
    Faces good(kTwoKinds);
    RecogniseStage stage(model, *good.store, good.all(), plain());
    TrainBatch one;
    stage.fill(one, 0, std::vector<std::size_t>{0});
    CHECK(has(error_of([&] { prepared(stage, one, [](Session&) {}); }), "at least 2 faces"));
  }

  TEST_CASE("covered and masked faces, with the mask of every patch that is not clean") {
    const Faces faces(kTwoKinds);
    const Trainable model(load_weights(tiny_weights()));
    const auto batch_of = [&](double covered, double masked, std::uint64_t epoch = 0) {
      RecogniseStageOptions options = plain();
      options.augment = recogniser_augmentation();
      options.recognise.covered = covered;
      options.recognise.masked = masked;
      options.recognise.no_latents = 0.5;
      return filled(RecogniseStage(model, *faces.store, faces.all(), options), epoch);
    };
    const TrainBatch open = batch_of(0, 0), covered = batch_of(1, 0), masked = batch_of(0, 1);
    REQUIRE(open.count == 16);
    const std::size_t patches = 16, across = 4, edge = 8;
    const auto hidden = [&](const TrainBatch& batch, std::size_t i) {
      return std::count(batch.covered.begin() + static_cast<long>(i * patches),
                        batch.covered.begin() + static_cast<long>((i + 1) * patches), 1);
    };
    CHECK(masked.images == open.images);
    CHECK(covered.images != open.images);
    for (std::size_t i = 0; i < 16; ++i) {
      CHECK(hidden(open, i) == 0);
      CHECK(hidden(masked, i) >= 2);  // a tenth of 16, rounded
      CHECK(hidden(masked, i) <= 8);
      CHECK(hidden(covered, i) >= 1);
      for (std::size_t l = 0; l < patches; ++l) {
        if (covered.covered[i * patches + l]) continue;
        double sum = 0;
        for (std::size_t c = 0; c < 3; ++c)
          for (std::size_t y = 0; y < edge; ++y)
            for (std::size_t x = 0; x < edge; ++x) {
              const std::size_t p =
                  ((i * 3 + c) * kSide + l / across * edge + y) * kSide + l % across * edge + x;
              sum += std::fabs(double{covered.images[p]} - double{open.images[p]});
            }
        // At most 5 % of its area, and roundings.
        CHECK(sum / static_cast<double>(3 * edge * edge) <= 0.05 + 0.5 / 255);
      }
    }
    const TrainBatch again = batch_of(1, 0), later = batch_of(1, 0, 1);
    CHECK(again.images == covered.images);
    CHECK(again.covered == covered.covered);
    CHECK(again.latent_use == covered.latent_use);
    CHECK(later.images != covered.images);
    CHECK(later.covered != covered.covered);
    CHECK(later.latent_use != covered.latent_use);
    CHECK(std::count(covered.latent_use.begin(), covered.latent_use.end(), 0.0f) > 0);
    CHECK(std::count(covered.latent_use.begin(), covered.latent_use.end(), 1.0f) > 0);
    const TrainBatch mixed = batch_of(0.4, 0.3);
    int counts[2] = {0, 0};
    for (std::size_t i = 0; i < 16; ++i) ++counts[hidden(mixed, i) > 0];
    CHECK(counts[0] > 0);
    CHECK(counts[1] > 0);
  }

  TEST_CASE("the frozen stages hand on what the pipeline would, with that mask given") {
    const Faces faces(kTwoKinds);
    Config config = runnable_config();
    SUBCASE("U-Net, patches by a list") {}
    SUBCASE("no U-Net") {
      config.unet.reset();
    }
    SUBCASE("U-Net pasted in, patches by attention, latents of the encoder") {
      config.unet->composite = true;
      config.recogniser.latent_source = LatentSource::kEncoderNorm;
      config.recogniser.latent_selection = LatentSelection::kCam;
      config.recogniser.latent_patches.clear();
    }
    const TemporaryFolder folder;
    write_initial_weights(config, 6, folder / "w");
    const Trainable model(load_weights(folder / "w"));
    RecogniseStageOptions options;
    options.covers.grid = {4, 4};
    RecogniseStage stage(model, *faces.store, faces.all(), options);
    const TrainBatch batch = filled(stage, 3);
    std::vector<float> probabilities, latent, restored;
    prepared(stage, batch, [&](Session& s) {
      const Tensor got = recognised(s, model.network(), stage.batch()).probabilities;
      probabilities = values_of(s, got);
      latent = values_of(s, stage.batch().latent);
      restored = values_of(s, stage.batch().restored);
    });
    Pipeline pipeline(model.shared_network(), {});
    Request request;
    request.mask = MaskSource::kGiven;
    request.latent = request.restored = true;
    const std::vector<Image> pictures = pictures_of(batch);
    const std::vector<Result> results = pipeline.run(pictures, request, batch.covered);
    const auto part = [&](const std::vector<float>& all, std::size_t i) {
      const std::size_t each = all.size() / results.size();
      return std::vector<float>(all.begin() + static_cast<long>(i * each),
                                all.begin() + static_cast<long>((i + 1) * each));
    };
    int covered = 0;
    for (std::size_t i = 0; i < results.size(); ++i) {
      INFO("face ", i);
      covered += std::count(results[i].occluded.begin(), results[i].occluded.end(), 1) > 0;
      CHECK(relative_difference(part(probabilities, i), results[i].probabilities) <= 1e-5);
      CHECK(relative_difference(part(latent, i), results[i].latent.values) <= 1e-5);
      CHECK(relative_difference(part(restored, i), results[i].restored.values) <= 1e-5);
    }
    CHECK(covered > 2);
    CHECK(covered < 14);
  }

  TEST_CASE("without refinement the coarse image is in the hole, and the face around it") {
    const Faces faces(kTwoKinds);
    const Trainable model(load_weights(tiny_weights()));
    RecogniseStageOptions options = plain();
    options.recognise.masked = 1;
    options.recognise.refine = false;
    RecogniseStage stage(model, *faces.store, faces.all(), options);
    const TrainBatch batch = filled(stage);
    std::vector<float> restored, expected, fine;
    prepared(stage, batch, [&](Session& s) { restored = values_of(s, stage.batch().restored); });
    Pipeline pipeline(model.shared_network(), {});
    Request request;
    request.mask = MaskSource::kGiven;
    request.coarse = request.restored = true;
    const std::vector<Image> pictures = pictures_of(batch);
    const int u = 48;
    Session s;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      const std::span<const std::uint8_t> mask = std::span(batch.covered).subspan(i * 16, 16);
      const Result r = pipeline.run(std::span(&pictures[i], 1), request, mask)[0];
      fine.insert(fine.end(), r.restored.values.begin(), r.restored.values.end());
      const Tensor coarse = s.allocate({1, 3, kSide, kSide});
      s.to_device(coarse, r.coarse.values.data());
      const std::vector<float> inside = values_of(s, ops::resize(s, coarse, u, u));
      std::vector<float> outside(inside.size());
      image_to_planes(pictures[i], u, u, outside.data());
      for (std::size_t p = 0; p < inside.size(); ++p) {
        const std::size_t y = p / u % u, x = p % u;
        expected.push_back(mask[y / 12 * 4 + x / 12] ? inside[p] : outside[p]);
      }
    }
    CHECK(relative_difference(restored, expected) <= 1e-5);
    CHECK(relative_difference(fine, expected) > 1e-2);
  }

  TEST_CASE("latents are left out of some faces, and the logits are those without") {
    const Faces faces(kTwoKinds);
    const Trainable model(load_weights(tiny_weights()));
    RecogniseStageOptions options = plain();
    options.recognise.masked = 0.5;
    const auto latents = [&](double none, TrainBatch& batch) {
      options.recognise.no_latents = none;
      RecogniseStage stage(model, *faces.store, faces.all(), options);
      batch = filled(stage);
      std::vector<float> latent;
      prepared(stage, batch, [&](Session& s) { latent = values_of(s, stage.batch().latent); });
      return latent;
    };
    TrainBatch batch;
    const std::vector<float> kept = latents(0, batch), some = latents(0.5, batch);
    const std::size_t each = kept.size() / 16;
    int zero = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      const bool used = batch.latent_use[i] == 1;
      zero += !used;
      for (std::size_t k = i * each; k < (i + 1) * each; ++k)
        REQUIRE(some[k] == (used ? kept[k] : 0));
    }
    CHECK(zero > 2);
    CHECK(zero < 14);
  }

  TEST_CASE("open faces without latents do not need the autoencoder") {
    const Faces faces(kTwoKinds);
    LoadedWeights weights = load_weights(tiny_weights());
    const auto first_loss = [&](const Trainable& model, double masked) {
      RecogniseStageOptions options = plain();
      options.recognise.no_latents = 1;
      options.recognise.masked = masked;
      RecogniseStage stage(model, *faces.store, faces.all(), options);
      const TrainBatch batch = filled(stage);
      float loss = 0;
      prepared(stage, batch, [&](Session& s) {
        if (masked == 0)
          for (const float value : values_of(s, stage.batch().latent)) REQUIRE(value == 0);
        loss = values_of(s, stage.loss(s))[0];
      });
      return loss;
    };
    const Trainable whole(weights);
    const float open = first_loss(whole, 0);
    CHECK(std::isfinite(open));
    // An autoencoder that makes NaN of everything: nothing of it comes through, until it is needed.
    const Trainable broken(weights);
    const Tensor norm = broken.parameter("mae.encoder.norm.weight").value;
    std::fill_n(norm.data<float>(), norm.elements(), NAN);
    CHECK(first_loss(broken, 0) == open);
    CHECK(std::isnan(first_loss(broken, 1)));
  }

  TEST_CASE("the loss, with weights and smoothed labels, by hand") {
    const Faces faces({{"anger", 6}, {"happiness", 3}, {"neutral", 1}});
    const Trainable model(load_weights(tiny_weights()));
    for (const double smoothing : {0.0, 0.2}) {
      RecogniseStageOptions options = plain();
      options.recognise.balance = 1;
      options.recognise.smoothing = smoothing;
      RecogniseStage stage(model, *faces.store, faces.all(), options);
      const TrainBatch batch = filled(stage);
      std::vector<float> logits, loss;
      prepared(stage, batch, [&](Session& s) {
        logits = values_of(s, recognised(s, model.network(), stage.batch()).logits);
        loss = values_of(s, stage.loss(s));
      });
      double chosen = 0, weights = 0, all = 0;
      for (std::size_t i = 0; i < 10; ++i) {
        const float* row = logits.data() + i * 7;
        double sum = 0;
        for (int c = 0; c < 7; ++c) sum += std::exp(double{row[c]});
        for (int c = 0; c < 7; ++c) all -= (double{row[c]} - std::log(sum)) / 70;
        const auto label = static_cast<std::size_t>(batch.labels[i]);
        // 10 / 3 faces for each of the three classes.
        const std::string& name = model.network().labels()[label];
        const double w = 10.0 / 3 / (name == "anger" ? 6 : name == "happiness" ? 3 : 1);
        weights += w;
        chosen -= w * (double{row[label]} - std::log(sum));
      }
      CHECK(double{loss[0]} ==
            doctest::Approx((1 - smoothing) * chosen / weights + smoothing * all).epsilon(1e-5));
    }
  }

  TEST_CASE("accuracy counts the faces that have a label, in any number of batches") {
    const Trainable model(load_weights(tiny_weights()));
    Faces faces({{"happiness", 40}});
    std::vector<std::size_t> samples = faces.all();
    Pipeline pipeline(model.shared_network(), {});
    Request request;
    request.mask = MaskSource::kNone;
    // Labelled by the network itself, but for three that are wrong and one that has none.
    for (const std::size_t sample : samples) {
      const Image face = faces.store->face(sample);
      const int label = pipeline.run(std::span(&face, 1), request)[0].label;
      faces.dataset.samples[sample].label = sample == 7 ? -1 : sample < 3 ? (label + 1) % 7 : label;
    }
    const auto accuracy = [&] {
      return recognition_accuracy(model.shared_network(), {}, *faces.store, samples);
    };
    CHECK(accuracy() == doctest::Approx(36.0 / 39));
    samples = {7};
    CHECK(has(error_of([&] { accuracy(); }), "no face with a label"));
  }

  TEST_CASE("the patches that attention is drawn to, over all faces") {
    const std::vector<float> map = {0.1f, 3, 0.5f, 2, 3, 0};
    CHECK(leading_patch_list(map, 3) == std::vector<int>{1, 3, 4});
    CHECK(leading_patch_list(map, 0).empty());
    CHECK_THROWS_AS(leading_patch_list(map, 7), Error);

    const Faces faces({{"happiness", 33}, {"neutral", 5}});  // more than one batch
    const Trainable model(load_weights(tiny_weights()));
    Pipeline pipeline(model.shared_network(), {});
    const std::vector<float> mean = mean_attention(pipeline, *faces.store, faces.all());
    std::vector<double> expected(16);
    Request request;
    request.mask = MaskSource::kNone;
    request.attention = true;
    for (const std::size_t sample : faces.all()) {
      const Image face = faces.store->face(sample);
      const Result r = pipeline.run(std::span(&face, 1), request)[0];
      for (std::size_t l = 0; l < 16; ++l) expected[l] += double{r.attention.values[l]} / 38;
    }
    REQUIRE(mean.size() == 16);
    for (std::size_t l = 0; l < 16; ++l)
      CHECK(double{mean[l]} == doctest::Approx(expected[l]).epsilon(1e-5));
    CHECK(has(error_of([&] { mean_attention(pipeline, *faces.store, {}); }), "no face"));
  }

  TEST_CASE("another list of patches: what is known about a patch moves along") {
    Session s;
    const Tensor weight = s.allocate({2, 6});  // three patches of two numbers
    const std::vector<float> was = {1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16};
    s.to_device(weight, was.data());
    move_patches(s, weight, std::vector<int>{4, 7, 9}, std::vector<int>{2, 4, 9});
    CHECK(values_of(s, weight) == std::vector<float>{0, 0, 1, 2, 5, 6, 0, 0, 11, 12, 15, 16});
    CHECK(has(error_of([&] {
                move_patches(s, weight, std::vector<int>{4, 7, 9}, std::vector<int>{2});
              }),
              "a list of 1 patches for a classifier of 3"));
  }

  TEST_CASE("relist: behind training, the list is where attention is drawn") {
    const Faces faces(kTwoKinds);
    RecogniseStageOptions options = plain();
    const auto drafted = [&](bool relist, WeightsDraft& draft) {
      const Trainable model(load_weights(tiny_weights()));
      draft.config = model.network().config();
      options.recognise.relist = relist;
      RecogniseStage stage(model, *faces.store, faces.all(), options);
      Session s;
      Staging staging(s.device());
      stage.finish(s, staging, draft);
      return values_of(s, model.parameter("recogniser.classifier.latent1.weight").value);
    };
    WeightsDraft as_is, anew;
    const std::vector<float> kept = drafted(false, as_is), moved = drafted(true, anew);
    const std::vector<int> before = runnable_config().recogniser.latent_patches;
    CHECK(as_is.config.recogniser.latent_patches == before);
    CHECK(as_is.notes.empty());
    const Trainable model(load_weights(tiny_weights()));
    Pipeline pipeline(model.shared_network(), {});
    const std::vector<int> leading =
        leading_patch_list(mean_attention(pipeline, *faces.store, faces.all()), 5);
    REQUIRE(leading != before);
    CHECK(anew.config.recogniser.latent_patches == leading);
    CHECK(has(anew.notes.at(0), "train once more"));
    CHECK(moved != kept);
    Config config = runnable_config();
    config.recogniser.latent_selection = LatentSelection::kCam;
    config.recogniser.latent_patches.clear();
    const TemporaryFolder folder;
    write_initial_weights(config, 6, folder / "w");
    const Trainable by_attention(load_weights(folder / "w"));
    CHECK(has(error_of([&] { RecogniseStage(by_attention, *faces.store, faces.all(), options); }),
              "relist"));
  }

  TEST_CASE(
      "a run goes down, what it ships recognises, and one taken up again gives the same bits") {
    const Faces faces({{"anger", 8}, {"happiness", 8}, {"neutral", 8}});
    constexpr std::int64_t kSteps = 36;  // twelve epochs of three
    const TemporaryFolder folder;
    RecogniseStageOptions options;
    options.covers.grid = {4, 4};
    options.recognise.covered = options.recognise.masked = 0.2;
    options.recognise.no_latents = 0.1;
    const auto run = [&](std::int64_t from, std::int64_t to, int threads,
                         std::vector<double>& losses, auto&& then) {
      Trainable model(load_weights(tiny_weights()));
      RecogniseStage stage(model, *faces.store, faces.all(), options);
      SessionOptions session;
      session.threads = threads;
      Trainer trainer(model, stage, short_run(kSteps), session);
      if (from > 0) restore_checkpoint(open_checkpoint(folder / "state"), trainer);
      REQUIRE(trainer.steps_done() == from);
      while (trainer.steps_done() < to) losses.push_back(trainer.step().loss);
      save_checkpoint(folder / "state", trainer, {});
      then(trainer, model);
    };
    const auto bytes_of = [](const Tensor& t) {
      return std::string(static_cast<const char*>(t.raw()), t.bytes());
    };
    std::vector<double> whole, parts;
    std::map<std::string, std::string> expected;
    run(0, kSteps, 2, whole, [&](Trainer& trainer, const Trainable& model) {
      const LoadedWeights start = load_weights(tiny_weights());
      for (const auto& [name, tensor] : trainer.state()) expected[name] = bytes_of(tensor);
      // Of the weights, the recogniser's alone have moved; its running statistics as well.
      for (const Parameter& p : model.parameters())
        CHECK_MESSAGE((bytes_of(p.value) != bytes_of(start.model->find(p.name))) ==
                          p.name.starts_with("recogniser."),
                      p.name);
      // Average and statistics belong together: in inference they tell the faces apart.
      const auto right = [&](const std::shared_ptr<const Network>& network) {
        return 24 * recognition_accuracy(network, {}, *faces.store, faces.all());
      };
      CHECK(right(Trainable(start).shared_network()) < 16);
      CHECK(right(shipped_network(trainer, model)) >= 20);
      CHECK(right(model.shared_network()) >= 18);
    });
    run(0, 16, 1, parts, [](Trainer&, const Trainable&) {});
    run(16, kSteps, 3, parts, [&](Trainer& trainer, const Trainable&) {
      for (const auto& [name, tensor] : trainer.state())
        CHECK_MESSAGE(bytes_of(tensor) == expected.at(name), name);
    });
    CHECK(parts == whole);
    const auto mean = [&](std::size_t first) {
      double sum = 0;
      for (std::size_t i = first; i < first + 9; ++i) sum += whole[i] / 9;
      return sum;
    };
    CHECK(mean(27) < 0.6 * mean(0));
  }
}

}  // namespace ofer::test
