#include "bench/command/compare_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/json_text.h"
#include "tools/text_format.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbout =
    "Tell which differences of two results exceed their noise\n"
    "\n"
    "Of each figure that both files have: a difference is told when it is larger than the noise\n"
    "of both medians explains. Results of two machines, devices or versions can be compared\n"
    "like those of two builds.";

constexpr const char* kExamples =
    "Text on a terminal, one JSON object anywhere else.\n"
    "\n"
    "Example:\n"
    "  ofer bench kernels -o before.json; (change something); ofer bench kernels -o after.json\n"
    "  ofer bench compare before.json after.json\n"
    "\n"
    "Exit codes: 0 nothing is slower; 1 something is; 2 the command line cannot be obeyed;\n"
    "3 a file cannot be read, or is no result of this version.";

// The noise of a result is a 95 % interval. With a hundred figures five would lie outside of one by
// chance, so a difference is told at twice that: a false alarm in some ten thousand.
constexpr double kIntervals = 2;

std::string machine_of(const Json& result) {
  const Json machine = result.value("machine", Json::object());
  std::string text = machine.value("cpu", "an unknown processor");
  if (result.contains("gpu")) text += ", " + result["gpu"].value("name", "an unknown GPU");
  return text;
}

Json difference_json(const Difference& difference) {
  return {{"name", difference.name},
          {"before_ms", difference.before_ms},
          {"after_ms", difference.after_ms},
          {"change", difference.change()},
          {"margin", difference.margin},
          {"verdict", difference.slower()   ? "slower"
                      : difference.faster() ? "faster"
                                            : "same"}};
}

void print_text(const Comparison& comparison, Console& console) {
  std::size_t told = 0;
  for (const Difference& difference : comparison.both) {
    if (!difference.slower() && !difference.faster()) continue;
    ++told;
    print_line(console,
               format("%s %7.4f -> %7.4f ms (%+.1f %%, noise %.1f %%)  ",
                      difference.slower() ? "SLOWER" : "faster", difference.before_ms,
                      difference.after_ms, 100 * difference.change(), 100 * difference.margin) +
                   difference.name);
  }
  for (const std::string& name : comparison.only_before)
    print_line(console, "only in the first: " + name);
  for (const std::string& name : comparison.only_after)
    print_line(console, "only in the second: " + name);
  print_line(console, std::to_string(comparison.both.size() - told) + " of " +
                          std::to_string(comparison.both.size()) +
                          " figures are the same within their noise");
}

}  // namespace

Comparison compare_figures(const std::vector<Figure>& before, const std::vector<Figure>& after,
                           double margin) {
  Comparison comparison;
  std::map<std::string, const Figure*> second;
  for (const Figure& figure : after) second[figure.name] = &figure;
  for (const Figure& figure : before) {
    const auto found = second.find(figure.name);
    if (found == second.end()) {
      comparison.only_before.push_back(figure.name);
      continue;
    }
    const Figure& other = *found->second;
    comparison.both.push_back(
        {figure.name, figure.median_ms, other.median_ms,
         std::max(margin, kIntervals * std::hypot(figure.noise, other.noise))});
    second.erase(found);
  }
  for (const Figure& figure : after)
    if (second.count(figure.name)) comparison.only_after.push_back(figure.name);
  return comparison;
}

CLI::App* add_compare_command(CLI::App& app, CompareOptions& options) {
  CLI::App* command = app.add_subcommand("compare", kAbout);
  command->footer(kExamples);
  command->add_option("FILES", options.files, "Two results, the earlier one first")
      ->required()
      ->expected(2);
  command
      ->add_option("--margin", options.margin,
                   "Smallest difference to tell, as a share\n(default 0.03)")
      ->type_name("X")
      ->check(CLI::Range(0.0, 10.0));
  CLI::Option* json = command->add_flag("--json", options.json, "JSON, also on a terminal");
  command->add_flag("--table", options.table, "Text, also into a pipe or file")->excludes(json);
  command->set_help_flag("-h,--help", "Print this help");
  return command;
}

int compare_command(const CompareOptions& options, Console& console) {
  const Json before = read_result(options.files[0]), after = read_result(options.files[1]);
  require(before.value("kind", "") == after.value("kind", ""), ErrorCode::kBadFile,
          options.files[0], " is of ", before.value("kind", "?"), ", ", options.files[1], " of ",
          after.value("kind", "?"), ": they have no figure in common");
  const Comparison comparison = compare_figures(
      figures_of(before, options.files[0]), figures_of(after, options.files[1]), options.margin);
  require(!comparison.both.empty(), ErrorCode::kBadFile, options.files[0], " and ",
          options.files[1], " have no figure in common");
  if (machine_of(before) != machine_of(after))
    print_note(console,
               "ofer: the machines differ: " + machine_of(before) + "; " + machine_of(after));
  const bool slower = std::any_of(comparison.both.begin(), comparison.both.end(),
                                  [](const Difference& d) { return d.slower(); });
  if (options.table || (console.out_is_terminal && !options.json)) {
    print_text(comparison, console);
  } else {
    Json figures = Json::array();
    for (const Difference& difference : comparison.both)
      figures.push_back(difference_json(difference));
    print_line(console, json_line(Json{{"figures", figures},
                                       {"only_before", comparison.only_before},
                                       {"only_after", comparison.only_after}}));
  }
  return slower ? kExitSomeFailed : kExitGood;
}

}  // namespace ofer::bench
