// Random numbers by place instead of by turn.
//
// What is drawn for sample i of epoch e under seed s is a sequence of its own, named by (s, e, i)
// and a purpose. So nothing depends on which thread came first or on where a run was taken up
// again, and one more number drawn for augmentation shifts none that covers are drawn by.
#pragma once

#include <cstdint>
#include <span>
#include <utility>

#include "weights/split_mix.h"

namespace ofer {

// 24 bits, which a float holds exactly, as a number in [0, 1).
inline float unit_float(std::uint64_t bits) {
  return static_cast<float>(bits >> 40) * 0x1p-24f;
}

// One sequence (SplitMix64), the same on every machine. A plain value of one thread.
class SeededNumbers {
 public:
  explicit SeededNumbers(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() { return mix_bits(state_ += kSplitMixStep); }
  float uniform() { return unit_float(next()); }                                   // [0, 1)
  float uniform(float low, float high) { return low + (high - low) * uniform(); }  // [low, high)
  bool chance(double probability) {  // never for 0, always for 1
    return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }
  // In [0, count), count >= 1. The remainder favours small values by less than count / 2^64.
  int index(int count) { return static_cast<int>(next() % static_cast<std::uint64_t>(count)); }

 private:
  std::uint64_t state_;
};

enum class RandomPurpose : std::uint64_t {
  kOrder,
  kAugment,
  kOcclude,
  kMask,
  kDropout,
  kOther,
};

inline SeededNumbers numbers_for(std::uint64_t seed, std::uint64_t epoch, std::uint64_t sample,
                                 RandomPurpose purpose) {
  const std::uint64_t run = split_mix(seed, static_cast<std::uint64_t>(purpose));
  return SeededNumbers(split_mix(split_mix(run, epoch), sample));
}

// Any order is as likely as any other (Fisher, Yates).
template <class T>
void shuffle(std::span<T> values, SeededNumbers& numbers) {
  for (std::size_t left = values.size(); left > 1; --left)
    std::swap(values[left - 1], values[static_cast<std::size_t>(numbers.next() % left)]);
}

}  // namespace ofer
