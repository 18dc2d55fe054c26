#include "bench/command/result_options.h"

#include <CLI/CLI.hpp>
#include <optional>

#include "bench/command/result_file.h"
#include "engine/error.h"
#include "tools/json_text.h"
#include "tools/validators.h"

namespace ofer::bench {

void add_result_options(CLI::App& command, ResultOptions& options) {
  CLI::Option* json = command.add_flag("--json", options.json, "JSON, also on a terminal");
  CLI::Option* csv =
      command.add_flag("--csv", options.csv, "Comma-separated values")->excludes(json);
  command.add_flag("--table", options.table, "Text, also into a pipe or file")
      ->excludes(json)
      ->excludes(csv);
  command.add_option("-o,--output", options.output, "Write the JSON to this file as well")
      ->type_name("FILE");
  refuse_empty(command, {"--output"});
}

void give_result(const nlohmann::ordered_json& result, const ResultOptions& options,
                 const std::function<std::string()>& table, const std::function<std::string()>& csv,
                 Console& console) {
  std::optional<Error> failure;
  if (!options.output.empty()) {
    try {
      write_result(options.output, result);
    } catch (const Error& error) {
      failure = error;
    }
  }
  const bool text = options.table || (console.out_is_terminal && !options.json);
  print_line(console, options.csv ? csv() : text ? table() : json_line(result));
  if (failure) throw Error(*failure);
}

}  // namespace ofer::bench
