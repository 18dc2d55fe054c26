#include "bench/command/kernels_command.h"

#include <CLI/CLI.hpp>
#include <optional>

#include "bench/command/kernels_output.h"
#include "engine/cores.h"
#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/interrupt.h"
#include "tools/progress.h"
#include "tools/result_pictures.h"
#include "tools/validators.h"

namespace ofer::bench {

namespace {

constexpr const char* kAbout =
    "Time every operation against what this machine can do\n"
    "\n"
    "Walks the operations' case lists at the shapes of the full model. Before anything is timed\n"
    "the machine's own speed is measured (copies, and a matrix product in each precision), and\n"
    "every case is held against the double kernels: what fails its check is never timed. Cases\n"
    "are visited in rounds over the whole run, until a median is stable or its time is over.";

constexpr const char* kExamples =
    "Text on a terminal, one JSON object anywhere else.\n"
    "\n"
    "Examples:\n"
    "  ofer bench kernels\n"
    "  ofer bench kernels --operation attention,conv2d --precision fp32,bf16\n"
    "  ofer bench kernels --device cuda --variants -o before.json\n"
    "  ofer bench kernels --csv > kernels.csv\n"
    "\n"
    "Exit codes: 0 all good; 1 a case failed its check, the others were timed; 2 the command line\n"
    "cannot be obeyed; 3 device or output failed; 130 interrupted by Ctrl-C: what there is, is\n"
    "printed.";

constexpr const char* kWhat = "What is timed";
constexpr const char* kHow = "How";

void print_list(const std::vector<KernelCase>& cases, Console& console) {
  for (const KernelCase& test : cases)
    print_line(console, test.operation + ": " + test.name +
                            (test.variant.empty() ? "" : " [" + test.variant + "]") +
                            (test.pipeline ? "" : " (a test's shape)"));
}

}  // namespace

CLI::App* add_kernels_command(CLI::App& app, KernelsOptions& options) {
  CLI::App* command = app.add_subcommand("kernels", kAbout);
  command->footer(kExamples);
  command->add_option("--device", options.devices, "cpu (default), cuda, or both with a comma")
      ->delimiter(',')
      ->check(CLI::IsMember({"cpu", "cuda", "simt"}))
      ->type_name("NAMES")
      ->group(kWhat);
  command
      ->add_option("--precision", options.precisions,
                   "fp32 (default), tf32 (a GPU's), bf16, or\nseveral with commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}))
      ->type_name("NAMES")
      ->group(kWhat);
  command->add_option("--operation", options.operations, "Only these, with commas")
      ->delimiter(',')
      ->type_name("NAMES")
      ->group(kWhat);
  command->add_option("--case", options.name, "Only cases whose name contains this")
      ->type_name("TEXT")
      ->group(kWhat);
  command->add_option("--direction", options.direction, "Only forward, or only backward")
      ->check(CLI::IsMember({"forward", "backward"}))
      ->type_name("NAME")
      ->group(kWhat);
  command
      ->add_flag("--test-shapes", options.tests_shapes,
                 "Also the small and odd shapes of the tests")
      ->group(kWhat);
  command
      ->add_flag("--variants", options.variants,
                 "Also the steps before a kernel (bench/variants/),\non cuda in fp32")
      ->group(kWhat);
  command->add_flag("--list", options.list, "Print the cases and end")->group(kWhat);
  add_round_options(*command, options.rounds, kHow, "one figure");
  command
      ->add_option("--tensors", options.tensors,
                   "Write what went into the cases and what came\nout to files in this folder")
      ->type_name("DIR")
      ->group(kHow);
  add_result_options(*command, options.result);
  refuse_empty(*command, {"--tensors"});
  command->set_help_flag("-h,--help", "Print this help");
  return command;
}

int kernels_command(const KernelsOptions& options, Console& console) {
  KernelChoice choice;
  choice.operations = options.operations;
  choice.name = options.name;
  choice.direction = options.direction;
  choice.tests_shapes = options.tests_shapes;
  choice.variants = options.variants;
  choice.tensors = options.tensors;
  if (options.list) {
    print_list(chosen_cases(options.devices.front(), choice), console);
    return kExitGood;
  }
  const int threads = threads_or_cores(options.rounds.threads);
  std::vector<KernelTarget> targets;
  bool steps = false;
  for (const std::string& device : options.devices)
    for (const std::string& precision : options.precisions) {
      targets.push_back(kernel_target(device, precision, threads));
      steps = steps || (device != "cpu" && precision == "fp32");
    }
  require(!options.variants || steps, ErrorCode::kBadArgument,
          "--variants are CUDA kernels of floats: add --device cuda and --precision fp32");
  if (!options.tensors.empty()) prepare_folder(options.tensors);
  const RoundRule rule = options.rounds.rule();
  const Interrupt interrupt;
  std::optional<Progress> bar;
  const KernelRun run =
      run_kernels(std::move(targets), choice, rule, [&](std::size_t done, std::size_t of) {
        if (!bar) bar.emplace(console, of);
        bar->show(done);
        return interrupt.signal() == 0;
      });
  bar.reset();
  const nlohmann::ordered_json result = kernels_json(run, rule);
  give_result(
      result, options.result, [&] { return kernels_table(result, console.width); },
      [&] { return kernels_csv(result); }, console);
  if (run.interrupted) {
    print_note(console, "ofer: interrupted; cases that are missing were not reached");
    return kExitSignal + interrupt.signal();
  }
  return result["failed"].empty() ? kExitGood : kExitSomeFailed;
}

}  // namespace ofer::bench
