#include "tools/run_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>

#include "engine/error.h"
#include "ofer/network.h"
#include "ofer/pipeline.h"
#include "tools/batch_run.h"
#include "tools/command_line.h"
#include "tools/interrupt.h"
#include "tools/mask_file.h"
#include "tools/number_text.h"
#include "tools/output_json.h"
#include "tools/output_table.h"
#include "tools/session_options.h"
#include "tools/validators.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Name the expressions of faces, covered or not\n"
    "\n"
    "Finds the covered patches of each face, restores it, and names its expression. Faces are\n"
    "expected cropped and upright, as in samples/.\n";

constexpr const char* kExamples =
    "A table on a terminal, JSON lines anywhere else: one line for each image, in order.\n"
    "\n"
    "Examples:\n"
    "  ofer run -m weights.safetensors photo.jpg\n"
    "  ofer run -m weights.safetensors photos/ --batch 8 -o out\n"
    "  curl -s https://example.org/face.jpg | ofer run -m weights.safetensors -\n"
    "  ofer run -m weights.safetensors photos/ --json | jq -r '[.file, .label] | @tsv'\n"
    "  ofer run -m weights.safetensors photo.jpg -o out --class fear --gradcam++\n"
    "\n"
    "A mask file is a picture whose bright pixels are covered (a patch is when half of its pixels\n"
    "are), or text or JSON with a 0 or 1 for each patch, row by row; a line of this command's own\n"
    "JSON will do. With --taps and more than one batch, the tensors' names begin with the batch's\n"
    "number: 00000/detect/mask.\n"
    "\n"
    "Exit codes: 0 all good; 1 an image failed, the others were done; 2 the command line cannot\n"
    "be obeyed; 3 weights, mask, device or an output failed; 130 interrupted by Ctrl-C.";

constexpr const char* kIn = "What goes in";
constexpr const char* kOut = "What comes out";
constexpr const char* kHow = "How it is computed";

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// A label, or its number.
int class_of(const std::string& name, const std::vector<std::string>& labels) {
  if (name.empty()) return -1;
  const auto found = std::find(labels.begin(), labels.end(), name);
  if (found != labels.end()) return static_cast<int>(found - labels.begin());
  const std::optional<int> number = number_in(name);
  require(number && *number >= 0 && *number < static_cast<int>(labels.size()),
          ErrorCode::kBadArgument, "--class: no class \"", name, "\"; there are 0 to ",
          labels.size() - 1, ": ", joined(labels));
  return *number;
}

Request request_of(const RunOptions& options, const Network& network) {
  Request request;
  request.mask = !options.mask.empty() ? MaskSource::kGiven
                 : options.no_detect   ? MaskSource::kNone
                                       : MaskSource::kDetect;
  require(request.mask != MaskSource::kDetect || network.detector().available(),
          ErrorCode::kBadArgument, one_line(options.weights),
          ": has no detector; give the covered patches by --mask FILE, or --no-detect");
  const bool pictures = !options.pictures.empty();
  request.coarse = request.restored = request.attention = request.grad_cam = pictures;
  request.grad_cam_plus_plus = options.cam_plus_plus;
  request.grad_cam_class = class_of(options.cam_class, network.labels());
  request.grad_cam_layer = options.cam_layer;
  const std::vector<std::string> layers = network.recogniser().activation_layers();
  require(options.cam_layer.empty() ||
              std::find(layers.begin(), layers.end(), options.cam_layer) != layers.end(),
          ErrorCode::kBadArgument, "--layer: no layer \"", options.cam_layer, "\"; there are ",
          joined(layers));
  return request;
}

int longest_name(const std::vector<InputFile>& inputs) {
  int longest = 0;
  for (const InputFile& input : inputs)
    longest = std::max(longest, display_width(one_line(input.path)));
  return longest;
}

}  // namespace

