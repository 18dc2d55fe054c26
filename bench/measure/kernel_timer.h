// Times bound cases on a stream: warm, cold, and without the cost of launching.
#pragma once

#include <memory>
#include <optional>

#include "bench/measure/kernel_case.h"
#include "bench/measure/sampling.h"

namespace ofer::bench {

// The figures of one case so far.
struct KernelTimes {
  Rounds warm;    // what the call before left in the caches is there
  Rounds cold;    // a GPU's second-level cache has been emptied; on a CPU nothing is done
  Rounds kernel;  // one of many launches of a graph: no cost of launching; a GPU's

  bool finished(const RoundRule& rule) const;
};

// Used by one thread. Holds a stream, and on a GPU memory larger than its caches.
class KernelTimer {
 public:
  // `flush_bytes`: how much is overwritten before each cold call, more than any GPU's second-level
  // cache.
  KernelTimer(const KernelTarget& target, const RoundRule& rule,
              kernels::Index flush_bytes = kernels::Index{256} << 20);
  ~KernelTimer();
  KernelTimer(const KernelTimer&) = delete;
  KernelTimer& operator=(const KernelTimer&) = delete;

  kernels::Stream& stream() { return *stream_; }
  Conditions& conditions() { return *conditions_; }

  // One round of a case that has been checked.
  void visit(BoundCase& bound, KernelTimes& times);

 private:
  double once(BoundCase& bound, bool cold);
  void flush();
  void visit_graph(BoundCase& bound, Rounds& rounds);

  const KernelTarget& target_;
  RoundRule rule_;
  std::unique_ptr<kernels::Stream> stream_;
  std::unique_ptr<Conditions> conditions_;
  kernels::Index flush_bytes_;
  float* flushed_ = nullptr;
};

}  // namespace ofer::bench
