#include "tools/init_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/config_file.h"
#include "tools/validators.h"
#include "weights/weight_file.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Write a weight file of random numbers\n"
    "\n"
    "The file is for tests, benchmarks and the start of training. Results made with it say that\n"
    "the weights are untrained.\n";

constexpr const char* kExamples =
    "Examples:\n"
    "  ofer init --config small -o small.safetensors\n"
    "  ofer init --config my_model.json --seed 7 -o my_model.safetensors\n"
    "\n"
    "docs/model.md describes the fields of a configuration. The same configuration and seed give\n"
    "the same file. An existing file is replaced, whole or not at all.";

}  // namespace

CLI::App* add_init_command(CLI::App& app, InitOptions& options) {
  CLI::App* command = app.add_subcommand("init", kAbout);
  command->footer(kExamples);
  command->add_option("--config", options.config, "base, small, or a JSON file of sizes")
      ->type_name("NAME")
      ->required();
  command->add_option("--seed", options.seed, "Of the random numbers (default 1)")
      ->type_name("N")
      ->check(at_least(0));
  command->add_option("-o,--output", options.output, "The weight file to write")
      ->type_name("FILE")
      ->required();
  return command;
}

int init_command(const InitOptions& options, Console& console) {
  require(!options.output.empty(), ErrorCode::kBadArgument, "--output: the file has no name");
  const Config config = config_named(options.config);
  write_initial_weights(config, options.seed, options.output);

  std::int64_t numbers = 0;
  const SafetensorsFile written = SafetensorsFile::open(options.output);
  for (const SafetensorsEntry& entry : written.entries()) numbers += entry.shape.elements();
  char millions[32];
  std::snprintf(millions, sizeof(millions), "%.2f", static_cast<double>(numbers) / 1e6);
  print_line(console, one_line(options.output) + ": " + one_line(config.name) + ", " + millions +
                          " M numbers, seed " + std::to_string(options.seed) +
                          ", untrained weights");
  return kExitGood;
}

}  // namespace ofer
