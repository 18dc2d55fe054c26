// Models of which an evaluation's figures are known beforehand, and faces for them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ofer/eval/eval_input.h"
#include "ofer/pipeline.h"
#include "tests/support/command.h"
#include "tests/support/random.h"
#include "weights/initialise.h"
#include "weights/weight_file.h"

namespace ofer::test {

// Tensors by name that hold these numbers over and over; the others are drawn.
using Overrides = std::map<std::string, std::vector<float>>;

inline void write_model(const std::filesystem::path& path, const Config& config,
                        const Overrides& overrides) {
  WeightInfo info;
  info.config = config;
  std::size_t used = 0;
  write_weights(path, info, [&](const TensorSpec& spec) -> TensorFill {
    const auto found = overrides.find(spec.name);
    if (found == overrides.end()) return initial_values(spec, 1);
    ++used;
    return [values = found->second](std::uint64_t offset, std::span<std::byte> out) {
      for (std::size_t i = 0; i < out.size() / sizeof(float); ++i)
        std::memcpy(out.data() + i * sizeof(float),
                    &values[(offset / sizeof(float) + i) % values.size()], sizeof(float));
    };
  });
  if (used != overrides.size()) throw std::runtime_error("an override is no tensor's name");
}

inline Pipeline model_of(const Config& config, const Overrides& overrides = {}) {
  const TemporaryFolder folder;
  write_model(folder / "w.safetensors", config, overrides);
  SessionOptions options;
  options.threads = 1;
  return Pipeline(Network::load((folder / "w.safetensors").string()), options);
}

// Every logit is fixed: class `label` is the answer to everything.
inline Overrides always(std::size_t label) {
  std::vector<float> bias(default_labels().size(), 0);
  bias[label] = 5;
  return {{"recogniser.classifier.joint_bn3.weight", {0}},
          {"recogniser.classifier.joint_bn3.bias", bias}};
}

// Distances have to pass this radius.
inline Overrides radius(float value) {
  return {{"detector.sphere0.radius", {value}}};
}

// A face with content of its own.
inline Image drawn_face(std::uint64_t number, int side = 32) {
  Random random(number + 1);
  const double fx = random.between(0.1, 0.4), fy = random.between(0.1, 0.4);
  Image image(side, side);
  for (int y = 0; y < side; ++y)
    for (int x = 0; x < side; ++x)
      for (int c = 0; c < 3; ++c)
        image.at(x, y)[c] =
            static_cast<std::uint8_t>(128 + 60 * std::sin(fx * x + c) + 60 * std::cos(fy * y - c));
  return image;
}

inline EvalFaces drawn_faces(const std::vector<std::int32_t>& labels) {
  EvalFaces faces;
  for (std::size_t i = 0; i < labels.size(); ++i)
    faces.faces.push_back({i, labels[i], "face" + std::to_string(i)});
  faces.picture = [](std::size_t i) { return drawn_face(i); };
  return faces;
}

inline EvalOptions quick() {
  EvalOptions options;
  options.bootstrap.resamples = 50;
  options.batch = 3;
  options.shown = 2;
  return options;
}

}  // namespace ofer::test
