// `ofer bench pipeline`: the stages of the method and the whole.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bench/command/result_options.h"
#include "bench/command/round_options.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer::bench {

struct PipelineOptions {
  std::string weights, inputs, trace, device = "cpu";
  std::vector<std::string> precisions = {"fp32"};
  std::vector<std::int64_t> batches;
  bool fast = false;
  RoundOptions rounds{.seconds = 2};
  double longest = 5;
  ResultOptions result;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_pipeline_command(CLI::App& app, PipelineOptions& options);

// Throws ofer::Error; else gives the exit code.
int pipeline_command(const PipelineOptions& options, Console& console);

}  // namespace ofer::bench
