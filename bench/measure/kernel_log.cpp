#include "bench/measure/kernel_log.h"

namespace ofer::bench {

const char* name_of(Stage stage) {
  switch (stage) {
    case Stage::kDetect:
      return "detect";
    case Stage::kReconstruct:
      return "reconstruct";
    case Stage::kRecognise:
      return "recognise";
  }
  return "";
}

double KernelLog::now() const {
  return std::chrono::duration<double, std::milli>(Clock::now() - start_).count();
}

void KernelLog::begin(Stage stage) {
  end();
  // What takes the inputs in runs before a pass says that its first stage begins.
  double start = now();
  for (std::size_t i = placed_; i < calls_.size(); ++i) calls_[i].stage = stage;
  if (placed_ < calls_.size()) start = calls_[placed_].begin_ms;
  stages_.push_back({stage, start, 0});
  open_ = true;
}

void KernelLog::end() {
  if (!open_) return;
  stages_.back().milliseconds = now() - stages_.back().begin_ms;
  open_ = false;
  placed_ = calls_.size();
}

void KernelLog::before(const char* operation, Work work) {
  const Roofline::Floor floor = roofline_.floor(work.flops, work.bytes, false);
  calls_.push_back({open_ ? stages_.back().stage : Stage::kDetect, operation, work, floor.ms,
                    floor.arithmetic, now(), 0});
}

void KernelLog::after(const char*, kernels::Stream& stream) {
  stream.synchronise();
  calls_.back().milliseconds = now() - calls_.back().begin_ms;
}

}  // namespace ofer::bench
