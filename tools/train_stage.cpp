#include "tools/train_stage.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "ofer/train/blend.h"
#include "ofer/train/make_stage.h"
#include "ofer/train/run_report.h"
#include "ofer/train/sources.h"
#include "ofer/train/validation.h"
#include "tools/command_line.h"
#include "tools/face_options.h"
#include "tools/train_run.h"
#include "tools/train_start.h"
#include "weights/sha256.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDataTerms = "not stated; the terms of the data it was trained on apply";

// A list of faces is told by its names, so that a run is not taken up on other ones.
std::string digest_of(const Faces& faces) {
  Sha256 hash;
  for (const std::size_t sample : faces.samples) {
    const Sample& s = faces.dataset.samples[sample];
    const std::string line = message(s.path.filename().string(), ' ', s.offset, ' ', s.label, '\n');
    hash.update(line.data(), line.size());
  }
  return hash.finish();
}

// Fields of two JSON texts that differ, as paths.
std::string differing(const std::string& before, const std::string& now) {
  const Json patch =
      Json::diff(Json::parse(before, nullptr, false), Json::parse(now, nullptr, false));
  std::string text;
  for (const Json& change : patch) {
    std::string path = change["path"].get<std::string>().substr(1);
    std::replace(path.begin(), path.end(), '/', '.');
    text += (text.empty() ? "" : ", ") + path;
  }
  return text;
}

// A run is only taken up with what it was begun with.
void check_resumed(const SafetensorsFile& file, const CheckpointNotes& notes) {
  for (const auto& [key, value] : notes) {
    const auto found = file.metadata().find(key);
    const std::string before = found == file.metadata().end() ? "" : found->second;
    if (before == value) continue;
    const bool json = key == "recipe" || key == "configuration";
    fail(ErrorCode::kBadArgument, "--resume: the run was begun with another ", key,
         json ? " (" + differing(before, value) + ")" : "", "; give the same, or another folder");
  }
}

Validation validation_of(const Recipe& recipe, Trainer& trainer, const Trainable& model,
                         const Faces& faces, const SessionOptions& session) {
  Validation validation;
  const double epochs = recipe.recognise.validate;
  if (recipe.stage != TrainStageKind::kRecognise || epochs == 0) return validation;
  require(!faces.validation.empty(), ErrorCode::kBadArgument,
          "recognise.validate: there is no face to measure by; the data's split \"val\" is empty, "
          "or learned from");
  validation.every = std::max<std::int64_t>(
      1, std::llround(epochs * static_cast<double>(trainer.steps_per_epoch())));
  // Of latent vectors that it has never seen it knows nothing yet.
  const LatentUse use = recipe.recognise.no_latents < 1 ? LatentUse::kChosen : LatentUse::kNone;
  validation.accuracy = [&, session, use] {
    return recognition_accuracy(shipped_network(trainer, model), session, *faces.store,
                                faces.validation, use);
  };
  return validation;
}

// Opened before training begins, so that a file that cannot serve is told then.
std::optional<Blend> blend_of(const StageRun& run, const WeightInfo& info) {
  const RecogniseRecipe& recognise = run.recipe.recognise;
  if (run.recipe.stage != TrainStageKind::kRecognise || recognise.blend_with.empty()) return {};
  Blend blend(run.blend_with.empty() ? std::filesystem::path(recognise.blend_with) : run.blend_with,
              recognise.blend);
  for (const TensorSpec& spec :
       tensor_table(info.config, static_cast<std::int64_t>(info.labels.size())))
    blend.check(spec);
  return blend;
}

void write_result(const RunFolder& folder, Trainable& model, Trainer& trainer, WeightInfo info,
                  const std::optional<Blend>& blend, const Recipe& recipe, std::size_t faces,
                  Console& console) {
  WeightsDraft draft{info.config, {}};
  trainer.finish(draft);
  for (const std::string& note : draft.notes) print_note(console, "ofer: " + one_line(note));
  const Json compact = Json::parse(to_json(recipe));
  info.config = draft.config;
  info.provenance += message(info.provenance.empty() ? "" : "; ", "ofer train on ", faces,
                             " faces, recipe ", compact.dump());
  // What random numbers may be used for says nothing about trained ones.
  if (!info.trained) info.licence = kDataTerms;
  info.trained = true;
  write_weights(folder.weights(), info, [&](const TensorSpec& spec) {
    TensorFill own = fill_from(trainer.session(), model.parameter(spec.name).value);
    return blend ? (*blend)(spec, std::move(own)) : own;
  });
}

