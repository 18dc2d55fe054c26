#include "bench/command/pipeline_command.h"

#include <CLI/CLI.hpp>

#include "bench/command/pipeline_output.h"
#include "bench/command/result_file.h"
#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/interrupt.h"
#include "tools/session_options.h"
#include "tools/validators.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kAbout =
    "Time the method's stages and the whole of it\n"
    "\n"
    "A sample is a pass that finds the covered patches and a pass that restores and recognises\n"
    "behind a given mask of half of each face. Beside each time stands the sum of its kernels'\n"
    "floors: what this machine's own speed, measured in the same run, explains of it.";

constexpr const char* kExamples =
    "Text on a terminal, one JSON object anywhere else.\n"
    "\n"
    "Examples:\n"
    "  ofer bench pipeline -m weights.safetensors\n"
    "  ofer bench pipeline -m weights.safetensors --precision fp32,bf16 --batch 1,8,64\n"
    "  ofer bench pipeline -m weights.safetensors --device cuda --trace timeline.json\n"
    "\n"
    "Exit codes: 0 all good; 2 the command line cannot be obeyed; 3 weights, device or an output\n"
    "failed; 130 interrupted by Ctrl-C: what there is, is printed.";

constexpr const char* kWhat = "What is timed";
constexpr const char* kHow = "How";

SessionOptions session_of(const PipelineOptions& options, const std::string& precision,
                          Console& console) {
  SessionNames names;
  names.device = options.device;
  names.precision = precision;
  names.threads = options.rounds.threads;
  SessionOptions session = session_options(names, console);
  session.deterministic = !options.fast;
  return session;
}

void write_trace(const std::string& path, Json events) {
  write_result(path, {{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}});
}

}  // namespace

CLI::App* add_pipeline_command(CLI::App& app, PipelineOptions& options) {
  CLI::App* command = app.add_subcommand("pipeline", kAbout);
  command->footer(kExamples);
  command->add_option("-m,--model", options.weights, "The weight file")
      ->type_name("WEIGHTS")
      ->required()
      ->group(kWhat);
  command
      ->add_option("--inputs", options.inputs,
                   "Faces and masks from bench/peers/make_inputs.py\n(default: drawn ones)")
      ->type_name("FILE")
      ->group(kWhat);
  command->add_option("--device", options.device, "cpu (default), cuda, cuda:N or simt")
      ->type_name("NAME")
      ->group(kWhat);
  command
      ->add_option("--precision", options.precisions,
                   "fp32 (default), tf32 (a GPU's), bf16, or\nseveral with commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}))
      ->type_name("NAMES")
      ->group(kWhat);
  command
      ->add_option("--batch", options.batches,
                   "Faces at once, with commas (default: 1, 4,\n16 ... to the largest that fits)")
      ->delimiter(',')
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 20))
      ->type_name("N")
      ->group(kWhat);
  command->add_flag("--fast", options.fast, "A face's last bits may depend on its batch")
      ->group(kWhat);
  add_round_options(*command, options.rounds, kHow, "one batch size");
  command
      ->add_option("--longest", options.longest,
                   "No larger batch once a sample takes so many\nseconds (default 5)")
      ->type_name("X")
      ->check(CLI::Range(1e-3, 1e6))
      ->group(kHow);
  command
      ->add_option("--trace", options.trace,
                   "Write a timeline of stages and kernels, for\nPerfetto or chrome://tracing")
      ->type_name("FILE")
      ->group(kHow);
  add_result_options(*command, options.result);
  refuse_empty(*command, {"--model", "--inputs", "--device", "--trace"});
  command->set_help_flag("-h,--help", "Print this help");
  return command;
}

int pipeline_command(const PipelineOptions& options, Console& console) {
  PipelineRule rule;
  rule.rounds = options.rounds.rule();
  rule.batches = options.batches;
  rule.longest_seconds = options.longest;
  const Interrupt interrupt;
  const Device device = device_named(options.device);
  const bool gpu = device.kind == DeviceKind::kCuda;
  require(device.kind != DeviceKind::kSimt || !options.batches.empty(), ErrorCode::kBadArgument,
          "--device simt takes its time: say with --batch how many faces");

  Json result = result_head("pipeline", gpu ? std::optional(device.index) : std::nullopt);
  result["settings"] = {{"seconds", rule.rounds.seconds},
                        {"least_rounds", rule.rounds.least_rounds},
                        {"stable_at", rule.rounds.noise},
                        {"inputs", options.inputs.empty() ? "drawn" : "file"}};
  result["targets"] = Json::array();
  result["runs"] = Json::array();
  Json events = Json::array();
  bool interrupted = false;
  const std::unique_ptr<Conditions> conditions =
      gpu ? gpu_conditions(device.index) : cpu_conditions();
  for (const std::string& precision : options.precisions) {
    const SessionOptions session = session_of(options, precision, console);
    const auto network = Network::load(options.weights, session.precision, {}, session.device);
    const int threads = Session(session).threads();
    const KernelTarget target = kernel_target(name_of(device.kind), precision, threads);
    const Roofline roofline =
        device.kind == DeviceKind::kSimt ? Roofline{} : measure_roofline(target);
    result["targets"].push_back({{"device", target.device},
                                 {"precision", precision},
                                 {"threads", threads},
                                 {"roofline", roofline_json(roofline)}});
    const PipelineTimes times = time_pipeline(
        network, session, roofline, rule,
        [&](std::int64_t count) {
          return options.inputs.empty() ? drawn_batch(*network, count)
                                        : batch_of_file(options.inputs, *network, count);
        },
        *conditions, [&] { return interrupt.signal() == 0; });
    result["runs"].push_back(pipeline_run_json(times, *network, session, threads, rule.rounds));
    add_trace_events(events, times,
                     network->config().name + ", " + options.device + " " + precision);
    interrupted = times.interrupted || interrupt.signal() != 0;
    if (interrupted) break;
  }
  result["settings"]["interrupted"] = interrupted;
  result["conditions"] = conditions->state();
  give_result(
      result, options.result, [&] { return pipeline_table(result, console.width); },
      [&] { return pipeline_csv(result); }, console);
  if (!options.trace.empty()) write_trace(options.trace, std::move(events));
  if (!interrupted) return kExitGood;
  print_note(console, "ofer: interrupted; batches that are missing were not finished");
  return kExitSignal + interrupt.signal();
}

}  // namespace ofer::bench
