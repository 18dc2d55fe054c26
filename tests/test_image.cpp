// Reading and writing of pictures: every encoding, every way a file can be wrong.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/image_io.h"
#include "tests/support/pictures.h"

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;
using ofer::Colour;
using ofer::ErrorCode;
using ofer::Image;

const fs::path kFolder = fs::path(OFER_SOURCE_DIR) / "tests/fixtures/images";

Bytes read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void write(const fs::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "ofer-image-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
};

// Calls `act`, which must throw ofer::Error; gives its message, which must be one line.
template <class Act>
std::string error_of(ErrorCode code, Act act) {
  try {
    act();
  } catch (const ofer::Error& error) {
    CHECK(error.code() == code);
    const std::string text = error.what();
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  FAIL_CHECK("no error");
  return {};
}

bool contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return true;
  MESSAGE("\"", text, "\" does not hold \"", part, "\"");
  return false;
}

// The picture `quarters` of the fixtures: are the middles of its four fields what they must be?
int quarters_error(const Image& image) {
  REQUIRE(image.width == 48);
  REQUIRE(image.height == 32);
  const int expected[4][3] = {{220, 30, 30}, {30, 200, 40}, {30, 50, 220}, {240, 240, 240}};
  int worst = 0;
  for (int q = 0; q < 4; ++q)
    for (int c = 0; c < 3; ++c)
      worst = std::max(worst,
                       std::abs(image.at(12 + 24 * (q % 2), 8 + 16 * (q / 2))[c] - expected[q][c]));
  return worst;
}

std::uint32_t crc32(const Bytes& bytes, std::size_t begin, std::size_t end) {
  std::uint32_t crc = ~0u;
  for (std::size_t i = begin; i < end; ++i) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
  }
  return ~crc;
}

void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

// A PNG that declares another size than it has, its header's checksum put right.
Bytes declare_png(Bytes png, std::uint32_t width, std::uint32_t height) {
  put32(png, 16, width);
  put32(png, 20, height);
  put32(png, 29, crc32(png, 12, 29));
  return png;
}

}  // namespace

