#include "tools/command_line.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <new>
#include <sstream>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "tools/convert_command.h"
#include "tools/eval_command.h"
#include "tools/init_command.h"
#include "tools/inspect_command.h"
#include "tools/pack_command.h"
#include "tools/run_command.h"
#include "tools/train_command.h"
#include "tools/verify_command.h"
#if defined(OFER_HAVE_BENCH)
#include "bench/command/bench_command.h"
#endif

#ifndef OFER_VERSION
#define OFER_VERSION "0.1.0"
#endif

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Names the expression of a face, also where part of it is covered: finds the covered\n"
    "patches, paints the face behind them, and looks at both.\n";

constexpr const char* kExamples =
    "Examples:\n"
    "  ofer init --config small --seed 1 -o untrained.safetensors\n"
    "  ofer run -m weights.safetensors photo.jpg\n"
    "  ofer run -m weights.safetensors photos/ -o out\n"
    "\n"
    "ofer COMMAND --help tells more about a command.\n"
    "\n"
    "Exit codes: 0 all good; 1 an image failed, the others were done; 2 the command line cannot\n"
    "be obeyed; 3 weights, mask, device or an output failed; 130 interrupted by Ctrl-C.";

// Help for people: an option's value beside its name, and the required options in the first line.
// What needs or excludes what is told by descriptions and errors.
class HelpFormatter : public CLI::Formatter {
 public:
  HelpFormatter() { column_width(28); }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_positional() || option->get_items_expected_max() == 0) return "";
    return ' ' + option->get_type_name();
  }

  // A command's description: a line for the list of commands, an empty one, more for its own help.
  std::string make_subcommand(const CLI::App* command) const override {
    const std::string text = command->get_description();
    std::ostringstream out;
    CLI::detail::format_help(out, command->get_name(), text.substr(0, text.find('\n')),
                             column_width_);
    return out.str();
  }

  // The base class puts an empty line before a group and another one between groups.
  std::string make_group(std::string group, bool is_positional,
                         std::vector<const CLI::Option*> options) const override {
    std::string text = CLI::Formatter::make_group(group, is_positional, options);
    return text.substr(1) + (is_positional ? "\n" : "");
  }

  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string text = "Usage: " + name;
    for (const CLI::Option* option : app->get_options())
      if (option->get_required() && option->nonpositional())
        text += (option->get_snames().empty() ? " --" + option->get_lnames().front()
                                              : " -" + option->get_snames().front()) +
                make_option_opts(option);
    text += " [OPTIONS]";
    for (const CLI::Option* option : app->get_options())
      if (option->get_positional()) text += ' ' + make_option_usage(option);
    if (app->get_require_subcommand_min() > 0) text += " COMMAND";
    return text + "\n\n";
  }
};

// "no command" reads better than "argument not expected".
void check_command(std::span<const std::string> arguments, const CLI::App& app) {
  if (arguments.empty() || app.get_option_no_throw(arguments[0])) return;
  require(!arguments[0].starts_with('-'), ErrorCode::kBadArgument, "no option ", arguments[0],
          " before a command (see ofer --help)");
  const std::vector<const CLI::App*> commands = app.get_subcommands({});
  std::string known;
  for (const CLI::App* command : commands) {
    if (command->get_name() == arguments[0]) return;
    known += (known.empty() ? "" : ", ") + command->get_name();
  }
  require(arguments[0] != "bench", ErrorCode::kBadArgument,
          "this build has no benchmark; make bench builds one");
  fail(ErrorCode::kBadArgument, "no command \"", arguments[0], "\"; there are: ", known);
}

int dispatch(std::span<const std::string> arguments, Console& console) {
  CLI::App app(kAbout, "ofer");
  app.formatter(std::make_shared<HelpFormatter>());
  app.get_formatter()->label("Positionals", "Input");
  app.footer(kExamples);
  app.set_version_flag("--version", "ofer " OFER_VERSION, "Print the version");
  app.set_help_flag("-h,--help", "Print this help");
  app.require_subcommand(1, 1);
  InitOptions init;
  ConvertCommandOptions convert;
  TrainCommandOptions train;
  PackCommandOptions pack;
  RunOptions run;
  EvalCommandOptions eval;
  InspectOptions inspect;
  VerifyOptions verify;
#if defined(OFER_HAVE_BENCH)
  bench::BenchOptions bench;
#endif
  // In the order in which help lists them.
  std::vector<std::pair<CLI::App*, std::function<int()>>> commands = {
      {add_init_command(app, init), [&] { return init_command(init, console); }},
      {add_convert_command(app, convert), [&] { return convert_command(convert, console); }},
      {add_train_command(app, train), [&] { return train_command(train, console); }},
      {add_pack_command(app, pack), [&] { return pack_command(pack, console); }},
      {add_run_command(app, run), [&] { return run_command(run, console); }},
      {add_eval_command(app, eval), [&] { return eval_command(eval, console); }},
      {add_inspect_command(app, inspect), [&] { return inspect_command(inspect, console); }},
      {add_verify_command(app, verify), [&] { return verify_command(verify, console); }}};
#if defined(OFER_HAVE_BENCH)
  CLI::App* const bench_app = bench::add_bench_command(app, bench);
  commands.emplace_back(bench_app,
                        [&] { return bench::bench_command(*bench_app, bench, console); });
#endif
  for (const auto& [command, unused] : commands) command->group("Commands");

  check_command(arguments, app);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    print_line(console, app.help());
    return kExitGood;
  } catch (const CLI::CallForVersion& version) {
    print_line(console, version.what());
    return kExitGood;
  } catch (const CLI::ParseError& error) {
    std::string command = "ofer";
    for (const CLI::App* parsed = &app; !parsed->get_subcommands().empty();) {
      parsed = parsed->get_subcommands().front();
      command += ' ' + parsed->get_name();
    }
    print_note(console, one_line(command + ": " + error.what()) + " (see " + command + " --help)");
    return kExitUsage;
  }
  for (const auto& [command, act] : commands)
    if (app.got_subcommand(command)) return act();
  OFER_ASSERT(!"a command that nobody wrote");
}

}  // namespace

int run_command_line(std::span<const std::string> arguments, Console& console) {
  const auto tell = [&](const char* cause) { print_note(console, "ofer: " + one_line(cause)); };
  try {
    return dispatch(arguments, console);
  } catch (const OutputClosed&) {
    return kExitFailed;
  } catch (const Error& error) {
    tell(error.what());
    return error.code() == ErrorCode::kBadArgument ? kExitUsage : kExitFailed;
  } catch (const std::bad_alloc&) {
    tell("not enough memory");
  } catch (const std::exception& error) {
    tell(error.what());
  }
  return kExitFailed;
}

}  // namespace ofer
