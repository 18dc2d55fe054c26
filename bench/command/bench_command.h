// `ofer bench`: kernels, pipeline, compare.
#pragma once

#include "bench/command/compare_command.h"
#include "bench/command/kernels_command.h"
#include "bench/command/pipeline_command.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer::bench {

struct BenchOptions {
  KernelsOptions kernels;
  PipelineOptions pipeline;
  CompareOptions compare;
};

// Adds the command to `app`; parsing fills `options`, which must live as long.
CLI::App* add_bench_command(CLI::App& app, BenchOptions& options);

// The subcommand that was parsed. Throws ofer::Error; else gives the exit code.
int bench_command(const CLI::App& command, const BenchOptions& options, Console& console);

}  // namespace ofer::bench
