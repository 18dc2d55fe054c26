// How long and how often something is timed, as the command line says it.
#pragma once

#include <string>

#include "bench/measure/sampling.h"

namespace CLI {
class App;
}

namespace ofer::bench {

struct RoundOptions {
  int threads = 0;  // 0: one for each core
  int rounds = 5;
  double seconds = 1, noise = 0.02;

  RoundRule rule() const { return {static_cast<std::size_t>(rounds), seconds, noise}; }
};

// Adds --threads, --seconds, --rounds and --noise, in this group of the command's help. `figure`:
// what the seconds are for ("one figure").
void add_round_options(CLI::App& command, RoundOptions& options, const std::string& group,
                       const std::string& figure);

}  // namespace ofer::bench
