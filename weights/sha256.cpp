#include "weights/sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define OFER_SHA_X86 1
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace ofer {
namespace {

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
alignas(16) constexpr std::uint32_t kRoundConstants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

void compress_portable(std::uint32_t* state, const std::uint8_t* blocks, std::size_t count) {
  for (; count > 0; --count, blocks += 64) {
    std::uint32_t w[64];
    for (int t = 0; t < 16; ++t)
      w[t] = static_cast<std::uint32_t>(blocks[4 * t]) << 24 |
             static_cast<std::uint32_t>(blocks[4 * t + 1]) << 16 |
             static_cast<std::uint32_t>(blocks[4 * t + 2]) << 8 | blocks[4 * t + 3];
    for (int t = 16; t < 64; ++t) {
      const std::uint32_t x = w[t - 15], y = w[t - 2];
      const std::uint32_t s0 = std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3);
      const std::uint32_t s1 = std::rotr(y, 17) ^ std::rotr(y, 19) ^ (y >> 10);
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    std::uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int t = 0; t < 64; ++t) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + kRoundConstants[t] + w[t];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}

#if OFER_SHA_X86

bool has_sha_instructions() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx >> 29 & 1)) return false;  // SHA
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
  return (ecx >> 9 & 1) && (ecx >> 19 & 1);  // SSSE3, SSE4.1
}

// The instructions keep the state as two vectors, ABEF and CDGH (high word first), and do two
// rounds at a time. The message schedule lives in four vectors of four words, used round robin:
// the vector of step i is replaced by that of step i + 4.
__attribute__((target("sha,sse4.1,ssse3"))) void compress_sha(std::uint32_t* state,
                                                              const std::uint8_t* blocks,
                                                              std::size_t count) {
  const __m128i byte_swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  __m128i low = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state));       // D C B A
  __m128i high = _mm_loadu_si128(reinterpret_cast<const __m128i*>(state + 4));  // H G F E
  low = _mm_shuffle_epi32(low, 0xb1);                                           // C D A B
  high = _mm_shuffle_epi32(high, 0x1b);                                         // E F G H
  __m128i abef = _mm_alignr_epi8(low, high, 8);
  __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);

  for (; count > 0; --count, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks + 16 * i)),
                              byte_swap);
#pragma GCC unroll 16
    for (int step = 0; step < 16; ++step) {  // four rounds each
      const __m128i now = w[step & 3];
      __m128i sum = _mm_add_epi32(
          now, _mm_load_si128(reinterpret_cast<const __m128i*>(kRoundConstants + 4 * step)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
      sum = _mm_shuffle_epi32(sum, 0x0e);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, sum);
      if (step < 12) {  // W[t] = W[t-16] + s0(W[t-15]) + W[t-7] + s1(W[t-2])
        const __m128i next = w[(step + 1) & 3], after = w[(step + 2) & 3], last = w[(step + 3) & 3];
        __m128i fresh = _mm_sha256msg1_epu32(now, next);
        fresh = _mm_add_epi32(fresh, _mm_alignr_epi8(last, after, 4));
        w[step & 3] = _mm_sha256msg2_epu32(fresh, last);
      }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  abef = _mm_shuffle_epi32(abef, 0x1b);  // A B E F from low to high
  cdgh = _mm_shuffle_epi32(cdgh, 0xb1);  // G H C D from low to high
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state), _mm_blend_epi16(abef, cdgh, 0xf0));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(state + 4), _mm_alignr_epi8(cdgh, abef, 8));
}

#endif  // OFER_SHA_X86

}  // namespace

Sha256::Compress Sha256::compress_for(Path path) {
#if OFER_SHA_X86
  static const bool fast = has_sha_instructions();
  if (path == Path::kBest && fast) return compress_sha;
#endif
  (void)path;
  return compress_portable;
}

Sha256::Sha256(Path path)
    : compress_(compress_for(path)),
      // The first 32 bits of the fractional parts of the square roots of the first 8 primes.
      state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19} {}

void Sha256::update(const void* data, std::size_t size) {
  if (size == 0) return;
  const auto* bytes = static_cast<const std::uint8_t*>(data);
  const std::size_t held = size_ % 64;
  size_ += size;
  if (held > 0) {
    const std::size_t taken = std::min(size, 64 - held);
    std::memcpy(pending_.data() + held, bytes, taken);
    if (held + taken < 64) return;
    compress_(state_.data(), pending_.data(), 1);
    bytes += taken;
    size -= taken;
  }
  compress_(state_.data(), bytes, size / 64);
  if (size % 64 > 0) std::memcpy(pending_.data(), bytes + size / 64 * 64, size % 64);
}

std::string Sha256::finish() {
  // A one bit, zeros up to 56 bytes in the last block, the length in bits as 8 bytes, big-endian.
  const std::uint64_t bits = size_ * 8;
  std::uint8_t tail[72] = {0x80};
  const std::size_t held = size_ % 64;
  const std::size_t padding = (held < 56 ? 56 : 120) - held;
  for (int i = 0; i < 8; ++i) tail[padding + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
  update(tail, padding + 8);

  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(64);
  for (std::uint32_t word : state_)
    for (int shift = 28; shift >= 0; shift -= 4) hex += kDigits[word >> shift & 15];
  return hex;
}

std::string sha256_hex(const void* data, std::size_t size) {
  Sha256 hash;
  hash.update(data, size);
  return hash.finish();
}

}  // namespace ofer
