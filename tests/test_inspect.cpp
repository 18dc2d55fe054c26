// `ofer inspect`: what a file holds, and how two differ.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "tests/support/command.h"
#include "tools/tensor_values.h"
#include "weights/safetensors_writer.h"

namespace ofer {
namespace {

using nlohmann::ordered_json;
using test::Ran;
using test::run_ofer;
using test::TemporaryFolder;

const float kNan = std::numeric_limits<float>::quiet_NaN();
const float kInfinity = std::numeric_limits<float>::infinity();

using Named = std::pair<std::string, std::vector<float>>;

std::string write_floats(const std::filesystem::path& path, std::vector<Named> tensors,
                         const std::map<std::string, std::string, std::less<>>& metadata = {}) {
  std::vector<TensorSource> sources;
  for (auto& [name, values] : tensors) {
    const Shape shape{static_cast<std::int64_t>(values.size()) / 2, 2};
    sources.push_back(
        {name, DType::kF32, shape, fill_from(Tensor(values.data(), shape, DType::kF32))});
  }
  write_safetensors(path, sources, metadata);
  return path.string();
}

// A safetensors file by hand: one tensor of any type.
std::string write_raw(const std::filesystem::path& path, const std::string& dtype,
                      const std::string& shape, const std::string& data) {
  const std::string header = R"({"x":{"dtype":")" + dtype + R"(","shape":)" + shape +
                             R"(,"data_offsets":[0,)" + std::to_string(data.size()) + "]}}";
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 255);
  test::write_file(path, bytes + header + data);
  return path.string();
}

ordered_json tensor_of(const ordered_json& report, const std::string& name) {
  for (const ordered_json& tensor : report["tensors"])
    if (tensor["name"] == name) return tensor;
  return {};
}

ordered_json inspect(const test::Words& files, int code) {
  test::Words words{"inspect"};
  words.insert(words.end(), files.begin(), files.end());
  const Ran ran = run_ofer(words);
  CAPTURE(ran.err);
  CHECK(ran.code == code);
  CHECK(ran.err.empty());
  REQUIRE(ran.lines().size() == 1);
  return ran.json()[0];
}

}  // namespace

