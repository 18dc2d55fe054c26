// Times the stages of the method and the whole, batch size by batch size.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure/kernel_log.h"
#include "bench/measure/pipeline_inputs.h"
#include "bench/measure/sampling.h"

namespace ofer::bench {

// One sample is a pass that detects, and a pass that restores and recognises behind the batch's
// own mask: what detection finds depends on the weights, and with it the work behind it.
struct BatchTimes {
  std::int64_t count = 0;
  Rounds detect, reconstruct, recognise, whole;
  std::size_t workspace_bytes = 0;
  std::vector<KernelCall> calls;  // of one sample, observed
  std::vector<StageSpan> spans;
  std::vector<float> probabilities, restored;  // of the batch's first face
};

// Why there is no larger batch.
enum class LargestBatch { kGiven, kMemory, kTime };

struct PipelineTimes {
  std::vector<BatchTimes> batches;
  LargestBatch stopped = LargestBatch::kGiven;
  bool interrupted = false;
};

struct PipelineRule {
  RoundRule rounds;
  // Empty: 1, 4, 16 and so on, until memory is over or one sample takes longer than this.
  std::vector<std::int64_t> batches;
  double longest_seconds = 5;
};

// `batch_of(count)` makes the inputs. `go_on()` is asked before every round; false ends the run
// with the batches there are. Throws kBadFile where a result is not a number: then nothing is
// timed; and kOutOfMemory where a given batch does not fit.
PipelineTimes time_pipeline(const std::shared_ptr<const Network>& network,
                            const SessionOptions& options, const Roofline& roofline,
                            const PipelineRule& rule,
                            const std::function<Batch(std::int64_t)>& batch_of,
                            Conditions& conditions, const std::function<bool()>& go_on);

}  // namespace ofer::bench
