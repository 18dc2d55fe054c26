#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
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

namespace {

using Sources = std::vector<TensorSource>;
using Metadata = std::map<std::string, std::string, std::less<>>;

// Writes a tiny model's file with sources and metadata changed, and tells what loading it says.
std::string error_after(const std::function<void(Sources&, Metadata&)>& change) {
  const TemporaryFolder folder;
  write_initial_weights(tiny_config(), 1, folder / "good");
  Metadata metadata = SafetensorsFile::open(folder / "good").metadata();
  metadata.erase("sha256");
  Sources sources;
  for (const TensorSpec& spec : tensor_table(tiny_config(), 7))
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

}  // namespace

TEST_SUITE("weight_file_errors") {
  TEST_CASE("damaged data is found, unless nobody asks") {
    const TemporaryFolder folder;
    write_initial_weights(tiny_config(), 1, folder / "a");
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
                sources[0].name = std::string("new\nline");
                sources[1].name = std::string("b");
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
}
