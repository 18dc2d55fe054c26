// What is timed: the stages of the method, and single operations at their shapes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/session.h"
#include "engine/staging.h"
#include "ofer/network.h"
#include "ofer/pipeline.h"
#include "weights/safetensors.h"

namespace ofer::bench {

// A stage's results by name, copied out.
using Outputs = std::vector<std::pair<std::string, std::vector<float>>>;

struct Stage {
  std::string name;
  double flops = 0;                   // of one run, the whole batch
  std::function<void(Outputs*)> run;  // null: results stay where they are
};

// The network, the inputs file (bench/peers/make_inputs.py) and the sessions that the stages share.
// Used by one thread at a time.
class Bench {
 public:
  // A precision of float tensors. Throws kIo, kBadFile, kUnsupported; and kBadFile when the inputs
  // do not belong to the weights' configuration.
  Bench(const std::string& weights, const std::string& inputs, int threads,
        Precision precision = Precision::kF32);
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const std::vector<Stage>& stages() const { return stages_; }
  std::int64_t batch() const { return batch_; }
  int threads() const { return session_.threads(); }
  Precision precision() const { return session_.precision(); }
  const Config& config() const { return network_->config(); }

 private:
  // A view of a tensor of the inputs file; throws kBadFile when it is missing.
  Tensor input(const std::string& name) const;
  std::vector<std::uint8_t> flags(const std::string& name) const;
  // Elements of a tensor of zeros and ones that are one.
  std::int64_t count_ones(const std::string& name) const;

  // `body` computes on session_ and returns the results by name.
  void add(std::string name, double flops,
           std::function<std::vector<std::pair<std::string, Tensor>>()> body);
  void add_transformer_stages();
  void add_unet_stages();
  void add_recogniser();
  void add_pipeline();
  void add_operations();  // bench/operations.cpp
  void plan();
  // Sends a selection's lists to session_, as a pass does.
  void upload(PatchSelection& selection);

  LoadedWeights weights_;
  SafetensorsFile inputs_;
  std::shared_ptr<const Network> network_;
  VitDecoder decoder_;
  Session session_;
  Staging staging_;
  std::vector<std::int32_t> latent_rows_;
  Pipeline pipeline_;
  std::int64_t batch_;
  PatchSelection all_, half_;
  std::vector<std::uint8_t> half_mask_;
  std::vector<Buffer> buffers_;
  std::vector<Stage> stages_;
  std::size_t session_stages_ = 0;  // the first so many run on session_
};

}  // namespace ofer::bench
