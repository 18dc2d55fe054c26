// The pictures of a result as files in a folder.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "engine/image.h"
#include "tools/inputs.h"
#include "tools/result_output.h"

namespace ofer {

// Gives each input the first part of its pictures' names: its stem, or where another input has it
// ("a.png" and "a.jpg"; upper and lower case count as one), the stem with -2, -3, ... behind it.
// No name is given out under which a picture would overwrite one of the inputs.
class PictureNames {
 public:
  PictureNames(const std::filesystem::path& folder, std::span<const InputFile> inputs);

  // To be called for each input once, in order.
  std::string next(const InputFile& input);

  // What next() gives when nothing is in the way.
  static std::string usual(const InputFile& input);

 private:
  bool free(const std::string& stem) const;

  std::unordered_set<std::string> taken_;   // stems, in lower case
  std::unordered_set<std::string> inputs_;  // file names in the folder that are inputs
};

// Creates the folder, its parents included, where it is missing, and makes sure that files can be
// written in it. Throws kIo naming folder and cause.
void prepare_folder(const std::filesystem::path& folder);

// The input made small enough for pictures: at most 2048 pixels a side.
Image picture_of_input(Image input);

// Writes STEM.mask.png (over the input), STEM.coarse.png, STEM.restored.png, STEM.attention.png and
// STEM.gradcam.png (both over what the recogniser saw), and STEM.sheet.png, all of them side by
// side. Each is written whole or not at all. `result` must have the planes. cam_label: the class
// of the Grad-CAM picture. Throws kIo, kOutOfMemory.
void write_pictures(const std::filesystem::path& folder, const std::string& stem,
                    const Image& input, const Result& result, const RunInfo& info,
                    const std::string& cam_label);

}  // namespace ofer