CLI::App* add_run_command(CLI::App& app, RunOptions& options) {
  CLI::App* command = app.add_subcommand("run", kAbout);
  command->footer(kExamples);

  command
      ->add_option("INPUT", options.inputs,
                   "Pictures (JPEG, PNG, BMP), folders of them,\nor - for one on standard input")
      ->required();
  command->add_option("-m,--model", options.weights, "The weight file")
      ->type_name("WEIGHTS")
      ->required()
      ->group(kIn);
  command->add_flag("--recursive", options.recursive, "Look into the folders of folders, too")
      ->group(kIn);
  CLI::Option* mask =
      command
          ->add_option("--mask", options.mask,
                       "The covered patches, for all images, in place\nof detection")
          ->type_name("FILE")
          ->group(kIn);
  command->add_flag("--no-detect", options.no_detect, "Treat nothing as covered")
      ->excludes(mask)
      ->group(kIn);

  CLI::Option* output =
      command
          ->add_option("-o,--output", options.pictures,
                       "Write NAME.mask.png, .coarse.png, .restored.png,\n.attention.png, "
                       ".gradcam.png and .sheet.png (all\nof them) of each image there")
          ->type_name("DIR")
          ->group(kOut);
  command
      ->add_option("--class", options.cam_class,
                   "Grad-CAM of this label or number (default: the\nmost probable)")
      ->type_name("NAME")
      ->needs(output)
      ->group(kOut);
  command->add_option("--layer", options.cam_layer, "Grad-CAM at this layer")
      ->type_name("NAME")
      ->needs(output)
      ->group(kOut);
  command->add_flag("--gradcam++", options.cam_plus_plus, "Grad-CAM++ in place of Grad-CAM")
      ->needs(output)
      ->group(kOut);
  command
      ->add_option("--taps", options.taps,
                   "Write every named intermediate (docs/model.md)\nas a safetensors file")
      ->type_name("FILE")
      ->group(kOut);
  CLI::Option* json =
      command->add_flag("--json", options.json, "JSON lines, also on a terminal")->group(kOut);
  command->add_flag("--table", options.table, "A table, also into a pipe or file")
      ->excludes(json)
      ->group(kOut);

  add_session_options(*command, options.session, kHow);
  command
      ->add_option("--batch", options.batch,
                   "Images at once (default 1); does not change\nthe results")
      ->type_name("N")
      ->check(at_least(1))
      ->group(kHow);

  command->set_help_flag("-h,--help", "Print this help")->group("Other");

  refuse_empty(*command, {"--model", "--mask", "--output", "--class", "--layer", "--taps"});
  return command;
}

int run_command(const RunOptions& options, Console& console) {
  const std::vector<InputFile> inputs = list_inputs(options.inputs, options.recursive);
  const SessionOptions session = session_options(options.session, console);

  const std::shared_ptr<const Network> network =
      Network::load(options.weights, session.precision, {}, session.device);
  const Config& config = network->config();
  Pipeline pipeline(network, session);
  BatchPlan plan;
  plan.batch = std::min(static_cast<std::size_t>(options.batch), inputs.size());
  plan.request = request_of(options, *network);
  if (!options.mask.empty())
    plan.mask = load_mask(options.mask, config.patch_rows(), config.patch_columns());
  plan.pictures = options.pictures;
  if (!options.pictures.empty()) prepare_folder(options.pictures);
  std::optional<TapsFile> taps;
  if (!options.taps.empty()) {
    taps.emplace(options.taps, (inputs.size() + plan.batch - 1) / plan.batch);
    plan.taps = &*taps;
    pipeline.session().set_tap(
        [&taps](std::string_view name, const Tensor& tensor) { taps->add(name, tensor); });
  }

  const RunInfo info{network->labels(), shown(session.device), options.session.precision,
                     pipeline.session().threads(), network->trained()};
  std::unique_ptr<ResultOutput> output;
  if (options.table || (console.out_is_terminal && !options.json))
    output = std::make_unique<TableOutput>(console, info, longest_name(inputs), inputs.size());
  else
    output = std::make_unique<JsonOutput>(console, info);

  RunSummary summary;
  summary.images = inputs.size();
  const auto start = std::chrono::steady_clock::now();
  const Interrupt interrupt(pipeline.session());
  BatchRun batches(console, pipeline, info, std::move(plan), *output,
                   [&interrupt] { return interrupt.signal() != 0; });
  try {
    batches.run(inputs, summary);
  } catch (const Error&) {
    // A signal breaks off a read or a write that waits; that is no failure of its own.
    if (interrupt.signal() == 0) throw;
    summary.interrupted = true;
  }
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // Half of what was asked for is no file of intermediates.
  if (taps && !summary.interrupted && taps->size() > 0) {
    taps->commit({{"device", info.device}, {"precision", info.precision}});
    summary.taps = options.taps;
  }
  if (summary.answered > 0) summary.pictures = options.pictures;
  output->finish(summary);
  if (taps && summary.taps.empty())
    print_note(console,
               "ofer: " + one_line(options.taps) + ": not written, since " +
                   (summary.interrupted ? "the run was interrupted" : "no image was analysed"));
  if (summary.interrupted) return kExitSignal + interrupt.signal();
  return summary.failed > 0 ? kExitSomeFailed : kExitGood;
}

}  // namespace ofer
