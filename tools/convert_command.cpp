#include "tools/convert_command.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <deque>
#include <memory>

#include "engine/cores.h"
#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/config_file.h"
#include "tools/convert_output.h"
#include "tools/dtype_option.h"
#include "tools/settings_option.h"
#include "weights/checkpoint.h"
#include "weights/convert.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Make a weight file of other programs' checkpoints\n"
    "\n"
    "Reads PyTorch's .pth and .pt (both forms) and safetensors (sharded: its index.json), never "
    "runs\n"
    "anything in them, reads sizes off their shapes, and folds batch norms, parallel convolutions\n"
    "and the classifier's chain in double precision.";

constexpr const char* kExamples =
    "Text on a terminal, one JSON object anywhere else.\n"
    "\n"
    "Examples:\n"
    "  ofer convert --mae mae.pth --unet unet.pth --fer fer.pth --svdd svdd.safetensors -o "
    "w.safetensors\n"
    "  ofer convert --mae mae.pth --dan dan.pth --set decoder.norm_pix_loss=true -o w.safetensors\n"
    "  ofer convert --config small.json --resnet r18.pth --fill 1 --keep-structure -o "
    "start.safetensors\n"
    "\n"
    "Without --unet the restored image is the coarse one; without --svdd nothing detects, and "
    "masks\n"
    "have to be given. docs/convert.md has the sources' names.\n"
    "\n"
    "Exit codes: 0 written; 2 the command line cannot be obeyed; 3 a source cannot be read or "
    "does\n"
    "not fit (each tensor is named), or the file cannot be written.";

constexpr const char* kSources = "Sources";
constexpr const char* kModel = "Model";
constexpr const char* kOther = "Other";

constexpr const char* kSourceHelp[kSourceKinds] = {
    "Masked autoencoder (MAE's or Hugging Face's names)",
    "An encoder for the detector alone (timm's or\nHugging Face's names)",
    "The released U-Net",
    "The released expression network",
    "DAN in its place: no latent branch",
    "ResNet-18 (torchvision's names): features alone",
    "Deep or kernel SVDD spheres",
};

template <class Number>
Number number_of(const std::string& text, const char* option) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  require(error == std::errc() && stopped == end && !text.empty(), ErrorCode::kBadArgument, option,
          ": \"", text, "\" is no whole number of 0 or more");
  return number;
}

ConvertOptions convert_options(const ConvertCommandOptions& options) {
  ConvertOptions result;
  if (!options.config.empty()) result.config = config_named(options.config);
  result.settings = settings_of(options.settings);
  result.labels = options.labels;
  result.provenance = options.provenance;
  result.licence = options.licence;
  result.keep_structure = options.keep_structure;
  result.allow_unused = options.allow_unused;
  if (!options.fill.empty()) result.fill_seed = number_of<std::uint64_t>(options.fill, "--fill");
  result.dtype = dtype_named(options.dtype);
  result.threads = threads_or_cores(options.threads);
  return result;
}

}  // namespace

CLI::App* add_convert_command(CLI::App& app, ConvertCommandOptions& options) {
  CLI::App* command = app.add_subcommand("convert", kAbout);
  command->footer(kExamples);
  for (int kind = 0; kind < kSourceKinds; ++kind)
    command
        ->add_option(std::string(option_of(static_cast<SourceKind>(kind))),
                     options.sources[static_cast<std::size_t>(kind)], kSourceHelp[kind])
        ->type_name("FILE")
        ->group(kSources);
  command->add_option("-o,--output", options.output, "The weight file to write")
      ->type_name("FILE")
      ->required()
      ->group(kModel);
  command
      ->add_option("--config", options.config,
                   "base, small, or a JSON file: shapes must fit it,\nin place of telling it")
      ->type_name("NAME")
      ->group(kModel);
  command
      ->add_option("--set", options.settings,
                   "FIELD=VALUE of the configuration, as\ndecoder.heads=16 (repeatable)")
      ->type_name("F=V")
      ->expected(1)
      ->take_all()
      ->group(kModel);
  command
      ->add_option("--labels", options.labels,
                   "Names of the classes, by commas (default: the\nseven published)")
      ->type_name("A,B,..")
      ->delimiter(',')
      ->group(kModel);
  command->add_option("--provenance", options.provenance, "Where the weights come from")
      ->type_name("TEXT")
      ->group(kModel);
  command->add_option("--licence", options.licence, "What they may be used for")
      ->type_name("TEXT")
      ->group(kModel);
  command->add_option("--dtype", options.dtype, "f32 (default), bf16 or f16")
      ->type_name("NAME")
      ->group(kModel);
  command
      ->add_flag("--keep-structure", options.keep_structure,
                 "Do not fold the recogniser: for training")
      ->group(kModel);
  command
      ->add_option("--fill", options.fill,
                   "Draw what no source gives, as ofer init does\nwith this seed")
      ->type_name("SEED")
      ->group(kModel);
  command
      ->add_flag("--allow-unused", options.allow_unused,
                 "Sources may hold tensors that are not needed")
      ->group(kModel);
  command->add_option("--threads", options.threads, "0 (default): one for each core")
      ->type_name("N")
      ->check(CLI::Range(0, 4096))
      ->group(kOther);
  CLI::Option* json =
      command->add_flag("--json", options.json, "JSON, also on a terminal")->group(kOther);
  command->add_flag("--table", options.table, "Text, also into a pipe or file")
      ->excludes(json)
      ->group(kOther);
  command->set_help_flag("-h,--help", "Print this help")->group(kOther);
  return command;
}

int convert_command(const ConvertCommandOptions& options, Console& console) {
  require(!options.output.empty(), ErrorCode::kBadArgument, "--output: the file has no name");
  ConvertOptions how = convert_options(options);
  const DType dtype = how.dtype;
  std::deque<Checkpoint> checkpoints;
  std::deque<CheckpointInput> sources;
  std::vector<Conversion::Input> inputs;
  for (int number = 0; number < kSourceKinds; ++number) {
    const std::string& path = options.sources[static_cast<std::size_t>(number)];
    if (path.empty()) continue;
    const Checkpoint& opened = checkpoints.emplace_back(Checkpoint::open(path));
    inputs.push_back({static_cast<SourceKind>(number), &sources.emplace_back(opened),
                      std::string(opened.format())});
  }
  Conversion conversion(std::move(inputs), std::move(how));
  print_problems(conversion.problems(), console);
  conversion.write(options.output);
  const bool json = !(options.table || (console.out_is_terminal && !options.json));
  (json ? print_conversion_json : print_conversion_text)(conversion, options.output, dtype,
                                                         console);
  return kExitGood;
}

}  // namespace ofer
