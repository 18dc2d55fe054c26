#include "weights/initialise.h"

#include <cmath>
#include <cstring>
#include <string_view>

#include "engine/error.h"
#include "weights/split_mix.h"

namespace ofer {
namespace {

// FNV-1a, 64 bits.
constexpr std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (char character : text)
    hash = (hash ^ static_cast<unsigned char>(character)) * 0x100000001b3u;
  return hash;
}

// The numbers of one tensor.
class Stream {
 public:
  Stream(std::uint64_t seed, std::string_view name)
      : key_(mix_bits(mix_bits(seed) ^ hash_of(name))) {}
  std::uint64_t operator()(std::uint64_t index) const { return split_mix(key_, index); }

 private:
  std::uint64_t key_;
};

// Between -1 and 1, exact: an odd multiple of 2^-24.
double uniform(const Stream& stream, std::uint64_t i) {
  const auto k = static_cast<std::int64_t>(stream(i) >> 40);
  return static_cast<double>(2 * k + 1 - (std::int64_t{1} << 24)) * 0x1p-24;
}

// Nearly normal, exact: the sum of twelve independent 16-bit numbers, which has variance
// 65536^2 - 1, less its mean. Cut off at 6 deviations, kurtosis 2.9 instead of 3. No logarithm, no
// cosine: those differ from one C library to the next.
double normal(const Stream& stream, std::uint64_t i) {
  std::int64_t sum = -12 * 65535 / 2;
  for (std::uint64_t part = 0; part < 3; ++part) {
    const std::uint64_t bits = stream(3 * i + part);
    for (int shift = 0; shift < 64; shift += 16)
      sum += static_cast<std::int64_t>(bits >> shift & 0xffff);
  }
  return static_cast<double>(sum) * 0x1p-16;
}

// Magnitude between 1 and 2, either sign.
double center(const Stream& stream, std::uint64_t i) {
  const std::uint64_t bits = stream(i);
  const double magnitude = 1 + static_cast<double>(bits >> 40) * 0x1p-24;
  return bits & 1 ? magnitude : -magnitude;
}

// Positions [L + 1, D] of a square grid. Row 0, the class token's, is zero. In the other rows the
// first half of the channels encodes the column x, the second half the row y, each as
// sin(x w_i), i = 0..D/4-1, then cos(x w_i), with w_i = 1 / 10000^(i / (D/4)).
class Positions {
 public:
  explicit Positions(const Shape& shape)
      : width_(shape[1]),
        columns_(
            static_cast<std::int64_t>(std::llround(std::sqrt(static_cast<double>(shape[0] - 1))))) {
    OFER_ASSERT(columns_ * columns_ == shape[0] - 1 && width_ % 4 == 0);
  }

  double operator()(std::uint64_t index) const {
    const std::int64_t row = static_cast<std::int64_t>(index) / width_;
    const std::int64_t channel = static_cast<std::int64_t>(index) % width_;
    if (row == 0) return 0;
    const std::int64_t quarter = width_ / 4, patch = row - 1;
    const std::int64_t place = channel < 2 * quarter ? patch % columns_ : patch / columns_;
    const double exponent = static_cast<double>(channel % quarter) / static_cast<double>(quarter);
    const double angle = static_cast<double>(place) / std::pow(10000.0, exponent);
    return channel / quarter % 2 == 0 ? std::sin(angle) : std::cos(angle);
  }

 private:
  std::int64_t width_, columns_;
};

// value(i) for the elements that the bytes from `offset` on belong to.
template <class Value>
TensorFill fill_by(double amount, Value value) {
  return [amount, value](std::uint64_t offset, std::span<std::byte> out) {
    const std::uint64_t first = offset / sizeof(float);
    for (std::size_t i = 0; i < out.size() / sizeof(float); ++i) {
      const auto number = static_cast<float>(amount * value(first + i));
      std::memcpy(out.data() + i * sizeof number, &number, sizeof number);
    }
  };
}

}  // namespace

TensorFill initial_values(const TensorSpec& spec, std::uint64_t seed) {
  const Stream stream(seed, spec.name);
  switch (spec.rule) {
    case InitRule::kConstant:
      return fill_by(spec.amount, [](std::uint64_t) { return 1.0; });
    case InitRule::kUniform:
      return fill_by(spec.amount, [stream](std::uint64_t i) { return uniform(stream, i); });
    case InitRule::kNormal:
      return fill_by(spec.amount, [stream](std::uint64_t i) { return normal(stream, i); });
    case InitRule::kCenter:
      return fill_by(spec.amount, [stream](std::uint64_t i) { return center(stream, i); });
    case InitRule::kPositions:
      return fill_by(spec.amount, Positions(spec.shape));
  }
  OFER_ASSERT(!"a rule without numbers");
}

}  // namespace ofer
