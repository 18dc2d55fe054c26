#include "ofer/train/trainer.h"

#include <cmath>
#include <numeric>

#include "engine/ops.h"
#include "ofer/data/random.h"

namespace ofer {

Trainer::Trainer(Trainable& model, TrainStage& stage, const TrainerOptions& options,
                 const SessionOptions& session)
    : model_(model),
      stage_(stage),
      options_(options),
      session_(session),
      staging_(session_.device()),
      optimiser_(model.learned(stage.learned()), options.optimiser, session_),
      per_epoch_(static_cast<std::int64_t>(stage.samples()) /
                 std::max<std::int64_t>(1, options.batch)) {
  require(options_.batch >= 1 && per_epoch_ >= 1, ErrorCode::kBadArgument, "a batch of ",
          options_.batch, " from ", stage.samples(), " samples cannot be");
  // A stage that finds everything and learns nothing takes no step.
  const bool learns = !optimiser_.parameters().empty();
  if (!learns) options_.schedule.total = 0;
  require(options_.schedule.total >= 1 || !learns, ErrorCode::kBadArgument, "a run of no steps");
  if (const Adversary* adversary = stage_.adversary())
    adversary_optimiser_.emplace(adversary->parameters(), options_.optimiser, session_);
  if (options_.average > 0) average_.emplace(model_, options_.average, session_);
  session_.set_training(true);
}

Trainer::~Trainer() {
  if (filling_.valid()) filling_.wait();
}

std::vector<std::size_t> Trainer::samples_of(std::int64_t step) const {
  const std::int64_t epoch = step / per_epoch_, place = step % per_epoch_;
  if (order_of_ != epoch) {
    order_.resize(stage_.samples());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    SeededNumbers numbers =
        numbers_for(options_.seed, static_cast<std::uint64_t>(epoch), 0, RandomPurpose::kOrder);
    shuffle(std::span(order_), numbers);
    order_of_ = epoch;
  }
  const auto first = order_.begin() + static_cast<std::ptrdiff_t>(place * options_.batch);
  return {first, first + static_cast<std::ptrdiff_t>(options_.batch)};
}

// Fills next_ on another thread.
void Trainer::begin_batch(std::int64_t step) {
  next_step_ = step;
  filling_ = std::async(std::launch::async, [this, step, samples = samples_of(step)] {
    stage_.fill(next_, static_cast<std::uint64_t>(step / per_epoch_), samples);
  });
}

StepReport Trainer::step() {
  const std::int64_t number = steps_done();
  if (!begun_ && number == 0) {
    session_.set_training(false);
    stage_.begin(session_, staging_);
    session_.set_training(true);
    // An average begins where the weights do.
    if (average_) average_.emplace(model_, options_.average, session_);
  }
  begun_ = true;
  if (next_step_ != number) {
    if (filling_.valid()) filling_.wait();
    begin_batch(number);
  }
  filling_.get();
  std::swap(now_, next_);
  begin_batch(number + 1);
  StepReport report;
  report.step = number + 1;
  report.epoch = static_cast<std::uint64_t>(number / per_epoch_);
  report.rate = options_.schedule.rate(number);
  run(now_, report);
  return report;
}

// Forward, back, a step of the optimiser, and `then`; gives the objective's value.
template <class Objective, class Then>
double Trainer::take_step(Optimiser& optimiser, const char* what, const StepReport& report,
                          double& gradient_norm, Objective&& objective, Then&& then) {
  float loss = 0;
  Session::Recording recording(session_);
  optimiser.watch(recording.tape());
  const Tensor value = objective();
  if (!session_.counting()) {
    staging_.fetch(session_, std::span(&value, 1));
    loss = staging_.fetched(0)[0];
  }
  require(session_.counting() || std::isfinite(loss), ErrorCode::kBadArgument, "step ", report.step,
          ": ", what, " is not finite; a lower rate or a longer warm-up helps");
  recording.tape().backward(session_, value, ops::full(session_, {1}, 1));
  gradient_norm = optimiser.step(session_, recording.tape(), report.rate);
  if (!session_.counting()) then();
  return double{loss};
}

void Trainer::run(const TrainBatch& batch, StepReport& report) {
  const auto pass = [&] {
    const Workspace::Scope scope(session_.workspace());
    staging_.begin();
    stage_.prepare(session_, staging_, batch);
    report.loss = take_step(
        optimiser_, "the loss", report, report.gradient_norm, [&] { return stage_.loss(session_); },
        [&] { stage_.after_step(session_, staging_, report.epoch); });
    if (adversary_optimiser_) {
      double norm = 0;
      report.adversary_loss = take_step(
          *adversary_optimiser_, "the adversary's loss", report, norm,
          [&] { return stage_.adversary()->loss(session_); }, [] {});
    }
    if (average_) average_->update(session_, report.step);
  };
  // Batches differ in how much of them is covered, and so in what they need; counting is cheap.
  session_.plan(pass);
  pass();
}

std::vector<std::pair<std::string, Tensor>> Trainer::state() const {
  std::vector<std::pair<std::string, Tensor>> result;
  for (const Parameter& parameter : model_.parameters())
    result.emplace_back("weights/" + parameter.name, parameter.value);
  const auto add_moments = [&](const std::string& prefix, const Optimiser& optimiser) {
    for (const OptimiserState& state : optimiser.state()) {
      if (state.first.defined()) result.emplace_back(prefix + "first/" + state.name, state.first);
      if (state.second.defined())
        result.emplace_back(prefix + "second/" + state.name, state.second);
    }
  };
  add_moments("", optimiser_);
  if (average_)
    for (std::size_t i = 0; i < average_->values().size(); ++i)
      result.emplace_back("average/" + model_.parameters()[i].name, average_->values()[i]);
  if (adversary_optimiser_) {
    for (const Parameter& parameter : adversary_optimiser_->parameters())
      result.emplace_back("adversary/weights/" + parameter.name, parameter.value);
    add_moments("adversary/", *adversary_optimiser_);
  }
  return result;
}

void Trainer::resume_at(std::int64_t step) {
  optimiser_.set_steps(step);
  if (adversary_optimiser_) adversary_optimiser_->set_steps(step);
}

void Trainer::finish(WeightsDraft& draft) {
  if (average_)
    for (std::size_t i = 0; i < average_->values().size(); ++i)
      ops::copy_to(session_, average_->values()[i], model_.parameters()[i].value);
  session_.set_training(false);
  stage_.finish(session_, staging_, draft);
  session_.set_training(true);
}

}  // namespace ofer