TEST_SUITE("image") {
  TEST_CASE("every lossless encoding gives its picture") {
    const Image rgb = ofer::load_image(kFolder / "rgb.png");
    REQUIRE(rgb.width == 23);
    REQUIRE(rgb.height == 17);
    CHECK(ofer::load_image(kFolder / "rgb.bmp") == rgb);
    CHECK(ofer::load_image(kFolder / "rgb16.png") == rgb);
    for (const char* name : {"grey.png", "grey1.png", "grey.bmp", "palette.png", "palette.bmp"}) {
      CAPTURE(name);
      const Image expected = ofer::load_image(kFolder / (std::string(name) + ".truth.png"));
      CHECK(ofer::load_image(kFolder / name) == expected);
    }
    const Image grey16 = ofer::load_image(kFolder / "grey16.png");
    for (int y = 0; y < 17; ++y)
      for (int x = 0; x < 23; ++x)
        for (int c = 0; c < 3; ++c) REQUIRE(grey16.at(x, y)[c] == rgb.at(x, y)[0]);
    const Image one = ofer::load_image(kFolder / "one.png");
    CHECK(one == Image(1, 1, Colour{10, 200, 30}));
  }

  TEST_CASE("transparent pixels are laid over white") {
    for (const char* name : {"rgba", "grey_alpha", "rgba16"}) {
      CAPTURE(name);
      const Image expected = ofer::load_image(kFolder / (std::string(name) + ".truth.png"));
      CHECK(ofer::load_image(kFolder / (std::string(name) + ".png")) == expected);
    }
  }

  TEST_CASE("transparency is kept where it is asked for") {
    for (const char* name : {"rgba", "grey_alpha", "rgba16"}) {
      CAPTURE(name);
      const fs::path path = kFolder / (std::string(name) + ".png");
      const ofer::ImageWithAlpha picture = ofer::load_image_with_alpha(path);
      const Image over_white = ofer::load_image(path);
      REQUIRE(picture.alpha.size() == picture.image.pixels.size() / 3);
      CHECK(
          std::any_of(picture.alpha.begin(), picture.alpha.end(), [](auto a) { return a < 255; }));
      for (std::size_t i = 0; i < picture.image.pixels.size(); ++i) {
        const double a = picture.alpha[i / 3] / 255.0;
        // Colour and opacity are rounded to a level each before they are laid over white here.
        REQUIRE(std::abs(picture.image.pixels[i] * a + 255 * (1 - a) - over_white.pixels[i]) <=
                1.5);
      }
    }
    // Opaque files, and one that is turned.
    for (const char* name : {"rgb.png", "grey.bmp", "orientation_6.png", "orientation_5.jpg"}) {
      CAPTURE(name);
      const ofer::ImageWithAlpha picture = ofer::load_image_with_alpha(kFolder / name);
      CHECK(picture.image == ofer::load_image(kFolder / name));
      CHECK(picture.alpha == Bytes(picture.image.pixels.size() / 3, 255));
    }
    CHECK_THROWS_AS(ofer::decode_image_with_alpha({}, "nothing"), ofer::Error);
  }

  TEST_CASE("JPEG: baseline, progressive, grey and CMYK") {
    // Quality 92 on flat fields: a few levels of loss, and CMYK has four channels of it.
    CHECK(quarters_error(ofer::load_image(kFolder / "baseline.jpg")) <= 4);
    CHECK(quarters_error(ofer::load_image(kFolder / "progressive.jpg")) <= 4);
    CHECK(quarters_error(ofer::load_image(kFolder / "cmyk.jpg")) <= 6);
    const Image grey = ofer::load_image(kFolder / "grey.jpg");
    const int expected[4] = {87, 131, 63, 240};  // 0.299 R + 0.587 G + 0.114 B
    for (int q = 0; q < 4; ++q) {
      const std::uint8_t* pixel = grey.at(12 + 24 * (q % 2), 8 + 16 * (q / 2));
      CHECK(std::abs(pixel[0] - expected[q]) <= 4);
      CHECK((pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    }
  }

  TEST_CASE("every EXIF orientation is undone, in a JPEG and in a PNG") {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CAPTURE(orientation);
      const std::string name = "orientation_" + std::to_string(orientation) + ".jpg";
      CHECK(quarters_error(ofer::load_image(kFolder / name)) <= 4);
    }
    CHECK(quarters_error(ofer::load_image(kFolder / "orientation_6.png")) == 0);
  }

  TEST_CASE("turning: every pixel goes where EXIF says") {
    Image image(3, 2);
    for (int i = 0; i < 6; ++i) image.pixels[3 * static_cast<std::size_t>(i)] = "abcdef"[i];
    const char* expected[] = {"abcdef", "cbafed", "fedcba", "defabc",
                              "adbecf", "daebfc", "fcebda", "cfbead"};
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CAPTURE(orientation);
      const Image turned = ofer::upright(image, orientation);
      CHECK(turned.width == (orientation >= 5 ? 2 : 3));
      CHECK(turned.height == (orientation >= 5 ? 3 : 2));
      std::string letters;
      for (std::size_t i = 0; i < 6; ++i) letters += static_cast<char>(turned.pixels[3 * i]);
      CHECK(letters == expected[orientation - 1]);
    }
    CHECK_THROWS_AS(ofer::upright(image, 0), ofer::Error);
    CHECK_THROWS_AS(ofer::upright(image, 9), ofer::Error);
  }

  TEST_CASE("cropping stays inside") {
    Image image(5, 4);
    *image.at(3, 2) = 77;
    CHECK(ofer::crop(image, 3, 2, 2, 2).pixels[0] == 77);
    CHECK(ofer::crop(image, 0, 0, 5, 4) == image);
    for (const auto& [x, y, w, h] :
         {std::tuple{-1, 0, 2, 2}, {4, 0, 2, 2}, {0, 3, 1, 2}, {0, 0, 0, 1}, {1, 1, 2147483647, 1}})
      CHECK_THROWS_AS(ofer::crop(image, x, y, w, h), ofer::Error);
  }

  TEST_CASE("what is no picture says so, with the file's name") {
    const Folder folder;
    const auto error = [&](ErrorCode code, const fs::path& path) {
      const std::string text = error_of(code, [&] { ofer::load_image(path); });
      CHECK(contains(text, path.filename().string()));
      return text;
    };
    CHECK(contains(error(ErrorCode::kIo, folder.path / "missing.png"), "No such file"));
    CHECK(contains(error(ErrorCode::kIo, folder.path), "is a directory"));
    write(folder.path / "empty.png", {});
    CHECK(contains(error(ErrorCode::kBadFile, folder.path / "empty.png"), "empty"));
    const std::string text = "this is not a picture";
    write(folder.path / "text.png", Bytes(text.begin(), text.end()));
    CHECK(contains(error(ErrorCode::kBadFile, folder.path / "text.png"), "not a picture"));
    const std::string gif = "GIF89a";
    write(folder.path / "moving.png", Bytes(gif.begin(), gif.end()));
    CHECK(contains(error(ErrorCode::kBadFile, folder.path / "moving.png"), "GIF"));
    CHECK(contains(error_of(ErrorCode::kBadFile,
                            [&] {
                              ofer::decode_image(Bytes{1, 2, 3}, "two\nlines");
                            }),
                   "two?lines"));
    if (::geteuid() != 0) {  // root may read everything
      write(folder.path / "locked.png", read(kFolder / "one.png"));
      fs::permissions(folder.path / "locked.png", fs::perms::none);
      CHECK(contains(error(ErrorCode::kIo, folder.path / "locked.png"), "cannot open"));
    }
  }

  TEST_CASE("a file cut anywhere is refused") {
    for (const char* name : {"rgb.png", "baseline.jpg", "progressive.jpg", "rgb.bmp", "cmyk.jpg",
                             "palette.bmp", "orientation_6.jpg", "orientation_6.png"}) {
      const Bytes whole = read(kFolder / name);
      for (std::size_t size = 0; size < whole.size(); ++size) {
        const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        CAPTURE(name);
        CAPTURE(size);
        const std::string text =
            error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(cut, name); });
        if (size > 30) REQUIRE(contains(text, "cut short"));
      }
    }
  }

  TEST_CASE("bytes behind the picture's end do no harm") {
    for (const char* name : {"rgb.png", "baseline.jpg", "rgb.bmp"}) {
      Bytes bytes = read(kFolder / name);
      bytes.resize(bytes.size() + 1000, 0xA5);
      CHECK(ofer::decode_image(bytes, name) == ofer::load_image(kFolder / name));
    }
  }

  TEST_CASE("a huge declared size is refused before memory is taken") {
    const Bytes png = declare_png(read(kFolder / "rgb.png"), 100'000, 100'000);
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(png, "big.png"); }),
                   "big.png: declares 100000 x 100000 pixels; the limit is 100000000"));
    Bytes jpeg = read(kFolder / "baseline.jpg");
    const Bytes frame{0xFF, 0xC0, 0x00, 0x11, 0x08};
    const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
    REQUIRE(at != jpeg.end());
    std::fill(at + 5, at + 9, std::uint8_t{0xFF});
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(jpeg, "big.jpg"); }),
                   "declares 65535 x 65535 pixels"));
    Bytes bmp = read(kFolder / "rgb.bmp");
    for (std::size_t i : {18u, 22u}) bmp[i + 2] = 0x10;
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(bmp, "big.bmp"); }),
                   "the limit is"));
    const Bytes none = declare_png(read(kFolder / "rgb.png"), 0, 17);
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(none, "none.png"); }),
                   "0 x 17 pixels"));
  }

  TEST_CASE("a file larger than the limit is refused by its size") {
    const Folder folder;
    const fs::path path = folder.path / "large.png";
    write(path, read(kFolder / "rgb.png"));
    fs::resize_file(path, ofer::kMaxImageFileBytes + 1);  // a hole: takes no room on disk
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::load_image(path); }),
                   "larger than the limit"));
  }

  TEST_CASE("PNG: a wrong checksum, data for another size, Apple's form") {
    Bytes bytes = read(kFolder / "rgb.png");
    bytes[60] ^= 1;
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(bytes, "x"); }),
                   "checksum"));
    bytes = declare_png(read(kFolder / "rgb.png"), 23, 18);
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(bytes, "x"); }),
                   "damaged"));
    // 23 x 17 pixels of data in a file that declares one: must neither crash nor grow.
    bytes = declare_png(read(kFolder / "rgb.png"), 1, 1);
    const Image one = ofer::decode_image(bytes, "x");
    CHECK(one.pixels.size() == 3);
    bytes = read(kFolder / "rgb.png");
    std::copy_n("CgBI", 4, bytes.begin() + 12);
    put32(bytes, 29, crc32(bytes, 12, 29));
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(bytes, "x"); }), "CgBI"));
  }

  TEST_CASE("JPEG: a Huffman table that would overrun its place") {
    Bytes bytes = read(kFolder / "baseline.jpg");
    const Bytes tables{0xFF, 0xC4};
    const auto at = std::search(bytes.begin(), bytes.end(), tables.begin(), tables.end());
    REQUIRE(at != bytes.end());
    std::fill(at + 5, at + 21, std::uint8_t{0xFF});  // behind marker, length and kind: the counts
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(bytes, "x"); }),
                   "Huffman"));
  }

  TEST_CASE("a small PNG that unpacks to gigabytes is stopped") {
    // Deflate by hand: a block of fixed codes with one literal 0, then matches of length 258 at
    // distance 1 (code 285 = 11000101, distance code 00000), 13 bits each: 258 bytes from 13 bits.
    std::vector<bool> bits{1, 1, 0};                                // last block, fixed codes
    for (bool bit : {0, 0, 1, 1, 0, 0, 0, 0}) bits.push_back(bit);  // literal 0
    for (int i = 0; i < 40'000; ++i)                                // 10 MB
      for (bool bit : {1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0}) bits.push_back(bit);
    for (int i = 0; i < 7; ++i) bits.push_back(false);
    Bytes data{'I', 'D', 'A', 'T', 0x78, 0x01};
    for (std::size_t i = 0; i < bits.size(); ++i) {
      if (i % 8 == 0) data.push_back(0);
      data.back() = static_cast<std::uint8_t>(data.back() | (bits[i] << (i % 8)));
    }
    data.resize(data.size() + 4);  // the checksum that stb does not read
    Bytes png = declare_png(read(kFolder / "rgb.png"), 2, 2);
    png.resize(33 + 4);
    put32(png, 33, static_cast<std::uint32_t>(data.size() - 4));
    png.insert(png.end(), data.begin(), data.end());
    png.resize(png.size() + 4);
    put32(png, png.size() - 4, crc32(data, 0, data.size()));
    const Bytes end{0, 0, 0, 0, 'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82};
    png.insert(png.end(), end.begin(), end.end());
    CHECK(contains(error_of(ErrorCode::kBadFile, [&] { ofer::decode_image(png, "bomb.png"); }),
                   "larger than the size it declares"));
  }

  TEST_CASE("random damage gives a picture or an error") {
    std::mt19937 random(3);
    for (const char* name : {"rgb.png", "palette.png", "rgba16.png", "baseline.jpg", "cmyk.jpg",
                             "progressive.jpg", "orientation_6.jpg", "rgb.bmp", "palette.bmp"}) {
      const Bytes whole = read(kFolder / name);
      int pictures = 0, errors = 0;
      for (int round = 0; round < 300; ++round) {
        Bytes bytes = whole;
        for (int hits = round % 4; hits >= 0; --hits)
          bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
        try {
          const Image image = ofer::decode_image(bytes, name);
          REQUIRE(image.pixels.size() == 3 * static_cast<std::size_t>(image.width) *
                                             static_cast<std::size_t>(image.height));
          ++pictures;
        } catch (const ofer::Error& error) {
          REQUIRE(error.code() == ErrorCode::kBadFile);
          ++errors;
        }
      }
      CHECK(pictures + errors == 300);
      CHECK(errors > 0);
    }
  }

  TEST_CASE("a PNG written is the picture read") {
    for (const auto& [w, h] : {std::pair{1, 1}, {7, 3}, {256, 1}, {64, 80}}) {
      Image image(w, h);
      std::mt19937 random(static_cast<unsigned>(w));
      for (auto& value : image.pixels) value = static_cast<std::uint8_t>(random());
      CHECK(ofer::decode_image(ofer::encode_png(image), "memory") == image);
    }
    CHECK_THROWS_AS(ofer::encode_png(Image()), ofer::Error);
    Image wrong(4, 4);
    wrong.pixels.resize(5);
    CHECK_THROWS_AS(ofer::encode_png(wrong), ofer::Error);
  }

  TEST_CASE("saving replaces a whole file or leaves everything as it was") {
    const Folder folder;
    const Image a(4, 4, {1, 2, 3}), b(5, 5, {4, 5, 6});
    const fs::path path = folder.path / "out.png";
    ofer::save_png(a, path);
    ofer::save_png(b, path);
    CHECK(ofer::load_image(path) == b);
    CHECK(folder.files() == 1);

    CHECK(contains(
        error_of(ErrorCode::kIo, [&] { ofer::save_png(a, folder.path / "none" / "out.png"); }),
        "none/out.png: cannot write: No such file"));
    fs::create_directory(folder.path / "sub");
    CHECK(contains(error_of(ErrorCode::kIo, [&] { ofer::save_png(a, folder.path / "sub"); }),
                   "is a directory"));
    CHECK(contains(error_of(ErrorCode::kIo, [&] { ofer::save_png(a, path / "inside.png"); }),
                   "cannot write"));
    if (::geteuid() != 0) {  // root may write everywhere
      fs::permissions(folder.path / "sub", fs::perms::owner_read | fs::perms::owner_exec);
      CHECK(contains(
          error_of(ErrorCode::kIo, [&] { ofer::save_png(a, folder.path / "sub" / "out.png"); }),
          "Permission denied"));
      fs::permissions(folder.path / "sub", fs::perms::owner_all);
    }
    CHECK(folder.files() == 2);
    CHECK(fs::is_empty(folder.path / "sub"));

    fs::create_symlink("out.png", folder.path / "link.png");
    ofer::save_png(a, folder.path / "link.png");
    CHECK(fs::is_symlink(folder.path / "link.png"));
    CHECK(ofer::load_image(path) == a);
    ofer::save_png(a, "/dev/null");
    CHECK(fs::is_character_file("/dev/null"));
  }

  TEST_CASE("threads decode and save at once") {
    const Folder folder;
    const Image rgb = ofer::load_image(kFolder / "rgb.png");
    const Image jpeg = ofer::load_image(kFolder / "progressive.jpg");
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < wrong.size(); ++t)
      threads.emplace_back([&, t] {
        for (int round = 0; round < 25; ++round) {
          wrong[t] += !(ofer::load_image(kFolder / "rgb16.png") == rgb);
          wrong[t] += !(ofer::load_image(kFolder / "progressive.jpg") == jpeg);
          try {
            ofer::decode_image(Bytes{0x89, 'P'}, "x");
            ++wrong[t];
          } catch (const ofer::Error&) {
          }
          ofer::save_png(rgb, folder.path / "shared.png");
        }
      });
    for (auto& thread : threads) thread.join();
    for (int count : wrong) CHECK(count == 0);
    CHECK(folder.files() == 1);
    CHECK(ofer::test::worst_difference(ofer::load_image(folder.path / "shared.png"), rgb) == 0);
  }

  TEST_CASE("sizes of a picture in memory are checked") {
    CHECK_THROWS_AS(Image(0, 3), ofer::Error);
    CHECK_THROWS_AS(Image(3, -1), ofer::Error);
    CHECK_THROWS_AS(Image(100'000, 100'000), ofer::Error);
    const Image red(2, 2, {200, 1, 2});
    CHECK((red.at(1, 1)[0] == 200 && red.at(1, 1)[1] == 1 && red.at(1, 1)[2] == 2));
  }
}
