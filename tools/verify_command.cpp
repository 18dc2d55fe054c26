#include "tools/verify_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>

#include "engine/error.h"
#include "ofer/network.h"
#include "ofer/pipeline.h"
#include "tools/command_line.h"
#include "tools/interrupt.h"
#include "tools/session_options.h"
#include "tools/verify_comparison.h"
#include "tools/verify_output.h"
#include "tools/verify_reference.h"
#include "tools/verify_tolerance.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Compare every intermediate with a reference\n"
    "\n"
    "The reference is a safetensors file with inputs and taps, such as "
    "tools/reference/make_taps.py\n"
    "writes. One pass over its inputs; each tap is compared as it comes.";

constexpr const char* kExamples =
    "A table on a terminal, JSON lines anywhere else: one line for each tap in execution order,\n"
    "and the verdict last, which names the first tap that diverges.\n"
    "\n"
    "Examples:\n"
    "  ofer verify -m weights.safetensors reference.safetensors\n"
    "  ofer verify -m weights.safetensors reference.safetensors --device cuda --precision tf32\n"
    "  ofer verify -m weights.safetensors reference.safetensors --tolerance 'recognise/*=1e-4'\n"
    "\n"
    "docs/verify.md has the reference's form and the tolerances' rule.\n"
    "\n"
    "Exit codes: 0 every tap passes; 1 a tap diverges, is missing or misshapen; 2 the command "
    "line\n"
    "cannot be obeyed; 3 weights, reference, device or output failed; 130 interrupted by Ctrl-C.";

// Compares, prints and adds up.
class Verifier {
 public:
  Verifier(const VerifyReference& reference, const TapTolerances& tolerances, VerifyOutput& output,
           VerifySummary& summary)
      : reference_(reference), tolerances_(tolerances), output_(output), summary_(summary) {}

  // `got` under the name of the reference's `entry`.
  void compare(const SafetensorsEntry& entry, const Tensor& got) {
    TapVerdict verdict;
    verdict.name = entry.name;
    verdict.shape = got.shape();
    verdict.allowed = tolerances_.allowed(entry.name, *entry.dtype);
    if (entry.shape == got.shape()) {
      verdict.error = compare_tap(got, reference_.file().bytes(entry), *entry.dtype);
      reference_.file().forget(entry);  // memory does not grow with the reference
    } else {
      verdict.problem =
          message("the pass has the shape ", got.shape(), ", the reference ", entry.shape);
    }
    seen_.insert(&entry);
    any_ = any_ || !entry.name.starts_with("input/");
    report(verdict);
  }

  bool seen(const SafetensorsEntry* entry) const { return seen_.contains(entry); }
  // Was anything compared but inputs?
  bool any() const { return any_; }

  void missing(const SafetensorsEntry& entry) {
    TapVerdict verdict;
    verdict.name = entry.name;
    verdict.shape = entry.shape;
    verdict.problem = "the pass has no such tap";
    report(verdict);
  }

 private:
  void report(const TapVerdict& verdict) {
    ++summary_.taps;
    if (!verdict.passed()) {
      ++summary_.failed;
      if (summary_.first.empty()) summary_.first = verdict.name;
    }
    output_.tap(verdict);
  }

  const VerifyReference& reference_;
  const TapTolerances& tolerances_;
  VerifyOutput& output_;
  VerifySummary& summary_;
  std::set<const SafetensorsEntry*> seen_;
  bool any_ = false;
};

// The pass itself. Only the reference's taps are looked at, so layers stay fused where it has none.
void compare_taps(Pipeline& pipeline, const VerifyReference& reference, Request request,
                  Verifier& verifier) {
  request.grad_cam = reference.find_tap("recognise/gradient") != nullptr;
  pipeline.session().set_tap(
      [&](std::string_view name, const Tensor& tensor) {
        verifier.compare(*reference.find_tap(name), tensor);
      },
      [&](std::string_view name) { return reference.find_tap(name) != nullptr; });
  pipeline.run(reference.inputs(), request);
  pipeline.session().set_tap({});
  require(verifier.any() || !reference.maps().empty(), ErrorCode::kBadFile, reference.file().name(),
          ": none of its ", reference.taps().size(),
          " tensors is a tap of this pass behind its inputs; docs/model.md has the taps' names");
  for (const SafetensorsEntry* entry : reference.taps())
    if (!verifier.seen(entry)) verifier.missing(*entry);
}

// Maps of the images of a batch as one tensor [N, h, w].
void compare_map(const SafetensorsEntry& entry, const std::vector<Result>& results,
                 Verifier& verifier) {
  const Planes& first = results.front().grad_cam;
  std::vector<float> values;
  for (const Result& result : results)
    values.insert(values.end(), result.grad_cam.values.begin(), result.grad_cam.values.end());
  verifier.compare(
      entry,
      Tensor(values.data(), {static_cast<std::int64_t>(results.size()), first.height, first.width},
             DType::kF32));
}

