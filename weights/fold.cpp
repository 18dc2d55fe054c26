#include "weights/fold.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "engine/error.h"
#include "layers/norm.h"
#include "weights/fold_layers.h"
#include "weights/split_mix.h"
#include "weights/tensor_table.h"

namespace ofer {
namespace {

constexpr double kEps = layers::BatchNorm::kEps;
constexpr std::size_t kSamples = 2;

template <class T>
std::vector<T> applied(const AffineValues& layer, const std::vector<T>& x) {
  const std::size_t rows = layer.weight.size() / x.size();
  std::vector<T> y(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    y[r] = dot<T>(layer.weight.data() + r * x.size(), x.data(), x.size());
    if (!layer.bias.empty()) y[r] += static_cast<T>(layer.bias[r]);
  }
  return y;
}

template <class T>
std::vector<T> unfolded(const std::vector<Term>& terms, const std::vector<T>& x) {
  std::vector<T> sum;
  for (const Term& term : terms) {
    std::vector<T> y = applied(term.layer, x);
    sum.resize(y.size());
    for (std::size_t r = 0; r < y.size(); ++r)
      sum[r] += (y[r] - static_cast<T>(term.norm.mean[r])) /
                    std::sqrt(static_cast<T>(term.norm.variance[r]) + static_cast<T>(kEps)) *
                    static_cast<T>(term.norm.weight[r]) +
                static_cast<T>(term.norm.bias[r]);
  }
  return sum;
}

template <class T>
double largest_difference(const std::vector<T>& a, const std::vector<T>& b, double& largest) {
  double difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = std::max(difference, std::abs(static_cast<double>(a[i] - b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return difference;
}

template <class T>
double error_in(const std::vector<Term>& terms, const AffineValues& folded,
                const std::vector<double>& inputs) {
  const std::size_t width = inputs.size() / kSamples;
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < kSamples; ++i) {
    const std::vector<T> x(inputs.begin() + static_cast<std::ptrdiff_t>(i * width),
                           inputs.begin() + static_cast<std::ptrdiff_t>((i + 1) * width));
    difference =
        std::max(difference, largest_difference(applied(folded, x), unfolded(terms, x), largest));
  }
  return largest > 0 ? difference / largest : difference;
}

// Behind which layers which batch norms stand, by the ends of their names.
struct NormBehind {
  std::string_view layer, norm;
};
constexpr NormBehind kNorms[] = {
    {"stem.conv", "stem.bn"},
    {"shortcut.conv", "shortcut.bn"},
    {".conv1", ".bn1"},
    {".conv2", ".bn2"},
    {"channel.down", "channel.bn"},
    {"spatial.conv1x1", "spatial.bn1x1"},
};

std::string norm_behind(const std::string& layer) {
  for (const NormBehind& known : kNorms)
    if (layer.ends_with(known.layer))
      return layer.substr(0, layer.size() - known.layer.size()) + std::string(known.norm);
  return "";
}

std::vector<float> rounded(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

void keep(Folded& result, const std::string& layer, const AffineValues& values) {
  result.tensors[layer + ".weight"] = rounded(values.weight);
  result.tensors[layer + ".bias"] = rounded(values.bias);
}

void fold_norm(const FoldInput& input, const std::string& layer, const std::string& norm,
               Folded& result) {
  const std::vector<Term> terms{{layer_of(input, layer), norm_of(input, norm)}};
  const AffineValues values = folded(terms[0].layer, terms[0].norm);
  result.errors.push_back(measure_fold(layer, terms, values));
  keep(result, layer, values);
}

// [planes, height, width] in the middle of [planes, 3, 3]; zeros around it.
std::vector<double> in_3x3(const std::vector<double>& weight, std::size_t height,
                           std::size_t width) {
  const std::size_t planes = weight.size() / (height * width);
  const std::size_t top = (3 - height) / 2, left = (3 - width) / 2;
  std::vector<double> whole(planes * 9, 0.0);
  for (std::size_t p = 0; p < planes; ++p)
    for (std::size_t y = 0; y < height; ++y)
      for (std::size_t x = 0; x < width; ++x)
        whole[p * 9 + (top + y) * 3 + left + x] = weight[(p * height + y) * width + x];
  return whole;
}

void fold_spatial(const FoldInput& input, const std::string& spatial, Folded& result) {
  std::vector<Term> terms;
  for (const auto& [kernel, height, width] :
       {std::tuple{"3x3", 3, 3}, std::tuple{"1x3", 1, 3}, std::tuple{"3x1", 3, 1}}) {
    terms.push_back({layer_of(input, message(spatial, ".conv", kernel)),
                     norm_of(input, message(spatial, ".bn", kernel))});
    std::vector<double>& weight = terms.back().layer.weight;
    weight = in_3x3(weight, static_cast<std::size_t>(height), static_cast<std::size_t>(width));
  }
  AffineValues sum;
  for (const Term& term : terms) {
    const AffineValues part = folded(term.layer, term.norm);
    sum.weight.resize(part.weight.size());
    sum.bias.resize(part.bias.size());
    for (std::size_t i = 0; i < part.weight.size(); ++i) sum.weight[i] += part.weight[i];
    for (std::size_t i = 0; i < part.bias.size(); ++i) sum.bias[i] += part.bias[i];
  }
  const std::string name = spatial + ".conv3x3";
  result.errors.push_back(measure_fold(name, terms, sum));
  keep(result, name, sum);
}

}  // namespace

std::vector<double> all_of(const FoldInput& input, const std::string& name) {
  std::vector<double> values(static_cast<std::size_t>(input.shape(name).elements()));
  input.read(name, 0, values);
  return values;
}

std::vector<double> NormValues::scale() const {
  std::vector<double> result(weight.size());
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = weight[i] / std::sqrt(variance[i] + kEps);
  return result;
}

std::vector<double> NormValues::shift() const {
  std::vector<double> result = scale();
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = bias[i] - mean[i] * result[i];
  return result;
}

NormValues norm_of(const FoldInput& input, const std::string& name) {
  NormValues norm{all_of(input, name + ".weight"), all_of(input, name + ".bias"),
                  all_of(input, name + ".mean"), all_of(input, name + ".variance")};
  for (const double variance : norm.variance)
    require(variance + kEps > 0, ErrorCode::kBadFile, name, ".variance holds ", variance,
            ", which is no variance");
  return norm;
}

AffineValues layer_of(const FoldInput& input, const std::string& name) {
  AffineValues layer{all_of(input, name + ".weight"), {}};
  if (input.shape(name + ".bias").rank() > 0) layer.bias = all_of(input, name + ".bias");
  return layer;
}

AffineValues folded(AffineValues layer, const NormValues& norm) {
  const std::vector<double> scale = norm.scale(), shift = norm.shift();
  const std::size_t rows = scale.size(), width = layer.weight.size() / rows;
  layer.bias.resize(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < width; ++i) layer.weight[r * width + i] *= scale[r];
    layer.bias[r] = layer.bias[r] * scale[r] + shift[r];
  }
  return layer;
}

std::vector<double> random_inputs(std::size_t count, std::uint64_t seed) {
  std::vector<double> values(count);
  std::uint64_t index = 0;
  for (double& value : values) {
    value = 0;  // the sum of two has a triangular distribution
    for (int i = 0; i < 2; ++i)
      value += static_cast<double>(split_mix(seed, index++) >> 40) * 0x1p-23 - 1;
    value = static_cast<float>(value);  // exact in both precisions
  }
  return values;
}

FoldError measure_fold(const std::string& name, const std::vector<Term>& terms,
                       const AffineValues& folded) {
  const std::size_t width = folded.weight.size() / folded.bias.size();
  const std::vector<double> inputs = random_inputs(kSamples * width, width);
  return {name, error_in<double>(terms, folded, inputs), error_in<float>(terms, folded, inputs)};
}

Folded fold_recogniser(const FoldInput& input, const Config& config, std::int64_t classes,
                       int threads) {
  Config target = config;
  target.recogniser.structure = RecogniserStructure::kFolded;
  Folded result;
  for (const TensorSpec& spec : tensor_table(target, classes)) {
    if (!spec.name.starts_with("recogniser.") || !spec.name.ends_with(".weight") ||
        spec.name.starts_with("recogniser.classifier."))
      continue;
    const std::string layer = spec.name.substr(0, spec.name.size() - 7);
    const std::string norm = norm_behind(layer);
    if (layer.ends_with(".spatial.conv3x3"))
      fold_spatial(input, layer.substr(0, layer.size() - 8), result);
    else if (!norm.empty())
      fold_norm(input, layer, norm, result);
    else
      keep(result, layer, layer_of(input, layer));
  }
  fold_classifier(input, config, classes, threads, result);
  return result;
}

}  // namespace ofer
