// Walks the case lists: chooses, checks, and times round by round.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "bench/measure/kernel_case.h"
#include "bench/measure/kernel_timer.h"
#include "bench/measure/roofline.h"

namespace ofer::bench {

// Which cases; empty: all.
struct KernelChoice {
  std::vector<std::string> operations;  // whole names
  std::string name;                     // cases whose name contains this
  std::string direction;                // forward, backward
  bool tests_shapes = false;            // also the shapes that only tests use
  bool variants = false;
  // Where the tensors of every production case of the pipeline are written to; empty: nowhere.
  std::filesystem::path tensors;
};

// Throws kBadArgument, with a list of what exists, for an operation that nobody knows, or when no
// case is left.
std::vector<KernelCase> chosen_cases(const std::string& device, const KernelChoice& choice);

struct KernelRow {
  KernelCase test;
  std::size_t target = 0;  // of KernelRun::targets
  double bytes = 0;
  KernelTimes times;
  std::string tensors;  // its file in KernelChoice::tensors
  std::string wrong;    // what the check found, or why it could not run: then there are no times
};

struct KernelRun {
  std::vector<KernelTarget> targets;
  std::vector<Roofline> rooflines;  // of each target; empty for the executor
  std::vector<KernelRow> rows;
  bool interrupted = false;  // rows that were not visited have no times
};

// Of every target all chosen cases, each checked before its first round. `go_on(done, of)` is asked
// before every visit, with how many there have been and how many there will be at least; false ends
// the run with what there is.
KernelRun run_kernels(std::vector<KernelTarget> targets, const KernelChoice& choice,
                      const RoundRule& rule,
                      const std::function<bool(std::size_t, std::size_t)>& go_on);

}  // namespace ofer::bench