// The run's page as it stands. One that cannot be written is told, and no reason to stop.
void write_page(const RunFolder& folder, const StageRun& run, Trainer& trainer,
                const Trainable& model, const Faces& faces, Console& console) {
  try {
    const Occluder occluder(run.recipe.covers.options(grid_of(model.network().config())));
    const std::vector<std::size_t>& seen =
        faces.validation.empty() ? faces.samples : faces.validation;
    PictureSheet pictures =
        run_pictures(shipped_network(trainer, model), run.session, *faces.store, seen, occluder,
                     run.recipe.seed, run.recipe.stage == TrainStageKind::kSvdd);
    std::ifstream file(folder.log(), std::ios::binary);
    const std::string log{std::istreambuf_iterator<char>(file), {}};
    const std::string page = report_html(run_report(
        run.recipe, faces.dataset.found, faces.samples.size(), log, std::move(pictures)));
    write_file_atomically(folder.page(),
                          {reinterpret_cast<const std::uint8_t*>(page.data()), page.size()});
  } catch (const Error& error) {
    print_note(console, "ofer: warning: " + one_line(message("report.html: ", error.what())));
  }
}

}  // namespace

StageOutcome run_stage(const StageRun& run, const Interrupt& interrupt, Console& console) {
  const Recipe& recipe = run.recipe;
  const SessionOptions& session = run.session;
  const RunFolder folder{run.folder};
  std::error_code error;
  std::filesystem::create_directories(folder.path, error);
  require(!error, ErrorCode::kIo, folder.path.string(), ": cannot be made: ", error.message());
  const bool begun = std::filesystem::exists(folder.checkpoint());
  require(!begun || run.resume, ErrorCode::kBadArgument, folder.path.string(),
          ": holds a run; --resume goes on with it");
  require(begun || !run.resume, ErrorCode::kBadArgument, folder.path.string(),
          ": holds no run to resume");

  const TrainStart start = train_start(run.weights, run.config, recipe.seed, folder.path, console);
  const Config& config = start.info.config;
  FaceOptions wanted = run.faces;
  wanted.splits = {"train"};
  wanted.validation = "val";
  wanted.labels_needed = recipe.stage == TrainStageKind::kRecognise;
  const std::unique_ptr<Faces> faces =
      load_faces(wanted, start.info.labels, face_side(recipe.stage, config),
                 std::max(1, session.threads), console);
  faces->samples = by_source(faces->dataset, faces->samples, recipe.faces);
  const std::optional<Blend> blend = blend_of(run, start.info);
  Trainable model(start.weights, session.device, session.precision);
  const std::unique_ptr<TrainStage> stage =
      make_stage(recipe, model, *faces->store, faces->samples);
  tell(stage->report(), console);
  for (const std::string& note : stage->notes()) print_note(console, "ofer: " + one_line(note));
  Trainer trainer(model, *stage, recipe.trainer_options(stage->samples()), session);
  const Validation validation = validation_of(recipe, trainer, model, *faces, session);
  const CheckpointNotes notes = {{"recipe", to_json(recipe)},
                                 {"configuration", to_json(config)},
                                 {"precision", run.precision},
                                 {"data", digest_of(*faces)}};
  if (begun) {
    const SafetensorsFile file = open_checkpoint(folder.checkpoint());
    check_resumed(file, notes);
    restore_checkpoint(file, trainer);
  }
  const auto page = [&] { write_page(folder, run, trainer, model, *faces, console); };
  const bool finished = run_training(trainer, folder, notes, run.checkpoint_minutes, validation,
                                     page, interrupt, console);
  const auto count = static_cast<std::int64_t>(faces->samples.size());
  if (finished)
    write_result(folder, model, trainer, start.info, blend, recipe, faces->samples.size(), console);
  return {finished, count, trainer.steps_done(), trainer.options().schedule.total,
          finished ? folder.weights() : std::filesystem::path()};
}

}  // namespace ofer
