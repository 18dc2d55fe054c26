// The loop of training: batches in a drawn order, one step after the other, and its whole state for
// a checkpoint.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/session.h"
#include "engine/staging.h"
#include "ofer/train/average.h"
#include "ofer/train/optimiser.h"
#include "ofer/train/schedule.h"
#include "ofer/train/stage.h"

namespace ofer {

struct TrainerOptions {
  std::uint64_t seed = 1;
  std::int64_t batch = 64;
  OptimiserOptions optimiser;
  Schedule schedule;   // its `total` is the number of steps
  double average = 0;  // decay of the moving average; 0: none
};

// What a step was like.
struct StepReport {
  std::int64_t step = 0;  // from 1
  std::uint64_t epoch = 0;
  double loss = 0, rate = 0, gradient_norm = 0;
  std::optional<double> adversary_loss;  // where the stage has an adversary
};

// The sample order of an epoch follows from seed and epoch, a batch from its samples; so a run that
// is taken up again at a step goes on as it would have (bit for bit on the CPU). A stage's
// adversary takes its step behind the stage's, on the same batch, by the same optimiser and rate.
// Used by one thread at a time; makes the next batch on a thread of its own.
class Trainer {
 public:
  // Model and stage are borrowed. Throws kBadArgument when a batch has more samples than the stage.
  Trainer(Trainable& model, TrainStage& stage, const TrainerOptions& options,
          const SessionOptions& session);
  ~Trainer();
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  std::int64_t steps_done() const { return optimiser_.steps(); }
  std::int64_t steps_per_epoch() const { return per_epoch_; }
  bool finished() const { return steps_done() >= options_.schedule.total; }
  const TrainerOptions& options() const { return options_; }
  Session& session() { return session_; }

  // One step. Throws kBadArgument, naming step and tensor, when loss or a gradient is not finite;
  // then no weight has moved. If it is an adversary's, whose turn is the second, the stage's
  // weights have: go on from a checkpoint.
  StepReport step();

  // Behind the last step: the model's weights become those that the run ships (the average, where
  // there is one), and the stage finds what is not learned.
  void finish(WeightsDraft& draft);

  // Every tensor that a checkpoint holds, by name: weights/NAME, first/NAME, second/NAME,
  // average/NAME, and of an adversary adversary/weights/NAME, adversary/first/NAME,
  // adversary/second/NAME. To be read from, or, in a trainer of the same options, written to.
  std::vector<std::pair<std::string, Tensor>> state() const;
  // Behind writing them.
  void resume_at(std::int64_t step);

 private:
  std::vector<std::size_t> samples_of(std::int64_t step) const;
  void begin_batch(std::int64_t step);
  void run(const TrainBatch& batch, StepReport& report);
  template <class Objective, class Then>
  double take_step(Optimiser& optimiser, const char* what, const StepReport& report,
                   double& gradient_norm, Objective&& objective, Then&& then);

  Trainable& model_;
  TrainStage& stage_;
  TrainerOptions options_;
  Session session_;
  Staging staging_;
  Optimiser optimiser_;
  std::optional<Optimiser> adversary_optimiser_;
  std::optional<WeightAverage> average_;
  std::int64_t per_epoch_;
  mutable std::vector<std::size_t> order_;  // of epoch order_of_
  mutable std::int64_t order_of_ = -1;
  TrainBatch now_, next_;
  bool begun_ = false;
  std::int64_t next_step_ = -1;  // that next_ is for
  std::future<void> filling_;
};

}  // namespace ofer
