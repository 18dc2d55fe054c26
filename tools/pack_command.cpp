#include "tools/pack_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "engine/cores.h"
#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/dtype_option.h"
#include "tools/text_format.h"
#include "weights/pack.h"

namespace ofer {

namespace {

constexpr const char* kAbout =
    "Make a weight file small: fold the recogniser, narrow the numbers\n"
    "\n"
    "Training keeps the recogniser as layers and every number in f32. For use, batch norms, "
    "parallel\n"
    "convolutions and the classifier's chain are multiplied out in double precision, and the "
    "numbers\n"
    "rounded once.\n";

constexpr const char* kExamples =
    "Examples:\n"
    "  ofer pack -m runs/recognise/weights.safetensors -o small.safetensors\n"
    "  ofer pack -m weights.safetensors --dtype bf16 --keep-structure -o w.safetensors\n"
    "\n"
    "A folded file cannot be trained further: keep the one it was made of.\n"
    "\n"
    "Exit codes: 0 written; 2 the command line cannot be obeyed; 3 weights or output failed.";

}  // namespace

CLI::App* add_pack_command(CLI::App& app, PackCommandOptions& options) {
  CLI::App* command = app.add_subcommand("pack", kAbout);
  command->footer(kExamples);
  command->add_option("-m,--model", options.weights, "The weight file")
      ->type_name("WEIGHTS")
      ->required();
  command->add_option("-o,--output", options.output, "The file to write")
      ->type_name("FILE")
      ->required();
  command->add_option("--dtype", options.dtype, "f16 (default), bf16 or f32")->type_name("NAME");
  command->add_flag("--keep-structure", options.keep_structure, "Do not fold the recogniser");
  command->add_flag("--leave-unet", options.leave_unet,
                    "Leave the U-Net out, as one that is not trained");
  command
      ->add_option("--licence", options.licence,
                   "What the numbers may be used for (default: as the\nfile says)")
      ->type_name("TEXT");
  return command;
}

int pack_command(const PackCommandOptions& options, Console& console) {
  require(!options.output.empty(), ErrorCode::kBadArgument, "--output: the file has no name");
  PackOptions how;
  how.dtype = dtype_named(options.dtype);
  how.keep_structure = options.keep_structure;
  how.leave_unet = options.leave_unet;
  how.licence = options.licence;
  how.threads = usable_cores();
  const std::vector<FoldError> errors = pack_weights(options.weights, options.output, how);
  double worst = 0;
  for (const FoldError& error : errors) worst = std::max(worst, error.in_float);
  const auto bytes = static_cast<double>(std::filesystem::file_size(options.output));
  print_line(console,
             one_line(options.output) + ": " + std::string(name_of(how.dtype)) +
                 format(", %.1f MB", bytes / 1e6) +
                 (errors.empty() ? std::string()
                                 : format(", folded within %.0e of the largest output", worst)));
  return kExitGood;
}

}  // namespace ofer
