#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "tests/support/error_of.h"
#include "tests/support/zip_builder.h"
#include "weights/zip.h"

using namespace ofer;
using test::end64;
using test::error_of;
using test::has;
using test::le;
using test::zip_of;
using test::ZipBuilder;

namespace {

constexpr std::uint32_t kAll32 = 0xffffffff;

std::string error_for(const std::string& bytes) {
  return error_of([&] { ZipArchive(std::as_bytes(std::span(bytes)), "test"); });
}

ZipBuilder sound() {
  return zip_of({{"a/data.pkl", "content"}, {"a/data/0", "12345678"}, {"b", ""}});
}

// The error when one thing of a sound archive is changed.
std::string changed(const std::function<void(ZipBuilder&)>& change, bool lay_out_again = false) {
  ZipBuilder builder = sound();
  change(builder);
  if (lay_out_again) builder.lay_out();
  return error_for(builder.bytes());
}

std::string renamed(const std::string& name) {
  return changed([&](ZipBuilder& b) { b.items[0].local.name = b.items[0].central.name = name; },
                 true);
}

}  // namespace

TEST_SUITE("zip") {
  TEST_CASE("reads what is there, in place") {
    ZipBuilder builder = sound();
    builder.end.comment = "a comment";
    const std::string bytes = builder.bytes();
    const ZipArchive archive(std::as_bytes(std::span(bytes)), "test");
    REQUIRE(archive.entries().size() == 3);
    const ZipEntry* entry = archive.find("a/data/0");
    REQUIRE(entry);
    CHECK(bytes.substr(entry->offset, entry->size) == "12345678");
    CHECK(archive.content(*entry).data() == std::as_bytes(std::span(bytes)).data() + entry->offset);
    CHECK(archive.entries()[0].name == "a/data.pkl");
    CHECK(archive.find("b")->size == 0);
    CHECK(archive.find("a") == nullptr);
    CHECK(archive.find("") == nullptr);
    CHECK(error_for(zip_of({}).bytes()) == "");
  }

  TEST_CASE("folders and sizes behind the content, as other programs write them") {
    ZipBuilder builder = zip_of({{"a/", ""}, {"a/x", "12"}});
    builder.items[1].local.flags = builder.items[1].central.flags = 8;
    builder.items[1].central.checksum = 77;
    builder.items[1].local.size = builder.items[1].local.stored_size = 0;
    const std::string bytes = builder.bytes();
    const ZipArchive archive(std::as_bytes(std::span(bytes)), "test");
    CHECK(archive.entries().size() == 1);
    CHECK(archive.find("a/x")->size == 2);
    CHECK(has(error_for(zip_of({{"a/", "x"}}).bytes()), "is a folder, but has content"));
  }

  TEST_CASE("64-bit sizes and places") {
    ZipBuilder builder = sound();
    auto& item = builder.items[1];
    item.central.size = item.central.stored_size = kAll32;
    item.central.extra = le(std::uint32_t{0x10ffff}) + std::string(16, 'x');  // another field first
    item.central.extra += le(std::uint16_t{1}) + le(std::uint16_t{24}) + le(std::uint64_t{8}) +
                          le(std::uint64_t{8}) + le(std::uint64_t{47});
    item.local.size = item.local.stored_size = kAll32;
    item.local.extra =
        le(std::uint16_t{1}) + le(std::uint16_t{16}) + le(std::uint64_t{8}) + le(std::uint64_t{8});
    builder.lay_out();
    CHECK(builder.items[1].offset == 47);
    builder.items[1].offset = kAll32;
    const std::uint64_t size = builder.end.size, place = builder.end.offset;
    builder.end.before = end64(3, size, place, place + size);
    builder.end.size = builder.end.offset = kAll32;
    builder.end.entries = builder.end.entries_here = 0xffff;
    const std::string bytes = builder.bytes();
    CHECK(error_for(bytes) == "");
    const ZipArchive archive(std::as_bytes(std::span(bytes)), "test");
    CHECK(bytes.substr(archive.find("a/data/0")->offset, 8) == "12345678");

    SUBCASE("64-bit field too short, missing, twice") {
      ZipBuilder bad = builder;
      bad.items[1].offset = 47;
      bad.items[1].central.extra =
          le(std::uint16_t{1}) + le(std::uint16_t{8}) + le(std::uint64_t{8});
      bad.end = {};
      CHECK(has(error_for(bad.lay_out().bytes()), "a 64-bit field that is too short"));
      bad.items[1].central.extra = "";
      CHECK(has(error_for(bad.lay_out().bytes()), "lacks its 64-bit field"));
      const std::string field = le(std::uint16_t{1}) + le(std::uint16_t{16}) +
                                le(std::uint64_t{8}) + le(std::uint64_t{8});
      bad.items[1].central.extra = field + field;
      CHECK(has(error_for(bad.lay_out().bytes()), "two 64-bit fields"));
      bad.items[1].central.extra = field.substr(0, 10);
      CHECK(has(error_for(bad.lay_out().bytes()), "longer than its header"));
    }
    SUBCASE("64-bit sizes without end") {
      for (const std::uint64_t huge : {std::uint64_t{1} << 32, std::uint64_t{1} << 63,
                                       ~std::uint64_t{0}, ~std::uint64_t{20}}) {
        ZipBuilder bad = builder;
        bad.items[1].central.extra = le(std::uint16_t{1}) + le(std::uint16_t{24}) + le(huge) +
                                     le(huge) + le(std::uint64_t{47});
        bad.items[1].local.extra =
            le(std::uint16_t{1}) + le(std::uint16_t{16}) + le(huge) + le(huge);
        bad.end = {};
        bad.lay_out();
        bad.items[1].offset = kAll32;
        CHECK(has(error_for(bad.bytes()), "bytes long, but only"));
        bad.items[1].central.extra = le(std::uint16_t{1}) + le(std::uint16_t{24}) +
                                     le(std::uint64_t{8}) + le(std::uint64_t{8}) + le(huge);
        CHECK(has(error_for(bad.bytes()), "has no header at byte"));
        bad = builder;
        bad.end.before = end64(3, size, huge, place + size);
        CHECK(has(error_for(bad.bytes()), "does not end at its end record"));
        bad.end.before = end64(3, huge, place, place + size);
        CHECK(has(error_for(bad.bytes()), "does not end at its end record"));
        bad.end.before = end64(huge, size, place, place + size);
        CHECK(has(error_for(bad.bytes()), "entries do not fit"));
        bad.end.before = end64(3, size, place, huge);
        CHECK(has(error_for(bad.bytes()), "64-bit end record is not where"));
      }
    }
    SUBCASE("end records that contradict each other") {
      ZipBuilder bad = builder;
      bad.end.entries = bad.end.entries_here = 2;
      CHECK(has(error_for(bad.bytes()), "contradict"));
      bad = builder;
      bad.end.offset = 1;
      CHECK(has(error_for(bad.bytes()), "contradict"));
    }
  }

  TEST_CASE("compressed entries are refused by name, with the remedy") {
    const std::string error =
        changed([](ZipBuilder& b) { b.items[1].local.method = b.items[1].central.method = 8; });
    CHECK(has(error, "bad file: test: zip: entry \"a/data/0\" is compressed (method 8)"));
    CHECK(has(error, "save it again with torch.save"));
  }

  TEST_CASE("a zip bomb: a content larger than its bytes") {
    CHECK(has(changed([](ZipBuilder& b) { b.items[1].central.size = 4000000000u; }),
              "is stored, but in 8 bytes for 4000000000"));
  }

  TEST_CASE("overlapping entries") {
    // Both say that they are the same file's bytes.
    CHECK(has(changed([](ZipBuilder& b) {
                b.items[1] = b.items[0];
                b.lay_out();
                b.items[1].offset = b.items[0].offset;
              }),
              "overlaps"));
    // One entry holds the header of another.
    ZipBuilder inner = zip_of({{"in", "side"}});
    ZipBuilder outer = zip_of({{"out", inner.contents()}, {"in", "side"}});
    outer.items[1].offset = 33;
    CHECK(has(error_for(outer.bytes()), "entry \"in\" overlaps entry \"out\""));
  }

  TEST_CASE("names") {
    CHECK(has(renamed("/etc/passwd"), "absolute"));
    CHECK(has(renamed("C:/x"), "absolute"));
    for (const char* name : {"../x", "a/../../x", "a/..", "..", ".", "a/./b", "a//b", "./a"})
      CHECK(has(renamed(name), "empty part"));
    CHECK(has(renamed(""), "empty"));
    CHECK(has(renamed("a\\b"), "control characters or \\"));
    CHECK(has(renamed(std::string("a\0b", 3)), "control characters"));
    CHECK(has(renamed("a\nb"), "\"a\\x0ab\""));
    CHECK(has(renamed("\xff"), "not UTF-8"));
    CHECK(has(renamed("\xc0\xaf"), "not UTF-8"));
    CHECK(renamed("..a/b..") == "");
    CHECK(has(renamed("a/data/0"), "entry \"a/data/0\" is there twice"));
  }

  TEST_CASE("an entry's own header contradicts the directory") {
    CHECK(has(changed([](ZipBuilder& b) { b.items[0].local.name = "a/data.pkk"; }),
              "is called \"a/data.pkk\" by its own header"));
    for (const auto& change : std::initializer_list<std::function<void(ZipBuilder&)>>{
             [](ZipBuilder& b) { b.items[0].local.flags = 0x800; },
             [](ZipBuilder& b) { b.items[0].local.method = 8; },
             [](ZipBuilder& b) { b.items[0].local.checksum = 1; },
             [](ZipBuilder& b) { b.items[0].local.size = 6; },
             [](ZipBuilder& b) { b.items[0].local.stored_size = 0; },
             // Zeros only where the sizes are said to follow.
             [](ZipBuilder& b) { b.items[0].local.size = b.items[0].local.stored_size = 0; }})
      CHECK(has(changed(change), "contradicts the directory"));
    CHECK(has(changed([](ZipBuilder& b) { b.items[1].offset += 1; }), "has no header at byte"));
    CHECK(has(changed([](ZipBuilder& b) { b.items[1].offset = 0xfffffff0; }),
              "has no header at byte"));
  }

  TEST_CASE("content outside the file") {
    CHECK(has(changed([](ZipBuilder& b) {
                auto& item = b.items[2];
                item.local.size = item.local.stored_size = 1000;
                item.central = item.local;
              }),
              "is said to be 1000 bytes long, but only 0 are there"));
  }

  TEST_CASE("encrypted entries and several disks") {
    CHECK(has(changed([](ZipBuilder& b) { b.items[0].local.flags = b.items[0].central.flags = 1; }),
              "is encrypted"));
    CHECK(has(changed([](ZipBuilder& b) { b.items[0].disk = 1; }), "another disk"));
    CHECK(has(changed([](ZipBuilder& b) { b.end.disk = 1; }), "several disks"));
  }

  TEST_CASE("the end record and the directory") {
    CHECK(has(changed([](ZipBuilder& b) { b.end.entries_here = 2; }), "contradict"));
    CHECK(has(changed([](ZipBuilder& b) { b.end.entries = b.end.entries_here = 2; }),
              "belong to no entry"));
    ZipBuilder padded = sound();
    padded.items[0].central.extra =
        le(std::uint16_t{9}) + le(std::uint16_t{56}) + std::string(56, 'x');
    padded.lay_out();
    CHECK(error_for(padded.bytes()) == "");
    padded.end.entries = padded.end.entries_here = 4;
    CHECK(has(error_for(padded.bytes()), "its directory is damaged at byte"));
    CHECK(has(changed([](ZipBuilder& b) { b.end.entries = b.end.entries_here = 0xffff; }),
              "entries do not fit"));
    CHECK(has(changed([](ZipBuilder& b) { b.end.offset += 1; }), "does not end at its end record"));
    CHECK(has(changed([](ZipBuilder& b) { b.end.size -= 1; }), "does not end at its end record"));
    CHECK(has(changed([](ZipBuilder& b) { b.end.before = "something"; }), "does not end at"));
    CHECK(has(error_for(sound().bytes() + "x"), "no end record"));
    CHECK(has(error_for(""), "no end record"));
  }

  TEST_CASE("cut at every byte") {
    ZipBuilder builder = sound();
    const std::uint64_t size = builder.end.size, place = builder.end.offset;
    for (const bool wide : {false, true}) {
      builder.end.before = wide ? end64(3, size, place, place + size) : "";
      const std::string whole = builder.bytes();
      REQUIRE(error_for(whole) == "");
      for (std::size_t length = 0; length < whole.size(); ++length)
        CHECK(has(error_for(whole.substr(0, length)), "bad file: test: zip: "));
    }
  }

  TEST_CASE("any byte changed: an archive or a clear error") {
    ZipBuilder builder = sound();
    const std::uint64_t size = builder.end.size, place = builder.end.offset;
    builder.end.before = end64(3, size, place, place + size);
    const std::string whole = builder.bytes();
    int refused = 0;
    for (std::size_t at = 0; at < whole.size(); ++at)
      for (int value : {0, 1, 0x2f, 0x7f, 0x80, 0xff}) {
        std::string bytes = whole;
        bytes[at] = static_cast<char>(value);
        const std::string error = error_for(bytes);
        CHECK((error.empty() || error.starts_with("bad file: test: zip: ")));
        refused += !error.empty();
      }
    CHECK(refused > 300);
  }
}
