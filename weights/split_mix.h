// SplitMix64 (Steele, Lea, Flood 2014): numbers from a seed, the same on every machine.
#pragma once

#include <cstdint>

namespace ofer {

// The finaliser: every bit of the input changes about half of the output.
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

inline constexpr std::uint64_t kSplitMixStep = 0x9e3779b97f4a7c15u;

// Number `index` of the sequence of `seed`: by index instead of by state, so that any number is
// there at any time.
constexpr std::uint64_t split_mix(std::uint64_t seed, std::uint64_t index) {
  return mix_bits(seed + (index + 1) * kSplitMixStep);
}

}  // namespace ofer
