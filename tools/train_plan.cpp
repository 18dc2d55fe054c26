#include "tools/train_plan.h"

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/json_text.h"
#include "tools/train_run.h"

namespace ofer {

namespace {

// Has that stage ended in this folder, with this recipe?
bool has_ended(const RunFolder& folder, const Recipe& recipe) {
  if (!std::filesystem::exists(folder.weights()) || !std::filesystem::exists(folder.checkpoint()))
    return false;
  const SafetensorsFile file = open_checkpoint(folder.checkpoint());
  const auto found = file.metadata().find("recipe");
  return found != file.metadata().end() && found->second == to_json(recipe);
}

// The name of a stage's folder: "3-recognise".
std::string folder_of(const TrainPlan& plan, std::size_t i) {
  return message(i + 1, "-", name_of(plan[i].stage));
}

// The weights of the earlier stage that a recipe blends with; empty where it names a file.
std::filesystem::path blended_stage(const std::filesystem::path& folder, const TrainPlan& plan,
                                    std::size_t i) {
  const std::string& name = plan[i].recognise.blend_with;
  for (std::size_t earlier = 0; earlier < i; ++earlier)
    if (folder_of(plan, earlier) == name) return RunFolder{folder / name}.weights();
  require(name.empty() || std::filesystem::exists(name), ErrorCode::kBadArgument, "stage ", i + 1,
          ": recognise.blend_with: \"", name,
          "\" is neither the folder of an earlier stage nor a file");
  return {};
}

}  // namespace

void print_outcome(const Recipe& recipe, const StageOutcome& outcome, Console& console) {
  using Json = nlohmann::ordered_json;
  const Json line = {{"stage", name_of(recipe.stage)},
                     {"faces", outcome.faces},
                     {"steps", outcome.steps},
                     {"of", outcome.of},
                     {"finished", outcome.finished},
                     {"weights", outcome.finished ? Json(outcome.weights.string()) : Json()}};
  print_line(console, json_line(line));
}

StageOutcome run_plan(const TrainPlan& plan, StageRun run, const Interrupt& interrupt,
                      Console& console) {
  const std::filesystem::path folder = run.folder;
  const bool resume = run.resume;
  StageOutcome outcome;
  for (std::size_t i = 0; i < plan.size(); ++i) blended_stage(folder, plan, i);  // told at once
  bool anew = false;  // has a stage been run, so that those behind it must be?
  for (std::size_t i = 0; i < plan.size(); ++i) {
    run.recipe = plan[i];
    run.folder = folder / folder_of(plan, i);
    run.blend_with = blended_stage(folder, plan, i);
    const RunFolder files{run.folder};
    require(!anew || !std::filesystem::exists(files.checkpoint()), ErrorCode::kBadArgument,
            files.path.string(),
            ": was made from the weights of a stage that has been run again "
            "since; remove it, and what is behind it");
    if (resume && has_ended(files, plan[i])) {
      print_note(console, "ofer: " + one_line(files.path.string()) + ": has ended");
      outcome = {.finished = true, .weights = files.weights()};
    } else {
      run.resume = resume && std::filesystem::exists(files.checkpoint());
      anew = true;
      outcome = run_stage(run, interrupt, console);
      print_outcome(plan[i], outcome, console);
      if (!outcome.finished) return outcome;
    }
    run.weights = outcome.weights.string();
    run.config.clear();
  }
  const std::filesystem::path result = RunFolder{folder}.weights();
  std::error_code error;
  std::filesystem::copy_file(outcome.weights, result,
                             std::filesystem::copy_options::overwrite_existing, error);
  require(!error, ErrorCode::kIo, result.string(), ": cannot be written: ", error.message());
  return outcome;
}

}  // namespace ofer
