// `ofer verify`: what agrees passes, and a planted error is found at the tap where it begins.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <limits>

#include "tests/reference_cases.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"
#include "tools/verify_comparison.h"
#include "tools/verify_tolerance.h"
#include "weights/safetensors_writer.h"

namespace ofer {
namespace {

using nlohmann::ordered_json;
using test::has;
using test::Ran;
using test::ReferenceGrid;
using test::run_ofer;
using test::TemporaryFolder;
using test::Words;

using Metadata = std::map<std::string, std::string, std::less<>>;

// A file's tensors and metadata, to be written again with a change.
class Copy {
 public:
  explicit Copy(const std::string& path) : file_(SafetensorsFile::open(path)) {
    metadata = file_.metadata();
    metadata.erase("sha256");  // the writer's own
    for (const SafetensorsEntry& entry : file_.entries()) {
      const std::span<const std::byte> bytes = file_.bytes(entry);
      tensors.push_back({entry.name, *entry.dtype, entry.shape, {bytes.begin(), bytes.end()}});
    }
  }

  struct Item {
    std::string name;
    DType dtype;
    Shape shape;
    std::vector<std::byte> bytes;
  };
  std::vector<Item> tensors;
  Metadata metadata;

  Item& at(const std::string& name) {
    for (Item& item : tensors)
      if (item.name == name) return item;
    throw std::runtime_error("no tensor " + name);
  }
  template <class T>
  T& value(const std::string& name, std::size_t i) {
    return reinterpret_cast<T*>(at(name).bytes.data())[i];
  }
  template <class Keep>
  void keep(Keep wanted) {
    std::erase_if(tensors, [&](const Item& item) { return !wanted(item.name); });
  }

  std::string write(const std::filesystem::path& path) const {
    std::vector<TensorSource> sources;
    for (const Item& item : tensors)
      sources.push_back(
          {item.name, item.dtype, item.shape,
           fill_from(Tensor(const_cast<std::byte*>(item.bytes.data()), item.shape, item.dtype))});
    write_safetensors(path, sources, metadata);
    return path.string();
  }

 private:
  SafetensorsFile file_;
};

bool is_input(const std::string& name) {
  return name == "input/vit_raw" || name == "input/unet" || name == "given/mask";
}

// One reference for all tests: made once.
struct Made {
  ReferenceGrid grid{test::runnable_config(), 3, {"3-half-backward", "1-detect", "2-mixed"}};
  std::string path(const std::string& name) const {
    return (std::filesystem::path(grid.weights()).parent_path() / (name + ".safetensors")).string();
  }
};
const Made& made() {
  static const Made instance;
  return instance;
}

Ran verify(const std::string& weights, const std::string& reference, const Words& more = {}) {
  Words words{"verify", "-m", weights, reference, "--threads", "2"};
  words.insert(words.end(), more.begin(), more.end());
  return run_ofer(words);
}

std::string first_diverging(const Ran& ran) {
  const ordered_json last = ran.json().back();
  return last["first_diverging"].is_null() ? "" : last["first_diverging"].get<std::string>();
}

// The line of a tap.
ordered_json line_of(const Ran& ran, const std::string& tap) {
  for (const ordered_json& line : ran.json())
    if (line.contains("tap") && line["tap"] == tap) return line;
  return {};
}

// The twin with a change, by a piece of Python that sees `model`.
std::string changed_twin(const std::string& change, const std::filesystem::path& output) {
  const std::string source = OFER_SOURCE_DIR "/tools/reference";
  const std::filesystem::path script = output.string() + ".py";
  test::put(script, "import sys\nsys.path.insert(0, '" + source +
                        "')\n"
                        "import torch, torch.nn.functional as F, numpy as np\n"
                        "import safetensors_io\nfrom make_taps import read_inputs, run\n"
                        "from pipeline import load\n"
                        "weights, inputs, output = sys.argv[1:]\n"
                        "model, _ = load(weights)\n" +
                        change +
                        "\nvit_raw, image, mask = read_inputs(inputs, model.config)\n"
                        "tap = run(model, vit_raw, image, None if mask is None else mask > 0.5)\n"
                        "safetensors_io.write(output, {k: v.to(torch.float64).numpy() "
                        "for k, v in tap.items()})\n");
  const std::string command = "env -u LD_PRELOAD PYTHONDONTWRITEBYTECODE=1 '" OFER_PYTHON "' '" +
                              script.string() + "' '" + made().grid.weights() + "' '" +
                              made().path("2-mixed") + "' '" + output.string() + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error("the twin failed: " + command);
  return output.string();
}

}  // namespace

TEST_SUITE("verify") {
  TEST_CASE("the twin's taps pass, in execution order, every one of them") {
    REQUIRE(ReferenceGrid::available());
    for (const char* name : {"3-half-backward", "1-detect", "2-mixed"})
      for (const char* precision : {"fp32", "fp64"}) {
        CAPTURE(name);
        CAPTURE(precision);
        const std::string reference = made().path(name);
        const Ran ran = verify(made().grid.weights(), reference, {"--precision", precision});
        CAPTURE(ran.err);
        CHECK(ran.code == 0);
        CHECK(ran.err.empty());
        const std::vector<ordered_json> lines = ran.json();
        REQUIRE(lines.size() > 20);
        const ordered_json& last = lines.back();
        CHECK(last["passed"] == true);
        CHECK(last["failed"] == 0);
        CHECK(last["first_diverging"].is_null());
        CHECK(last["taps"] == lines.size() - 1);
        // make_taps writes them in execution order, Grad-CAM's behind.
        const SafetensorsFile file = SafetensorsFile::open(reference);
        std::vector<std::string> wanted, got;
        for (const SafetensorsEntry& entry : file.entries())
          if (entry.name != "input/vit_raw" && entry.name != "given/mask")
            wanted.push_back(entry.name);
        for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
          got.push_back(lines[i]["tap"]);
          CHECK(lines[i]["share"].get<double>() <= 1);
        }
        CHECK(got == wanted);
      }
  }

