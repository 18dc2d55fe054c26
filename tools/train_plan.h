// Several stages of training, each in a folder of its own inside the run's.
#pragma once

#include "ofer/train/plan.h"
#include "tools/train_stage.h"

namespace ofer {

// Runs the stages in 1-mae, 2-svdd, ... inside run.folder, each from the weights of the one before,
// and leaves the last one's as weights.safetensors. With `resume`, stages that have ended with the
// same recipe are passed over, and the one that was stopped goes on. `run.recipe` is not looked at.
// Prints a line for each stage. Gives the last stage's outcome.
StageOutcome run_plan(const TrainPlan& plan, StageRun run, const Interrupt& interrupt,
                      Console& console);

// One line of JSON: the stage, its faces and steps, whether it is finished, its weights.
void print_outcome(const Recipe& recipe, const StageOutcome& outcome, Console& console);

}  // namespace ofer