TEST_SUITE("inspect") {
  TEST_CASE("a weight file: what it says about itself, and every tensor") {
    const ordered_json report = inspect({test::tiny_weights()}, 0);
    const Config config = test::runnable_config();
    CHECK(report["weight_file"] == true);
    CHECK(parse_config(report["configuration"].dump()) == config);
    CHECK(report["labels"].get<std::vector<std::string>>() == default_labels());
    CHECK(report["provenance"] == "random numbers of seed 1");
    CHECK(report["licence"] == "none needed: random numbers");
    CHECK(report["trained"] == false);
    CHECK(report["checksum"] == "good");
    const std::vector<TensorSpec> table = tensor_table(config, 7);
    REQUIRE(report["tensors"].size() == table.size());
    CHECK(report["numbers"] == element_count(table));
    for (std::size_t i = 0; i < table.size(); ++i) {
      CHECK(report["tensors"][i]["name"] == table[i].name);
      CHECK(report["tensors"][i]["dtype"] == "F32");
      CHECK(report["tensors"][i]["nan"] == 0);
    }
    const ordered_json constant = tensor_of(report, "mae.encoder.norm.weight");
    CHECK(constant["shape"] == ordered_json::array({config.encoder.width}));
    CHECK(constant["min"] == 1.0);
    CHECK(constant["max"] == 1.0);
    CHECK(constant["mean"] == 1.0);
  }

  TEST_CASE("minimum, maximum and mean leave out what is not finite, and that is counted") {
    const TemporaryFolder folder;
    std::vector<float> many(3000, 0.0f);
    for (std::size_t i = 0; i < many.size(); ++i) many[i] = static_cast<float>(i);
    const std::string path =
        write_floats(folder / "a.safetensors", {{"some", {3, kNan, -5, kInfinity, 1, kNan}},
                                                {"none", {kNan, -kInfinity}},
                                                {"many", many},
                                                {"huge", {3e38f, 3e38f}}});
    const ordered_json report = inspect({path}, 0);
    CHECK(report["weight_file"] == false);
    const ordered_json some = tensor_of(report, "some"), none = tensor_of(report, "none");
    CHECK(some["min"] == -5.0);
    CHECK(some["max"] == 3.0);
    CHECK(some["mean"].get<double>() == doctest::Approx(-1.0 / 3).epsilon(1e-14));
    CHECK(some["nan"] == 2);
    CHECK(some["infinite"] == 1);
    CHECK(none["min"].is_null());
    CHECK(none["mean"].is_null());
    CHECK(none["nan"] == 1);
    CHECK(none["infinite"] == 1);
    const ordered_json line = tensor_of(report, "many");
    CHECK(line["mean"].get<double>() == doctest::Approx(1499.5).epsilon(1e-14));
    CHECK(line["max"] == 2999.0);
  }

  TEST_CASE("every element type, at any alignment") {
    const TemporaryFolder folder;
    const auto mean = [&](const std::string& dtype, const std::string& data) {
      return tensor_of(
          inspect({write_raw(folder / (dtype + ".safetensors"), dtype, "[1]", data)}, 0), "x");
    };
    CHECK(mean("F16", std::string("\x00\x3e", 2))["mean"] == 1.5);
    CHECK(mean("F16", std::string("\x01\x80", 2))["mean"] == -std::ldexp(1.0, -24));
    CHECK(mean("F16", std::string("\x00\x7c", 2))["infinite"] == 1);
    CHECK(mean("F16", std::string("\x01\x7c", 2))["nan"] == 1);
    CHECK(mean("BF16", std::string("\xc0\x3f", 2))["mean"] == 1.5);
    CHECK(mean("F64", std::string("\0\0\0\0\0\0\xf8\x3f", 8))["mean"] == 1.5);
    CHECK(mean("I32", std::string("\xfe\xff\xff\xff", 4))["mean"] == -2.0);
    CHECK(mean("I64", std::string("\x07\0\0\0\0\0\0\0", 8))["mean"] == 7.0);
    CHECK(mean("U8", std::string("\xff", 1))["mean"] == 255.0);
    const ordered_json flag = mean("BOOL", std::string("\x01", 1));
    CHECK(flag["dtype"] == "BOOL");
    CHECK(flag["mean"].is_null());
    CHECK(flag["nan"].is_null());
    std::byte odd[9] = {};
    odd[7] = std::byte{0xf8};
    odd[8] = std::byte{0x3f};
    double value = 0;
    read_values(odd + 1, DType::kF64, {&value, 1});
    CHECK(value == 1.5);
  }

  TEST_CASE("plain safetensors, and metadata that make no weight file, are told apart") {
    const TemporaryFolder folder;
    const std::string plain = write_raw(folder / "p.safetensors", "F32", "[0]", "");
    const Ran text = run_ofer({"inspect", plain, "--table"});
    CHECK(text.code == 0);
    CHECK(text.out.find("none: plain safetensors") != std::string::npos);
    CHECK(inspect({plain}, 0)["checksum"] == "none");
    const std::string claims = write_floats(folder / "c.safetensors", {{"x", {1, 2}}},
                                            {{"configuration", "{\"name\": 7}"}});
    const ordered_json report = inspect({claims}, 1);
    CHECK(report["weight_file"] == false);
    CHECK_FALSE(report["problem"].get<std::string>().empty());
    CHECK(report["checksum"] == "good");
  }

  TEST_CASE("a wrong checksum is found") {
    const TemporaryFolder folder;
    std::string bytes = test::read_file(test::tiny_weights());
    bytes[bytes.size() - 9] = static_cast<char>(bytes[bytes.size() - 9] ^ 1);
    const std::string path = folder / "damaged.safetensors";
    test::write_file(path, bytes);
    CHECK(inspect({path}, 1)["checksum"] == "wrong");
    const Ran text = run_ofer({"inspect", path, "--table"});
    CHECK(text.code == 1);
    CHECK(text.out.find("WRONG") != std::string::npos);
  }

  TEST_CASE("text on a terminal, JSON with --json there") {
    const Ran text = test::run_on_terminal({"inspect", test::tiny_weights()}, 120);
    CHECK(text.code == 0);
    CHECK(text.out.find("licence") != std::string::npos);
    CHECK(text.out.find("recogniser.stem.conv.weight") != std::string::npos);
    const Ran json = test::run_on_terminal({"inspect", "--json", test::tiny_weights()}, 120);
    CHECK(ordered_json::parse(json.out)["weight_file"] == true);
  }

  TEST_CASE("two files: equal is 0, different is 1, and what differs is told") {
    const TemporaryFolder folder;
    const std::string a =
        write_floats(folder / "a.safetensors",
                     {{"same", {1, 2}},
                      {"moved", {1, 2, 3, 4, 0, kNan}},
                      {"gone", {1, 1}},
                      {"grown", {1, 1}},
                      {"zero", {0.0f, 1}},
                      {"broken", {1, 1}}},
                     {{"who", "me"}, {"configuration", "{\"a\": {\"b\": [1, 2]}}"}});
    const std::string b = write_floats(folder / "b.safetensors",
                                       {{"same", {1, 2}},
                                        {"moved", {1, 2, 3, 2, 0.5f, kNan}},
                                        {"new", {1, 1}},
                                        {"grown", {1, 1, 1, 1}},
                                        {"zero", {-0.0f, 1}},
                                        {"broken", {1, kNan}}},
                                       {{"configuration", "{\"a\": {\"b\": [1, 3]}}"}});
    const ordered_json same = inspect({a, a}, 0);
    CHECK(same["equal"] == true);
    const ordered_json report = inspect({a, b}, 1);
    CHECK(report["equal"] == false);
    CHECK(report["only_in_a"] == ordered_json::array({"gone"}));
    CHECK(report["only_in_b"] == ordered_json::array({"new"}));
    REQUIRE(report["tensors"].size() == 3);
    const ordered_json moved = tensor_of(report, "moved"), grown = tensor_of(report, "grown"),
                       broken = tensor_of(report, "broken");
    CHECK(moved["different"] == 2);
    CHECK(moved["largest"] == 2.0);
    CHECK(moved["index"] == ordered_json::array({1, 1}));
    CHECK(moved["a"] == 4.0);
    CHECK(moved["b"] == 2.0);
    CHECK(moved["relative_l2"].get<double>() ==
          doctest::Approx(std::sqrt((4 + 0.25) / 30)).epsilon(1e-14));
    CHECK(grown["shape"] == ordered_json::parse("[[1, 2], [2, 2]]"));
    CHECK(broken["not_finite_in_one"] == 1);
    CHECK(broken["index"] == ordered_json::array({0, 1}));
    REQUIRE(report["metadata"].size() == 2);
    CHECK(report["metadata"][0]["name"] == "configuration/a/b/1");
    CHECK(report["metadata"][0]["a"] == 2);
    CHECK(report["metadata"][0]["b"] == 3);
    CHECK(report["metadata"][1]["name"] == "who");
    CHECK(report["metadata"][1]["b"].is_null());
    const Ran text = run_ofer({"inspect", a, b, "--table"});
    CHECK(text.code == 1);
    CHECK(text.lines().back() == "different");
    CHECK(text.out.find("2 elements differ") != std::string::npos);
  }

  TEST_CASE("other types: told, and their values compared") {
    const TemporaryFolder folder;
    const std::string half =
        write_raw(folder / "h.safetensors", "F16", "[2]", std::string("\x00\x3e\x00\x3c", 4));
    const std::string single = write_raw(folder / "s.safetensors", "F32", "[2]",
                                         std::string("\0\0\xc0\x3f\0\0\x80\x3f", 8));
    const ordered_json item = tensor_of(inspect({half, single}, 1), "x");
    CHECK(item["dtype"] == ordered_json::array({"F16", "F32"}));
    CHECK(item["different"] == 0);
    const std::string yes = write_raw(folder / "y.safetensors", "BOOL", "[1]", "\x01");
    const std::string no =
        write_raw(folder / "n.safetensors", "BOOL", "[1]", std::string("\x00", 1));
    CHECK(tensor_of(inspect({yes, no}, 1), "x")["bytes_differ"] == true);
    CHECK(inspect({yes, yes}, 0)["equal"] == true);
  }

  TEST_CASE("no safetensors file, no file, too many files") {
    const Ran picture = run_ofer({"inspect", test::fixture("rgb.png")});
    CHECK(picture.code == 3);
    CHECK(picture.out.empty());
    CHECK(picture.error_lines() == 1);
    CHECK(run_ofer({"inspect", "/no/such/file"}).code == 3);
    CHECK(run_ofer({"inspect"}).code == 2);
    CHECK(run_ofer({"inspect", "a", "b", "c"}).code == 2);
  }
}

}  // namespace ofer
