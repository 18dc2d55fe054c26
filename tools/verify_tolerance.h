// How far a tap may be from its reference: relative L2, by precision and by what was added up on
// the way to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dtype.h"
#include "engine/precision.h"
#include "weights/config.h"

namespace ofer {

// What lies behind a tap: the longest sum, and how many layers follow one another. Empty for taps
// whose error those two do not bound: behind the U-Net's instance norms, which magnify what comes
// in, and distances, which cancel.
struct TapDepth {
  std::int64_t longest = 1;  // terms
  std::int64_t layers = 0;
};
std::optional<TapDepth> depth_of(std::string_view tap, const Config& config);

// The rule. With u the unit roundoff of the precision, K the longest sum and d the layers behind a
// tap, rounding errors that are independent of one another add up to about u sqrt(K d); a tap may
// be kTimes that far off, and never further than the precision's promise:
//
//   allowed = min(promise, kTimes u sqrt(K d))
//
//            fp64    fp32    tf32   bf16, mixed
//   u        2^-53   2^-24   2^-11  2^-8
//   promise  1e-10   1e-5    5e-3   5e-2    of every tap
//            1e-9    1e-4    5e-2   0.5     of logits, probabilities and gradients
//
// A reference is taken to be computed in the type that it is stored in (f16 counts as tf32), so the
// two allowances add up as the independent errors that they are: sqrt(a^2 + b^2).
class TapTolerances {
 public:
  static constexpr double kTimes = 4;

  // A relative L2 for every tap whose name the pattern matches: * stands for any characters (also
  // for '/'), ? for one. Of several that match, the last one counts.
  struct Override {
    std::string pattern;
    double value = 0;
  };

  TapTolerances(const Config& config, Precision precision, std::vector<Override> overrides);

  double allowed(std::string_view tap, DType reference) const;

  // NAME=VALUE. Throws kBadArgument when it is not of that form or VALUE is no number of 0 or more.
  static Override parse(std::string_view text);
  static bool matches(std::string_view pattern, std::string_view name);

 private:
  const Config& config_;
  Precision precision_;
  std::vector<Override> overrides_;
};

}  // namespace ofer
