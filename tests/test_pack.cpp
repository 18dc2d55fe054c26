// `ofer pack`: what is shipped computes what was trained.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "ofer/pipeline.h"
#include "tests/support/command.h"
#include "tests/support/device_pipeline.h"
#include "tests/support/error_of.h"
#include "weights/pack.h"

namespace ofer::test {
namespace {

std::vector<Result> results_of(const std::string& weights) {
  const std::vector<Image> images = smooth_pictures(2);
  Request request = everything();
  request.mask = MaskSource::kGiven;
  return pipeline_on(weights, DeviceKind::kCpu)
      .run(images, request, scattered_mask(2, runnable_config().patch_count()));
}

}  // namespace

TEST_SUITE("pack") {
  TEST_CASE("folded in f32 the results stay; narrow numbers move them by their rounding") {
    const TemporaryFolder folder;
    const std::vector<Result> expected = results_of(tiny_weights());
    const auto check = [&](DType dtype, bool keep, double tolerance) {
      CAPTURE(static_cast<int>(dtype));
      const std::filesystem::path path = folder / "packed.safetensors";
      const std::vector<FoldError> errors =
          pack_weights(tiny_weights(), path, {.dtype = dtype, .keep_structure = keep});
      CHECK(errors.empty() == keep);
      const LoadedWeights loaded = load_weights(path);
      CHECK((loaded.config.recogniser.structure == RecogniserStructure::kFolded) == !keep);
      CHECK_FALSE(loaded.trained);
      for (const auto& [name, tensor] : *loaded.model) CHECK(tensor.dtype() == dtype);
      const std::vector<Result> got = results_of(path.string());
      for (std::size_t i = 0; i < got.size(); ++i) {
        for (std::size_t c = 0; c < got[i].probabilities.size(); ++c)
          CHECK(std::fabs(got[i].probabilities[c] - expected[i].probabilities[c]) <= tolerance);
        CHECK(relative_difference(expected[i].coarse.values, got[i].coarse.values) <= tolerance);
      }
      return std::filesystem::file_size(path);
    };
    const auto wide = check(DType::kF32, false, 1e-5);
    const auto half = check(DType::kF16, false, 5e-3);
    check(DType::kBF16, false, 4e-2);
    check(DType::kF32, true, 0);
    CHECK(half < 0.7 * static_cast<double>(wide));
  }

  TEST_CASE("the command") {
    const TemporaryFolder folder;
    const std::string out = (folder / "w.safetensors").string();
    const Ran ran = run_ofer({"pack", "-m", tiny_weights(), "-o", out, "--licence", "for a test"});
    CHECK(ran.code == 0);
    CHECK(has(ran.out, "f16, "));
    CHECK(has(ran.out, "folded within "));
    // What is folded stays folded, and cannot be trained.
    const std::string again = (folder / "again.safetensors").string();
    CHECK(run_ofer({"pack", "-m", out, "-o", again, "--dtype", "f32"}).code == 0);
    CHECK(run_ofer({"train", "mae", "-m", again, "--data", folder / "", "-o", folder / "run"})
              .error_says("is folded"));
    CHECK(run_ofer({"inspect", out}).json().at(0)["licence"] == "for a test");
    CHECK(run_ofer({"inspect", again}).json().at(0)["licence"] == "for a test");
    // The same bytes twice.
    CHECK(run_ofer({"pack", "-m", tiny_weights(), "-o", again, "--licence", "for a test"}).code ==
          0);
    CHECK(read_file(again) == read_file(out));
    CHECK(run_ofer({"pack", "-m", tiny_weights(), "-o", again, "--dtype", "f64"}).code == 2);
    CHECK(run_ofer({"pack", "-m", folder / "none", "-o", again}).code == 3);
    CHECK(run_ofer({"pack", "-m", tiny_weights(), "-o", folder / "no/where"}).code == 3);
  }

  TEST_CASE("without its U-Net a model is smaller, and restores by the autoencoder alone") {
    const TemporaryFolder folder;
    pack_weights(tiny_weights(), folder / "w", {.dtype = DType::kF32, .leave_unet = true});
    CHECK_FALSE(load_weights(folder / "w").config.unet.has_value());
    const std::vector<Result> whole = results_of(tiny_weights()),
                              without = results_of((folder / "w").string());
    CHECK(without[0].coarse.values == whole[0].coarse.values);
    CHECK(without[0].restored.width == runnable_config().image_size);
  }

  TEST_CASE("a number that f16 cannot hold is named, and nothing is written") {
    const TemporaryFolder folder;
    const LoadedWeights loaded = load_weights(tiny_weights());
    WeightInfo info;
    info.config = loaded.config;
    info.provenance = info.licence = "test";
    std::vector<float> large;
    write_weights(folder / "large", info, [&](const TensorSpec& spec) {
      const Tensor tensor = loaded.model->find(spec.name);
      if (spec.name != "mae.decoder.mask_token") return fill_from(tensor);
      large.assign(static_cast<std::size_t>(tensor.elements()), 70000.0f);
      return fill_from(Tensor(large.data(), tensor.shape(), DType::kF32));
    });
    CHECK(has(error_of([&] { pack_weights(folder / "large", folder / "out", {}); }),
              "mae.decoder.mask_token"));
    CHECK_FALSE(std::filesystem::exists(folder / "out"));
    CHECK(error_of([&] {
            pack_weights(folder / "large", folder / "out", {.dtype = DType::kBF16});
          }).empty());
  }
}

}  // namespace ofer::test
