#include "bench/measure/pipeline_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <fstream>

#include "engine/error.h"

namespace ofer::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kGrowth = 4;
constexpr std::size_t kLeastSamples = 2;

double milliseconds(Clock::duration span) {
  return std::chrono::duration<double, std::milli>(span).count();
}

// What the host has left; no limit where the system does not tell.
double free_host_bytes() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("MemAvailable:"))
      return 1024 * std::atof(line.c_str() + line.find(':') + 1);
  return std::numeric_limits<double>::infinity();
}

// The two passes of a sample, with everything they need.
class Passes {
 public:
  Passes(Pipeline& pipeline, Batch batch) : pipeline_(pipeline), batch_(std::move(batch)) {
    const auto count = static_cast<std::size_t>(batch_.inputs.count);
    detect_.last = Stage::kDetect;
    analyse_.mask = MaskSource::kGiven;
    distances_.resize(batch_.mask.size());
    probabilities_.resize(count * pipeline.network().labels().size());
    found_.distance = distances_;
    recognised_.probabilities = probabilities_;
  }

  void detect() {
    Inputs unmasked = batch_.inputs;
    unmasked.mask = {};
    pipeline_.run(unmasked, detect_, found_);
  }
  void analyse() { pipeline_.run(batch_.inputs, analyse_, recognised_); }

  // Of the whole, of detection, restoration, recognition.
  std::vector<double> sample() {
    const auto start = Clock::now();
    detect();
    const auto between = Clock::now();
    analyse();
    const auto end = Clock::now();
    const StageTimes& times = pipeline_.times();
    return {milliseconds(end - start), milliseconds(between - start), times.reconstruct,
            times.recognise};
  }

  // The first face's results, for peers to be held against.
  void keep_results(BatchTimes& times) {
    Request request = analyse_;
    request.restored = true;
    const Result first = pipeline_.run(batch_.inputs, request)[0];
    times.probabilities = first.probabilities;
    times.restored = first.restored.values;
    const auto bad = [](float value) { return !std::isfinite(value); };
    require(std::none_of(times.probabilities.begin(), times.probabilities.end(), bad) &&
                std::none_of(times.restored.begin(), times.restored.end(), bad),
            ErrorCode::kBadFile,
            "a result is not a number, so times mean nothing; look for the "
            "cause with ofer inspect and ofer verify");
  }

 private:
  Pipeline& pipeline_;
  Batch batch_;
  Request detect_, analyse_;
  Outputs found_, recognised_;
  std::vector<float> distances_, probabilities_;
};

void observe(Pipeline& pipeline, Passes& passes, const Roofline& roofline, BatchTimes& times) {
  KernelLog log(roofline);
  pipeline.set_progress([&](Stage stage) { log.begin(stage); });
  {
    const ObservedTables observed(pipeline.session(), log);
    passes.detect();
    log.end();
    passes.analyse();
    log.end();
  }
  pipeline.set_progress(nullptr);
  times.calls = log.calls();
  times.spans = log.stages();
}

}  // namespace

PipelineTimes time_pipeline(const std::shared_ptr<const Network>& network,
                            const SessionOptions& options, const Roofline& roofline,
                            const PipelineRule& rule,
                            const std::function<Batch(std::int64_t)>& batch_of,
                            Conditions& conditions, const std::function<bool()>& go_on) {
  PipelineTimes result;
  const auto next = [&](std::size_t index) -> std::int64_t {
    if (!rule.batches.empty()) return index < rule.batches.size() ? rule.batches[index] : 0;
    return index == 0 ? 1 : result.batches.back().count * kGrowth;
  };
  for (std::size_t index = 0;; ++index) {
    const std::int64_t count = next(index);
    if (count == 0) return result;
    BatchTimes times;
    times.count = count;
    try {
      Pipeline pipeline(network, options);
      Request analyse;
      analyse.mask = MaskSource::kGiven;
      times.workspace_bytes = pipeline.workspace_bytes(count, analyse);
      require(options.device.kind == DeviceKind::kCuda ||
                  static_cast<double>(times.workspace_bytes) < 0.8 * free_host_bytes(),
              ErrorCode::kOutOfMemory, "a batch of ", count, " needs ", times.workspace_bytes >> 20,
              " MiB, and the machine has not so much left");
      Passes passes(pipeline, batch_of(count));
      passes.keep_results(times);
      passes.sample();
      const double once = passes.sample()[0];
      while (!times.whole.finished(rule.rounds)) {
        if (!go_on()) {
          result.interrupted = true;
          return result;
        }
        const std::vector<Visit> visits = visit_parts(4, rule.rounds.visit_seconds(), kLeastSamples,
                                                      conditions, [&] { return passes.sample(); });
        Rounds* const parts[] = {&times.whole, &times.detect, &times.reconstruct, &times.recognise};
        for (std::size_t part = 0; part < visits.size(); ++part) parts[part]->add(visits[part]);
      }
      observe(pipeline, passes, roofline, times);
      result.batches.push_back(std::move(times));
      if (rule.batches.empty() && once > 1e3 * rule.longest_seconds) {
        result.stopped = LargestBatch::kTime;
        return result;
      }
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kOutOfMemory || !rule.batches.empty() ||
          result.batches.empty())
        throw;
      result.stopped = LargestBatch::kMemory;
      return result;
    }
  }
}

}  // namespace ofer::bench
