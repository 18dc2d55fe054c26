// SHA-256 (FIPS 180-4), with the processor's own instructions where it has them: a weight file of
// a gigabyte is checked every time it is opened.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace ofer {

// Hashes a stream of bytes that arrives in pieces. One thread at a time.
class Sha256 {
 public:
  enum class Path { kBest, kPortable };
  // kPortable keeps to plain C++ (so that tests can compare the two paths).
  explicit Sha256(Path path = Path::kBest);

  void update(const void* data, std::size_t size);

  // The hash of everything given so far, as 64 lower-case hexadecimal digits. Ends the stream: no
  // update may follow.
  std::string finish();

 private:
  // Runs the compression function over `count` blocks of 64 bytes.
  using Compress = void (*)(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count);
  static Compress compress_for(Path path);

  Compress compress_;
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> pending_;  // the bytes after the last whole block
  std::uint64_t size_ = 0;
};

// Hash of one piece of memory.
std::string sha256_hex(const void* data, std::size_t size);

}  // namespace ofer
