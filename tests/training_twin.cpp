#include "tests/training_twin.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/ops.h"
#include "ofer/pipeline.h"
#include "ofer/train/recognise_loss.h"
#include "tests/support/reference_script.h"
#include "tests/training_gradients.h"

namespace ofer::test {
namespace {

std::string text(double value) {
  return message(value);
}

std::vector<std::string> script_arguments(const TrainingCase& what) {
  const char* const stages[] = {"mae", "svdd", "recognise", "reconstruct"};
  const char* const optimisers[] = {"sgd", "adam", "adamw"};
  std::vector<std::string> words{"--stage", stages[static_cast<int>(what.stage)], "--batch",
                                 std::to_string(what.batch)};
  const auto add = [&](std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
  };
  if (what.stage == Stage::kSvdd) {
    const SvddObjective& o = what.svdd;
    if (o.soft_boundary) add({"--soft-boundary", "--nu", text(o.nu)});
    add({"--outside", o.inverse ? "inverse" : "hinge", "--outside-weight", text(o.outside_weight),
         "--margin", text(o.margin)});
  }
  if (what.weigh_classes) add({"--weigh-classes"});
  if (what.stage == Stage::kReconstruct) {
    const ReconstructWeights& w = what.parts;
    add({"--discriminator-width", std::to_string(what.discriminator_width), "--parts",
         text(w.reconstruction), text(w.consistency), text(w.semantic), text(w.adversarial)});
    return words;
  }
  const OptimiserOptions& o = what.optimiser;
  add({"--optimiser", optimisers[static_cast<int>(o.kind)], "--steps",
       std::to_string(kTrainingSteps), "--rate", text(what.rate), "--weight-decay",
       text(o.weight_decay)});
  if (o.clip > 0) add({"--clip", text(o.clip)});
  if (o.kind == OptimiserKind::kSgd) add({"--momentum", text(o.momentum)});
  if (o.nesterov) add({"--nesterov"});
  return words;
}

// The engine's side: a network, and passes over the twin's batch.
class Trainer {
 public:
  Trainer(const TrainingTwin& twin, const TrainingCase& what, Precision precision)
      : twin_(twin),
        what_(what),
        model_(load_weights(twin.weights()), {}, precision),
        session_(options(precision)),
        staging_(session_.device()),
        optimiser_(model_.learned(prefixes()), what.optimiser, session_) {
    session_.set_training(what.stage == Stage::kRecognise);
    if (what.stage == Stage::kRecognise) freeze();
  }

  const Trainable& model() const { return model_; }
  const std::vector<Parameter>& learned() const { return optimiser_.parameters(); }
  // How far the engine's own frozen stages are from the twin's, relative L2; in double only.
  double frozen_error() const { return frozen_error_; }

  // A pass forward and back; gives the loss, and by name the gradients that reached a tensor.
  double gradients(std::map<std::string, Values>& found) {
    return pass([&](const Tape& tape) {
      if (session_.counting()) return;
      for (const Parameter& p : learned())
        if (const Tensor g = tape.gradient(p.value); g.defined()) found[p.name] = values_of(g);
    });
  }
  double step() {
    return pass([&](const Tape& tape) { optimiser_.step(session_, tape, what_.rate); });
  }

 private:
  static SessionOptions options(Precision precision) {
    SessionOptions result;
    result.precision = precision;
    result.threads = 2;
    return result;
  }

  std::vector<std::string> prefixes() const {
    switch (what_.stage) {
      case Stage::kMae:
        return {"mae."};
      case Stage::kRecognise:
        return {"recogniser."};
      case Stage::kSvdd:
      case Stage::kReconstruct:
        break;
    }
    if (what_.config.detector.encoder) return {"detector."};
    return {"detector.", "mae.encoder."};
  }

  // What the stages in front of the recogniser hand over. In double, the engine's own; in float the
  // twin's, so that one step is judged on the same input (tests/test_reference.cpp judges those
  // stages).
  void freeze() {
    latent_ = values_of(twin_.answers(), "frozen/latent");
    restored_ = values_of(twin_.answers(), "frozen/restored");
    if (session_.precision() != Precision::kF64) return;
    Pipeline pipeline(model_.shared_network(), options(Precision::kF64));
    Values latent, restored;
    pipeline.session().set_tap([&](std::string_view name, const Tensor& tensor) {
      if (name == "reconstruct/latent") latent = values_of(tensor);
      if (name == "reconstruct/restored") restored = values_of(tensor);
    });
    const auto floats = [&](const char* name) {
      const Values values = values_of(twin_.answers(), name);
      return std::vector<float>(values.begin(), values.end());
    };
    const std::vector<float> vit = floats("input/vit_raw"), image = floats("input/unet");
    const std::vector<std::uint8_t> mask = covered("given/mask");
    Request request;
    request.mask = MaskSource::kGiven;
    Inputs inputs;
    inputs.count = what_.batch;
    inputs.vit = vit;
    inputs.restored = image;
    inputs.mask = mask;
    pipeline.run(inputs, request);
    frozen_error_ = std::max(norm(difference(latent, latent_)) / norm(latent_),
                             norm(difference(restored, restored_)) / norm(restored_));
    latent_ = std::move(latent);
    restored_ = std::move(restored);
  }

