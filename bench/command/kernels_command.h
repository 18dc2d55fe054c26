// `ofer bench kernels`: every operation at the shapes of the case lists.
#pragma once

#include <string>
#include <vector>

#include "bench/command/result_options.h"
#include "bench/command/round_options.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer::bench {

struct KernelsOptions {
  std::vector<std::string> devices = {"cpu"}, precisions = {"fp32"}, operations;
  std::string name, direction, tensors;
  bool tests_shapes = false, variants = false, list = false;
  RoundOptions rounds;
  ResultOptions result;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_kernels_command(CLI::App& app, KernelsOptions& options);

// Throws ofer::Error; else gives the exit code: 1 where a case failed its check.
int kernels_command(const KernelsOptions& options, Console& console);

}  // namespace ofer::bench
