// `ofer bench compare`: which differences of two results exceed the noise.
#pragma once

#include <string>
#include <vector>

#include "bench/command/result_file.h"
#include "tools/console.h"

namespace CLI {
class App;
}

namespace ofer::bench {

// A figure that both results have.
struct Difference {
  std::string name;
  double before_ms = 0, after_ms = 0;
  double margin = 0;  // what the noise of both explains, as a share

  double change() const { return after_ms / before_ms - 1; }
  bool slower() const { return after_ms > before_ms * (1 + margin); }
  bool faster() const { return before_ms > after_ms * (1 + margin); }
};

struct Comparison {
  std::vector<Difference> both;
  std::vector<std::string> only_before, only_after;
};

// `margin`: the smallest difference that is told, whatever the noise.
Comparison compare_figures(const std::vector<Figure>& before, const std::vector<Figure>& after,
                           double margin);

struct CompareOptions {
  std::vector<std::string> files;
  double margin = 0.03;
  bool json = false, table = false;
};

CLI::App* add_compare_command(CLI::App& app, CompareOptions& options);

// Throws ofer::Error; else gives the exit code: 1 where something is slower.
int compare_command(const CompareOptions& options, Console& console);

}  // namespace ofer::bench
