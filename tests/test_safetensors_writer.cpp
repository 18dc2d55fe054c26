#include <doctest/doctest.h>

#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "engine/error.h"
#include "tests/support/error_of.h"
#include "tests/support/temporary_folder.h"
#include "engine/atomic_file.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"
#include "weights/sha256.h"

using namespace ofer;
using test::content_of;
using test::error_of;
using test::has;
using test::put;
using test::TemporaryFolder;

TEST_SUITE("safetensors_writer") {
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
    CHECK(has(error_at(folder / "absent" / "below"), "cannot write: "));
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
