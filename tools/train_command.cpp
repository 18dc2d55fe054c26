#include "tools/train_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "ofer/train/make_stage.h"
#include "ofer/train/recipe.h"
#include "ofer/train/validation.h"
#include "tools/command_line.h"
#include "tools/config_file.h"
#include "tools/face_options.h"
#include "tools/json_text.h"
#include "tools/session_options.h"
#include "tools/settings_option.h"
#include "tools/train_run.h"
#include "weights/initialise.h"
#include "weights/sha256.h"
#include "weights/weight_file.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbout =
    "Train a stage of the method on a folder of faces\n"
    "\n"
    "mae: the masked autoencoder, which paints what is behind a cover and gives the latents.\n"
    "svdd: the spheres of the detector, which finds what is covered.\n"
    "reconstruct: the U-Net, which refines what the autoencoder painted.\n"
    "recognise: the recogniser, from faces with a label.\n";

constexpr const char* kExamples =
    "The run's folder gets checkpoint.safetensors, log.jsonl and, at the end, "
    "weights.safetensors.\n"
    "Ctrl-C saves and ends; --resume goes on, on a CPU bit for bit as if nothing had happened.\n"
    "\n"
    "Examples:\n"
    "  ofer train mae --data faces/labels.csv --config small -o runs/mae\n"
    "  ofer train mae --data faces -m weights.safetensors -o runs/mae --set epochs=100\n"
    "  ofer train mae --data faces --config small -o runs/mae --resume\n"
    "\n"
    "docs/training.md has the recipes' fields.\n"
    "\n"
    "Exit codes: 0 finished; 2 the command line cannot be obeyed, or the numbers went astray; 3 "
    "data,\n"
    "weights, device or folder failed; 130 interrupted by Ctrl-C, the state saved.";

constexpr const char* kIn = "What it learns from";
constexpr const char* kHow = "How";

TrainStageKind stage_named(const std::string& name) {
  std::string known;
  for (const TrainStageKind stage : kTrainStages) {
    if (name == name_of(stage)) return stage;
    known += (known.empty() ? "" : ", ") + std::string(name_of(stage));
  }
  fail(ErrorCode::kBadArgument, "no stage \"", name, "\"; there are: ", known);
}

Recipe recipe_of(const TrainCommandOptions& options, TrainStageKind stage) {
  std::string text = options.recipe.empty() ? to_json(default_recipe(stage))
                                            : text_of_file(options.recipe, "a recipe");
  Recipe recipe = parse_recipe(with_settings(text, settings_of(options.settings), "recipe"));
  require(recipe.stage == stage, ErrorCode::kBadArgument, "the recipe is one for the stage ",
          name_of(recipe.stage));
  return recipe;
}

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

// The weights that a run starts from, and what their file says.
struct Start {
  WeightInfo info;
  LoadedWeights weights;
};

// Weights for `config`, written to `path`: what `source` has of the same name and shape, an encoder
// that the detector shall have for itself from the autoencoder's, all else drawn. Says what is new.
void take_over(const std::filesystem::path& source, const Config& config, std::uint64_t seed,
               const std::filesystem::path& path, Console& console) {
  SafetensorsFile file = SafetensorsFile::open(source);
  WeightInfo info = read_weight_info(file);
  const LoadedWeights old = load_weights(std::move(file));
  info.config = config;
  info.config.recogniser.structure = RecogniserStructure::kLayers;
  const std::shared_ptr<const Model> wide = old.model->cast(DType::kF32);
  std::set<std::string> drawn;
  const std::string own = "detector.encoder.", shared = "mae.encoder.";
  write_weights(path, info, [&](const TensorSpec& spec) {
    const auto fits = [&](const std::string& name) {
      const Tensor tensor = wide->contains(name) ? wide->find(name) : Tensor();
      return tensor.defined() && tensor.shape() == spec.shape ? tensor : Tensor();
    };
    Tensor tensor = fits(spec.name);
    if (!tensor.defined() && spec.name.starts_with(own))
      tensor = fits(shared + spec.name.substr(own.size()));
    if (tensor.defined()) return fill_from(tensor);
    const std::size_t dot = spec.name.find('.');
    drawn.insert(spec.name.substr(0, spec.name.find('.', dot + 1)));
    return initial_values(spec, seed);
  });
  std::string list;
  for (const std::string& part : drawn) list += (list.empty() ? "" : ", ") + part;
  if (!list.empty()) print_note(console, "ofer: new in this configuration, and drawn: " + list);
}

