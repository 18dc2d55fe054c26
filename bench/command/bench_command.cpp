#include "bench/command/bench_command.h"

#include <CLI/CLI.hpp>

#include "engine/error.h"

namespace ofer::bench {

namespace {

constexpr const char* kAbout =
    "Time kernels and the pipeline on this machine, compare results\n"
    "\n"
    "docs/benchmark.md tells how the figures come about.";

}  // namespace

CLI::App* add_bench_command(CLI::App& app, BenchOptions& options) {
  CLI::App* command = app.add_subcommand("bench", kAbout);
  command->require_subcommand(1, 1);
  command->set_help_flag("-h,--help", "Print this help");
  for (CLI::App* sub : {add_kernels_command(*command, options.kernels),
                        add_pipeline_command(*command, options.pipeline),
                        add_compare_command(*command, options.compare)})
    sub->group("Commands");
  return command;
}

int bench_command(const CLI::App& command, const BenchOptions& options, Console& console) {
  if (command.got_subcommand("kernels")) return kernels_command(options.kernels, console);
  if (command.got_subcommand("pipeline")) return pipeline_command(options.pipeline, console);
  if (command.got_subcommand("compare")) return compare_command(options.compare, console);
  OFER_ASSERT(!"a bench command that nobody wrote");
}

}  // namespace ofer::bench
