// Training beside the PyTorch twin in double precision: one step's loss and every gradient of each
// stage, the discriminators' included, and where twenty steps of each optimiser lead.
#include <doctest/doctest.h>

#include "tests/reconstruction_twin.h"
#include "tests/support/command.h"
#include "tests/training_twin.h"

namespace ofer::test {
namespace {

std::string first_of(const std::vector<std::string>& lines) {
  return lines.empty() ? "" : lines[0];
}

void check_training(const TrainingCase& what) {
  const TrainingTwin twin(what);
  for (const Precision precision : {Precision::kF64, Precision::kF32}) {
    int compared = 0;
    const std::vector<std::string> wrong = compare_training(twin, what, precision, &compared);
    INFO(std::string(name_of(precision)), ", ", wrong.size(),
         " numbers are off; the first: ", first_of(wrong));
    CHECK(wrong.empty());
    CHECK(compared > 100);
  }
}

SphereConfig kernel_sphere() {
  SphereConfig sphere;
  sphere.kind = SphereKind::kKernel;
  sphere.taps = {"block00", "norm"};
  sphere.support = 5;
  sphere.gamma = 0.02;
  sphere.by_position = true;
  return sphere;
}

}  // namespace

TEST_SUITE("training_reference") {
  TEST_CASE("autoencoder") {
    TrainingCase what{.stage = Stage::kMae, .config = runnable_config()};
    SUBCASE("SGD") {
      what.optimiser = {.kind = OptimiserKind::kSgd, .momentum = 0.9, .weight_decay = 0.02};
      what.rate = 0.01;
    }
    SUBCASE("patches standardised, Adam") {
      what.config.decoder.norm_pix_loss = true;
      what.optimiser = {.kind = OptimiserKind::kAdam, .weight_decay = 0.02};
      what.rate = 1e-3;
    }
    SUBCASE("AdamW, gradients clipped") {
      what.optimiser = {.kind = OptimiserKind::kAdamW, .weight_decay = 0.5, .clip = 0.5};
      what.rate = 1e-3;
    }
    check_training(what);
  }

  TEST_CASE("spheres") {
    TrainingCase what{.stage = Stage::kSvdd, .config = runnable_config()};
    DetectorConfig& detector = what.config.detector;
    SUBCASE("covered patches pushed out, the encoder trained along, Adam") {
      what.svdd = {.outside_weight = 0.7, .margin = 2};
      what.optimiser = {.kind = OptimiserKind::kAdam, .weight_decay = 1e-3};
      what.rate = 1e-3;
    }
    SUBCASE("soft boundary, several spheres, by position, pushed by the inverse, SGD") {
      SphereConfig second = detector.spheres[0];
      second.taps = {"block00", "block01"};
      second.by_position = true;
      second.widths = {8};
      detector.spheres.push_back(second);
      what.svdd = {.soft_boundary = true, .nu = 0.3, .outside_weight = 3, .inverse = true};
      what.optimiser = {.kind = OptimiserKind::kSgd, .momentum = 0, .weight_decay = 0.1, .clip = 2};
      what.rate = 0.01;
    }
    SUBCASE("an encoder of its own, kernel spheres, AdamW") {
      detector.encoder = EncoderConfig{16, 3, 2, 24};
      detector.spheres.push_back(kernel_sphere());
      what.svdd = {.outside_weight = 0.5};
      what.optimiser = {.kind = OptimiserKind::kAdamW, .weight_decay = 0.1};
      what.rate = 1e-3;
    }
    check_training(what);
  }

  TEST_CASE("recogniser") {
    TrainingCase what{.stage = Stage::kRecognise, .config = runnable_config(), .batch = 16};
    RecogniserConfig& recogniser = what.config.recogniser;
    what.optimiser = {.kind = OptimiserKind::kSgd, .momentum = 0.9, .weight_decay = 0.01};
    what.rate = 1e-3;
    SUBCASE("restored by the U-Net, classes weighted, Nesterov") {
      what.weigh_classes = true;
      what.optimiser.nesterov = true;
    }
    SUBCASE("no U-Net, heads that attend to space first, latents chosen by attention") {
      what.config.unet.reset();
      recogniser.head_order = HeadOrder::kSpatialFirst;
      recogniser.latent_selection = LatentSelection::kCam;
      recogniser.latent_patches.clear();
    }
    SUBCASE("folded, latents of the encoder, AdamW") {
      recogniser.structure = RecogniserStructure::kFolded;
      recogniser.latent_source = LatentSource::kEncoderNorm;
      what.optimiser = {.kind = OptimiserKind::kAdamW, .weight_decay = 0.1, .clip = 1};
      what.rate = 1e-3;
    }
    check_training(what);
  }

  TEST_CASE("U-Net and discriminators") {
    TrainingCase what{.stage = Stage::kReconstruct, .config = runnable_config()};
    UNetConfig& unet = *what.config.unet;
    int least = 50;  // tensors of the U-Net that some part reaches
    SUBCASE("pixels alone") {
      what.parts = {1, 0, 0, 0};
    }
    SUBCASE("consistency alone, features of the recogniser") {
      what.parts = {0, 1, 0, 0};
      least = 30;
    }
    SUBCASE("consistency alone, features of VGG-16") {
      what.parts = {0, 1, 0, 0};
      what.vgg = true;
      least = 30;
    }
    SUBCASE("expressions alone") {
      what.parts = {0, 0, 1, 0};
    }
    SUBCASE("discriminators alone, features of the recogniser") {
      what.parts = {0, 0, 0, 1};
    }
    SUBCASE("discriminators alone, features of VGG-16") {
      what.parts = {0, 0, 0, 1};
      what.vgg = true;
    }
    SUBCASE("all, the released self-assembly, colours flipped, a folded recogniser") {
      what.parts = {1, 0.1, 2, 0.7};
      unet.self_assembly = SelfAssemblyVariant::kReleased;
      unet.flip_channels = true;
      what.config.recogniser.structure = RecogniserStructure::kFolded;
    }
    SUBCASE("all, pasted into the hole, VGG-16") {
      what.parts = {1, 0.1, 2, 0.7};
      unet.composite = true;
      what.vgg = true;
    }
    const TrainingTwin twin(what);
    for (const Precision precision : {Precision::kF64, Precision::kF32}) {
      int compared = 0;
      const std::vector<std::string> wrong =
          compare_reconstruction(twin, what, precision, &compared);
      INFO(std::string(name_of(precision)), ", ", wrong.size(),
           " numbers are off; the first: ", first_of(wrong));
      CHECK(wrong.empty());
      CHECK(compared >= least + (what.parts.adversarial > 0 ? 20 : 0));
    }
  }

  // The comparison itself: what is told to the engine alone must be seen.
  TEST_CASE("another weight of a part, or another image, than the twin's is seen") {
    TrainingCase what{.stage = Stage::kReconstruct, .config = runnable_config()};
    what.parts = {1, 0.1, 2, 0.7};
    const TrainingTwin twin(what);
    const auto wrong = [&](auto&& change) {
      TrainingCase other = what;
      change(other);
      return compare_reconstruction(twin, other, Precision::kF32);
    };
    CHECK(wrong([](TrainingCase&) {}).empty());
    CHECK(!wrong([](TrainingCase& c) { c.parts.reconstruction = 1.001; }).empty());
    CHECK(!wrong([](TrainingCase& c) { c.parts.consistency = 0.1001; }).empty());
    CHECK(!wrong([](TrainingCase& c) { c.parts.semantic = 2.002; }).empty());
    CHECK(!wrong([](TrainingCase& c) { c.parts.adversarial = 0.7007; }).empty());
    CHECK(!wrong([](TrainingCase& c) { c.config.unet->composite = true; }).empty());
  }

  TEST_CASE("another momentum, decay, clip or objective than the twin's is seen") {
    TrainingCase what{.stage = Stage::kMae, .config = runnable_config()};
    what.optimiser = {.kind = OptimiserKind::kSgd,
                      .momentum = 0.9,
                      .nesterov = true,
                      .weight_decay = 0.02,
                      .clip = 1};
    what.rate = 0.01;
    const TrainingTwin twin(what);
    for (const Precision precision : {Precision::kF64, Precision::kF32}) {
      INFO(std::string(name_of(precision)));
      const auto wrong = [&](auto&& change) {
        TrainingCase other = what;
        change(other);
        return compare_training(twin, other, precision);
      };
      CHECK(wrong([](TrainingCase&) {}).empty());
      CHECK(!wrong([](TrainingCase& c) { c.optimiser.momentum = 0.899; }).empty());
      CHECK(!wrong([](TrainingCase& c) { c.optimiser.nesterov = false; }).empty());
      CHECK(!wrong([](TrainingCase& c) { c.optimiser.weight_decay = 0.0201; }).empty());
      CHECK(!wrong([](TrainingCase& c) { c.optimiser.clip = 1.001; }).empty());
      CHECK(!wrong([](TrainingCase& c) { c.rate *= 1.001; }).empty());
      CHECK(!wrong([](TrainingCase& c) { c.config.decoder.norm_pix_loss = true; }).empty());
    }
  }
}

}  // namespace ofer::test
