#include "ofer/detector.h"

#include <algorithm>
#include <array>
#include <optional>

#include "engine/convert.h"
#include "ofer/score_smoothing.h"

namespace ofer {

namespace {

// Does anybody look at what an encoder computes behind its first `blocks` blocks?
bool tapping_behind(Session& s, int blocks, int depth) {
  for (int k = blocks; k < depth; ++k) {
    const Session::Path path(s, "block", k, 2);
    for (const char* name : {"attention", "mlp", ""})
      if (s.tapping(name)) return true;
  }
  return s.tapping("norm");
}

}  // namespace

Detector::Detector(const layers::Parameters& p, const Config& config, const VitEncoder& shared)
    : encoder_(&shared) {
  if (config.detector.encoder) {
    own_ = std::make_unique<VitEncoder>(p.child("encoder"), *config.detector.encoder,
                                        config.patch_size);
    encoder_ = own_.get();
  }
  // For what is computed once, and for what the host has to know.
  std::optional<Session> session;
  const auto once = [&session](const Tensor& weight) -> Session& {
    if (!session) {
      SessionOptions options;
      options.device = weight.device();
      options.precision = weight.dtype() == DType::kF64    ? Precision::kF64
                          : weight.dtype() == DType::kBF16 ? Precision::kBf16
                                                           : Precision::kF32;
      options.threads = 1;
      session.emplace(options);
    }
    return *session;
  };
  int number = 0;
  for (const SphereConfig& c : config.detector.spheres) {
    const layers::Parameters sp = p.child("sphere", number++);
    Sphere sphere;
    for (const std::string& tap : c.taps) {
      sphere.taps.push_back(tap_index(tap, encoder_->depth()).value());
      blocks_ = std::max(blocks_, std::min(sphere.taps.back() + 1, encoder_->depth()));
    }
    sphere.deep = c.kind == SphereKind::kDeep;
    sphere.by_position = c.by_position;
    sphere.weight = c.weight;
    sphere.radius = sp("radius");
    if (sphere.deep) {
      sphere.slope = c.slope;
      for (std::size_t i = 0; i < c.widths.size(); ++i)
        sphere.phi.push_back(sp.child("phi", static_cast<int>(i))("weight"));
      sphere.center = sp("center");
    } else {
      sphere.gamma = c.gamma;
      sphere.support = sp("support");
      sphere.alpha = sp("alpha");
      Session& s = once(sphere.support);
      const Workspace::Scope scope(s.workspace());
      const Tensor constant =
          ops::kernel_svdd_constant(s, sphere.support, sphere.alpha, sphere.gamma);
      sphere.constant_memory = Buffer(constant.bytes(), constant.device());
      sphere.constant = Tensor(sphere.constant_memory.data(), constant.shape(), constant.dtype(),
                               constant.device());
      ops::copy_to(s, constant, sphere.constant);
      s.stream().synchronise();
    }
    spheres_.push_back(std::move(sphere));
  }
  if (available() && config.detector.smoothing > 0) {
    const std::vector<double> matrix =
        score_smoothing(config.patch_rows(), config.patch_columns(), config.detector.smoothing);
    const std::vector<float> narrow(matrix.begin(), matrix.end());
    const Tensor& like = spheres_[0].radius;
    const std::int64_t patches = config.patch_count();
    smoothing_memory_ = Buffer(matrix.size() * size_of(like.dtype()), like.device());
    smoothing_ = Tensor(smoothing_memory_.data(), {patches, patches}, like.dtype(), like.device());
    std::vector<std::byte> elements;
    Session& s = once(like);
    s.to_device(smoothing_, like.dtype() == DType::kF64
                                ? matrix.data()
                                : from_floats(narrow, like.dtype(), elements));
    s.synchronise();
  }
  plain_ = spheres_.size() == 1 && !spheres_[0].by_position && !smoothing_.defined();
  if (plain_) {
    const Tensor& r = spheres_[0].radius;
    std::array<std::byte, sizeof(double)> raw;
    float radius = 0;
    once(r).to_host(r, raw.data());
    to_floats(raw.data(), r.dtype(), std::span(&radius, 1));
    radius_ = radius;
  }
}

Tensor Detector::feature(Session& s, std::size_t number, const Tensor& latent) const {
  const Sphere& sphere = spheres_[number];
  OFER_ASSERT(sphere.deep);
  const Session::Path path(s, "sphere", static_cast<int>(number));
  Tensor feature = latent;
  for (std::size_t i = 0; i < sphere.phi.size(); ++i) {
    if (i > 0) feature = ops::leaky_relu(s, feature, sphere.slope);
    feature = sphere.by_position ? ops::linear_by_position(s, feature, sphere.phi[i])
                                 : ops::linear(s, feature, sphere.phi[i], {});
  }
  s.tap("feature", feature);
  return feature;
}

Tensor Detector::distance(Session& s, std::size_t number, const Tensor& latent) const {
  const Sphere& sphere = spheres_[number];
  Tensor distance = sphere.deep ? ops::svdd_distance(s, feature(s, number, latent), sphere.center)
                                : ops::kernel_svdd(s, latent, sphere.support, sphere.alpha,
                                                   sphere.constant, sphere.gamma);
  const Session::Path path(s, "sphere", static_cast<int>(number));
  s.tap("distance", distance);
  return distance;
}

Detector::BySphere Detector::latents(Session& s, const Tensor& images,
                                     const PatchSelection& selection) const {
  const std::int64_t n = selection.batch(), patches = selection.patches();
  // The latents that the spheres are made of, by encoder depth, without the class token.
  std::array<Tensor, 256> kept;
  {
    const Session::Path path(s, "encoder");
    const auto keep = [&](int block, const Tensor& tokens) {
      for (const Sphere& sphere : spheres_)
        if (std::find(sphere.taps.begin(), sphere.taps.end(), block) != sphere.taps.end()) {
          const Tensor grid = tokens.view({n, patches + 1, tokens.size(1)});
          kept[static_cast<std::size_t>(block)] = ops::slice(s, grid, 1, 1, patches);
          return;
        }
    };
    // Whoever looks further behind sees the whole encoder; otherwise it runs no deeper than the
    // spheres look.
    const bool norm = std::any_of(spheres_.begin(), spheres_.end(), [&](const Sphere& sphere) {
      return std::find(sphere.taps.begin(), sphere.taps.end(), encoder_->depth()) !=
             sphere.taps.end();
    });
    const int depth = encoder_->depth();
    const int blocks = norm || tapping_behind(s, blocks_, depth) ? depth : blocks_;
    (*encoder_)(s, images, selection, true, blocks, keep);
  }
  BySphere latents;
  for (std::size_t k = 0; k < spheres_.size(); ++k) {
    const Sphere& sphere = spheres_[k];
    std::array<Tensor, 256> parts;
    for (std::size_t i = 0; i < sphere.taps.size(); ++i)
      parts[i] = kept[static_cast<std::size_t>(sphere.taps[i])];
    latents[k] = sphere.taps.size() == 1
                     ? parts[0]
                     : ops::concatenate(s, {parts.data(), sphere.taps.size()}, 2);
  }
  return latents;
}

Detector::BySphere Detector::distances(Session& s, const Tensor& images,
                                       const PatchSelection& selection) const {
  BySphere result = latents(s, images, selection);
  for (std::size_t k = 0; k < spheres_.size(); ++k) result[k] = distance(s, k, result[k]);
  return result;
}

Tensor Detector::score(Session& s, const BySphere& distances) const {
  Tensor score;
  for (std::size_t k = 0; k < spheres_.size(); ++k) {
    const Tensor squared = ops::square(s, spheres_[k].radius);
    const Tensor ratio = ops::logarithm(s, ops::divide(s, distances[k], squared));
    const Tensor term = ops::scale(s, ratio, spheres_[k].weight);
    score = score.defined() ? ops::add(s, score, term) : term;
  }
  return smoothing_.defined() ? ops::linear(s, score, smoothing_, {}) : score;
}

Detector::Output Detector::operator()(Session& s, const Tensor& images,
                                      const PatchSelection& selection) const {
  OFER_ASSERT(available());
  const BySphere distances = this->distances(s, images, selection);
  Output output;
  if (plain_) {
    const Tensor squared = ops::square(s, spheres_[0].radius);
    output.distance = distances[0];
    output.mask = ops::greater(s, ops::subtract(s, distances[0], squared), 0);
  } else {
    output.distance = ops::exponential(s, score(s, distances));
    output.mask = ops::greater(s, output.distance, 1);
  }
  s.tap("distance", output.distance);
  s.tap("mask", output.mask);
  return output;
}

}  // namespace ofer