Start start_of(const TrainCommandOptions& options, std::uint64_t seed,
               const std::filesystem::path& folder, Console& console) {
  require(!options.weights.empty() || !options.config.empty(), ErrorCode::kBadArgument,
          "give -m, weights to start from, or --config, for drawn ones, or both");
  Start start;
  std::filesystem::path path = options.weights;
  if (!options.config.empty()) {
    path = folder / "start.safetensors";
    Config config = config_named(options.config);
    config.recogniser.structure = RecogniserStructure::kLayers;
    if (options.weights.empty())
      write_initial_weights(config, seed, path);
    else
      take_over(options.weights, config, seed, path, console);
  }
  SafetensorsFile file = SafetensorsFile::open(path);
  start.info = read_weight_info(file);
  require(start.info.config.recogniser.structure == RecogniserStructure::kLayers,
          ErrorCode::kBadFile, path.string(),
          ": its recogniser is folded, and cannot be trained further");
  start.weights = load_weights(std::move(file));
  return start;
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
  validation.accuracy = [&, session] {
    return recognition_accuracy(shipped_network(trainer, model), session, *faces.store,
                                faces.validation);
  };
  return validation;
}

void write_result(const RunFolder& folder, Trainable& model, Trainer& trainer, WeightInfo info,
                  const Recipe& recipe, std::size_t faces, Console& console) {
  WeightsDraft draft{info.config, {}};
  trainer.finish(draft);
  for (const std::string& note : draft.notes) print_note(console, "ofer: " + one_line(note));
  const Json compact = Json::parse(to_json(recipe));
  info.config = draft.config;
  info.provenance += message(info.provenance.empty() ? "" : "; ", "ofer train on ", faces,
                             " faces, recipe ", compact.dump());
  info.trained = true;
  write_weights(folder.weights(), info, [&](const TensorSpec& spec) {
    return fill_from(trainer.session(), model.parameter(spec.name).value);
  });
}

}  // namespace

CLI::App* add_train_command(CLI::App& app, TrainCommandOptions& options) {
  CLI::App* command = app.add_subcommand("train", kAbout);
  command->footer(kExamples);
  command->add_option("STAGE", options.stage, "mae, svdd, reconstruct or recognise")->required();
  command->add_option("--data", options.data, "A folder of faces, a list, or a table")
      ->type_name("PATH")
      ->required()
      ->group(kIn);
  command
      ->add_option("--layout", options.layout,
                   "auto (default), list, csv, folders, rafdb,\nfer2013 or pictures")
      ->type_name("NAME")
      ->group(kIn);
  command
      ->add_option("--split", options.split,
                   "The part of the data (default: train, where there\nis one)")
      ->type_name("NAME")
      ->group(kIn);
  command->add_option("-m,--model", options.weights, "Weights to start from")
      ->type_name("WEIGHTS")
      ->group(kIn);
  command
      ->add_option(
          "--config", options.config,
          "base, small, or a JSON file: start from drawn ones;\nwith -m from what those have of it")
      ->type_name("NAME")
      ->group(kIn);
  command->add_option("-o,--output", options.folder, "The run's folder")
      ->type_name("DIR")
      ->required()
      ->group(kHow);
  command->add_option("--recipe", options.recipe, "A JSON file in place of the stage's own")
      ->type_name("FILE")
      ->group(kHow);
  command
      ->add_option("--set", options.settings,
                   "FIELD=VALUE of the recipe, as epochs=100 (repeatable)")
      ->type_name("F=V")
      ->expected(1)
      ->take_all()
      ->group(kHow);
  command->add_flag("--resume", options.resume, "Go on with the run in that folder")->group(kHow);
  command
      ->add_option("--checkpoint-minutes", options.checkpoint_minutes,
                   "Save the state this often (default 5)")
      ->type_name("N")
      ->check(CLI::Range(0.0, 1e6))
      ->group(kHow);
  command->add_option("--device", options.device, "cpu (default), cuda, cuda:N or simt")
      ->type_name("NAME")
      ->group(kHow);
  command
      ->add_option("--precision", options.precision,
                   "fp32 (default), or on a CPU that has the\ninstructions bf16: products round to "
                   "it, weights do\nnot")
      ->type_name("NAME")
      ->group(kHow);
  command->add_option("--threads", options.threads, "0 (default): one for each core")
      ->type_name("N")
      ->group(kHow);
  command->set_help_flag("-h,--help", "Print this help")->group("Other");
  return command;
}

