#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "weights/atomic_file.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"
#include "weights/sha256.h"

using namespace ofer;
using test::error_of;
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

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void put(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
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

  TEST_CASE("written and read back: aligned, padded, hashed") {
    const TemporaryFolder folder;
    const auto path = folder / "a.safetensors";
    std::vector<float> large(600'001);  // more than two pieces, of an odd size
    std::iota(large.begin(), large.end(), 1.0f);
    std::vector<std::uint8_t> small = {1, 2, 3};
    const Tensor large_tensor(large.data(), {600'001}, DType::kF32);
    const Tensor small_tensor(small.data(), {3, 1}, DType::kU8);
    const Tensor empty(nullptr, {0, 4}, DType::kF32);
    write_safetensors(
        path,
        {{"small", DType::kU8, {3, 1}, fill_from(small_tensor)},
         {"empty", DType::kF32, {0, 4}, fill_from(empty)},
         {"large \"quoted\" \xc3\xa9", DType::kF32, {600'001}, fill_from(large_tensor)},
         {"again", DType::kU8, {3}, fill_from(small_tensor)}},
        {{"note", "line\nbreak \xe2\x82\xac"}});
    CHECK(folder.entries() == 1);

    SafetensorsFile opened = SafetensorsFile::open(path);
    const SafetensorsFile file = std::move(opened);  // views survive the move
    CHECK(file.metadata().at("note") == "line\nbreak \xe2\x82\xac");
    CHECK(file.metadata().at("sha256") == sha256_hex(file.data().data(), file.data().size()));
    REQUIRE(file.entries().size() == 4);  // padding is not listed
    for (const SafetensorsEntry& listed : file.entries()) {
      CHECK(!listed.name.starts_with("__padding"));
      CHECK(file.aligned(listed, 64));
    }
    CHECK(file.find("__padding0__") == nullptr);
    const std::string whole = content_of(path);
    CHECK(has(whole.substr(0, 1000), "__padding0__"));
    CHECK((whole.size() - file.data().size()) % 64 == 0);
    const SafetensorsEntry* found = file.find("large \"quoted\" \xc3\xa9");
    REQUIRE(found);
    const Tensor read = file.tensor(*found);
    CHECK(read.shape() == Shape{600'001});
    CHECK(std::memcmp(read.raw(), large.data(), read.bytes()) == 0);
    CHECK(std::memcmp(file.bytes(*file.find("again")).data(), small.data(), 3) == 0);
    CHECK(file.tensor(*file.find("empty")).elements() == 0);
  }

  TEST_CASE("pieces are ascending, whole and aligned") {
    const TemporaryFolder folder;
    std::uint64_t next = 0;
    const std::uint64_t total = (std::uint64_t{5} << 20) + 24;
    const TensorFill fill = [&](std::uint64_t offset, std::span<std::byte> out) {
      CHECK(offset == next);
      CHECK(out.size() % 8 == 0);
      CHECK(reinterpret_cast<std::uintptr_t>(out.data()) % 64 == 0);
      next += out.size();
      std::memset(out.data(), 7, out.size());
    };
    write_safetensors(folder / "x",
                      {{"x", DType::kF64, {static_cast<std::int64_t>(total / 8)}, fill}}, {});
    CHECK(next == total);
  }

  TEST_CASE("a failed write leaves what was there, and nothing else") {
    const TemporaryFolder folder;
    put(folder / "old", "precious");
    const TensorFill bad = [](std::uint64_t offset, std::span<std::byte> out) {
      if (offset > 0) fail(ErrorCode::kCancelled, "stop here");
      std::memset(out.data(), 0, out.size());
    };
    const std::vector<TensorSource> sources = {{"x", DType::kU8, {3 << 20}, bad}};
    CHECK(error_of([&] { write_safetensors(folder / "old", sources, {}); }) ==
          "cancelled: stop here");
    CHECK(error_of([&] { write_safetensors(folder / "new", sources, {}); }) ==
          "cancelled: stop here");
    CHECK(content_of(folder / "old") == "precious");
    CHECK(folder.entries() == 1);
  }

  TEST_CASE("a write over an old file replaces it at once; through a link, the file behind it") {
    const TemporaryFolder folder;
    put(folder / "old", "precious");
    std::filesystem::create_symlink("old", folder / "link");
    const SafetensorsFile before = [&] {
      write_safetensors(folder / "old", {}, {{"k", "first"}});
      return SafetensorsFile::open(folder / "old");
    }();
    write_safetensors(folder / "link", {}, {{"k", "second"}});
    CHECK(before.metadata().at("k") == "first");
    CHECK(before.data().empty());
    CHECK(SafetensorsFile::open(folder / "old").metadata().at("k") == "second");
    CHECK(std::filesystem::is_symlink(folder / "link"));
    CHECK(folder.entries() == 2);
  }

  TEST_CASE("places that cannot be written") {
    const TemporaryFolder folder;
    put(folder / "file", "x");
    std::filesystem::create_directory(folder / "folder");
    const auto error_at = [](const std::filesystem::path& path) {
      return error_of([&] { write_safetensors(path, {}, {}); });
    };
    CHECK(has(error_at(folder / "file" / "below"), "input/output: "));
    CHECK(has(error_at(folder / "absent" / "below"), "cannot write in its folder"));
    CHECK(has(error_at(folder / "folder"), "is a directory"));
    CHECK(has(error_at(""), "is not a file name"));
    CHECK(has(error_at("/dev/null"), "not a regular file"));
    CHECK(content_of(folder / "file") == "x");
    CHECK(folder.entries() == 2);
  }

  TEST_CASE("names and metadata that the format reserves or cannot hold") {
    const TemporaryFolder folder;
    const TensorFill zero = [](std::uint64_t, std::span<std::byte> out) {
      std::memset(out.data(), 0, out.size());
    };
    const auto error_with = [&](std::vector<std::string> names,
                                std::map<std::string, std::string, std::less<>> metadata) {
      std::vector<TensorSource> sources;
      for (const std::string& name : names) sources.push_back({name, DType::kU8, {1}, zero});
      return error_of([&] { write_safetensors(folder / "x", sources, metadata); });
    };
    CHECK(error_with({"a", "b"}, {}) == "");
    std::filesystem::remove(folder / "x");
    CHECK(has(error_with({"a", "a"}, {}), "bad argument: tensor name \"a\" comes twice"));
    CHECK(has(error_with({"__metadata__"}, {}), "reserved"));
    CHECK(has(error_with({"__padding0__"}, {}), "reserved"));
    CHECK(has(error_with({"\xff"}, {}), "not UTF-8"));
    CHECK(has(error_with({}, {{"k", "\xff"}}), "not UTF-8"));
    CHECK(has(error_with({}, {{"sha256", ""}}), "writer's own"));
    CHECK(has(error_of([&] {
                write_safetensors(folder / "x", {{"a", DType::kF64, {1ll << 60}, zero}}, {});
              }),
              "too large"));
    CHECK(folder.entries() == 0);
  }

  TEST_CASE("several writers of one folder") {
    const TemporaryFolder folder;
    AtomicFile first(folder / "a"), second(folder / "a"), third(folder / "b");
    first.write("1", 1);
    second.write("22", 2);
    third.write("333", 3);
    third.write_at(1, "x", 1);
    first.commit();
    second.commit();
    third.commit();
    CHECK(content_of(folder / "a") == "22");
    CHECK(content_of(folder / "b") == "3x3");
    CHECK(folder.entries() == 2);
  }
}
