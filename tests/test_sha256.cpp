#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "weights/sha256.h"

using ofer::Sha256;
using ofer::sha256_hex;

namespace {

std::string hash(const std::string& text, Sha256::Path path) {
  Sha256 sha(path);
  sha.update(text.data(), text.size());
  return sha.finish();
}

}  // namespace

TEST_SUITE("sha256") {
  // Examples of FIPS 180-4 and of NIST's SHAVS byte-oriented vectors.
  TEST_CASE("published vectors") {
    const struct {
      std::string text, digest;
    } vectors[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
        {"\x11\xaf", "5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98"},
        {"\xb4\x19\x0e", "dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqr"
         "lmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {std::string(1'000'000, 'a'),
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
    for (const auto& vector : vectors) {
      CHECK(hash(vector.text, Sha256::Path::kBest) == vector.digest);
      CHECK(hash(vector.text, Sha256::Path::kPortable) == vector.digest);
      CHECK(sha256_hex(vector.text.data(), vector.text.size()) == vector.digest);
    }
  }

  TEST_CASE("both paths agree at every length around the block size, and in pieces of any size") {
    std::string text;
    for (int length = 0; length <= 300; ++length) {
      const std::string whole = hash(text, Sha256::Path::kPortable);
      CHECK(hash(text, Sha256::Path::kBest) == whole);
      for (std::size_t piece : {1u, 3u, 63u, 64u, 65u, 128u}) {
        Sha256 sha;
        for (std::size_t at = 0; at < text.size(); at += piece)
          sha.update(text.data() + at, std::min(piece, text.size() - at));
        CHECK(sha.finish() == whole);
      }
      text += static_cast<char>(length * 37 + 11);
    }
  }

  TEST_CASE("memory at any alignment") {
    const std::string text(1000, 'x');
    for (std::size_t shift = 0; shift < 16; ++shift) {
      std::string moved(shift, 'y');
      moved += text;
      CHECK(sha256_hex(moved.data() + shift, text.size()) == sha256_hex(text.data(), text.size()));
    }
  }
}