int train_command(const TrainCommandOptions& options, Console& console) {
  const Recipe recipe = recipe_of(options, stage_named(options.stage));
  const SessionOptions session =
      session_options(options.device, options.precision, options.threads, console);
  require(session.precision != Precision::kF64, ErrorCode::kBadArgument,
          "--precision: weights are trained, and kept, in float32; fp64 is for checks");
  const RunFolder folder{options.folder};
  std::error_code error;
  std::filesystem::create_directories(folder.path, error);
  require(!error, ErrorCode::kIo, options.folder, ": cannot be made: ", error.message());
  const bool begun = std::filesystem::exists(folder.checkpoint());
  require(!begun || options.resume, ErrorCode::kBadArgument, options.folder,
          ": holds a run; --resume goes on with it");
  require(begun || !options.resume, ErrorCode::kBadArgument, options.folder,
          ": holds no run to resume");

  const Start start = start_of(options, recipe.seed, folder.path, console);
  const Config& config = start.info.config;
  const std::unique_ptr<Faces> faces = load_faces(
      {.data = options.data,
       .layout = options.layout,
       .split = options.split,
       .splits = {"train"},
       .validation = "val",
       .labels_needed = recipe.stage == TrainStageKind::kRecognise},
      start.info.labels, face_side(recipe.stage, config), std::max(1, session.threads), console);
  Trainable model(start.weights, session.device, session.precision);
  const std::unique_ptr<TrainStage> stage =
      make_stage(recipe, model, *faces->store, faces->samples);
  tell(stage->report(), console);
  for (const std::string& note : stage->notes()) print_note(console, "ofer: " + one_line(note));
  Trainer trainer(model, *stage, recipe.trainer_options(stage->samples()), session);
  const Validation validation = validation_of(recipe, trainer, model, *faces, session);
  const CheckpointNotes notes = {{"recipe", to_json(recipe)},
                                 {"configuration", to_json(config)},
                                 {"precision", options.precision},
                                 {"data", digest_of(*faces)}};
  if (begun) {
    const SafetensorsFile file = open_checkpoint(folder.checkpoint());
    check_resumed(file, notes);
    restore_checkpoint(file, trainer);
  }
  const Interrupt interrupt;
  const bool finished = run_training(trainer, folder, notes, options.checkpoint_minutes, validation,
                                     interrupt, console);
  if (finished)
    write_result(folder, model, trainer, start.info, recipe, faces->samples.size(), console);
  const Json summary = {{"stage", name_of(recipe.stage)},
                        {"faces", faces->samples.size()},
                        {"steps", trainer.steps_done()},
                        {"of", trainer.options().schedule.total},
                        {"finished", finished},
                        {"weights", finished ? Json(folder.weights().string()) : Json()}};
  print_line(console, json_line(summary));
  return finished ? kExitGood : kExitSignal + interrupt.signal();
}

}  // namespace ofer
