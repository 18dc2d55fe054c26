// Objects cut out of photographs, with transparency, as covers.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ofer/data/data_report.h"
#include "ofer/data/layer.h"
#include "ofer/data/random.h"

namespace ofer {

struct Cutout {
  std::string name;  // of its file, from the folder
  std::string kind;  // in lower case: mask, hand, scarf, ...
  // What is not transparent, and nothing around it. Colours are multiplied by the opacity, which is
  // what may be interpolated.
  int width = 0, height = 0;
  std::vector<Layer::Pixel> pixels;
};

struct CutoutSet {
  std::vector<Cutout> cutouts;  // sorted by name
  DataReport report;

  // Each kind once, sorted.
  std::vector<std::string> kinds() const;
  std::vector<std::size_t> of_kind(std::string_view kind) const;
};

// Every picture in the folder and its folders. A kind comes from occluders.csv in the folder
// (columns file and kind), else from the name of the folder that the picture lies in, else from its
// own name up to the first digit, '_', '-' or '.'. Cut-outs of more than `largest` pixels along a
// side are reduced to that. Pictures that cannot be read, show nothing, or have no transparent
// pixel (their background would be pasted too) are left out and counted in the report. Throws kIo
// when the folder cannot be listed, kBadFile when nothing usable is in it.
CutoutSet load_cutouts(const std::filesystem::path& folder, int largest = 512);

// Where a cut-out lies: its middle as shares of the picture's sides, its width as a share of the
// shorter one; turned by `angle` (radians, clockwise), mirrored before.
struct CutoutPlace {
  float x = 0.5f, y = 0.5f, width = 0.5f, angle = 0;
  bool mirrored = false;
};

// A plausible place before an aligned face (eyes at about 40 % of the height) for this kind: masks
// over nose and mouth, scarves over mouth and chin, glasses over the eyes, hats above them, hands
// anywhere but mostly low and at any angle; other kinds anywhere.
CutoutPlace plausible_place(std::string_view kind, SeededNumbers& numbers);

// Throws kBadArgument for sizes that cannot be, a width that is not in (0, 10], or a place that is
// not finite.
Layer cutout_layer(const Cutout& cutout, int width, int height, const CutoutPlace& place);

}  // namespace ofer
