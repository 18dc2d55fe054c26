// What one stage of training asks of a step: which weights move, what a batch holds, and the loss.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session.h"
#include "engine/staging.h"
#include "ofer/data/data_report.h"
#include "ofer/train/adversary.h"
#include "weights/config.h"

namespace ofer {

// One step's material, on the host. What a stage does not use is empty.
struct TrainBatch {
  std::int64_t count = 0;             // N
  std::vector<float> images;          // [N, 3, S, S] in [0, 1], as the ViT sees them
  std::vector<float> unet_images;     // [N, 3, U, U] in [0, 1], as the U-Net sees them
  std::vector<float> truth;           // [N, 3, U, U], the same faces uncovered
  std::vector<std::uint8_t> covered;  // [N, L], 1 covered
  std::vector<std::uint8_t> clean;    // [N, L], 1 free; a patch may be neither
  std::vector<std::uint8_t> masked;   // [N, L], 1 kept from the autoencoder
  std::vector<std::int32_t> labels;   // [N]
  std::vector<float> latent_use;      // [N], 1 where the latent vectors are seen, 0 where not
};

// What a run will ship beside the weights, while its stage may still put things right.
struct WeightsDraft {
  Config config;
  std::vector<std::string> notes;  // worth telling whoever trains, a line each
};

class TrainStage {
 public:
  virtual ~TrainStage() = default;

  virtual std::string_view name() const = 0;
  // Beginnings of the names of the weights that it moves.
  virtual std::vector<std::string> learned() const = 0;
  // How many samples it draws from.
  virtual std::size_t samples() const = 0;
  // What was wrong with the samples it was given, to be told before a run.
  virtual DataReport report() const { return DataReport(); }
  // The batch of these samples, 0 to samples() - 1, in this epoch. A face that comes several times
  // in an epoch is so many samples, each varied in its own way. Depends on the arguments and the
  // seed alone; called from another thread, beside loss() of the batch before.
  virtual void fill(TrainBatch& batch, std::uint64_t epoch,
                    std::span<const std::size_t> samples) const = 0;
  // What is computed of a batch before a tape records; its tensors must stay until the step ends.
  // Called also while counting.
  virtual void prepare(Session& s, Staging& staging, const TrainBatch& batch) = 0;
  // The objective [1], recorded.
  virtual Tensor loss(Session& s) = 0;

  // Who is trained against it by turns; null: nobody.
  virtual Adversary* adversary() { return nullptr; }
  // What whoever starts a run should be told, a line each.
  virtual std::vector<std::string> notes() const { return {}; }

  // Before the first step of a run: starting values that are found and not learned.
  virtual void begin(Session&, Staging&) {}
  // Behind every step, in its workspace.
  virtual void after_step(Session&, Staging&, std::uint64_t /*epoch*/) {}
  // Behind the last step, when the model holds the weights that will be shipped: what is found and
  // not learned.
  virtual void finish(Session&, Staging&, WeightsDraft&) {}
};

}  // namespace ofer
