// A mask of covered patches from a file, in place of detection.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace ofer {

// Reads a mask for a grid of rows x columns patches: rows * columns values, row by row, 1 covered,
// 0 not. By its first character the file is one of
// - a picture (PNG, JPEG, BMP) of any size: bright pixels (luminance of half and more) are covered,
//   dark ones not, and a patch is covered when at least half of its pixels are. Transparent pixels
//   count as white. A picture with fewer pixels than patches along a side is enlarged in whole
//   steps first, so that one of columns x rows pixels is the mask itself;
// - JSON: an array of rows * columns numbers 0 and 1, an array of rows such arrays, or an object
//   that holds one as "occluded" or as "occluded" inside "patches", as a line of `ofer run` does;
// - plain text: rows * columns digits 0 and 1, with any white space and commas between them.
// Throws kIo and kBadFile, one line beginning with the path.
std::vector<std::uint8_t> load_mask(const std::filesystem::path& path, int rows, int columns);

}  // namespace ofer
