#include "tools/inspect_command.h"

#include <CLI/CLI.hpp>

#include "tools/command_line.h"
#include "tools/inspect_diff.h"
#include "tools/inspect_file.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Show what a weight file holds, or how two differ\n"
    "\n"
    "Configuration, labels, provenance, licence and checksum, and of every tensor its shape, "
    "type,\n"
    "smallest, largest and mean number, and how many are NaN or infinite (min, max and mean are\n"
    "of the others). Any safetensors file will do. Of two files: what differs.";

constexpr const char* kExamples =
    "Text on a terminal, one JSON object anywhere else.\n"
    "\n"
    "Examples:\n"
    "  ofer inspect weights.safetensors\n"
    "  ofer inspect weights.safetensors | jq '.tensors[] | select(.nan > 0)'\n"
    "  ofer inspect before.safetensors after.safetensors\n"
    "\n"
    "Exit codes: 0 all good, or two equal files; 1 a wrong checksum, metadata that make no weight\n"
    "file, or two files that differ; 2 the command line cannot be obeyed; 3 no safetensors file.";

}  // namespace

CLI::App* add_inspect_command(CLI::App& app, InspectOptions& options) {
  CLI::App* command = app.add_subcommand("inspect", kAbout);
  command->footer(kExamples);
  command->add_option("FILE", options.files, "A safetensors file, or two to compare")
      ->required()
      ->expected(1, 2);
  CLI::Option* json = command->add_flag("--json", options.json, "JSON, also on a terminal");
  command->add_flag("--table", options.table, "Text, also into a pipe or file")->excludes(json);
  return command;
}

int inspect_command(const InspectOptions& options, Console& console) {
  const bool json = !(options.table || (console.out_is_terminal && !options.json));
  const SafetensorsFile file = SafetensorsFile::open(options.files[0]);
  if (options.files.size() == 2) {
    const SafetensorsFile other = SafetensorsFile::open(options.files[1]);
    return print_difference(file, options.files[0], other, options.files[1], json, console)
               ? kExitGood
               : kExitSomeFailed;
  }
  const FileReport report = report_on(file);
  (json ? print_file_json : print_file_table)(file, options.files[0], report, console);
  return report.good() ? kExitGood : kExitSomeFailed;
}

}  // namespace ofer
