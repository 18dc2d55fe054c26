// The whole pipeline on a device beside the CPU's.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "ofer/pipeline.h"
#include "tests/support/command.h"
#include "weights/weight_file.h"

namespace ofer::test {

inline Pipeline pipeline_on(const std::string& weights, DeviceKind kind,
                            Precision precision = Precision::kF32) {
  SessionOptions options;
  options.device.kind = kind;
  options.precision = precision;
  options.threads = 2;
  return Pipeline(Network::load(weights, precision, {}, options.device), options);
}

// Pictures of different sizes with smooth content of their own.
inline std::vector<Image> smooth_pictures(int count) {
  std::vector<Image> result;
  for (int n = 0; n < count; ++n) {
    Image image(70 + 11 * n, 64 + 7 * n);
    for (std::size_t i = 0; i < image.pixels.size(); ++i)
      image.pixels[i] =
          static_cast<std::uint8_t>(128 + 100 * std::sin(0.003 * static_cast<double>(i) * (n + 1)));
    result.push_back(image);
  }
  return result;
}

// A third of the patches, other ones for each image; none of the last image's.
inline std::vector<std::uint8_t> scattered_mask(int images, int patches) {
  std::vector<std::uint8_t> mask(static_cast<std::size_t>(images * patches));
  for (int n = 0; n + 1 < images; ++n)
    for (int l = 0; l < patches; ++l)
      mask[static_cast<std::size_t>(n * patches + l)] = (l * 7 + n * 5) % 3 == 0;
  return mask;
}

inline double relative_difference(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return HUGE_VAL;
  double error = 0, size = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = double{a[i]} - double{b[i]};
    error += d * d;
    size += double{a[i]} * double{a[i]};
  }
  return std::isfinite(error) ? std::sqrt(error / std::max(size, 1e-30)) : HUGE_VAL;
}

inline Request everything() {
  Request request;
  request.coarse = request.restored = request.attention = request.latent = request.grad_cam = true;
  return request;
}

// Same mask, same chosen patches, the same numbers but for rounding.
inline void check_close(const std::vector<Result>& expected, const std::vector<Result>& got) {
  REQUIRE(expected.size() == got.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("image ", i);
    const Result &e = expected[i], &g = got[i];
    CHECK(e.occluded == g.occluded);
    CHECK(e.chosen == g.chosen);
    CHECK(e.label == g.label);
    for (std::size_t c = 0; c < e.probabilities.size(); ++c)
      CHECK(std::fabs(e.probabilities[c] - g.probabilities[c]) <= 1e-4f);
    if (!e.distance.empty()) CHECK(relative_difference(e.distance, g.distance) <= 1e-4);
    CHECK(relative_difference(e.coarse.values, g.coarse.values) <= 1e-4);
    CHECK(relative_difference(e.restored.values, g.restored.values) <= 1e-4);
    CHECK(relative_difference(e.attention.values, g.attention.values) <= 1e-4);
    CHECK(relative_difference(e.latent.values, g.latent.values) <= 1e-4);
    CHECK(relative_difference(e.grad_cam.values, g.grad_cam.values) <= 1e-3);
    CHECK(g.time_ms.total > 0);
  }
}

inline bool same_bits(const Result& a, const Result& b) {
  return a.probabilities == b.probabilities && a.distance == b.distance &&
         a.restored.values == b.restored.values && a.attention.values == b.attention.values &&
         a.latent.values == b.latent.values && a.grad_cam.values == b.grad_cam.values;
}

// Coarser arithmetic: the same picture, but for its roundings. With a given mask, since a distance
// near the radius may fall on either side.
inline void check_coarse_device(DeviceKind kind, Precision precision, double tolerance,
                                const std::string& weights = tiny_weights(),
                                int patches = runnable_config().patch_count()) {
  const std::vector<Image> images = smooth_pictures(2);
  Request request = everything();
  request.mask = MaskSource::kGiven;
  const std::vector<std::uint8_t> mask = scattered_mask(2, patches);
  const auto expected = pipeline_on(weights, DeviceKind::kCpu).run(images, request, mask);
  Pipeline device = pipeline_on(weights, kind, precision);
  const auto got = device.run(images, request, mask);
  for (std::size_t i = 0; i < images.size(); ++i) {
    INFO(std::string(name_of(precision)), ", image ", i);
    const Result &e = expected[i], &g = got[i];
    double sum = 0;
    for (std::size_t c = 0; c < e.probabilities.size(); ++c) {
      sum += g.probabilities[c];
      CHECK(std::fabs(e.probabilities[c] - g.probabilities[c]) <= tolerance);
    }
    CHECK(sum == doctest::Approx(1).epsilon(tolerance));
    CHECK(relative_difference(e.coarse.values, g.coarse.values) <= tolerance);
    CHECK(relative_difference(e.restored.values, g.restored.values) <= 3 * tolerance);
    CHECK(g.coarse.values != e.coarse.values);
    CHECK(same_bits(
        g, device.run(std::span(&images[i], 1), request,
                      std::span(mask).subspan(i * g.occluded.size(), g.occluded.size()))[0]));
  }
}

