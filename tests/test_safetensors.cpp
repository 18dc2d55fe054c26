#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstring>
#include <string>

#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"

using namespace ofer;
using test::error_of;
using test::has;
using test::put;
using test::TemporaryFolder;

namespace {

std::string length_prefix(std::uint64_t length) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes;
}

// A file of this header and `size` bytes of data.
std::string file_of(const std::string& header, std::size_t size = 0) {
  return length_prefix(header.size()) + header + std::string(size, '\1');
}

SafetensorsFile parse(const std::string& content) {
  return SafetensorsFile::from_bytes(std::as_bytes(std::span(content)), "test");
}

std::string error_for(const std::string& content) {
  return error_of([&] { parse(content); });
}

std::string header_error(const std::string& header, std::size_t size = 0) {
  return error_for(file_of(header, size));
}

constexpr char kGood[] =
    R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
    R"("b":{"dtype":"U8","shape":[],"data_offsets":[24,25]}})";

// An entry "a" with this dtype, shape and offsets.
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"a":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

}  // namespace

TEST_SUITE("safetensors") {
  TEST_CASE("reads what is there") {
    const SafetensorsFile file = parse(file_of(kGood, 25));
    REQUIRE(file.entries().size() == 2);
    CHECK(file.entries()[0].name == "a");
    CHECK(file.entries()[0].shape == Shape{2, 3});
    CHECK(file.entries()[0].dtype == DType::kF32);
    CHECK(file.metadata().at("k") == "v");
    CHECK(file.data().size() == 25);
    REQUIRE(file.find("b"));
    CHECK(file.find("b")->shape.rank() == 0);
    CHECK(file.bytes(*file.find("b")).size() == 1);
    CHECK(file.tensor(*file.find("b")).data<std::uint8_t>()[0] == 1);
    CHECK(file.find("c") == nullptr);
    CHECK(file.find("__metadata__") == nullptr);
  }

  TEST_CASE("order of the data, not of the header; trailing spaces; empty tensors") {
    const SafetensorsFile file =
        parse(file_of(R"({"z":{"data_offsets":[4,8],"dtype":"F32","shape":[1]},)"
                      R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},)"
                      R"("a":{"shape":[4],"dtype":"U8","data_offsets":[0,4]}}     )",
                      8));
    REQUIRE(file.entries().size() == 3);
    CHECK(file.entries()[0].name == "a");
    CHECK(file.entries()[1].name == "empty");
    CHECK(file.tensor(file.entries()[1]).elements() == 0);
    CHECK(file.entries()[2].name == "z");
    CHECK(parse(file_of("{}")).entries().empty());
    CHECK(parse(file_of(R"({"__metadata__":{}})")).metadata().empty());
  }

  TEST_CASE("types without tensors, and data at odd places, can be listed but not computed with") {
    const SafetensorsFile file =
        parse(file_of(R"({"flag":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]},)"
                      R"("x":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}   )",
                      5));
    CHECK(file.entries()[0].dtype_name == "BOOL");
    CHECK(has(error_of([&] { file.tensor(file.entries()[0]); }), "unsupported: test: tensor"));
    CHECK(file.bytes(file.entries()[1]).size() == 4);
    // One of four neighbouring header lengths puts x on a multiple of four; the others must refuse.
    int refused = 0;
    for (int spaces = 0; spaces < 4; ++spaces) {
      const SafetensorsFile moved =
          parse(file_of(R"({"p":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                        R"("x":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})" +
                            std::string(spaces, ' '),
                        5));
      refused += has(error_of([&] { moved.tensor(*moved.find("x")); }), "multiple of its element");
    }
    CHECK(refused == 3);
  }

  TEST_CASE("what is forgotten is read again, and its neighbours stay") {
    const TemporaryFolder folder;
    std::vector<float> values(40000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
    const Tensor whole(values.data(), {40000}, DType::kF32);
    write_safetensors(folder / "f",
                      {{"a", DType::kF32, {40000}, fill_from(whole)},
                       {"b", DType::kF32, {3}, fill_from(whole.rows(0, 3))},
                       {"c", DType::kF32, {40000}, fill_from(whole)}},
                      {});
    const SafetensorsFile file = SafetensorsFile::open(folder / "f");
    for (int times = 0; times < 2; ++times)
      for (const SafetensorsEntry& entry : file.entries()) {
        const Tensor tensor = file.tensor(entry);
        CHECK(std::equal(values.begin(), values.begin() + tensor.elements(), tensor.data<float>()));
        file.forget(entry);
      }
    const std::string bytes = test::content_of(folder / "f");
    const SafetensorsFile memory =
        SafetensorsFile::from_bytes(std::as_bytes(std::span(bytes)), "memory");
    memory.forget(memory.entries()[0]);
    CHECK(memory.tensor(memory.entries()[0]).data<float>()[39999] == 39999);
  }

  TEST_CASE("cut at every byte") {
    const std::string whole = file_of(kGood, 25);
    CHECK(error_for(whole) == "");
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(has(error_for(whole.substr(0, size)), "bad file: test: "));
    CHECK(has(error_for(whole + "x"), "1 bytes behind the last tensor"));
  }

  TEST_CASE("any byte changed: a file or a clear error, never anything else") {
    const std::string whole = file_of(kGood, 25);
    for (std::size_t at = 0; at < whole.size() - 25; ++at)
      for (char value : std::string("\0\1\t\n\"{}[],:09-\\\x7f\x80\xc3\xff", 19)) {
        std::string changed = whole;
        changed[at] = value;
        const std::string error = error_for(changed);
        CHECK((error.empty() || error.starts_with("bad file: test: ")));
      }
  }

  TEST_CASE("header length") {
    CHECK(has(error_for(length_prefix(1ull << 63) + "{}"), "not a safetensors file"));
    CHECK(has(error_for(length_prefix(~0ull) + "{}"), "not a safetensors file"));
    CHECK(has(error_for(length_prefix(kMaxHeaderBytes + 1) + "{}"), "not a safetensors file"));
    CHECK(has(error_for(length_prefix(kMaxHeaderBytes) + "{}"), "cut short"));
    CHECK(has(error_for(length_prefix(3) + "{}"), "cut short"));
    CHECK(has(error_for(length_prefix(0)), "not a JSON object"));
  }

  TEST_CASE("header text") {
    CHECK(has(header_error("[]"), "not a JSON object"));
    CHECK(has(header_error(" {}"), "not a JSON object"));
    CHECK(has(header_error("{} {}"), "not valid JSON"));
    CHECK(has(header_error(std::string("{}\0garbage", 10)), "zero byte"));
    CHECK(has(header_error("{\"a\":"), "not valid JSON"));
    CHECK(has(header_error("{\"\xff\xfe\":1}"), "not valid JSON"));
    CHECK(has(header_error("{\"__metadata__\":{\"k\":\"\xc3\x28\"}}"), "not valid JSON"));
    CHECK(has(header_error(R"({"a":1})"), "a number where an object must be"));
    CHECK(has(header_error(R"({"a":null})"), "null where an object must be"));
    CHECK(has(header_error(R"({"__metadata__":{"k":1}})"), "not a string"));
    CHECK(has(header_error(R"({"__metadata__":{"k":{"l":"m"}}})"), "not a string"));
    CHECK(has(header_error(R"({"__metadata__":"k"})"), "a string where an object"));
    CHECK(has(header_error(R"({"a\n\u0001b":1})"), R"(a\x0a\x01b)"));
    CHECK(has(header_error("{\"" + std::string(5000, 'n') + "\":1}"), "nnn...\""));
  }

  TEST_CASE("keys that come twice") {
    CHECK(has(header_error(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                           R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})"),
              "\"a\" comes twice"));
    CHECK(has(header_error(R"({"__metadata__":{},"__metadata__":{}})"), "comes twice"));
    CHECK(has(header_error(R"({"__metadata__":{"k":"1","k":"2"}})"), "comes twice"));
    CHECK(has(header_error(R"({"a":{"dtype":"U8","dtype":"U8"}})"), "comes twice"));
    // The same name, once with an escape.
    CHECK(has(header_error(R"({"__metadata__":{"k":"1","\u006b":"2"}})"), "comes twice"));
  }

  TEST_CASE("deep nesting") {
    const std::string deep(1'000'000, '[');
    CHECK(has(header_error("{\"a\":" + deep), "an array where an object"));
    CHECK(has(header_error(entry("\"U8\"", deep, "[0,0]")), "an array in the shape"));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
    CHECK(has(header_error(objects), "unknown field"));
  }

  TEST_CASE("entries") {
    CHECK(has(header_error(R"({"a":{}})"), "no field dtype"));
    CHECK(has(header_error(R"({"a":{"dtype":"U8"}})"), "no field shape"));
    CHECK(has(header_error(R"({"a":{"dtype":"U8","shape":[]}})"), "no field data_offsets"));
    CHECK(has(header_error(R"({"a":{"x":1}})"), "unknown field \"x\""));
    CHECK(has(header_error(entry("\"F33\"", "[]", "[0,4]"), 4), "unknown dtype \"F33\""));
    CHECK(has(header_error(entry("7", "[]", "[0,4]"), 4), "unexpected a number as dtype"));
    CHECK(has(header_error(entry("\"U8\"", "4", "[0,4]"), 4), "unexpected a number as shape"));
    CHECK(has(header_error(entry("\"U8\"", "[-1]", "[0,4]"), 4), "a negative number in the shape"));
    CHECK(has(header_error(entry("\"U8\"", "[4.0]", "[0,4]"), 4), "fractional"));
    CHECK(has(header_error(entry("\"U8\"", "[1e300]", "[0,4]"), 4), "fractional"));
    CHECK(has(header_error(entry("\"U8\"", "[1e999]", "[0,4]"), 4), "not valid JSON"));
    CHECK(has(header_error(entry("\"U8\"", "[\"4\"]", "[0,4]"), 4), "a string in the shape"));
    CHECK(has(header_error(entry("\"U8\"", "[true]", "[0,4]"), 4), "a boolean in the shape"));
    CHECK(has(header_error(entry("\"U8\"", "[1,1,1,1,1,1,4]", "[0,4]"), 4), "more than 6 axes"));
    CHECK(has(header_error(entry("\"U8\"", "[4]", "[0,4,4]"), 4), "more than two"));
    CHECK(has(header_error(entry("\"U8\"", "[4]", "[4]"), 4), "must be two numbers"));
    CHECK(has(header_error(entry("\"U8\"", "[4]", "[4,0]"), 4), "before they begin"));
    CHECK(has(header_error(entry("\"U8\"", "[4]", "[-4,0]"), 4), "a negative number"));
    CHECK(has(header_error(entry("\"F32\"", "[4]", "[0,4]"), 4), "takes 16"));
  }

  TEST_CASE("absurd sizes") {
    const std::string big = std::to_string(1ull << 62);
    CHECK(has(header_error(entry("\"U8\"", "[" + big + "," + big + "]", "[0,4]"), 4), "too many"));
    CHECK(has(header_error(entry("\"F64\"", "[" + big + "]", "[0,0]")), "too many"));
    CHECK(has(header_error(entry("\"U8\"", "[18446744073709551615]", "[0,4]"), 4), "too large"));
    CHECK(has(header_error(entry("\"U8\"", "[18446744073709551616]", "[0,4]"), 4), "64 bits"));
    CHECK(has(header_error(entry("\"U8\"", "[" + big + "]", "[0," + big + "]"), 4), "cut short"));
    CHECK(has(header_error(entry("\"U8\"", "[2]", "[18446744073709551614,18446744073709551616]")),
              "64 bits"));
    CHECK(has(header_error(entry("\"U8\"", "[1]", "[18446744073709551614,18446744073709551615]")),
              "cut short"));
  }

  TEST_CASE("gaps and overlaps") {
    const auto two = [](const std::string& first, const std::string& second) {
      return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
             R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
    };
    CHECK(header_error(two("[0,4]", "[4,8]"), 8) == "");
    CHECK(has(header_error(two("[0,4]", "[3,7]"), 8), "\"b\" overlaps \"a\""));
    CHECK(has(header_error(two("[0,4]", "[0,4]"), 8), "overlaps"));
    CHECK(has(header_error(two("[0,4]", "[5,9]"), 9), "bytes 4 to 5 of the data belong to no"));
    CHECK(has(header_error(two("[1,5]", "[5,9]"), 9), "bytes 0 to 1"));
    CHECK(has(header_error(two("[0,4]", "[4,8]"), 9), "1 bytes behind"));
    CHECK(has(header_error(two("[0,4]", "[4,8]"), 7), "cut short"));
    CHECK(has(header_error("{}", 1), "1 bytes behind"));
  }

  TEST_CASE("paths that are no files") {
    const TemporaryFolder folder;
    const auto error_at = [](const std::filesystem::path& path) {
      return error_of([&] { SafetensorsFile::open(path); });
    };
    CHECK(has(error_at(folder / "absent"), "input/output: "));
    CHECK(has(error_at(folder / "absent"), "absent: cannot open"));
    std::filesystem::create_directory(folder / "folder");
    CHECK(has(error_at(folder / "folder"), "is a directory"));
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
    CHECK(has(error_at(folder / "pipe"), "not a regular file"));
    put(folder / "empty", "");
    CHECK(has(error_at(folder / "empty"), "bad file: "));
    CHECK(has(error_at(folder / "empty"), "only 0 bytes"));
    put(folder / "text", "just some text, not a weight file");
    CHECK(has(error_at(folder / "text"), "text: not a safetensors file"));
  }
}
