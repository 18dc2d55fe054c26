// A run of training in a folder of its own: checkpoints, a log, and the weights that come out.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>

#include "ofer/train/checkpoint.h"
#include "ofer/train/trainer.h"
#include "tools/console.h"
#include "tools/interrupt.h"

namespace ofer {

// The files of a run.
struct RunFolder {
  std::filesystem::path path;
  std::filesystem::path checkpoint() const { return path / "checkpoint.safetensors"; }
  std::filesystem::path log() const { return path / "log.jsonl"; }
  std::filesystem::path page() const { return path / "report.html"; }
  std::filesystem::path weights() const { return path / "weights.safetensors"; }
};

// The run's log: one JSON object for each line, {"step", "epoch", "loss", "rate", "gradient_norm",
// "images_per_second"}, loss and norm as means since the line before; and, where it is measured,
// {"step", "accuracy"}.
class TrainLog {
 public:
  // Goes on behind the lines up to `step`; later ones, of steps that will be taken again, are cut.
  // Throws kIo.
  TrainLog(const std::filesystem::path& path, std::int64_t step);

  // Collects a step; writes a line after every `kEvery` of them and behind the last.
  void add(const StepReport& step, double seconds, std::int64_t images, bool last);
  void add_accuracy(std::int64_t step, double accuracy);
  // Of the line that was written last; 0 before.
  double loss() const { return loss_; }

 private:
  void write(const std::string& line);
  static constexpr int kEvery = 10;
  std::filesystem::path path_;
  std::ofstream file_;
  int count_ = 0;
  double losses_ = 0, norms_ = 0, seconds_ = 0, loss_ = 0;
  std::optional<double> adversary_losses_;
  std::int64_t images_ = 0;
};

// What is measured between steps, on faces that the run does not learn from.
struct Validation {
  std::int64_t every = 0;  // steps, and behind the last; 0: never
  std::function<double()> accuracy;
};

// Steps until the run is finished or a signal comes, saving its state every so many minutes and at
// the end; behind each time `saved` is called. Gives true when it is finished. Throws what a step
// throws; the last checkpoint stays.
bool run_training(Trainer& trainer, const RunFolder& folder, const CheckpointNotes& notes,
                  double checkpoint_minutes, const Validation& validation,
                  const std::function<void()>& saved, const Interrupt& interrupt, Console& console);

}  // namespace ofer