void compare_maps(Pipeline& pipeline, const VerifyReference& reference, Request request,
                  Verifier& verifier) {
  request.grad_cam = true;
  for (const VerifyReference::Map& map : reference.maps()) {
    request.grad_cam_class = map.label;
    request.grad_cam_layer = map.layer;
    pipeline.session().set_tap(
        [&](std::string_view, const Tensor& tensor) { verifier.compare(*map.gradient, tensor); },
        [&](std::string_view name) { return map.gradient && name == "recognise/gradient"; });
    request.grad_cam_plus_plus = false;
    std::vector<Result> results = pipeline.run(reference.inputs(), request);
    pipeline.session().set_tap({});
    if (map.cam) compare_map(*map.cam, results, verifier);
    if (!map.cam_plus_plus) continue;
    request.grad_cam_plus_plus = true;
    results = pipeline.run(reference.inputs(), request);
    compare_map(*map.cam_plus_plus, results, verifier);
  }
}

bool is_compared(const SafetensorsEntry& entry) {
  return entry.name != "input/vit_raw" && entry.name != "given/mask";
}

std::vector<TapTolerances::Override> overrides_of(const std::vector<std::string>& texts,
                                                  const SafetensorsFile& file) {
  std::vector<TapTolerances::Override> overrides;
  for (const std::string& text : texts) {
    overrides.push_back(TapTolerances::parse(text));
    const std::string& pattern = overrides.back().pattern;
    require(std::any_of(file.entries().begin(), file.entries().end(),
                        [&](const SafetensorsEntry& entry) {
                          return is_compared(entry) && TapTolerances::matches(pattern, entry.name);
                        }),
            ErrorCode::kBadArgument, "--tolerance: the reference has no tap \"", pattern, '"');
  }
  return overrides;
}

int longest_name(const SafetensorsFile& file) {
  int longest = 0;
  for (const SafetensorsEntry& entry : file.entries())
    longest = std::max(longest, display_width(one_line(entry.name)));
  return longest;
}

// A word on what makes every comparison doubtful.
void warn(const VerifyReference& reference, const SafetensorsFile& weights, Console& console) {
  const auto sum = [](const SafetensorsFile& file, const char* key) {
    const auto found = file.metadata().find(key);
    return found == file.metadata().end() ? std::string() : found->second;
  };
  const std::string made_of = sum(reference.file(), "weights_sha256");
  if (!made_of.empty() && made_of != sum(weights, "sha256"))
    print_note(console, "ofer: the reference says that it was made from other weights");
  if (reference.inputs_rounded())
    print_note(console,
               "ofer: the reference's inputs are not float32, in which the engine takes images; "
               "they are rounded");
}

}  // namespace

CLI::App* add_verify_command(CLI::App& app, VerifyOptions& options) {
  CLI::App* command = app.add_subcommand("verify", kAbout);
  command->footer(kExamples);
  command->add_option("REFERENCE", options.reference, "Inputs and taps, a safetensors file")
      ->required();
  command->add_option("-m,--model", options.weights, "The weight file")
      ->type_name("WEIGHTS")
      ->required();
  command
      ->add_option("--tolerance", options.tolerances,
                   "Allow this relative L2 at the taps of this\nname; * and ? stand for any "
                   "characters, and\nthe last of several that match counts")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  add_session_options(*command, options.session, "");
  CLI::Option* json = command->add_flag("--json", options.json, "JSON lines, also on a terminal");
  command->add_flag("--table", options.table, "A table, also into a pipe or file")->excludes(json);
  return command;
}

int verify_command(const VerifyOptions& options, Console& console) {
  const SessionOptions session = session_options(options.session, console);
  for (const std::string& text : options.tolerances) TapTolerances::parse(text);

  const std::shared_ptr<const Network> network =
      Network::load(options.weights, session.precision, {}, session.device);
  const VerifyReference reference(options.reference, *network);
  const TapTolerances tolerances(network->config(), session.precision,
                                 overrides_of(options.tolerances, reference.file()));
  Pipeline pipeline(network, session);
  warn(reference, SafetensorsFile::open(options.weights), console);

  const std::unique_ptr<VerifyOutput> output =
      options.table || (console.out_is_terminal && !options.json)
          ? make_verify_table(console, longest_name(reference.file()))
          : make_verify_json(console);
  VerifySummary summary;
  summary.weights = options.weights;
  summary.reference = options.reference;
  summary.device = shown(session.device);
  summary.precision = options.session.precision;
  Verifier verifier(reference, tolerances, *output, summary);
  Request request;
  request.mask = reference.detects() ? MaskSource::kDetect : MaskSource::kGiven;
  const Interrupt interrupt(pipeline.session());
  try {
    compare_taps(pipeline, reference, request, verifier);
    compare_maps(pipeline, reference, request, verifier);
  } catch (const Error&) {
    if (interrupt.signal() == 0) throw;
    return kExitSignal + interrupt.signal();
  }
  output->finish(summary);
  return summary.failed > 0 ? kExitSomeFailed : kExitGood;
}

}  // namespace ofer
