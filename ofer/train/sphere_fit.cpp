#include "ofer/train/sphere_fit.h"

#include <algorithm>
#include <cmath>

#include "engine/convert.h"
#include "engine/error.h"
#include "ofer/data/random.h"
#include "ofer/train/kernel_fit.h"
#include "ofer/train/quantile.h"

namespace ofer {
namespace {

constexpr double kLeastCenter = 0.1;

double squared_distance(const float* a, const double* b, std::int64_t width) {
  double sum = 0;
  for (std::int64_t i = 0; i < width; ++i) {
    const double difference = double{a[i]} - b[i];
    sum += difference * difference;
  }
  return sum;
}

// radius [groups] of vectors [count, groups, F] around center [groups, F].
std::vector<float> radii_around(std::span<const float> features, const std::vector<double>& center,
                                std::int64_t groups, std::int64_t width, double nu) {
  std::vector<std::vector<float>> distances(static_cast<std::size_t>(groups));
  const auto vectors = static_cast<std::int64_t>(features.size()) / width;
  for (std::int64_t v = 0; v < vectors; ++v) {
    const std::int64_t group = v % groups;
    const double square =
        squared_distance(features.data() + v * width, center.data() + group * width, width);
    distances[static_cast<std::size_t>(group)].push_back(static_cast<float>(std::sqrt(square)));
  }
  std::vector<float> radii;
  for (std::vector<float>& of_group : distances) radii.push_back(upper_quantile(of_group, nu));
  return radii;
}

// Each face's scores s become S s.
void smooth_faces(std::vector<float>& scores, std::span<const double> smoothing) {
  const auto patches =
      static_cast<std::size_t>(std::llround(std::sqrt(static_cast<double>(smoothing.size()))));
  std::vector<float> face(patches);
  for (std::size_t first = 0; first < scores.size(); first += patches) {
    std::copy_n(scores.begin() + static_cast<std::ptrdiff_t>(first), patches, face.begin());
    for (std::size_t p = 0; p < patches; ++p) {
      double sum = 0;
      for (std::size_t q = 0; q < patches; ++q) sum += smoothing[p * patches + q] * double{face[q]};
      scores[first + p] = static_cast<float>(sum);
    }
  }
}

}  // namespace

std::vector<std::size_t> some_of(const std::vector<std::size_t>& samples, std::size_t most,
                                 std::uint64_t seed) {
  if (samples.size() <= most) return samples;
  std::vector<std::size_t> some = samples;
  SeededNumbers numbers = numbers_for(seed, 1, 0, RandomPurpose::kOther);
  shuffle(std::span(some), numbers);
  some.resize(most);
  std::sort(some.begin(), some.end());
  return some;
}

std::vector<float> read_values(Session& s, const Tensor& tensor) {
  std::vector<std::byte> raw(tensor.bytes());
  s.to_host(tensor, raw.data());
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  to_floats(raw.data(), tensor.dtype(), values);
  return values;
}

void write_values(Session& s, const Tensor& tensor, std::span<const float> values) {
  OFER_ASSERT(static_cast<std::int64_t>(values.size()) == tensor.elements());
  std::vector<std::byte> converted;
  s.to_device(tensor, from_floats(values, tensor.dtype(), converted));
  s.synchronise();
}

SphereStart sphere_start(std::span<const float> features, std::int64_t groups, std::int64_t width,
                         double nu) {
  const auto vectors = static_cast<std::int64_t>(features.size()) / width;
  const std::int64_t count = vectors / groups;
  OFER_ASSERT(count > 0);
  std::vector<double> center(static_cast<std::size_t>(groups * width));
  for (std::int64_t v = 0; v < vectors; ++v)
    for (std::int64_t i = 0; i < width; ++i)
      center[static_cast<std::size_t>(v % groups * width + i)] +=
          double{features[static_cast<std::size_t>(v * width + i)]};
  for (double& c : center) {
    c /= static_cast<double>(count);
    require(std::isfinite(c), ErrorCode::kBadArgument,
            "a latent is not finite; the encoder's weights are damaged or trained astray");
  }
  double mean = 0;
  for (const float radius : radii_around(features, center, groups, width, nu))
    mean += double{radius} / static_cast<double>(groups);
  require(mean > 0, ErrorCode::kBadArgument,
          "all clean patches have the same latent, so there is no sphere around them; is the "
          "encoder trained?");
  SphereStart start;
  start.scale = 1 / mean;
  std::vector<float> scaled;
  for (const float value : features) scaled.push_back(static_cast<float>(value * start.scale));
  for (double& c : center) {
    c *= start.scale;
    if (std::abs(c) < kLeastCenter) c = c < 0 ? -kLeastCenter : kLeastCenter;
    start.center.push_back(static_cast<float>(c));
  }
  start.radius = radii_around(scaled, center, groups, width, nu);
  return start;
}

std::vector<std::vector<float>> joint_radii(const std::vector<std::vector<float>>& distances,
                                            const std::vector<std::size_t>& groups,
                                            const std::vector<double>& weights, double outside,
                                            std::span<const double> smoothing) {
  const std::size_t spheres = distances.size(), patches = distances.at(0).size();
  std::vector<std::vector<double>> squares(spheres);
  for (std::size_t k = 0; k < spheres; ++k) {
    // By position, d in units of its position's mean.
    std::vector<double> unit(groups[k], 1);
    if (groups[k] > 1) {
      std::fill(unit.begin(), unit.end(), 0);
      for (std::size_t p = 0; p < patches; ++p) unit[p % groups[k]] += double{distances[k][p]};
      const auto count = static_cast<double>(patches / groups[k]);
      for (double& mean : unit) mean = std::max(mean / count, 1e-30);
    }
    std::vector<float> relative(patches);
    for (std::size_t p = 0; p < patches; ++p)
      relative[p] = static_cast<float>(distances[k][p] / unit[p % groups[k]]);
    const double factor = std::max(double{upper_quantile(relative, outside)}, 1e-30);
    for (const double mean : unit) squares[k].push_back(mean * factor);
  }
  std::vector<float> scores(patches);
  double weight = 0;
  for (std::size_t k = 0; k < spheres; ++k) weight += weights[k];
  for (std::size_t p = 0; p < patches; ++p) {
    double score = 0;
    for (std::size_t k = 0; k < spheres; ++k)
      score += weights[k] *
               std::log(std::max(double{distances[k][p]}, 1e-30) / squares[k][p % groups[k]]);
    scores[p] = static_cast<float>(score);
  }
  if (!smoothing.empty()) smooth_faces(scores, smoothing);
  const double shift = std::exp(double{upper_quantile(scores, outside)} / weight);
  std::vector<std::vector<float>> radii(spheres);
  for (std::size_t k = 0; k < spheres; ++k)
    for (const double square : squares[k])
      radii[k].push_back(static_cast<float>(std::sqrt(square * shift)));
  return radii;
}

KernelSample::KernelSample(std::int64_t groups, std::int64_t width, std::int64_t support, double nu,
                           std::uint64_t seed)
    : groups_(groups),
      width_(width),
      support_(support),
      capacity_(
          std::max<std::int64_t>(2, static_cast<std::int64_t>(static_cast<double>(support) / nu))),
      nu_(nu),
      seed_(seed),
      seen_(static_cast<std::size_t>(groups)),
      latents_(static_cast<std::size_t>(groups)) {}

void KernelSample::add(std::span<const float> z, std::int64_t count) {
  const auto vectors = static_cast<std::int64_t>(z.size()) / width_;
  OFER_ASSERT(vectors % groups_ == 0 && vectors % count == 0);
  for (std::int64_t v = 0; v < vectors; ++v) {
    const auto group = static_cast<std::size_t>(v % groups_);
    const std::span<const float> latent =
        z.subspan(static_cast<std::size_t>(v * width_), static_cast<std::size_t>(width_));
    std::vector<float>& kept = latents_[group];
    const std::int64_t number = seen_[group]++;
    if (number < capacity_) {
      kept.insert(kept.end(), latent.begin(), latent.end());
      continue;
    }
    // Every latent seen so far is as likely as any other to be kept (Vitter's algorithm R).
    SeededNumbers numbers =
        numbers_for(seed_, group, static_cast<std::uint64_t>(number), RandomPurpose::kOther);
    const std::uint64_t place = numbers.next() % static_cast<std::uint64_t>(number + 1);
    if (place < static_cast<std::uint64_t>(capacity_))
      std::copy(latent.begin(), latent.end(),
                kept.begin() + static_cast<std::ptrdiff_t>(place) * width_);
  }
}

KernelFits KernelSample::fit(double gamma) const {
  KernelFits fits;
  fits.support.resize(static_cast<std::size_t>(groups_ * support_ * width_));
  fits.alpha.resize(static_cast<std::size_t>(groups_ * support_));
  for (std::int64_t group = 0; group < groups_; ++group) {
    const std::vector<float>& kept = latents_[static_cast<std::size_t>(group)];
    auto count = static_cast<std::int64_t>(kept.size()) / width_;
    KernelFit fit;
    for (;;) {
      fit = fit_kernel_svdd(std::span(kept).first(static_cast<std::size_t>(count * width_)), count,
                            gamma, nu_);
      const auto found = static_cast<std::int64_t>(fit.alpha.size());
      if (found <= support_) break;
      count = std::max<std::int64_t>(2, std::min(count - 1, count * support_ * 9 / (found * 10)));
      require(count > 2 || support_ >= 2, ErrorCode::kBadArgument,
              "a kernel sphere needs room for 2 support vectors or more");
    }
    fits.most = std::max(fits.most, static_cast<std::int64_t>(fit.alpha.size()));
    fits.latents = std::max(fits.latents, count);
    std::copy(fit.support.begin(), fit.support.end(),
              fits.support.begin() + group * support_ * width_);
    std::copy(fit.alpha.begin(), fit.alpha.end(), fits.alpha.begin() + group * support_);
  }
  return fits;
}

}  // namespace ofer
