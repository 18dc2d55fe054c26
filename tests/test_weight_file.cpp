#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "engine/buffer.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "weights/initialise.h"
#include "weights/sha256.h"
#include "weights/weight_file.h"

using namespace ofer;
using test::error_of;
using test::TemporaryFolder;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

// A model of a few thousand numbers that has every kind of tensor.
Config tiny() {
  Config config = builtin_config("small");
  config.name = "tiny";
  config.image_size = 16;
  config.patch_size = 4;
  config.encoder = {8, 2, 2, 12};
  config.decoder = {{4, 1, 1, 8}, true};
  config.detector.encoder = EncoderConfig{4, 1, 1, 4};
  config.detector.spheres = {
      {.taps = {"block00", "norm"}, .widths = {3, 2}, .slope = 0.01, .by_position = true},
      {.kind = SphereKind::kKernel, .taps = {"norm"}, .support = 5, .gamma = 0.1}};
  config.unet = UNetConfig{.image_size = 16, .levels = 4, .width = 1};
  RecogniserConfig& r = config.recogniser;
  r.image_size = 32;
  r.widths = {2, 3, 4, 5};
  r.blocks = {1, 2, 1, 1};
  r.heads = 2;
  r.channel_width = 2;
  r.spatial_width = 3;
  r.latent_patches = {5, 6, 9};
  r.latent_widths = {6, 5, 4, 3};
  r.joint_widths = {4, 3};
  return config;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

std::vector<float> values_of(const TensorSpec& spec, std::uint64_t seed) {
  std::vector<float> values(static_cast<std::size_t>(spec.shape.elements()));
  initial_values(spec, seed)(0, std::as_writable_bytes(std::span(values)));
  return values;
}

using Sources = std::vector<TensorSource>;
using Metadata = std::map<std::string, std::string, std::less<>>;

// Writes a tiny model's file with sources and metadata changed, and tells what loading it says.
std::string error_after(const std::function<void(Sources&, Metadata&)>& change) {
  const TemporaryFolder folder;
  write_initial_weights(tiny(), 1, folder / "good");
  Metadata metadata = SafetensorsFile::open(folder / "good").metadata();
  metadata.erase("sha256");
  Sources sources;
  for (const TensorSpec& spec : tensor_table(tiny(), 7))
    sources.push_back({spec.name, DType::kF32, spec.shape, initial_values(spec, 1)});
  change(sources, metadata);
  write_safetensors(folder / "changed", sources, metadata);
  std::string error = error_of([&] { load_weights(folder / "changed"); });
  const std::string name = (folder / "changed").string();
  const std::size_t at = error.find(name);
  return at == error.npos ? error : error.replace(at, name.size(), "FILE");
}

std::string error_with_metadata(const std::string& key, const std::string& value) {
  return error_after([&](Sources&, Metadata& metadata) { metadata[key] = value; });
}

// The rule's numbers, for statistics.
struct Moments {
  double mean = 0, deviation = 0, smallest = 1e30, largest = 0;
  explicit Moments(const std::vector<float>& values) {
    for (float value : values) {
      mean += value;
      smallest = std::min<double>(smallest, std::abs(value));
      largest = std::max<double>(largest, std::abs(value));
    }
    mean /= static_cast<double>(values.size());
    for (float value : values) deviation += (value - mean) * (value - mean);
    deviation = std::sqrt(deviation / static_cast<double>(values.size()));
  }
};

}  // namespace