  TEST_CASE("one weight changed is found where it acts") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    const struct {
      const char *tensor, *tap;
      std::size_t element;  // one whose channels are alive behind their ReLUs
    } planted[] = {
        {"mae.encoder.block01.up.weight", "reconstruct/encoder/block01/mlp", 3},
        {"mae.decoder.block00.projection.bias", "reconstruct/decoder/block00/attention", 3},
        {"unet.level2.in.weight", "reconstruct/unet/level2/in", 3},
        {"recogniser.stage2.block0.conv1.weight", "recognise/stage2/block0", 100},
        {"recogniser.head1.spatial.conv1x1.weight", "recognise/head1/spatial", 5},
        {"recogniser.classifier.joint3.bias", "recognise/logits", 3},
    };
    for (const auto& error : planted) {
      const std::string tensor = error.tensor;
      CAPTURE(tensor);
      Copy weights(made().grid.weights());
      weights.value<float>(error.tensor, error.element) += 0.05f;
      const std::string path = weights.write(folder / "changed.safetensors");
      const Ran ran = verify(path, made().path("2-mixed"));
      CHECK(ran.code == 1);
      CHECK(first_diverging(ran) == error.tap);
      CHECK(ran.error_says("made from other weights"));
      CHECK(line_of(ran, error.tap)["passed"] == false);
    }
  }

  TEST_CASE("the last line names the first tap that diverges, in the table too") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    Copy weights(made().grid.weights());
    weights.value<float>("unet.level0.in.bias", 0) += 0.01f;
    const std::string path = weights.write(folder / "changed.safetensors");
    const Ran ran = verify(path, made().path("2-mixed"), {"--table"});
    CHECK(ran.code == 1);
    CHECK(ran.lines().back() == "the first that diverges: reconstruct/unet/level0/in");
    const Ran good = verify(made().grid.weights(), made().path("2-mixed"), {"--table"});
    CHECK(good.code == 0);
    CHECK(good.lines().back() == "every tap is within what is allowed");
  }

  TEST_CASE("another eps in one layer is found at that layer") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    const std::string norm = changed_twin(
        "norm = model.mae.decoder.norm\n"
        "norm.forward = lambda x: F.layer_norm(x, norm.weight.shape, norm.weight, norm.bias, 1e-5)",
        folder / "norm.safetensors");
    const Ran ran = verify(made().grid.weights(), norm, {"--precision", "fp64"});
    CHECK(ran.code == 1);
    CHECK(first_diverging(ran) == "reconstruct/decoder/norm");

    const std::string instance = changed_twin(
        "level = model.unet.level2\n"
        "def other(x):\n"
        "  c = x - x.mean(dim=(2, 3), keepdim=True)\n"
        "  v = (c * c).mean(dim=(2, 3), keepdim=True)\n"
        "  n = level.out_norm\n"
        "  return c / torch.sqrt(v + 1e-4) * n.weight.view(1, -1, 1, 1) + n.bias.view(1, -1, 1, "
        "1)\n"
        "level.out_norm.forward = other",
        folder / "instance.safetensors");
    const Ran found = verify(made().grid.weights(), instance);
    CHECK(found.code == 1);
    CHECK(first_diverging(found) == "reconstruct/unet/level2/out");
  }

  TEST_CASE("a flip left out is found at the U-Net's input, another assembly at the assembly") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    const std::string unflipped = changed_twin(
        "import pipeline\n"
        "def unflipped(image, coarse, hole, flip_channels):\n"
        "  x = original(image, coarse, hole, flip_channels)\n"
        "  return torch.cat([x[:, :6], x[:, :6]], dim=1)\n"
        "original, pipeline.input_channels = pipeline.input_channels, unflipped",
        folder / "unflipped.safetensors");
    CHECK(first_diverging(verify(made().grid.weights(), unflipped)) == "reconstruct/unet/input");

    Copy weights(made().grid.weights());
    ordered_json config = ordered_json::parse(weights.metadata["configuration"]);
    config["unet"]["flip_channels"] = true;
    weights.metadata["configuration"] = config.dump();
    const std::string colours = weights.write(folder / "colours.safetensors");
    CHECK(first_diverging(verify(colours, made().path("2-mixed"))) == "reconstruct/unet/input");

    config["unet"]["flip_channels"] = false;
    config["unet"]["self_assembly"] = "released";
    weights.metadata["configuration"] = config.dump();
    const std::string released = weights.write(folder / "released.safetensors");
    CHECK(first_diverging(verify(released, made().path("2-mixed"))) == "reconstruct/unet/assembly");
  }

  TEST_CASE("index, expected and got of the largest error") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    Copy reference(made().path("2-mixed"));
    const Shape shape = reference.at("recognise/fused").shape;
    double& value =
        reference.value<double>("recognise/fused", static_cast<std::size_t>(shape[1] + 5));
    const double before = value;
    value += 0.25;
    const Ran ran = verify(made().grid.weights(), reference.write(folder / "changed.safetensors"));
    CHECK(ran.code == 1);
    const ordered_json line = line_of(ran, "recognise/fused");
    CHECK(line["index"] == ordered_json::array({1, 5}));
    CHECK(line["expected"].get<double>() == before + 0.25);
    CHECK(line["got"].get<double>() == doctest::Approx(before).epsilon(1e-4));
    CHECK(line["largest_error"].get<double>() == doctest::Approx(0.25).epsilon(1e-4));
    CHECK(ran.json().back()["failed"] == 1);
  }

  TEST_CASE("a missing tap and another shape fail by name") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    Copy reference(made().path("2-mixed"));
    reference.at("recognise/stem").name = "recognise/stump";
    Copy::Item& map = reference.at("recognise/head0/map");
    map.shape = {map.shape[0], map.shape[1] * map.shape[2]};
    const Ran ran = verify(made().grid.weights(), reference.write(folder / "changed.safetensors"));
    CHECK(ran.code == 1);
    CHECK(ran.json().back()["failed"] == 2);
    CHECK(has(line_of(ran, "recognise/stump")["problem"], "no such tap"));
    CHECK(has(line_of(ran, "recognise/head0/map")["problem"], map.shape.to_string()));
    CHECK(first_diverging(ran) == "recognise/head0/map");
  }

  TEST_CASE("NaN never passes, on either side, whatever is allowed") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    const double nan = std::numeric_limits<double>::quiet_NaN();
    Copy reference(made().path("2-mixed"));
    reference.value<double>("recognise/fused", 7) = nan;
    const Ran ran = verify(made().grid.weights(), reference.write(folder / "nan.safetensors"),
                           {"--tolerance", "*=1e300"});
    CHECK(ran.code == 1);
    CHECK(first_diverging(ran) == "recognise/fused");
    CHECK(line_of(ran, "recognise/fused")["not_finite"] == 1);
    CHECK(line_of(ran, "recognise/fused")["index"] == ordered_json::array({0, 7}));

    // The pass and the reference both NaN: still no agreement.
    std::vector<double> a(8, nan), b(8, nan);
    const TapError error =
        compare_tap(Tensor(a.data(), {8}, DType::kF64), std::as_bytes(std::span(b)), DType::kF64);
    CHECK(std::isnan(error.relative_l2));
    CHECK(error.not_finite == 8);
  }

  TEST_CASE("tolerances by name, the last that matches") {
    REQUIRE(ReferenceGrid::available());
    const std::string& weights = made().grid.weights();
    const std::string reference = made().path("2-mixed");
    const Ran strict = verify(weights, reference, {"--tolerance", "recognise/*=0"});
    CHECK(strict.code == 1);
    CHECK(first_diverging(strict).rfind("recognise/", 0) == 0);
    const Ran loose =
        verify(weights, reference, {"--tolerance", "recognise/*=0", "--tolerance", "*=0.5"});
    CHECK(loose.code == 0);
    CHECK(line_of(loose, "recognise/logits")["allowed"] == 0.5);
    for (const char* bad : {"recognise/*", "=1", "recognise/*=", "recognise/*=-1", "*=nan", "*=1x",
                            "no/such/tap=1"}) {
      CAPTURE(bad);
      const Ran ran = verify(weights, reference, {"--tolerance", bad});
      CHECK(ran.code == 2);
      CHECK(ran.out.empty());
      CHECK(ran.error_lines() == 1);
    }
  }

  TEST_CASE("patterns") {
    const auto matches = [](const char* pattern, const char* name) {
      return TapTolerances::matches(pattern, name);
    };
    CHECK(matches("*", ""));
    CHECK(matches("*/map", "recognise/head0/map"));
    CHECK(matches("recognise/head?/map", "recognise/head0/map"));
    CHECK(matches("*head*a*", "recognise/head0/map"));
    CHECK_FALSE(matches("recognise", "recognise/fused"));
    CHECK_FALSE(matches("", "x"));
    CHECK_FALSE(matches("recognise/head?", "recognise/head"));
    CHECK_FALSE(matches("*/map", "recognise/head0/maps"));
  }

  TEST_CASE("what is allowed grows with depth and ends at the promise; half references loosen it") {
    const Config config = test::runnable_config();
    const TapTolerances single(config, Precision::kF32, {});
    const auto at = [&](const char* tap) { return single.allowed(tap, DType::kF64); };
    CHECK(at("input/vit") < at("detect/encoder/embed"));
    CHECK(at("detect/encoder/embed") < at("detect/encoder/block00/attention"));
    CHECK(at("detect/encoder/block00/attention") < at("detect/encoder/block00"));
    CHECK(at("reconstruct/unet/output") == 1e-5);
    CHECK(at("recognise/logits") == 1e-4);
    const Config large = builtin_config("base");
    const TapTolerances base(large, Precision::kF32, {});
    CHECK(base.allowed("reconstruct/decoder/block07", DType::kF64) == 1e-5);
    CHECK(single.allowed("recognise/fused", DType::kBF16) > 1e-2);
    CHECK(single.allowed("recognise/fused", DType::kF32) == doctest::Approx(1e-5 * std::sqrt(2.0)));
  }

  TEST_CASE("references in every float type") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    const std::string script = folder / "narrow.py";
    test::put(script,
              "import sys\nsys.path.insert(0, '" OFER_SOURCE_DIR
              "/tools/reference')\n"
              "import numpy as np, safetensors_io as s\n"
              "tensors, metadata = s.read(sys.argv[1])\n"
              "s.write(sys.argv[2], {k: v.astype(np.float32) for k, v in tensors.items()})\n");
    const std::string single = folder / "single.safetensors";
    const std::string command = "env -u LD_PRELOAD PYTHONDONTWRITEBYTECODE=1 '" OFER_PYTHON "' '" +
                                script + "' '" + made().path("2-mixed") + "' '" + single + "'";
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(verify(made().grid.weights(), single).code == 0);
    // Halves of the float32's bits: bf16, rounded down.
    Copy narrow(single);
    for (Copy::Item& item : narrow.tensors) {
      if (is_input(item.name)) continue;
      std::vector<std::byte> half;
      for (std::size_t i = 0; i < item.bytes.size(); i += 4)
        half.insert(half.end(), {item.bytes[i + 2], item.bytes[i + 3]});
      item.bytes = half;
      item.dtype = DType::kBF16;
    }
    const Ran ran = verify(made().grid.weights(), narrow.write(folder / "bf16.safetensors"));
    CHECK(ran.code == 0);
    CHECK(line_of(ran, "recognise/fused")["relative_l2"].get<double>() > 1e-4);
  }

  TEST_CASE("files that are no reference: one line, exit code 3") {
    REQUIRE(ReferenceGrid::available());
    const TemporaryFolder folder;
    const std::string& weights = made().grid.weights();
    int number = 0;
    const auto refused = [&](const std::function<void(Copy&)>& change, const std::string& piece) {
      Copy reference(made().path("2-mixed"));
      change(reference);
      const std::string path = folder / (std::to_string(number++) + ".safetensors");
      const Ran ran = verify(weights, reference.write(path));
      CAPTURE(piece);
      CAPTURE(ran.err);
      CHECK(ran.code == 3);
      CHECK_FALSE(has(ran.out, "first_diverging"));  // no verdict
      CHECK(ran.error_lines() == 1);
      CHECK(ran.error_says(piece));
    };
    refused([](Copy& c) { c.at("input/vit_raw").name = "input/raw"; }, "has no input/vit_raw");
    refused([](Copy& c) { c.at("input/unet").name = "unet"; }, "has no input/unet");
    refused([](Copy& c) { c.at("given/mask").shape = {1, 32}; }, "given/mask is [1, 32]");
    refused([](Copy& c) { c.value<double>("given/mask", 5) = 0.5; }, "given/mask holds 0.5");
    refused([](Copy& c) { c.value<double>("input/unet", 5) = HUGE_VAL; }, "not finite");
    refused([](Copy& c) { c.at("recognise/stem").dtype = DType::kI64; }, "recognise/stem is I64");
    refused([](Copy& c) { c.at("recognise/stem").name = "gradcam/99/head0/spatial/cam"; },
            "gradcam/99/head0/spatial/cam is no");
    refused([](Copy& c) { c.keep(is_input); }, "none of its 1 tensors is a tap");
    refused(
        [](Copy& c) {
          c.keep([](const std::string& name) { return is_input(name) || name == "input/vit"; });
          c.tensors.push_back({"nothing/known", DType::kF32, {1}, std::vector<std::byte>(4)});
        },
        "none of its 3 tensors is a tap");
    CHECK(verify(weights, folder / "missing.safetensors").code == 3);
    CHECK(verify(weights, weights).code == 3);
    CHECK(run_ofer({"verify", made().path("2-mixed")}).code == 2);
    CHECK(verify(weights, made().path("2-mixed"), {"--precision", "fp8"}).code == 2);
  }

  TEST_CASE("a reference of final taps alone runs the fused path: the bits of an unwatched run") {
    REQUIRE(ReferenceGrid::available());
    Config config = test::runnable_config();
    config.detector.spheres[0].taps = {"block00"};  // so detection needs no deeper block
    const TemporaryFolder folder;
    const std::string path = folder / "weights.safetensors";
    write_initial_weights(config, 5, path);
    const SafetensorsFile file = SafetensorsFile::open(made().path("1-detect"));
    const test::CaseInputs inputs(file);
    Request request = inputs.request();
    Pipeline pipeline(Network::load(path), {});
    const std::vector<Result> untapped = pipeline.run(inputs.inputs(), request);
    std::map<std::string, int, std::less<>> asked, seen;
    std::vector<float> probabilities;
    pipeline.session().set_tap(
        [&](std::string_view name, const Tensor& tensor) {
          ++seen[std::string(name)];
          const float* values = tensor.data<float>();
          probabilities.assign(values, values + tensor.elements());
        },
        [&](std::string_view name) {
          ++asked[std::string(name)];
          return name == "recognise/probabilities";
        });
    const std::vector<Result> tapped = pipeline.run(inputs.inputs(), request);
    const auto same = [](const std::vector<float>& a, const std::vector<float>& b) {
      return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    CHECK(seen.size() == 1);
    CHECK(same(tapped[0].probabilities, untapped[0].probabilities));
    CHECK(same(probabilities, untapped[0].probabilities));
    CHECK(same(tapped[0].restored.values, untapped[0].restored.values));
    CHECK(same(tapped[0].distance, untapped[0].distance));
    // Fused: the layer asked once whether anybody looks, and no tap went by.
    CHECK(asked.at("reconstruct/encoder/block00/attention") == 1);
    CHECK(asked.at("reconstruct/decoder/block00/mlp") == 1);
    // Block 1 of the detector was asked about, and did not run: its output never went by.
    CHECK(asked.at("detect/encoder/block01") == 1);
    CHECK(asked.at("detect/encoder/block00/mlp") == 1);
    CHECK(asked.at("detect/encoder/block00") == 1);

    // Who looks at a branch has it apart, that one only, and the deeper block runs for who looks.
    asked.clear();
    seen.clear();
    pipeline.session().set_tap(
        [&](std::string_view name, const Tensor&) { ++seen[std::string(name)]; },
        [&](std::string_view name) {
          ++asked[std::string(name)];
          return name == "reconstruct/encoder/block00/attention" || name == "detect/encoder/norm";
        });
    pipeline.run(inputs.inputs(), request);
    pipeline.session().set_tap({});
    CHECK(seen.size() == 2);
    CHECK(asked.at("reconstruct/encoder/block00/attention") == 2);
    CHECK(asked.at("reconstruct/encoder/block00/mlp") == 1);
  }
}

}  // namespace ofer
