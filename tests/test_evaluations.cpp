// Evaluations of models of which the figures are known beforehand, and beside plain computations
// that run one picture after the other.
#include <doctest/doctest.h>

#include <numeric>
#include <optional>

#include "engine/image_resize.h"
#include "ofer/data/patch_masks.h"
#include "ofer/eval/auroc.h"
#include "ofer/eval/case_pictures.h"
#include "ofer/eval/curve_eval.h"
#include "ofer/eval/detection_eval.h"
#include "ofer/eval/eval_covers.h"
#include "ofer/eval/recognition_eval.h"
#include "ofer/eval/reconstruction_eval.h"
#include "ofer/eval/resize_planes.h"
#include "tests/support/error_of.h"
#include "tests/support/eval_models.h"
#include "tests/support/rgba_png.h"

namespace ofer::test {
namespace {

constexpr std::size_t kHappiness = 3;

std::string text_of(const Section& section) {
  return report_text({"", {}, {section}}, {200, false});
}

const DetectionFigures& row(const DetectionEval& eval, const std::string& name) {
  for (const DetectionEval::Row& r : eval.rows)
    if (r.covers == name) return r.figures;
  throw std::runtime_error("no row " + name);
}

// Two kinds of cut-outs: large opaque boxes and small ones.
CutoutSet boxes() {
  CutoutSet set;
  for (const char* kind : {"box", "hand"}) {
    Cutout cutout;
    cutout.name = cutout.kind = kind;
    cutout.width = cutout.height = 8;
    cutout.pixels.assign(64, {0.9f, 0.1f, 0.1f, 1});
    set.cutouts.push_back(cutout);
  }
  return set;
}

// Planes are given: 0.2 grey faces.
EvalFaces grey_faces(int count) {
  EvalFaces faces = drawn_faces(std::vector<std::int32_t>(static_cast<std::size_t>(count), 0));
  faces.picture = [](std::size_t) { return Image(32, 32, {51, 51, 51}); };
  return faces;
}

}  // namespace

TEST_SUITE("evaluations") {
  TEST_CASE("detection: what finds everything, and what finds nothing") {
    const EvalFaces faces = drawn_faces({0, 1, 2, 3});
    const CutoutSet cutouts = boxes();
    for (const bool everything : {true, false}) {
      CAPTURE(everything);
      Pipeline pipeline = model_of(runnable_config(), radius(everything ? 0.0f : 1e6f));
      const DetectionEval eval = evaluate_detection(pipeline, faces, &cutouts, quick());
      REQUIRE(eval.rows.size() == 1 + 2 * 2 + 3);
      for (const DetectionEval::Row& r : eval.rows) {
        CAPTURE(r.covers);
        const BinaryCounts& n = r.figures.counts;
        // Pictures of each face: one uncovered, two kinds sharp, two kinds blurred.
        const int pictures = r.covers == "uncovered"         ? 1
                             : r.covers == "all"             ? 5
                             : r.covers.starts_with("all, ") ? 3
                                                             : 1;
        CHECK(r.figures.images == 4 * pictures);
        CHECK(r.figures.units == 4);
        CHECK(n.total() + r.figures.left_out == 4 * pictures * 16);
        const double covered = static_cast<double>(n.covered()) / static_cast<double>(n.total());
        const double clean = static_cast<double>(n.clean()) / static_cast<double>(n.total());
        CHECK(r.figures.accuracy.value == (everything ? covered : clean));
        if (r.covers == "uncovered") {
          CHECK(n.covered() == 0);
          continue;
        }
        CHECK(n.covered() > 0);
        CHECK(r.figures.recall.value == (everything ? 1.0 : 0.0));
        CHECK(r.figures.precision.value == (everything ? std::optional(covered) : std::nullopt));
      }
      // The groups add up.
      const auto covered = [&](const char* name) { return row(eval, name).counts.covered(); };
      CHECK(covered("all, sharp") == covered("box, sharp") + covered("hand, sharp"));
      CHECK(covered("all") == covered("all, sharp") + covered("all, blurred"));
      CHECK(row(eval, "all").counts.clean() == row(eval, "all, sharp").counts.clean() +
                                                   row(eval, "all, blurred").counts.clean() -
                                                   row(eval, "uncovered").counts.clean());
      CHECK(row(eval, "uncovered").counts.clean() == 4 * 16);
      const std::string text = text_of(eval.section);
      CHECK(has(text, "rule of this project (ofer/data/cutouts.cpp)"));
      CHECK(has(text, "Resampled by face: 4 units"));
    }
  }

  TEST_CASE("detection ranks by the pipeline's distance, radii by position or not") {
    for (const bool by_position : {false, true}) {
      CAPTURE(by_position);
      Config config = runnable_config();
      config.detector.spheres[0].by_position = by_position;
      Pipeline pipeline = model_of(config);
      const EvalFaces faces = drawn_faces({0, 1, 2});
      EvalOptions options = quick();
      const DetectionEval eval = evaluate_detection(pipeline, faces, nullptr, options);
      REQUIRE(eval.rows.size() == 1 + 2 * (7 + 1) + 3);  // shapes, and pieces of other faces

      const EvalPasses passes(pipeline, faces, options);
      const EvalCovers covers(passes, faces, nullptr, options.seed);
      std::vector<float> scores;
      std::vector<std::uint8_t> positive;
      BinaryCounts counts;
      const auto strokes = static_cast<std::size_t>(
          std::find(covers.kinds().begin(), covers.kinds().end(), "strokes") -
          covers.kinds().begin());
      for (std::size_t i = 0; i < faces.size(); ++i) {
        const Occlusion covered = covers.of_kind(strokes, true, i);
        const Result r = pipeline.run(std::span(&covered.picture, 1), {})[0];
        for (std::size_t l = 0; l < covered.patches.size(); ++l) {
          if (covered.patches[l] == PatchState::kNeither) continue;
          const bool truth = covered.patches[l] == PatchState::kCovered;
          const bool found = r.distance[l] > r.radius * r.radius;
          scores.push_back(r.distance[l]);
          positive.push_back(truth);
          ++(truth ? (found ? counts.true_positive : counts.false_negative)
                   : (found ? counts.false_positive : counts.true_negative));
        }
      }
      const DetectionFigures& got = row(eval, "strokes, blurred");
      CHECK(got.auroc.value == auroc(scores, positive));
      CHECK(got.counts.true_positive == counts.true_positive);
      CHECK(got.counts.false_positive == counts.false_positive);
      CHECK(got.counts.true_negative == counts.true_negative);
      CHECK(got.counts.false_negative == counts.false_negative);
    }
  }

  TEST_CASE("covers: the blurred one is the sharp one, softened; others change nothing") {
    Pipeline pipeline = model_of(runnable_config());
    const EvalOptions options = quick();
    const EvalFaces faces = drawn_faces({0, 1, 2, 3});
    EvalFaces last = drawn_faces({3});
    last.faces[0].number = 3;
    last.picture = [](std::size_t) { return drawn_face(3); };
    const CutoutSet cutouts = boxes();
    const EvalPasses passes(pipeline, faces, options), alone(pipeline, last, options);
    const EvalCovers covers(passes, faces, &cutouts, 7), same(alone, last, &cutouts, 7);
    const Occlusion sharp = covers.of_kind(0, false, 3), blurred = covers.of_kind(0, true, 3);
    CHECK(sharp.picture != blurred.picture);
    // Softening moves an edge, not the cover.
    int moved = 0;
    for (std::size_t i = 0; i < sharp.coverage.size(); ++i)
      moved += (sharp.coverage[i] >= 128) != (blurred.coverage[i] >= 128);
    CHECK(moved < 40);
    CHECK(sharp.picture == same.of_kind(0, false, 0).picture);
    CHECK(covers.any(3).picture == same.any(0).picture);
    CHECK(covers.kinds() == std::vector<std::string>{"box", "hand"});
    // Without another face there is nothing to cut pieces out of.
    CHECK(EvalCovers(alone, last, nullptr, 7).kinds().back() == "bands");
    CHECK(EvalCovers(passes, faces, nullptr, 7).kinds().back() == "piece");
  }

  TEST_CASE("reconstruction: painters whose errors are known") {
    // The decoder predicts 0, which is the mean colour of the normalisation; the U-Net 0, which is
    // half grey; the faces are one grey, so that their mean colour is right.
    Pipeline pipeline = model_of(runnable_config(), {{"mae.decoder.predict.weight", {0}},
                                                     {"mae.decoder.predict.bias", {0}},
                                                     {"unet.level0.out.weight", {0}},
                                                     {"unet.level0.out.bias", {0}}});
    const ReconstructionEval eval = evaluate_reconstruction(pipeline, grey_faces(3), 0.2, quick());
    REQUIRE(eval.rows.size() == 6);
    const double hybrid = -20 * std::log10(0.5 - 0.2);
    double square = 0;
    for (const double mean : pipeline.network().config().mean)
      square += (mean - 0.2) * (mean - 0.2) / 3;
    const double coarse = -10 * std::log10(square);
    for (const ReconstructionEval::Row& r : eval.rows) {
      CAPTURE(r.patches);
      CAPTURE(r.painter);
      if (r.painter == "mean colour") {
        CHECK(r.equal == 3);
        CHECK(!r.hole_psnr.value);
        CHECK(r.ssim.value == doctest::Approx(1));
      } else if (r.painter == "coarse") {
        CHECK(r.equal == 0);
        CHECK(*r.hole_psnr.value == doctest::Approx(coarse).epsilon(1e-5));
        // 3 of 16 patches, the others without error.
        CHECK(*r.psnr.value == doctest::Approx(coarse + 10 * std::log10(16 / 3.0)).epsilon(1e-5));
      } else {
        CHECK(*r.hole_psnr.value == doctest::Approx(hybrid).epsilon(1e-5));
        CHECK(*r.psnr.value == doctest::Approx(hybrid).epsilon(1e-5));
      }
      CHECK(estimate(r.ssim).interval.has_value());
    }
    const std::string text = text_of(eval.section);
    CHECK(has(text, "3 holes were painted without any error"));
    CHECK(has(text, "3 of 16 patches"));
  }

  TEST_CASE("reconstruction without a U-Net has no hybrid, and says so; the mask is given") {
    Config config = runnable_config();
    config.unet.reset();
    config.detector.spheres.clear();
    Pipeline pipeline = model_of(config);
    const EvalFaces faces = drawn_faces({0, 1, 2, 3, 4});
    const ReconstructionEval eval = evaluate_reconstruction(pipeline, faces, 0.2, quick());
    REQUIRE(eval.rows.size() == 4);
    CHECK(has(text_of(eval.section), "the model has no U-Net"));
    for (const double share : {0.0, 0.01, 1.0})
      CHECK(has(error_of([&] { evaluate_reconstruction(pipeline, faces, share, quick()); }),
                "at least one has to be covered"));
  }

  TEST_CASE("recognition: one answer to everything") {
    Pipeline pipeline = model_of(runnable_config(), always(kHappiness));
    const EvalFaces faces = drawn_faces({3, 3, 3, 0, 5, -1, 3});
    const CutoutSet cutouts = boxes();
    const RecognitionEval eval = evaluate_recognition(pipeline, faces, &cutouts, quick());
    CHECK(eval.unlabelled == 1);
    // Without all latents, for which a fixed list has no place.
    REQUIRE(eval.clean.size() == 4);
    REQUIRE(eval.covered.size() == 5);
    for (const auto* rows : {&eval.clean, &eval.covered})
      for (const RecognitionEval::Row& r : *rows) {
        CAPTURE(r.name);
        CHECK(r.figures.images == 6);
        CHECK(*r.figures.accuracy.value == doctest::Approx(4 / 6.0));
        CHECK(*r.figures.balanced_accuracy.value == doctest::Approx(1 / 3.0));
        CHECK(r.figures.recall[3].value == 1.0);
        CHECK(r.figures.recall[0].value == 0.0);
        CHECK(!r.figures.recall[1].value);
      }
    REQUIRE(!eval.gains.empty());
    for (const RecognitionEval::Gain& gain : eval.gains) {
      CHECK(gain.accuracy.value == 0.0);
      CHECK(gain.accuracy.interval == Interval{0, 0});
    }
    const std::string text = text_of(eval.section);
    CHECK(has(text, "1 faces have no label"));
    CHECK(has(text, "No face is labelled fear, disgust, sadness, neutral"));
    CHECK(has(text, "No rows with all latents"));
    CHECK(!has(text, "of one class"));
  }

  TEST_CASE("recognition: the rows are the passes that they say") {
    Config config = runnable_config();
    config.recogniser.latent_selection = LatentSelection::kCam;
    config.recogniser.latent_patches.clear();
    for (const bool detector : {true, false}) {
      CAPTURE(detector);
      if (!detector) config.detector.spheres.clear();
      Pipeline pipeline = model_of(config, detector ? radius(2.5f) : Overrides{});
      const std::vector<std::int32_t> labels{0, 1, 2, 3, 4, 5, 6, 0, 1, 2};
      const EvalFaces faces = drawn_faces(labels);
      const CutoutSet cutouts = boxes();
      const EvalOptions options = quick();
      const RecognitionEval eval = evaluate_recognition(pipeline, faces, &cutouts, options);
      CHECK(eval.clean.size() == (detector ? 6 : 3));
      CHECK(eval.covered.size() == (detector ? 7 : 6));
      const EvalPasses passes(pipeline, faces, options);
      const EvalCovers covers(passes, faces, &cutouts, options.seed);
      for (const auto* rows : {&eval.clean, &eval.covered})
        for (const RecognitionEval::Row& r : *rows) {
          CAPTURE(r.name);
          Request request;
          request.mask = has(r.name, "without")              ? MaskSource::kNone
                         : detector && !has(r.name, "exact") ? MaskSource::kDetect
                                                             : MaskSource::kGiven;
          request.latent_use = has(r.name, "chosen") ? LatentUse::kChosen
                               : has(r.name, "all")  ? LatentUse::kAll
                                                     : LatentUse::kNone;
          std::vector<std::int32_t> answers;
          for (std::size_t i = 0; i < faces.size(); ++i) {
            Occlusion covered = covers.any(i);
            const Image picture = rows == &eval.clean ? drawn_face(i) : covered.picture;
            answers.push_back(
                pipeline.run(std::span(&picture, 1), request, covered.mask())[0].label);
          }
          CHECK(r.figures.confusion.counts == confusion_matrix(labels, answers, 7).counts);
        }
    }
  }

  TEST_CASE("recognition without labels, with one class, with labels that cannot be") {
    Pipeline pipeline = model_of(runnable_config(), always(kHappiness));
    const RecognitionEval none =
        evaluate_recognition(pipeline, drawn_faces({-1, -1}), nullptr, quick());
    CHECK(none.clean.empty());
    CHECK(none.unlabelled == 2);
    CHECK(has(text_of(none.section), "Not measured"));
    const RecognitionEval one =
        evaluate_recognition(pipeline, drawn_faces({3, 3}), nullptr, quick());
    CHECK(one.covered.front().figures.accuracy.value == 1.0);
    CHECK(has(text_of(one.section), "all faces are of one class"));
    CHECK(has(error_of([&] {
                evaluate_recognition(pipeline, drawn_faces({0, 7}), nullptr, quick());
              }),
              "label 7 of 7"));
    CHECK(evaluate_curves(pipeline, drawn_faces({-1}), quick()).lines.empty());
  }

  TEST_CASE("curves: four lines from one point, and the passes that they say") {
    Pipeline pipeline = model_of(runnable_config());
    const std::vector<std::int32_t> labels{0, 1, 2, 3, 4, 5, 6, 4};
    // Every face is labelled by what the model takes it for, so that the clean accuracy is 1 and
    // falls.
    EvalFaces faces = drawn_faces(labels);
    Request clean;
    clean.mask = MaskSource::kNone;
    clean.grad_cam = true;
    std::vector<Result> seen;
    for (std::size_t i = 0; i < faces.size(); ++i) {
      const Image face = drawn_face(i);
      seen.push_back(pipeline.run(std::span(&face, 1), clean)[0]);
      faces.faces[i].label = seen.back().label;
    }
    EvalOptions options = quick();
    std::size_t last = 0, all = 0;
    options.progress = [&](std::size_t done, std::size_t total) {
      CHECK(done > last);
      last = done;
      all = total;
      return true;
    };
    const CurveEval eval = evaluate_curves(pipeline, faces, options);
    CHECK(last == faces.size() * 37);
    CHECK(all == last);
    REQUIRE(eval.lines.size() == 4);
    REQUIRE(eval.shares.size() == 10);
    for (const CurveEval::Line& line : eval.lines) {
      REQUIRE(line.accuracy.size() == 10);
      CHECK(line.accuracy[0].value == 1.0);
    }
    const PatchGrid grid{4, 4};
    for (const std::size_t k : {3, 7}) {
      const std::size_t count = k == 3 ? 5 : 11;  // of 16
      for (std::size_t l = 0; l < 4; ++l) {
        CAPTURE(eval.lines[l].name);
        const bool random = l < 2, with = l % 2 == 1;
        CHECK(has(eval.lines[l].name, random ? "random" : "grad"));
        CHECK(has(eval.lines[l].name, with ? "with reconstruction" : "without"));
        double right = 0;
        for (std::size_t i = 0; i < faces.size(); ++i) {
          SeededNumbers numbers = numbers_for(options.seed, 0, i, RandomPurpose::kOcclude);
          const std::vector<std::uint8_t> mask =
              random ? random_patches(grid, count, numbers)
                     : leading_patches(resize_planes(seen[i].grad_cam, 4, 4).values, count);
          CHECK(std::accumulate(mask.begin(), mask.end(), std::size_t{0}) == count);
          Image picture = drawn_face(i);
          for (int y = 0; y < 32; ++y)
            for (int x = 0; x < 32; ++x)
              if (mask[static_cast<std::size_t>(y / 8 * 4 + x / 8)]) {
                picture.at(x, y)[0] = 124, picture.at(x, y)[1] = 116, picture.at(x, y)[2] = 104;
              }
          Request request;
          request.mask = with ? MaskSource::kGiven : MaskSource::kNone;
          right +=
              pipeline.run(std::span(&picture, 1), request, mask)[0].label == faces.faces[i].label;
        }
        CHECK(*eval.lines[l].accuracy[k].value == right / static_cast<double>(faces.size()));
      }
    }
  }

  TEST_CASE("a batch changes no figure, a seed does, and a caller may stop") {
    Pipeline pipeline = model_of(runnable_config());
    const EvalFaces faces = drawn_faces({0, 1, 2, 3, 4});
    const auto all = [&](const EvalOptions& options) {
      Report report{"", {}, {}};
      report.sections.push_back(evaluate_detection(pipeline, faces, nullptr, options).section);
      report.sections.push_back(evaluate_reconstruction(pipeline, faces, 0.2, options).section);
      report.sections.push_back(evaluate_recognition(pipeline, faces, nullptr, options).section);
      report.sections.push_back(evaluate_curves(pipeline, faces, options).section);
      return report_json(report).dump() + report_html(report);
    };
    EvalOptions options = quick();
    const std::string once = all(options);
    options.batch = 7;
    CHECK(all(options) == once);
    options.seed = 2;
    CHECK(all(options) != once);
    int told = 0;
    options.progress = [&](std::size_t, std::size_t) { return ++told < 2; };
    CHECK(
        has(error_of([&] { evaluate_detection(pipeline, faces, nullptr, options); }), "cancelled"));
    CHECK(told == 2);
    options = quick();
    options.batch = 0;
    CHECK(has(error_of([&] { evaluate_detection(pipeline, faces, nullptr, options); }),
              "at least one picture"));
    CHECK(has(error_of([&] { evaluate_detection(pipeline, drawn_faces({}), nullptr, quick()); }),
              "at least one face"));
    EvalFaces holes = faces;
    holes.picture = [](std::size_t i) { return i == 2 ? Image() : drawn_face(i); };
    CHECK(has(error_of([&] { evaluate_reconstruction(pipeline, holes, 0.2, quick()); }),
              "face 2 (face2) has no picture"));
    Config config = runnable_config();
    config.detector.spheres.clear();
    Pipeline without = model_of(config);
    const DetectionEval skipped = evaluate_detection(without, faces, nullptr, quick());
    CHECK(skipped.rows.empty());
    CHECK(has(text_of(skipped.section), "no detector"));
  }

  TEST_CASE("planes are resized as pictures are") {
    const Image image = drawn_face(5, 24);
    Planes planes{3, 24, 24, std::vector<float>(3 * 24 * 24)};
    image_to_planes(image, 24, 24, planes.values.data());
    for (const auto& [height, width] : {std::pair(7, 40), std::pair(24, 24), std::pair(31, 9)}) {
      const Planes got = resize_planes(planes, height, width);
      std::vector<float> expected(static_cast<std::size_t>(3 * height * width));
      image_to_planes(image, width, height, expected.data());
      REQUIRE(got.values.size() == expected.size());
      CHECK(got.height == height);
      for (std::size_t i = 0; i < expected.size(); ++i)
        CHECK(std::fabs(got.values[i] - expected[i]) <= 1e-6f);
    }
    CHECK(has(error_of([&] { resize_planes({1, 2, 2, {1}}, 4, 4); }), "1 values for 1 x 2 x 2"));
    CHECK(has(error_of([&] { resize_planes(planes, 0, 4); }), "at least 1"));
  }

  TEST_CASE("best and worst cases") {
    const double nan = std::nan("");
    const std::vector<double> scores{0.5, nan, 0.9, 0.1, 0.7, 0.3};
    CHECK(extremes(scores, 2).best == std::vector<std::size_t>{2, 4});
    CHECK(extremes(scores, 2).worst == std::vector<std::size_t>{3, 5});
    CHECK(extremes(scores, 9).best == std::vector<std::size_t>{2, 4, 0});
    CHECK(extremes(scores, 9).worst == std::vector<std::size_t>{3, 5});  // none is in both
    CHECK(extremes(std::vector<double>{1}, 3).best.size() == 1);
    CHECK(extremes(std::vector<double>{nan}, 3).best.empty());
    const Image red(4, 6, {200, 0, 0}), blue(2, 6, {0, 0, 200});
    const Image panels[] = {red, blue};
    const Image sheet = side_by_side(panels);
    CHECK(sheet.width == 4 + 2 + 2);
    CHECK(sheet.at(0, 5)[0] == 200);
    CHECK(sheet.at(4, 0)[1] == 255);
    CHECK(sheet.at(7, 3)[2] == 200);
    const Image uneven[] = {red, Image(3, 3)};
    CHECK(has(error_of([&] { side_by_side(uneven); }), "side by side"));
    CHECK(has(error_of([&] { side_by_side({}); }), "no pictures"));
    const std::vector<std::uint8_t> mask{1, 0};
    const Image tint = tinted(red, {1, 2}, mask, {0, 100, 0});
    CHECK(tint.at(1, 2)[0] == 100);
    CHECK(tint.at(1, 2)[1] == 50);
    CHECK(tint.at(2, 2)[0] == 200);
  }
}

}  // namespace ofer::test
