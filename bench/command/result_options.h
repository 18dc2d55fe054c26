// How a result is printed and kept.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer::bench {

struct ResultOptions {
  bool json = false, csv = false, table = false;
  std::string output;
};

// Adds --json, --csv, --table and -o to a command.
void add_result_options(CLI::App& command, ResultOptions& options);

// Writes the file, where one is asked for, and prints: a table on a terminal, else JSON, or what
// the options say. A full disk does not cost the figures: they are printed, and then it throws kIo.
void give_result(const nlohmann::ordered_json& result, const ResultOptions& options,
                 const std::function<std::string()>& table, const std::function<std::string()>& csv,
                 Console& console);

}  // namespace ofer::bench
