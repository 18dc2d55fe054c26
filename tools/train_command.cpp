#include "tools/train_command.h"

#include <CLI/CLI.hpp>

#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/config_file.h"
#include "tools/session_options.h"
#include "tools/settings_option.h"
#include "tools/train_plan.h"
#include "weights/weight_file.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Train a stage of the method on a folder of faces\n"
    "\n"
    "mae: the masked autoencoder, which paints what is behind a cover and gives the latents.\n"
    "svdd: the spheres of the detector, which finds what is covered.\n"
    "reconstruct: the U-Net, which refines what the autoencoder painted.\n"
    "recognise: the recogniser, from faces with a label.\n"
    "all: these in a row, each from the weights of the one before.\n";

constexpr const char* kExamples =
    "The run's folder gets checkpoint.safetensors, log.jsonl and, at the end, "
    "weights.safetensors.\n"
    "Ctrl-C saves and ends; --resume goes on, on a CPU bit for bit as if nothing had happened.\n"
    "\n"
    "Examples:\n"
    "  ofer train mae --data faces/labels.csv --config small -o runs/mae\n"
    "  ofer train mae --data faces -m weights.safetensors -o runs/mae --set epochs=100\n"
    "  ofer train mae --data faces --config small -o runs/mae --resume\n"
    "  ofer train all --print-recipe > plan.json\n"
    "  ofer train all --recipe plan.json --data faces --config small -o runs/all\n"
    "\n"
    "docs/training.md has the recipes' fields.\n"
    "\n"
    "Exit codes: 0 finished; 2 the command line cannot be obeyed, or the numbers went astray; 3 "
    "data,\n"
    "weights, device or folder failed; 130 interrupted by Ctrl-C, the state saved.";

constexpr const char* kIn = "What it learns from";
constexpr const char* kHow = "How";

constexpr const char* kAll = "all";

TrainStageKind stage_named(const std::string& name) {
  std::string known;
  for (const TrainStageKind stage : kTrainStages) {
    if (name == name_of(stage)) return stage;
    known += std::string(name_of(stage)) + ", ";
  }
  fail(ErrorCode::kBadArgument, "no stage \"", name, "\"; there are: ", known, kAll);
}

Recipe recipe_of(const TrainCommandOptions& options) {
  const TrainStageKind stage = stage_named(options.stage);
  std::string text = options.recipe.empty() ? to_json(default_recipe(stage))
                                            : text_of_file(options.recipe, "a recipe");
  Recipe recipe = parse_recipe(with_settings(text, settings_of(options.settings), "recipe"));
  require(recipe.stage == stage, ErrorCode::kBadArgument, "the recipe is one for the stage ",
          name_of(recipe.stage));
  return recipe;
}

// Does the network that a run begins with have a U-Net?
bool has_unet(const TrainCommandOptions& options) {
  if (!options.config.empty()) return config_named(options.config).unet.has_value();
  return options.weights.empty() ||
         read_weight_info(SafetensorsFile::open(options.weights)).config.unet.has_value();
}

TrainPlan plan_of(const TrainCommandOptions& options) {
  const std::string text = options.recipe.empty() ? to_json(default_plan(has_unet(options)))
                                                  : text_of_file(options.recipe, "a plan");
  return parse_plan(with_settings(text, settings_of(options.settings), "plan"));
}

}  // namespace

CLI::App* add_train_command(CLI::App& app, TrainCommandOptions& options) {
  CLI::App* command = app.add_subcommand("train", kAbout);
  command->footer(kExamples);
  command->add_option("STAGE", options.stage, "mae, svdd, reconstruct, recognise, or all")
      ->required();
  add_face_options(*command, options.faces, kIn, "train, where there\nis one");
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
      ->group(kHow);
  command
      ->add_option("--recipe", options.recipe,
                   "A JSON file in place of the stage's own (all: a plan)")
      ->type_name("FILE")
      ->group(kHow);
  command
      ->add_option("--set", options.settings,
                   "FIELD=VALUE of the recipe, as epochs=100 (repeatable)")
      ->type_name("F=V")
      ->expected(1)
      ->take_all()
      ->group(kHow);
  command->add_flag("--print-recipe", options.print_recipe, "Print the recipe, and end")
      ->group(kHow);
  command->add_flag("--resume", options.resume, "Go on with the run in that folder")->group(kHow);
  command
      ->add_option("--checkpoint-minutes", options.checkpoint_minutes,
                   "Save the state this often (default 5)")
      ->type_name("N")
      ->check(CLI::Range(0.0, 1e6).description(""))
      ->group(kHow);
  add_session_options(*command, options.session, kHow,
                      "fp32 (default), tf32 (GPU), or bf16: products\nround to it, weights do not");
  command->set_help_flag("-h,--help", "Print this help")->group("Other");
  return command;
}

int train_command(const TrainCommandOptions& options, Console& console) {
  const bool all = options.stage == kAll;
  const TrainPlan plan = all ? plan_of(options) : TrainPlan{recipe_of(options)};
  if (options.print_recipe) {
    print_line(console, all ? to_json(plan) : to_json(plan[0]));
    return kExitGood;
  }
  require(!options.faces.data.empty(), ErrorCode::kBadArgument,
          "--data: faces to learn from are needed");
  require(!options.folder.empty(), ErrorCode::kBadArgument, "-o: the run needs a folder");
  StageRun run;
  run.faces = options.faces;
  run.weights = options.weights;
  run.config = options.config;
  run.folder = options.folder;
  run.resume = options.resume;
  run.checkpoint_minutes = options.checkpoint_minutes;
  run.precision = options.session.precision;
  run.session = session_options(options.session, console);
  require(run.session.precision != Precision::kF64, ErrorCode::kBadArgument,
          "--precision: weights are trained, and kept, in float32; fp64 is for checks");
  // Weights, gradients and moments are float32 on every device.
  if (run.session.precision == Precision::kBf16) run.session.precision = Precision::kMixed;
  const Interrupt interrupt;
  StageOutcome outcome;
  if (all) {
    outcome = run_plan(plan, run, interrupt, console);
  } else {
    run.recipe = plan[0];
    outcome = run_stage(run, interrupt, console);
    print_outcome(plan[0], outcome, console);
  }
  return outcome.finished ? kExitGood : kExitSignal + interrupt.signal();
}

}  // namespace ofer
