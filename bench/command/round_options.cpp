#include "bench/command/round_options.h"

#include <CLI/CLI.hpp>

#include "tools/text_format.h"
#include "tools/validators.h"

namespace ofer::bench {

void add_round_options(CLI::App& command, RoundOptions& options, const std::string& group,
                       const std::string& figure) {
  command.add_option("--threads", options.threads, "Of the CPU (0: one for each core)")
      ->type_name("N")
      ->check(at_least(0))
      ->group(group);
  command
      .add_option("--seconds", options.seconds,
                  "Of samples for " + figure + format(" (default %g);\n", options.seconds) +
                      "twice that where it is not stable")
      ->type_name("X")
      ->check(CLI::Range(1e-3, 1e6))
      ->group(group);
  command.add_option("--rounds", options.rounds, "At least so many visits (default 5)")
      ->type_name("N")
      ->check(at_least(1))
      ->group(group);
  command
      .add_option("--noise", options.noise,
                  "A median known to this share of itself is\nstable (default 0.02)")
      ->type_name("X")
      ->check(CLI::Range(1e-4, 1.0))
      ->group(group);
}

}  // namespace ofer::bench