  std::vector<std::uint8_t> covered(const char* name) const {
    const Values values = values_of(twin_.answers(), name);
    return std::vector<std::uint8_t>(values.begin(), values.end());
  }

  Tensor send(const Values& values, const Shape& shape) {
    const Tensor tensor = session_.allocate(shape);
    if (session_.dtype() == DType::kF64) {
      session_.to_device(tensor, values.data());
    } else {
      const std::vector<float> narrow(values.begin(), values.end());
      session_.to_device(tensor, narrow.data());
    }
    return tensor;
  }
  Tensor send(const char* name) {
    const SafetensorsEntry* entry = twin_.answers().find(name);
    OFER_ASSERT(entry);
    return send(values_of(twin_.answers(), name), entry->shape);
  }

  template <class Then>
  double pass(Then&& then) {
    double value = 0;
    const auto run = [&] {
      const Workspace::Scope scope(session_.workspace());
      staging_.begin();
      Session::Recording recording(session_);
      optimiser_.watch(recording.tape());
      const Tensor loss = objective();
      recording.tape().backward(session_, loss, ops::full(session_, {1}, 1));
      then(recording.tape());
      if (!session_.counting()) value = values_of(loss)[0];
    };
    session_.plan(run);
    run();
    return value;
  }

  Tensor objective() {
    Session& s = session_;
    const Network& network = model_.network();
    const Config& config = network.config();
    const std::int64_t n = what_.batch, patches = config.patch_count();
    const Tensor raw = send("input/vit_raw");
    const Tensor images =
        ops::divide(s, ops::subtract(s, raw, network.mean()), network.deviation());
    if (what_.stage == Stage::kSvdd)
      selection_.assign(n, patches, {});
    else
      selection_.assign(n, patches, covered("given/mask"));
    selection_.upload(s, staging_);
    switch (what_.stage) {
      case Stage::kMae:
        return mae_loss(s, network.autoencoder(), images, selection_, config.patch_size,
                        what_.config.decoder.norm_pix_loss);
      case Stage::kSvdd:
        return spheres(images);
      case Stage::kRecognise:
      case Stage::kReconstruct:
        break;
    }
    RecogniseBatch batch;
    batch.raw = raw;
    batch.restored = send(restored_, twin_.answers().find("frozen/restored")->shape);
    batch.covered_flag = selection_.covered_flag();
    batch.latent = send(latent_, twin_.answers().find("frozen/latent")->shape);
    batch.latent_rows = network.recogniser().send_latent_rows(s, staging_, n, latent_rows_);
    const Values labels = values_of(twin_.answers(), "given/label");
    const std::vector<std::int32_t> label(labels.begin(), labels.end());
    batch.label = s.allocate({n}, DType::kI32);
    s.to_device(batch.label, label.data());
    if (what_.weigh_classes) batch.class_weight = send("given/class_weight");
    return recognise_loss(s, network, batch);
  }

  Tensor spheres(const Tensor& images) {
    Session& s = session_;
    const Tensor clean = send("given/clean"), covered = send("given/covered");
    const auto distances = model_.network().detector().distances(s, images, selection_);
    Tensor loss;
    for (std::size_t k = 0; k < what_.config.detector.spheres.size(); ++k) {
      const Tensor radius =
          model_.parameter("detector.sphere" + std::to_string(k) + ".radius").value;
      const Tensor one = svdd_loss(s, distances[k], radius, clean, covered, what_.svdd);
      loss = loss.defined() ? ops::add(s, loss, one) : one;
    }
    return loss;
  }

  const TrainingTwin& twin_;
  const TrainingCase& what_;
  Trainable model_;
  Session session_;
  Staging staging_;
  PatchSelection selection_;
  Optimiser optimiser_;
  std::vector<std::int32_t> latent_rows_;
  Values latent_, restored_;
  double frozen_error_ = 0;
};

class Comparison {
 public:
  Comparison(const SafetensorsFile& answers, const TrainingTolerance& allowed)
      : answers_(answers), allowed_(allowed) {}

  void loss(const std::string& what, double got, double expected, double allowed) {
    if (!(std::fabs(got - expected) <= allowed * std::fabs(expected)))
      wrong(what, got, " instead of ", expected, ", allowed is a share of ", allowed);
  }

  void gradients(const std::map<std::string, Values>& got) {
    gradient_ = gradients_of(answers_, "gradient/");
    largest_ = largest_norm(gradient_);
    compared += static_cast<int>(gradient_.size());
    compare_gradients(gradient_, got, allowed_.gradient, lines);
  }