TEST_SUITE("weight_file") {
  TEST_CASE("written, loaded, and all there") {
    const TemporaryFolder folder;
    write_initial_weights(tiny(), 7, folder / "a.ofer");
    const LoadedWeights loaded = load_weights(folder / "a.ofer");
    CHECK(loaded.config == tiny());
    CHECK(loaded.labels == default_labels());
    CHECK(loaded.trained == false);
    CHECK(loaded.model->metadata("licence") == "none needed: random numbers");
    CHECK(has(loaded.model->metadata("provenance"), "seed 7"));
    CHECK(has(error_of([&] { loaded.model->metadata("absent"); }), "no absent"));
    const std::vector<TensorSpec> table = tensor_table(tiny(), 7);
    REQUIRE(loaded.model->size() == table.size());
    auto next = table.begin();
    for (const auto& [name, tensor] : *loaded.model) {  // in the table's order
      CHECK(name == next->name);
      CHECK(tensor.shape() == next->shape);
      CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64 == 0);
      const std::vector<float> expected = values_of(*next, 7);
      CHECK(std::memcmp(tensor.raw(), expected.data(), tensor.bytes()) == 0);
      ++next;
    }
    CHECK(has(error_of([&] { loaded.model->find("mae.nothing"); }),
              "bad file: the model has no tensor mae.nothing"));
  }

  TEST_CASE("the model outlives the file's name and the loader") {
    const TemporaryFolder folder;
    write_initial_weights(tiny(), 7, folder / "a");
    std::shared_ptr<const Model> model = load_weights(folder / "a").model;
    std::filesystem::remove(folder / "a");
    CHECK(model->find("mae.encoder.norm.weight").data<float>()[0] == 1.0f);
    const std::shared_ptr<const Model> same = model->cast(DType::kF32);
    model.reset();
    CHECK(same->find("mae.encoder.norm.weight").data<float>()[0] == 1.0f);
  }

  TEST_CASE("seeds and names decide the numbers, and nothing else does") {
    const TemporaryFolder folder;
    write_initial_weights(tiny(), 3, folder / "a");
    write_initial_weights(tiny(), 3, folder / "b");
    write_initial_weights(tiny(), 4, folder / "c");
    CHECK(content_of(folder / "a") == content_of(folder / "b"));
    const LoadedWeights a = load_weights(folder / "a"), c = load_weights(folder / "c");
    const char* qkv = "mae.encoder.block00.qkv.weight";
    const auto bytes = [](const LoadedWeights& weights, const std::string& name) {
      const Tensor tensor = weights.model->find(name);
      return std::string(static_cast<const char*>(tensor.raw()), tensor.bytes());
    };
    CHECK(bytes(a, qkv) != bytes(c, qkv));
    CHECK(bytes(a, qkv) != bytes(a, "mae.encoder.block01.qkv.weight"));
    Config other = tiny();  // without a U-Net the other tensors keep their numbers
    other.unet.reset();
    write_initial_weights(other, 3, folder / "d");
    CHECK(bytes(a, qkv) == bytes(load_weights(folder / "d"), qkv));
  }

  // Hashes of the same formulas evaluated in Python.
  TEST_CASE("the same bits on every machine") {
    const auto hash = [](InitRule rule, double amount) {
      const std::vector<float> values = values_of({"some.tensor", {100, 7}, rule, amount}, 42);
      return sha256_hex(values.data(), values.size() * sizeof(float)).substr(0, 16);
    };
    CHECK(hash(InitRule::kUniform, 0.1) == "240ff52b6e890f70");
    CHECK(hash(InitRule::kNormal, 0.02) == "a6d594450d216ca6");
    CHECK(hash(InitRule::kCenter, 0.1) == "fa51a8d966c0b407");
  }

  TEST_CASE("the rules' numbers") {
    const Shape shape{200, 500};
    const Moments uniform(values_of({"a", shape, InitRule::kUniform, 0.5}, 1));
    CHECK(std::abs(uniform.mean) < 0.005);
    CHECK(uniform.deviation == doctest::Approx(0.5 / std::sqrt(3.0)).epsilon(0.01));
    CHECK(uniform.largest <= 0.5);
    CHECK(uniform.largest > 0.499);
    const Moments normal(values_of({"b", shape, InitRule::kNormal, 0.02}, 1));
    CHECK(std::abs(normal.mean) < 0.0003);
    CHECK(normal.deviation == doctest::Approx(0.02).epsilon(0.01));
    CHECK(normal.largest > 0.07);
    CHECK(normal.largest <= 0.12);
    const Moments center(values_of({"c", shape, InitRule::kCenter, 0.1}, 1));
    CHECK(center.smallest >= 0.1f);
    CHECK(center.largest <= 0.2f);
    CHECK(std::abs(center.mean) < 0.003);
    for (float value : values_of({"d", {9}, InitRule::kConstant, 0.25}, 1)) CHECK(value == 0.25f);
  }

  TEST_CASE("a tensor is the same in pieces of any size") {
    for (InitRule rule :
         {InitRule::kUniform, InitRule::kNormal, InitRule::kCenter, InitRule::kPositions}) {
      const TensorSpec spec{"x", {17, 12}, rule, 0.3};
      const std::vector<float> whole = values_of(spec, 5);
      const TensorFill fill = initial_values(spec, 5);
      std::vector<float> pieces(whole.size());
      for (std::size_t at = 0; at < pieces.size(); at += 7)
        fill(at * 4, std::as_writable_bytes(std::span(pieces).subspan(
                         at, std::min<std::size_t>(7, pieces.size() - at))));
      CHECK(pieces == whole);
    }
  }

  TEST_CASE("sine-cosine positions") {
    // 3 x 3 patches, width 8: two frequencies, 1 and 1/100.
    const std::vector<float> p = values_of({"p", {10, 8}, InitRule::kPositions, 1}, 1);
    for (int c = 0; c < 8; ++c) CHECK(p[static_cast<std::size_t>(c)] == 0);  // class token
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 3; ++column) {
        const float* at = p.data() + (1 + row * 3 + column) * 8;
        const double expected[] = {
            std::sin(column), std::sin(column / 100.0), std::cos(column), std::cos(column / 100.0),
            std::sin(row),    std::sin(row / 100.0),    std::cos(row),    std::cos(row / 100.0)};
        for (int c = 0; c < 8; ++c) CHECK(at[c] == doctest::Approx(expected[c]).epsilon(1e-6));
      }
  }

  TEST_CASE("an untrained detector is well formed") {
    for (const TensorSpec& spec : tensor_table(tiny(), 7)) {
      if (spec.name.ends_with(".alpha")) CHECK(spec.amount * 5 == doctest::Approx(1));
      if (spec.name.ends_with(".radius")) CHECK(spec.amount > 0);
      if (spec.name.ends_with(".center")) CHECK(Moments(values_of(spec, 1)).smallest >= 0.1f);
    }
  }

  TEST_CASE("half-precision weights, cast to float and double") {
    const TemporaryFolder folder;
    WeightInfo info;
    info.config = tiny();
    for (DType dtype : {DType::kF16, DType::kBF16}) {
      // 1, -2.5, the smallest subnormal, infinity, over and over.
      const std::uint16_t f16[] = {0x3c00, 0xc100, 0x0001, 0x7c00};
      const std::uint16_t bf16[] = {0x3f80, 0xc020, 0x0001, 0x7f80};
      const std::uint16_t* bits = dtype == DType::kF16 ? f16 : bf16;
      write_weights(
          folder / "half", info,
          [&](const TensorSpec&) -> TensorFill {
            return [bits](std::uint64_t offset, std::span<std::byte> out) {
              for (std::size_t i = 0; i < out.size() / 2; ++i)
                std::memcpy(out.data() + 2 * i, bits + (offset / 2 + i) % 4, 2);
            };
          },
          dtype);
      const LoadedWeights loaded = load_weights(folder / "half");
      const std::string name = "mae.encoder.patch.weight";
      CHECK(loaded.model->find(name).dtype() == dtype);
      const auto single = loaded.model->cast(DType::kF32);
      const auto twice = loaded.model->cast(DType::kF64);
      const double least = dtype == DType::kF16 ? 0x1p-24 : 0x1p-133;
      const float* f = single->find(name).data<float>();
      const double* d = twice->find(name).data<double>();
      for (int i = 0; i < 8; i += 4) {
        CHECK((f[i] == 1 && d[i] == 1));
        CHECK((f[i + 1] == -2.5f && d[i + 1] == -2.5));
        CHECK((f[i + 2] == least && d[i + 2] == least));
        CHECK((std::isinf(f[i + 3]) && std::isinf(d[i + 3])));
      }
      CHECK(single->bytes() == 2 * loaded.model->bytes());
      CHECK(twice->metadata() == loaded.model->metadata());
      CHECK(has(error_of([&] { loaded.model->cast(DType::kF16); }), "unsupported"));
    }
    CHECK(has(error_of([&] {
                write_weights(
                    folder / "x", info,
                    [](const TensorSpec& spec) { return initial_values(spec, 1); }, DType::kF64);
              }),
              "bad argument"));
  }

  TEST_CASE("a model written back") {
    const TemporaryFolder folder;
    write_initial_weights(tiny(), 2, folder / "a");
    const LoadedWeights loaded = load_weights(folder / "a");
    WeightInfo info;
    info.config = tiny();
    info.labels = {"a", "b", "c", "d", "e", "f", "g \xc3\xa9"};
    info.provenance = "here";
    info.licence = "MIT";
    info.trained = true;
    write_weights(folder / "b", info, *loaded.model);
    const LoadedWeights again = load_weights(folder / "b");
    CHECK(again.labels == info.labels);
    CHECK(again.trained);
    CHECK(again.model->metadata("provenance") == "here");
    CHECK(again.model->metadata("sha256") == loaded.model->metadata("sha256"));
    const WeightInfo read = read_weight_info(SafetensorsFile::open(folder / "b"));
    CHECK(read.licence == "MIT");
    info.config.encoder.mlp_width = 13;
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }),
              "mae.encoder.block00.up.weight is f32 [12, 8], but f32 [13, 8]"));
    info.config = tiny();
    info.config.encoder.depth = 3;
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }),
              "no tensor mae.encoder.block02"));
    info.config = tiny();
    info.labels = {"a", "a"};
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }), "comes twice"));
    info.labels = {"a", "\xff"};
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }), "not UTF-8"));
    CHECK(folder.entries() == 2);
  }

  TEST_CASE("other numbers of classes") {
    const TemporaryFolder folder;
    WeightInfo info;
    info.config = tiny();
    for (auto structure : {RecogniserStructure::kLayers, RecogniserStructure::kFolded}) {
      info.config.recogniser.structure = structure;
      for (std::vector<std::string> labels : {std::vector<std::string>{"face"}, {"no", "yes"}}) {
        info.labels = labels;
        write_weights(folder / "a", info,
                      [](const TensorSpec& spec) { return initial_values(spec, 1); });
        CHECK(load_weights(folder / "a").labels == labels);
      }
    }
  }

  TEST_CASE("damaged data is found, unless nobody asks") {
    const TemporaryFolder folder;
    write_initial_weights(tiny(), 1, folder / "a");
    std::string content = content_of(folder / "a");
    std::uint64_t header = 0;
    std::memcpy(&header, content.data(), 8);
    for (std::size_t at :
         {std::size_t{8} + header, content.size() / 2 + header / 2, content.size() - 1}) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ 1);
      put(folder / "b", damaged);
      CHECK(has(error_of([&] { load_weights(folder / "b"); }), "its data is damaged (sha256"));
      CHECK(error_of([&] { load_weights(folder / "b", {.verify_checksum = false}); }) == "");
    }
    put(folder / "b", content.substr(0, content.size() - 1));
    CHECK(has(error_of([&] { load_weights(folder / "b"); }), "cut short or damaged"));
    const std::size_t hash = content.find("\"sha256\":\"") + 10;
    content[hash] = content[hash] == '0' ? '1' : '0';
    put(folder / "b", content);
    CHECK(has(error_of([&] { load_weights(folder / "b"); }), "its data is damaged"));
  }

  TEST_CASE("tensors that do not fit the configuration") {
    CHECK(error_after([](Sources&, Metadata&) {}) == "");
    CHECK(has(error_after([](Sources& sources, Metadata&) { sources.erase(sources.begin()); }),
              "bad file: FILE: its tensors do not fit its configuration: 1 missing "
              "(mae.encoder.patch.weight)"));
    CHECK(has(error_after([](Sources& sources, Metadata&) { sources.resize(sources.size() - 4); }),
              "4 missing (recogniser."));
    CHECK(has(error_after([](Sources& sources, Metadata&) { sources.resize(sources.size() - 4); }),
              ", ...)"));
    CHECK(has(error_after([](Sources& sources, Metadata&) {
                sources[1].shape = {2, 4};
              }),
              "1 of the wrong shape (mae.encoder.patch.bias is [2, 4] instead of [8])"));
    CHECK(has(error_after([](Sources& sources, Metadata&) {
                sources[0].dtype = DType::kF64;
                sources[0].fill = [](std::uint64_t, std::span<std::byte> out) {
                  std::memset(out.data(), 0, out.size());
                };
              }),
              "1 of a type other than F32, F16, BF16 (mae.encoder.patch.weight is F64)"));
    CHECK(has(error_after([](Sources& sources, Metadata&) {
                sources[0].name = "new\nline";
                sources[1].name = "b";
                sources[1].shape = {8, 1};
                sources[2].shape = {4, 2};
              }),
              "2 missing (mae.encoder.patch.weight, mae.encoder.patch.bias); 1 of the wrong shape "
              "(mae.encoder.class_token is [4, 2] instead of [8]); 2 unknown (\"new\\x0aline\", "
              "\"b\")"));
    CHECK(has(error_after([](Sources& sources, Metadata&) { sources.clear(); }), " missing ("));
  }

  TEST_CASE("metadata") {
    CHECK(has(error_with_metadata("format_version", "2"),
              "weight format version \"2\", but this program reads version 1; a newer program"));
    CHECK(has(error_with_metadata("format_version", ""), "weight format version"));
    for (const char* key : {"format_version", "configuration", "labels", "preprocessing",
                            "provenance", "licence", "trained"})
      CHECK(has(error_after([&](Sources&, Metadata& metadata) { metadata.erase(key); }),
                std::string("bad file: FILE: no ") + key + " in its metadata"));
    CHECK(has(error_with_metadata("trained", "maybe"), "trained must be"));
    CHECK(has(error_with_metadata("configuration", "{"), "FILE: configuration: not valid JSON"));
    CHECK(has(error_with_metadata("configuration", "{}"), "FILE: configuration: name: is missing"));
    CHECK(has(error_with_metadata("preprocessing", "[]"), "preprocessing: must be an object"));
    CHECK(has(error_with_metadata("preprocessing", "x"), "preprocessing: not valid JSON"));
    CHECK(has(error_with_metadata("labels", "7"), "labels: must be a list"));
    CHECK(has(error_with_metadata("labels", "[]"), "labels: must be from 1"));
    CHECK(has(error_with_metadata("labels", "[1,2]"), "labels: must be a list of names"));
    CHECK(has(error_with_metadata("labels", "[\"\"]"), "labels: a name is empty"));
    CHECK(has(error_with_metadata("labels", "[\"a\",\"a\"]"), "labels: \"a\" comes twice"));
    // Six labels for a network of seven classes.
    CHECK(has(error_with_metadata("labels", R"(["a","b","c","d","e","f"])"), "of the wrong shape"));
  }

  TEST_CASE("a file that another program has written: no checksum, no alignment") {
    const TemporaryFolder folder;
    const Config config = tiny();
    // Tensors end to end in the order of their names, as the format's own library lays them out.
    std::string header = "{\"__metadata__\":{", data;
    write_initial_weights(config, 1, folder / "a");
    const LoadedWeights original = load_weights(folder / "a");
    const auto escaped = [](const std::string& text) {
      std::string result;
      for (char c : text) result += c == '"' ? "\\\"" : c == '\n' ? "\\n" : std::string(1, c);
      return "\"" + result + "\"";
    };
    for (const auto& [key, value] : original.model->metadata())
      if (key != "sha256")
        header += (header.back() == '{' ? "" : ",") + escaped(key) + ":" + escaped(value);
    header += "}";
    std::map<std::string, Tensor> sorted(original.model->begin(), original.model->end());
    for (const auto& [name, tensor] : sorted) {
      const std::size_t begin = data.size();
      data.append(static_cast<const char*>(tensor.raw()), tensor.bytes());
      header +=
          "," + escaped(name) + ":{\"dtype\":\"F32\",\"shape\":" + tensor.shape().to_string() +
          ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(data.size()) + "]}";
    }
    for (int spaces : {0, 1, 2, 3}) {  // data at any address at all
      const std::string text = header + "}" + std::string(static_cast<std::size_t>(spaces), ' ');
      const std::uint64_t length = text.size();
      put(folder / "b", std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
      CHECK(has(error_of([&] { load_weights(folder / "b"); }), "no sha256"));
      const LoadedWeights loaded = load_weights(folder / "b", {.verify_checksum = false});
      for (const auto& [name, tensor] : *loaded.model) {
        CHECK(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64 == 0);
        CHECK(std::memcmp(tensor.raw(), original.model->find(name).raw(), tensor.bytes()) == 0);
      }
    }
  }

  TEST_CASE("a model refuses what it could not give back") {
    float one = 1;
    const Tensor tensor(&one, {1}, DType::kF32);
    CHECK(has(error_of([&] { Model(nullptr, {{"a", tensor}, {"a", tensor}}); }), "two tensors a"));
    CHECK(has(error_of([&] { Model(nullptr, {{"a", Tensor()}}); }), "a is undefined"));
    std::int32_t index = 5;
    const Model mixed(nullptr, {{"a", tensor}, {"i", Tensor(&index, {1}, DType::kI32)}});
    const auto cast = mixed.cast(DType::kF64);
    CHECK(cast->find("a").data<double>()[0] == 1.0);
    CHECK(cast->find("i").raw() == &index);  // integers stay as they are
    CHECK(cast->contains("a"));
    CHECK(!cast->contains("b"));
  }
}
