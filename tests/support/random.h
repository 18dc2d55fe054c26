// Random numbers that are the same on every platform: splitmix64 and IEEE additions, no libm.
#pragma once

#include <cstdint>
#include <string_view>

namespace ofer::test {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // As if next() had been called so often.
  void skip(std::uint64_t calls) { state_ += calls * 0x9e3779b97f4a7c15u; }

  // In [0, 1), 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

  double between(double low, double high) { return low + (high - low) * uniform(); }

  // Mean 0, variance 1, within (-6, 6): the sum of twelve uniform numbers.
  static constexpr int kCallsOfNormal = 12;
  double normal() {
    double sum = -6;
    for (int i = 0; i < kCallsOfNormal; ++i) sum += uniform();
    return sum;
  }

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound));
  }

 private:
  std::uint64_t state_;
};

// A seed of its own for each name (FNV-1a), so that a buffer's numbers do not depend on the order
// in which buffers are made.
inline std::uint64_t seed_of(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325u ^ seed;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace ofer::test
