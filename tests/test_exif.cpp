// EXIF orientation: both byte orders, and blocks that are damaged on purpose.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string_view>
#include <vector>

#include "engine/exif.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

struct TiffWriter {
  bool big;
  Bytes bytes;

  void u16(std::uint32_t v) {
    for (int i = 0; i < 2; ++i)
      bytes.push_back(static_cast<std::uint8_t>(v >> 8 * (big ? 1 - i : i)));
  }
  void u32(std::uint32_t v) {
    for (int i = 0; i < 4; ++i)
      bytes.push_back(static_cast<std::uint8_t>(v >> 8 * (big ? 3 - i : i)));
  }
};

// Header, one foreign entry, the orientation. `count` is what the directory claims to hold.
Bytes tiff(bool big, std::uint32_t orientation, std::uint32_t count = 2, std::uint32_t type = 3,
           std::uint32_t values = 1, std::uint32_t directory = 8) {
  TiffWriter out{big, {}};
  out.bytes.assign(2, big ? 'M' : 'I');
  out.u16(42);
  out.u32(directory);
  out.u16(count);
  out.u16(0x0100), out.u16(4), out.u32(1), out.u32(640);
  out.u16(0x0112), out.u16(type), out.u32(values);
  if (type == 3) {
    out.u16(orientation), out.u16(0);
  } else {
    out.u32(orientation);
  }
  out.u32(0);
  return out.bytes;
}

}  // namespace

TEST_SUITE("exif") {
  TEST_CASE("the orientation is found in both byte orders, as a short and as a long") {
    for (bool big : {false, true})
      for (std::uint32_t value = 1; value <= 8; ++value)
        for (std::uint32_t type : {3u, 4u}) {
          CAPTURE(big);
          CAPTURE(value);
          CAPTURE(type);
          CHECK(ofer::tiff_orientation(tiff(big, value, 2, type)) == static_cast<int>(value));
        }
  }

  TEST_CASE("what cannot be is upright") {
    CHECK(ofer::tiff_orientation({}) == 1);
    CHECK(ofer::tiff_orientation(tiff(false, 0)) == 1);
    CHECK(ofer::tiff_orientation(tiff(true, 9)) == 1);
    CHECK(ofer::tiff_orientation(tiff(false, 0xFFFF)) == 1);
    CHECK(ofer::tiff_orientation(tiff(true, 6, 2, 2)) == 1);     // text, not a number
    CHECK(ofer::tiff_orientation(tiff(true, 6, 2, 3, 0)) == 1);  // no value
    CHECK(ofer::tiff_orientation(tiff(true, 6, 2, 3, 0xFFFFFFFF)) == 1);
    CHECK(ofer::tiff_orientation(tiff(true, 6, 0)) == 1);  // a directory of nothing
    CHECK(ofer::tiff_orientation(tiff(true, 6, 1)) == 1);  // ends before the entry
    for (std::uint32_t directory : {0u, 7u, 30u, 35u, 37u, 38u, 39u, 0x7FFFFFFFu, 0xFFFFFFFFu})
      CHECK(ofer::tiff_orientation(tiff(false, 6, 2, 3, 1, directory)) == 1);
    Bytes wrong = tiff(true, 6);
    wrong[3] = 43;
    CHECK(ofer::tiff_orientation(wrong) == 1);
  }

  TEST_CASE("a directory that claims too many entries is read as far as it goes") {
    CHECK(ofer::tiff_orientation(tiff(true, 6, 0xFFFF)) == 6);
    CHECK(ofer::tiff_orientation(tiff(false, 8, 0xFFFF)) == 8);
  }

  // Copies of the exact size, so that AddressSanitizer sees a read one byte too far.
  TEST_CASE("a block cut anywhere is read in bounds") {
    for (bool big : {false, true}) {
      const Bytes whole = tiff(big, 5);
      for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        // The value stands in bytes 30 and 31 and its entry ends at 34.
        CHECK(ofer::tiff_orientation(cut) == (size >= 34 ? 5 : 1));
      }
    }
  }

  TEST_CASE("random damage gives a number from 1 to 8") {
    std::mt19937 random(11);
    for (int round = 0; round < 20000; ++round) {
      Bytes bytes = tiff(round % 2 == 0, 1 + round % 8);
      for (int hits = 0; hits < 3; ++hits)
        bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      bytes.resize(random() % (bytes.size() + 1));
      bytes.shrink_to_fit();
      const int orientation = ofer::tiff_orientation(bytes);
      REQUIRE(orientation >= 1);
      REQUIRE(orientation <= 8);
    }
  }

  TEST_CASE("an APP1 segment counts only where it is EXIF") {
    const std::string_view name("Exif\0\0", 6);
    Bytes segment(name.begin(), name.end());
    const Bytes block = tiff(true, 3);
    segment.insert(segment.end(), block.begin(), block.end());
    CHECK(ofer::app1_orientation(segment) == 3);
    CHECK(ofer::app1_orientation(Bytes(name.begin(), name.end())) == 1);
    CHECK(ofer::app1_orientation({}) == 0);
    CHECK(ofer::app1_orientation(Bytes(name.begin(), name.begin() + 5)) == 0);
    segment[0] = 'h';
    CHECK(ofer::app1_orientation(segment) == 0);
  }
}
