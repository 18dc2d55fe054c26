#include "tools/train_run.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/atomic_file.h"
#include "engine/error.h"
#include "tools/json_text.h"
#include "tools/text_format.h"

namespace ofer {

namespace {

using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Lines of the log up to a step.
std::string lines_until(const std::filesystem::path& path, std::int64_t step) {
  std::ifstream file(path);
  std::string kept;
  for (std::string line; std::getline(file, line);) {
    const Json entry = Json::parse(line, nullptr, false);
    if (!entry.is_object() || !entry.contains("step") || !entry["step"].is_number_integer()) break;
    if (entry["step"].get<std::int64_t>() > step) break;
    kept += line + '\n';
  }
  return kept;
}

// One line of standard error that is written over and over, on a terminal only.
class StatusLine {
 public:
  explicit StatusLine(Console& console) : console_(console) {}
  ~StatusLine() { clear(); }

  void show(const StepReport& step, std::int64_t total, double loss, double seconds_per_step,
            double images_per_second) {
    if (!console_.err_is_terminal || since(shown_) < 0.2) return;
    shown_ = Clock::now();
    const double left = seconds_per_step * static_cast<double>(total - step.step);
    console_.err << "\r\x1b[K"
                 << format("step %lld of %lld, epoch %llu, loss %.4f, %.0f images/s, %.0f min left",
                           static_cast<long long>(step.step), static_cast<long long>(total),
                           static_cast<unsigned long long>(step.epoch + 1), loss, images_per_second,
                           std::ceil(left / 60))
                 << std::flush;
    visible_ = true;
  }
  void clear() {
    if (visible_) console_.err << "\r\x1b[K" << std::flush;
    visible_ = false;
  }

 private:
  Console& console_;
  Clock::time_point shown_{};
  bool visible_ = false;
};

}  // namespace

TrainLog::TrainLog(const std::filesystem::path& path, std::int64_t step) : path_(path) {
  const std::string kept = step > 0 ? lines_until(path, step) : "";
  write_file_atomically(path, {reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()});
  file_.open(path, std::ios::app);
  require(file_.is_open(), ErrorCode::kIo, path.string(), ": cannot be written");
}

void TrainLog::add(const StepReport& step, double seconds, std::int64_t images, bool last) {
  ++count_;
  losses_ += step.loss;
  norms_ += step.gradient_norm;
  if (step.adversary_loss) adversary_losses_ = adversary_losses_.value_or(0) + *step.adversary_loss;
  seconds_ += seconds;
  images_ += images;
  if (count_ < kEvery && !last) return;
  loss_ = losses_ / count_;
  Json line = {{"step", step.step},
               {"epoch", step.epoch},
               {"loss", loss_},
               {"rate", step.rate},
               {"gradient_norm", norms_ / count_},
               {"images_per_second", static_cast<double>(images_) / seconds_}};
  if (adversary_losses_) line["adversary_loss"] = *adversary_losses_ / count_;
  write(json_line(line));
  count_ = 0;
  losses_ = norms_ = seconds_ = 0;
  adversary_losses_.reset();
  images_ = 0;
}

void TrainLog::add_accuracy(std::int64_t step, double accuracy) {
  write(json_line(Json{{"step", step}, {"accuracy", accuracy}}));
}

void TrainLog::write(const std::string& line) {
  file_ << line << '\n' << std::flush;
  require(file_.good(), ErrorCode::kIo, path_.string(), ": cannot be written; is the disk full?");
}

bool run_training(Trainer& trainer, const RunFolder& folder, const CheckpointNotes& notes,
                  double checkpoint_minutes, const Validation& validation,
                  const std::function<void()>& saved, const Interrupt& interrupt,
                  Console& console) {
  TrainLog log(folder.log(), trainer.steps_done());
  StatusLine status(console);
  const std::int64_t total = trainer.options().schedule.total, batch = trainer.options().batch;
  double pace = 0;  // seconds for a step, lately
  Clock::time_point last_saved = Clock::now();
  while (!trainer.finished() && interrupt.signal() == 0) {
    const Clock::time_point start = Clock::now();
    const StepReport step = trainer.step();
    const double seconds = since(start);
    pace = pace == 0 ? seconds : 0.95 * pace + 0.05 * seconds;
    log.add(step, seconds, batch, trainer.finished());
    status.show(step, total, log.loss() == 0 ? step.loss : log.loss(), pace,
                static_cast<double>(batch) / pace);
    if (validation.every > 0 && (step.step % validation.every == 0 || trainer.finished()))
      log.add_accuracy(step.step, validation.accuracy());
    if (since(last_saved) < 60 * checkpoint_minutes) continue;
    save_checkpoint(folder.checkpoint(), trainer, notes);
    status.clear();
    saved();
    last_saved = Clock::now();
  }
  status.clear();
  save_checkpoint(folder.checkpoint(), trainer, notes);
  saved();
  return trainer.finished();
}

}  // namespace ofer
