// The recogniser of layers and the one that is folded from it are one function.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "tests/support/command.h"
#include "tests/support/device_pipeline.h"
#include "tests/support/error_of.h"
#include "tests/support/random.h"
#include "weights/fold.h"
#include "weights/weight_file.h"

namespace ofer::test {
namespace {

using Values = std::map<std::string, std::vector<float>, std::less<>>;

// A network of layers in which no batch norm is the identity.
Config layered(LatentSelection selection) {
  Config config = runnable_config();
  config.recogniser.structure = RecogniserStructure::kLayers;
  config.recogniser.latent_selection = selection;
  if (selection == LatentSelection::kCam) config.recogniser.latent_patches.clear();
  return config;
}

Values random_weights(const Config& config) {
  Values all;
  for (const TensorSpec& spec :
       tensor_table(config, static_cast<std::int64_t>(default_labels().size()))) {
    std::vector<float>& values = all[spec.name];
    values.resize(static_cast<std::size_t>(spec.shape.elements()));
    Random random(seed_of(spec.name, 5));
    const double fan_in =
        spec.shape.rank() > 1 ? static_cast<double>(spec.shape.elements() / spec.shape[0]) : 4;
    const bool positive = spec.name.ends_with(".variance") || spec.name.ends_with("radius");
    for (float& v : values)
      v = static_cast<float>(positive ? random.between(0.3, 2)
                                      : random.between(-1, 1) * std::sqrt(3 / fan_in));
  }
  return all;
}

class Input final : public FoldInput {
 public:
  Input(const Values& values, const Config& config) : values_(values) {
    for (const TensorSpec& spec :
         tensor_table(config, static_cast<std::int64_t>(default_labels().size())))
      shapes_[spec.name] = spec.shape;
  }
  Shape shape(const std::string& name) const override {
    const auto found = shapes_.find(name);
    return found == shapes_.end() ? Shape() : found->second;
  }
  void read(const std::string& name, std::int64_t first, std::span<double> out) const override {
    const std::vector<float>& all = values_.at(name);
    REQUIRE(static_cast<std::size_t>(first) + out.size() <= all.size());
    std::copy_n(all.begin() + first, out.size(), out.begin());
  }

 private:
  const Values& values_;
  std::map<std::string, Shape, std::less<>> shapes_;
};

void write(const std::filesystem::path& path, const Config& config, const Values& values) {
  WeightInfo info;
  info.config = config;
  write_weights(path, info, [&](const TensorSpec& spec) -> TensorFill {
    const std::vector<float>& all = values.at(spec.name);
    REQUIRE(static_cast<std::int64_t>(all.size()) == spec.shape.elements());
    return [&all](std::uint64_t offset, std::span<std::byte> out) {
      std::memcpy(out.data(), reinterpret_cast<const char*>(all.data()) + offset, out.size());
    };
  });
}

std::vector<double> logits_of(const std::filesystem::path& weights, Precision precision) {
  Pipeline pipeline = pipeline_on(weights.string(), DeviceKind::kCpu, precision);
  std::vector<double> logits;
  pipeline.session().set_tap([&](std::string_view name, const Tensor& tensor) {
    if (name != "recognise/logits") return;
    for (std::int64_t i = 0; i < tensor.elements(); ++i)
      logits.push_back(precision == Precision::kF64 ? tensor.data<double>()[i]
                                                    : double{tensor.data<float>()[i]});
  });
  Request request;
  request.mask = MaskSource::kGiven;
  const std::vector<std::uint8_t> mask = scattered_mask(3, runnable_config().patch_count());
  pipeline.run(smooth_pictures(3), request, mask);
  return logits;
}

TEST_SUITE("fold") {
  TEST_CASE("folded against layers: within 1e-5 of the largest logit") {
    for (const LatentSelection selection : {LatentSelection::kFixed, LatentSelection::kCam}) {
      const Config config = layered(selection);
      const auto classes = static_cast<std::int64_t>(default_labels().size());
      Values values = random_weights(config);
      const Folded folded = fold_recogniser(Input(values, config), config, classes, 2);
      const TemporaryFolder folder;
      write(folder / "layers", config, values);
      Config target = config;
      target.recogniser.structure = RecogniserStructure::kFolded;
      for (const auto& [name, tensor] : folded.tensors) values[name] = tensor;
      write(folder / "folded", target, values);
      for (const Precision precision : {Precision::kF32, Precision::kF64}) {
        const std::vector<double> expected = logits_of(folder / "layers", precision);
        const std::vector<double> got = logits_of(folder / "folded", precision);
        REQUIRE(expected.size() == 3 * static_cast<std::size_t>(classes));
        REQUIRE(got.size() == expected.size());
        double largest = 0, off = 0;
        for (std::size_t i = 0; i < got.size(); ++i) {
          largest = std::max(largest, std::fabs(expected[i]));
          off = std::max(off, std::fabs(got[i] - expected[i]));
        }
        CHECK(std::isfinite(largest));
        CHECK(largest > 1e-3);
        CHECK_MESSAGE(off <= 1e-5 * largest, (off / largest));
        CHECK(off > 0);  // they are two computations
      }
    }
  }

  TEST_CASE("every fold tells its error, which is one of rounding; threads change nothing") {
    const Config config = layered(LatentSelection::kFixed);
    const Values values = random_weights(config);
    const Input input(values, config);
    const auto classes = static_cast<std::int64_t>(default_labels().size());
    const Folded one = fold_recogniser(input, config, classes, 1);
    CHECK(one.errors.size() > 5);
    for (const FoldError& error : one.errors) {
      INFO(error.name);
      CHECK(error.in_double <= 1e-13);
      CHECK(error.in_float <= 1e-5);
      CHECK(error.in_float > error.in_double);
    }
    CHECK(fold_recogniser(input, config, classes, 3).tensors == one.tensors);
    // All that the folded structure asks for, and nothing else.
    Config target = config;
    target.recogniser.structure = RecogniserStructure::kFolded;
    std::size_t wanted = 0;
    for (const TensorSpec& spec : tensor_table(target, classes)) {
      if (!spec.name.starts_with("recogniser.")) continue;
      ++wanted;
      const auto found = one.tensors.find(spec.name);
      REQUIRE_MESSAGE(found != one.tensors.end(), spec.name);
      CHECK(static_cast<std::int64_t>(found->second.size()) == spec.shape.elements());
    }
    CHECK(one.tensors.size() == wanted);
  }

  TEST_CASE("a variance that is none is refused by name") {
    const Config config = layered(LatentSelection::kFixed);
    for (const float wrong : {-1.0f, NAN}) {
      Values values = random_weights(config);
      values.at("recogniser.stem.bn.variance")[0] = wrong;
      CHECK(has(error_of([&] { fold_recogniser(Input(values, config), config, 7, 1); }),
                "recogniser.stem.bn.variance"));
    }
  }
}

}  // namespace
}  // namespace ofer::test
