// Every kernel of a pass with its time and its floor: what the hardware's limit explains of it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "bench/measure/observed_table.h"
#include "bench/measure/roofline.h"
#include "ofer/pipeline.h"

namespace ofer::bench {

struct KernelCall {
  Stage stage = Stage::kDetect;
  std::string operation;
  Work work;
  double floor_ms = 0;
  bool arithmetic = false;                // what the floor is
  double begin_ms = 0, milliseconds = 0;  // from the log's start; until the device had done it
};

struct StageSpan {
  Stage stage = Stage::kDetect;
  double begin_ms = 0, milliseconds = 0;
};

// Writes down what a session does. Each kernel is waited for, so the times are those of kernels one
// by one, with the cost of launching and waiting for each.
class KernelLog final : public Observer {
 public:
  explicit KernelLog(const Roofline& roofline) : roofline_(roofline) {}

  // A stage begins; the one before, if any, has ended. end() ends the last one of a pass.
  void begin(Stage stage);
  void end();

  void before(const char* operation, Work work) override;
  void after(const char* operation, kernels::Stream& stream) override;

  const std::vector<KernelCall>& calls() const { return calls_; }
  const std::vector<StageSpan>& stages() const { return stages_; }

 private:
  using Clock = std::chrono::steady_clock;
  double now() const;

  const Roofline& roofline_;
  Clock::time_point start_ = Clock::now();
  bool open_ = false;       // is a stage under way?
  std::size_t placed_ = 0;  // so many calls have their stage
  std::vector<KernelCall> calls_;
  std::vector<StageSpan> stages_;
};

const char* name_of(Stage stage);

}  // namespace ofer::bench
