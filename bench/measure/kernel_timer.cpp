#include "bench/measure/kernel_timer.h"

#include "kernels/device_error.h"

namespace ofer::bench {

namespace {

// Launches in a graph.
constexpr int kLaunches = 20;
constexpr std::size_t kLeastSamples = 3;

}  // namespace

bool KernelTimes::finished(const RoundRule& rule) const {
  return warm.finished(rule) && (cold.empty() || cold.finished(rule));
}

KernelTimer::KernelTimer(const KernelTarget& target, const RoundRule& rule,
                         kernels::Index flush_bytes)
    : target_(target),
      rule_(rule),
      stream_(target.make_stream()),
      conditions_(target.device == "cuda" ? gpu_conditions(0) : cpu_conditions()),
      flush_bytes_(flush_bytes) {
  if (target.device == "cuda")
    flushed_ = static_cast<float*>(
        target.backend.memory->allocate(static_cast<std::size_t>(flush_bytes_)));
}

KernelTimer::~KernelTimer() {
  if (flushed_) target_.backend.memory->release(flushed_);
}

void KernelTimer::flush() {
  const auto count = flush_bytes_ / static_cast<kernels::Index>(sizeof(float));
  target_.backend.f32->fill({flushed_, count, 0}, *stream_);
}

double KernelTimer::once(BoundCase& bound, bool cold) {
  if (cold) flush();
  stream_->mark(0);
  bound.run(*stream_);
  stream_->mark(1);
  return stream_->milliseconds(0, 1);
}

void KernelTimer::visit_graph(BoundCase& bound, Rounds& rounds) {
  if (!stream_->captures()) return;
  std::unique_ptr<kernels::Graph> graph;
  stream_->begin_capture();
  try {
    for (int i = 0; i < kLaunches; ++i) bound.run(*stream_);
    graph = stream_->end_capture();
  } catch (const kernels::DeviceError&) {  // it waits, or copies from the host: not for graphs
    stream_->drop_capture();
    return;
  }
  stream_->play(*graph);
  rounds.add(bench::visit(rule_.visit_seconds(), kLeastSamples, *conditions_, [&] {
    stream_->mark(0);
    stream_->play(*graph);
    stream_->mark(1);
    return stream_->milliseconds(0, 1) / kLaunches;
  }));
  stream_->synchronise();
}

void KernelTimer::visit(BoundCase& bound, KernelTimes& times) {
  for (int i = 0; i < 2; ++i) bound.run(*stream_);
  const double seconds = rule_.visit_seconds();
  times.warm.add(
      bench::visit(seconds, kLeastSamples, *conditions_, [&] { return once(bound, false); }));
  if (!flushed_) return;
  times.cold.add(
      bench::visit(seconds, kLeastSamples, *conditions_, [&] { return once(bound, true); }));
  visit_graph(bound, times.kernel);
}

}  // namespace ofer::bench
