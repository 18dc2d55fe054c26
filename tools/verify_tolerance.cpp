#include "tools/verify_tolerance.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/error.h"

namespace ofer {

namespace {

struct Arithmetic {
  double unit, promise, loose;
};

Arithmetic arithmetic_of(Precision precision) {
  switch (precision) {
    case Precision::kF64:
      return {0x1p-53, 1e-10, 1e-9};
    case Precision::kF32:
      return {0x1p-24, 1e-5, 1e-4};
    case Precision::kTf32:
      return {0x1p-11, 5e-3, 5e-2};
    case Precision::kBf16:
    case Precision::kMixed:
      return {0x1p-8, 5e-2, 5e-1};
  }
  return {};
}

Precision computed_in(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return Precision::kF32;
    case DType::kF16:
      return Precision::kTf32;
    case DType::kBF16:
      return Precision::kBf16;
    default:
      return Precision::kF64;
  }
}

// Behind what nearly cancels or is scaled to [0, 1]: ten times the promise.
bool is_loose(std::string_view tap) {
  return tap == "recognise/logits" || tap == "recognise/probabilities" ||
         tap == "recognise/gradient" || tap.starts_with("gradcam/");
}

// Takes `prefix` off; false where the text does not begin with it.
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// A transformer's taps by their names below its own. A block is eight layers: two norms, qkv,
// scores, weighted sum, projection, up, down.
std::optional<TapDepth> transformer_depth(std::string_view tap, const EncoderConfig& size,
                                          std::int64_t tokens, TapDepth before) {
  const std::int64_t attention = std::max<std::int64_t>({before.longest, size.width, tokens});
  const std::int64_t both = std::max<std::int64_t>(attention, size.mlp_width);
  const auto behind = [&](std::int64_t blocks) {
    return TapDepth{blocks > 0 ? both : before.longest, before.layers + 8 * blocks};
  };
  if (tap == "embed") return before;
  if (take(tap, "block")) {
    std::int64_t block = 0;
    const auto [end, error] = std::from_chars(tap.data(), tap.data() + tap.size(), block);
    if (error != std::errc() || block < 0 || block >= size.depth) return {};
    tap.remove_prefix(static_cast<std::size_t>(end - tap.data()));
    const TapDepth start = behind(block);
    if (tap == "/attention") return TapDepth{std::max(start.longest, attention), start.layers + 5};
    if (tap.empty() || tap == "/mlp") return TapDepth{both, start.layers + 8};
    return {};
  }
  TapDepth end = behind(size.depth);
  end.longest = std::max<std::int64_t>(end.longest, size.width);
  ++end.layers;
  return end;
}

}  // namespace

std::optional<TapDepth> depth_of(std::string_view tap, const Config& config) {
  const std::int64_t tokens = config.patch_count() + 1;
  const TapDepth embedded{config.patch_values(), 2};
  if (take(tap, "input/")) return TapDepth{1, 2};
  if (take(tap, "detect/encoder/"))
    return transformer_depth(tap, config.detector_encoder(), tokens, embedded);
  if (!take(tap, "reconstruct/")) return {};
  if (take(tap, "encoder/")) return transformer_depth(tap, config.encoder, tokens, embedded);
  TapDepth encoded = *transformer_depth("norm", config.encoder, tokens, embedded);
  if (tap == "latent" && config.recogniser.latent_source == LatentSource::kEncoderNorm)
    return encoded;
  ++encoded.layers;
  if (take(tap, "decoder/")) {
    if (tap != "predict") return transformer_depth(tap, config.decoder, tokens, encoded);
  } else if (tap != "latent" && tap != "coarse") {
    return {};
  }
  TapDepth depth = *transformer_depth("norm", config.decoder, tokens, encoded);
  if (tap != "latent") depth.layers += 3;
  return depth;
}

TapTolerances::TapTolerances(const Config& config, Precision precision,
                             std::vector<Override> overrides)
    : config_(config), precision_(precision), overrides_(std::move(overrides)) {}

double TapTolerances::allowed(std::string_view tap, DType reference) const {
  for (auto it = overrides_.rbegin(); it != overrides_.rend(); ++it)
    if (matches(it->pattern, tap)) return it->value;
  const std::optional<TapDepth> depth = depth_of(tap, config_);
  const auto of = [&](Precision precision) {
    const Arithmetic a = arithmetic_of(precision);
    if (is_loose(tap)) return a.loose;
    if (!depth) return a.promise;
    const auto terms = static_cast<double>(depth->longest * depth->layers);
    return std::min(a.promise, kTimes * a.unit * std::sqrt(terms));
  };
  double allowed = of(precision_);
  // Maps come back as floats, scaled to [0, 1].
  if (tap.ends_with("/cam") || tap.ends_with("/campp")) allowed = std::max(allowed, 1e-6);
  const Precision other = computed_in(reference);
  return other == Precision::kF64 ? allowed : std::hypot(allowed, of(other));
}

TapTolerances::Override TapTolerances::parse(std::string_view text) {
  const std::size_t equals = text.rfind('=');
  const std::string_view number = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  require(equals != std::string_view::npos && equals > 0 && error == std::errc() &&
              end == number.data() + number.size() && std::isfinite(value) && value >= 0,
          ErrorCode::kBadArgument, "--tolerance: \"", text,
          "\" is not NAME=VALUE with a number of 0 or more, such as recognise/*=1e-4");
  return {std::string(text.substr(0, equals)), value};
}

// The usual walk: behind the last *, try one character more whenever the rest does not fit.
bool TapTolerances::matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, tried = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      tried = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++tried;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace ofer
