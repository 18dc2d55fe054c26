#include "tests/reconstruction_twin.h"

#include <algorithm>
#include <cmath>

#include "engine/ops.h"
#include "ofer/train/reconstruct_stage.h"
#include "tests/training_gradients.h"

namespace ofer::test {
namespace {

struct Turn {
  double loss = 0;
  NamedValues gradients;
};

std::vector<float> floats(const SafetensorsFile& file, const std::string& name) {
  const Values values = values_of(file, name);
  return {values.begin(), values.end()};
}

TrainBatch batch_of(const SafetensorsFile& answers, int count) {
  TrainBatch batch;
  batch.count = count;
  batch.images = floats(answers, "input/vit_raw");
  batch.unet_images = floats(answers, "input/unet");
  batch.truth = floats(answers, "given/truth");
  const Values mask = values_of(answers, "given/mask");
  batch.covered.assign(mask.begin(), mask.end());
  return batch;
}

// Forward and back; the gradients of `parameters` that were reached.
template <class Objective>
Turn turn(Session& s, const std::vector<Parameter>& parameters, Objective&& objective) {
  Turn result;
  Session::Recording recording(s);
  for (const Parameter& p : parameters) recording.tape().watch_parameter(p.value);
  const Tensor loss = objective();
  recording.tape().backward(s, loss, ops::full(s, {1}, 1));
  if (s.counting()) return result;
  result.loss = values_of(loss)[0];
  for (const Parameter& p : parameters)
    if (const Tensor g = recording.tape().gradient(p.value); g.defined())
      result.gradients[p.name] = values_of(g);
  return result;
}

void set(const Tensor& tensor, const Values& values) {
  OFER_ASSERT(values.size() == static_cast<std::size_t>(tensor.elements()));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (tensor.dtype() == DType::kF64)
      tensor.data<double>()[i] = values[i];
    else
      tensor.data<float>()[i] = static_cast<float>(values[i]);
}

void compare(const SafetensorsFile& answers, const std::string& prefix, const Turn& got,
             double allowed, std::vector<std::string>& lines, int* compared) {
  const double expected = values_of(answers, prefix + "loss")[0];
  if (!(std::fabs(got.loss - expected) <= allowed * std::fabs(expected)))
    lines.push_back(message(prefix, "loss: ", got.loss, " instead of ", expected));
  const NamedValues gradients = gradients_of(answers, prefix + "gradient/");
  compare_gradients(gradients, got.gradients, allowed, lines);
  if (compared) *compared += static_cast<int>(gradients.size());
}

}  // namespace

std::vector<std::string> compare_reconstruction(const TrainingTwin& twin, const TrainingCase& what,
                                                Precision precision, int* compared) {
  const SafetensorsFile& answers = twin.answers();
  LoadedWeights start = load_weights(twin.weights());
  start.config.unet->composite = what.config.unet->composite;
  const Trainable model(start, {}, precision);
  const Dataset nobody;
  const FaceStore faces(nobody, {});
  ReconstructStageOptions options;
  options.masks.emplace_back(static_cast<std::size_t>(what.config.patch_count()), 0);
  options.reconstruct.weights = what.parts;
  options.reconstruct.discriminator_width = what.discriminator_width;
  if (what.vgg) options.reconstruct.vgg = twin.vgg();
  ReconstructStage stage(model, faces, {}, options);
  Adversary* const adversary = stage.adversary();
  if (adversary)
    for (const Parameter& p : adversary->parameters())
      set(p.value, values_of(answers, "adversary/weights/" + p.name));

  SessionOptions session_options;
  session_options.precision = precision;
  session_options.threads = 2;
  Session s(session_options);
  s.set_training(true);
  Staging staging(s.device());
  const TrainBatch batch = batch_of(answers, what.batch);
  Turn unet, judges;
  const auto pass = [&] {
    const Workspace::Scope scope(s.workspace());
    staging.begin();
    stage.prepare(s, staging, batch);
    unet = turn(s, model.learned(stage.learned()), [&] { return stage.loss(s); });
    if (adversary) judges = turn(s, adversary->parameters(), [&] { return adversary->loss(s); });
  };
  s.plan(pass);
  pass();

  const double allowed = precision == Precision::kF64 ? 1e-10 : 1e-5;
  std::vector<std::string> lines;
  compare(answers, "", unet, allowed, lines, compared);
  if (adversary) compare(answers, "adversary/", judges, allowed, lines, compared);
  return lines;
}

}  // namespace ofer::test