  // Where the steps have led. Adam divides a gradient by its own size, so what is zero but for
  // roundings, of `unit`, drifts in any direction, without a trace in the loss.
  void finals(const Trainer& trainer, const LoadedWeights& start, const TrainingCase& what,
              double unit) {
    const bool adam = what.optimiser.kind != OptimiserKind::kSgd;
    const double drift =
        adam ? kTrainingSteps * what.rate * std::min(1.0, unit * largest_ / what.optimiser.eps) : 0;
    std::map<std::string, Values> moved;
    double furthest = 0;
    for (const SafetensorsEntry& entry : answers_.entries()) {
      if (!entry.name.starts_with("final/")) continue;
      const std::string name = entry.name.substr(6);
      Values& way = moved[name] =
          difference(values_of(answers_, entry.name), values_of(start.model->find(name)));
      furthest = std::max(furthest, norm(way));
    }
    for (const Parameter& p : trainer.model().parameters()) {
      ++compared;
      const auto found = moved.find(p.name);
      const Values before = values_of(start.model->find(p.name)), now = values_of(p.value);
      if (found == moved.end()) {
        if (before != now) wrong(p.name, "has moved, the twin's has not");
        continue;
      }
      const Values expected = values_of(answers_, "final/" + p.name);
      Values off = difference(now, expected);
      if (drift > 0) leave_out_drift(p.name, off, drift);
      const double way = negligible(p.name) ? furthest : norm(found->second);
      const double limit = allowed_.moved * way + allowed_.rounded * norm(expected);
      if (!(norm(off) <= limit))
        wrong(p.name, "has moved by ", way, " and is off by ", norm(off), ", allowed ", limit);
    }
  }

  template <class... Parts>
  void wrong(const std::string& what, Parts... parts) {
    lines.push_back(message(what, ": ", parts...));
  }

  std::vector<std::string> lines;
  int compared = 0;

 private:
  bool negligible(const std::string& name) const {
    const auto found = gradient_.find(name);
    return found != gradient_.end() && norm(found->second) <= kNegligible * largest_;
  }

  void leave_out_drift(const std::string& name, Values& off, double drift) {
    const auto found = gradient_.find(name);
    if (found == gradient_.end()) return;
    for (std::size_t i = 0; i < off.size(); ++i) {
      if (std::fabs(found->second[i]) > kNegligible * largest_) continue;
      if (!(std::fabs(off[i]) <= drift))
        wrong(name, "element ", i, " has drifted by ", off[i], ", allowed ", drift);
      off[i] = 0;
    }
  }

  const SafetensorsFile& answers_;
  TrainingTolerance allowed_;
  std::map<std::string, Values> gradient_;
  double largest_ = 0;
};

}  // namespace

TrainingTwin::TrainingTwin(const TrainingCase& what) {
  put(folder_ / "config.json", to_json(what.config));
  const std::string answers = (folder_ / "answers.safetensors").string();
  std::vector<std::string> make{"--config", (folder_ / "config.json").string(), "--seed", "1", "-o",
                                weights()};
  if (what.stage == Stage::kReconstruct) make.insert(make.end(), {"--soften", "0.1"});
  run_reference_script("make_weights.py", make);
  std::vector<std::string> words{"-m", weights(), "-o", answers};
  const std::vector<std::string> more = script_arguments(what);
  words.insert(words.end(), more.begin(), more.end());
  if (what.vgg) words.insert(words.end(), {"--vgg", vgg()});
  run_reference_script("make_training.py", words);
  answers_.emplace(SafetensorsFile::open(answers));
}

TrainingTolerance tolerance_for(Precision precision, const OptimiserOptions& optimiser) {
  if (precision == Precision::kF64)
    // The norm that clipping divides by comes to the host in float.
    return {1e-10, 1e-10, optimiser.clip > 0 ? 1e-6 : 1e-9, optimiser.clip > 0 ? 1e-6 : 1e-9, 0};
  // What the gradients of the steps may be off by adds up along the way, which is longer than where
  // it ends, and feeds back. Every step rounds its sum.
  return {1e-5, 1e-5, 1e-5, 1e-4, kTrainingSteps * 0x1p-24};
}

std::vector<std::string> compare_training(const TrainingTwin& twin, const TrainingCase& what,
                                          Precision precision, int* compared) {
  const SafetensorsFile& answers = twin.answers();
  const TrainingTolerance allowed = tolerance_for(precision, what.optimiser);
  Comparison comparison(answers, allowed);
  {
    Trainer trainer(twin, what, precision);
    if (!(trainer.frozen_error() <= 1e-10))
      comparison.wrong("frozen stages", "off by ", trainer.frozen_error());
    std::map<std::string, Values> got;
    comparison.loss("loss", trainer.gradients(got), values_of(answers, "loss")[0], allowed.loss);
    comparison.gradients(got);
  }
  Trainer trainer(twin, what, precision);
  const Values losses = values_of(answers, "losses");
  OFER_ASSERT(losses.size() == kTrainingSteps);
  for (int k = 0; k < kTrainingSteps; ++k)
    comparison.loss("step " + std::to_string(k), trainer.step(),
                    losses[static_cast<std::size_t>(k)], allowed.losses);
  comparison.finals(trainer, load_weights(twin.weights()), what,
                    precision == Precision::kF64 ? 0x1p-53 : 0x1p-24);
  if (compared) *compared += comparison.compared;
  return comparison.lines;
}

}  // namespace ofer::test