// Every switch of the configuration that changes what is computed, every source of a mask.
inline void check_device(DeviceKind kind) {
  for (const SelfAssemblyVariant assembly :
       {SelfAssemblyVariant::kPaper, SelfAssemblyVariant::kReleased})
    for (const LatentSelection selection : {LatentSelection::kFixed, LatentSelection::kCam}) {
      Config config = runnable_config();
      config.unet->self_assembly = assembly;
      config.recogniser.latent_selection = selection;
      if (selection == LatentSelection::kCam) config.recogniser.latent_patches.clear();
      if (assembly == SelfAssemblyVariant::kReleased) {
        config.recogniser.structure = RecogniserStructure::kFolded;
        SphereConfig kernel;
        kernel.kind = SphereKind::kKernel;
        kernel.taps = {"block00", "norm"};
        kernel.support = 5;
        kernel.gamma = 0.02;
        kernel.by_position = selection == LatentSelection::kCam;
        config.detector.spheres.push_back(kernel);
      }
      const TemporaryFolder folder;
      const std::string weights = (folder / "w.safetensors").string();
      write_initial_weights(config, 5, weights);
      Pipeline cpu = pipeline_on(weights, DeviceKind::kCpu), device = pipeline_on(weights, kind);
      const std::vector<Image> images = smooth_pictures(3);
      const std::vector<std::uint8_t> mask = scattered_mask(3, config.patch_count());
      for (const MaskSource source : {MaskSource::kDetect, MaskSource::kGiven, MaskSource::kNone}) {
        INFO("assembly ", static_cast<int>(assembly), " selection ", static_cast<int>(selection),
             " mask ", static_cast<int>(source));
        Request request = everything();
        request.mask = source;
        request.grad_cam_plus_plus = selection == LatentSelection::kCam;
        const std::vector<Result> together = device.run(images, request, mask);
        check_close(cpu.run(images, request, mask), together);
        // The same bits in a batch, alone, and again.
        const auto patches = static_cast<std::size_t>(config.patch_count());
        for (std::size_t i = 0; i < images.size(); ++i)
          CHECK(
              same_bits(together[i], device.run(std::span(&images[i], 1), request,
                                                std::span(mask).subspan(i * patches, patches))[0]));
      }
    }
}

// A pipeline that has seen a shape plays it again (engine/replays.h): with other pictures and other
// masks it still gives what a fresh one gives, to the bit.
inline void check_replays(DeviceKind kind) {
  SessionOptions options;
  options.device.kind = kind;
  options.threads = 2;
  const auto network = Network::load(tiny_weights(), Precision::kF32, {}, options.device);
  Pipeline pipeline(network, options);
  const std::vector<Image> images = smooth_pictures(5);
  const auto patches = static_cast<std::size_t>(runnable_config().patch_count());
  const auto check = [&](std::size_t first, std::size_t count, const Request& request,
                         const std::vector<std::uint8_t>& mask) {
    const std::span<const Image> some(&images[first], count);
    Pipeline fresh(network, options);
    const std::vector<Result> expected = fresh.run(some, request, mask);
    const std::vector<Result> got = pipeline.run(some, request, mask);
    for (std::size_t n = 0; n < count; ++n) {
      CHECK(same_bits(got[n], expected[n]));
      CHECK(got[n].chosen == expected[n].chosen);
      CHECK(got[n].occluded == expected[n].occluded);
    }
  };
  for (const MaskSource source : {MaskSource::kDetect, MaskSource::kGiven, MaskSource::kNone})
    for (const int explained : {-2, -1, 0}) {  // nothing, the most probable class, the first
      Request request = everything();
      request.mask = source;
      request.grad_cam = explained >= -1;
      request.grad_cam_class = std::max(explained, -1);
      const std::size_t played = pipeline.replays().played();
      for (std::size_t first = 0; first + 2 <= images.size(); ++first) {
        INFO("mask ", static_cast<int>(source), ", class ", explained, ", pass ", first);
        check(first, 2, request, scattered_mask(2, static_cast<int>(patches)));
      }
      // Of four passes all but the first play: detection, or what follows a mask. What detection
      // finds may be another shape each time.
      CHECK(pipeline.replays().played() - played >= (source == MaskSource::kDetect ? 3u : 6u));
    }
  // As many covered patches as before, but others; batches of other sizes in between.
  Request request = everything();
  request.grad_cam = false;
  request.mask = MaskSource::kGiven;
  for (std::size_t round = 0; round < 3; ++round)
    for (const std::size_t count : {1u, 3u, 2u})
      for (const std::size_t covered : {1u, 4u, 0u}) {
        INFO("round ", round, ", batch ", count, ", covered ", covered);
        std::vector<std::uint8_t> mask(count * patches);
        for (std::size_t l = 0; l < covered; ++l) mask[(l * 3 + round) % patches] = 1;
        check(round, count, request, mask);
      }
}

}  // namespace ofer::test
