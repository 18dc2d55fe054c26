#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/initial_values.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_config.h"
#include "weights/initialise.h"
#include "weights/weight_file.h"

using namespace ofer;
using test::content_of;
using test::error_of;
using test::has;
using test::put;
using test::TemporaryFolder;
using test::tiny_config;
using test::values_of;

TEST_SUITE("weight_file") {
  TEST_CASE("written, loaded, and all there") {
    const TemporaryFolder folder;
    write_initial_weights(tiny_config(), 7, folder / "a.ofer");
    const LoadedWeights loaded = load_weights(folder / "a.ofer");
    CHECK(loaded.config == tiny_config());
    CHECK(loaded.labels == default_labels());
    CHECK(loaded.trained == false);
    CHECK(loaded.model->metadata("licence") == "none needed: random numbers");
    CHECK(has(loaded.model->metadata("provenance"), "seed 7"));
    CHECK(has(error_of([&] { loaded.model->metadata("absent"); }), "no absent"));
    const std::vector<TensorSpec> table = tensor_table(tiny_config(), 7);
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
    write_initial_weights(tiny_config(), 7, folder / "a");
    std::shared_ptr<const Model> model = load_weights(folder / "a").model;
    std::filesystem::remove(folder / "a");
    CHECK(model->find("mae.encoder.norm.weight").data<float>()[0] == 1.0f);
    const std::shared_ptr<const Model> same = model->cast(DType::kF32);
    model.reset();
    CHECK(same->find("mae.encoder.norm.weight").data<float>()[0] == 1.0f);
  }

  TEST_CASE("seeds and names decide the numbers, and nothing else does") {
    const TemporaryFolder folder;
    write_initial_weights(tiny_config(), 3, folder / "a");
    write_initial_weights(tiny_config(), 3, folder / "b");
    write_initial_weights(tiny_config(), 4, folder / "c");
    CHECK(content_of(folder / "a") == content_of(folder / "b"));
    const LoadedWeights a = load_weights(folder / "a"), c = load_weights(folder / "c");
    const char* qkv = "mae.encoder.block00.qkv.weight";
    const auto bytes = [](const LoadedWeights& weights, const std::string& name) {
      const Tensor tensor = weights.model->find(name);
      return std::string(static_cast<const char*>(tensor.raw()), tensor.bytes());
    };
    CHECK(bytes(a, qkv) != bytes(c, qkv));
    CHECK(bytes(a, qkv) != bytes(a, "mae.encoder.block01.qkv.weight"));
    Config other = tiny_config();  // without a U-Net the other tensors keep their numbers
    other.unet.reset();
    write_initial_weights(other, 3, folder / "d");
    CHECK(bytes(a, qkv) == bytes(load_weights(folder / "d"), qkv));
  }

  TEST_CASE("half-precision weights, cast to float and double") {
    const TemporaryFolder folder;
    WeightInfo info;
    info.config = tiny_config();
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
    write_initial_weights(tiny_config(), 2, folder / "a");
    const LoadedWeights loaded = load_weights(folder / "a");
    WeightInfo info;
    info.config = tiny_config();
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
    info.config = tiny_config();
    info.config.encoder.depth = 3;
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }),
              "no tensor mae.encoder.block02"));
    info.config = tiny_config();
    info.labels = {"a", "a"};
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }), "comes twice"));
    info.labels = {"a", "\xff"};
    CHECK(has(error_of([&] { write_weights(folder / "c", info, *loaded.model); }), "not UTF-8"));
    CHECK(folder.entries() == 2);
  }

  TEST_CASE("other numbers of classes") {
    const TemporaryFolder folder;
    WeightInfo info;
    info.config = tiny_config();
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

  TEST_CASE("a file that another program has written: no checksum, no alignment") {
    const TemporaryFolder folder;
    const Config config = tiny_config();
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
