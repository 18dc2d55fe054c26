// Pictures with transparency, which the library reads and does not write.
#pragma once

#include <stb_image_write.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace ofer::test {

// pixels: 4 bytes each, row by row.
inline void put_rgba_png(const std::filesystem::path& path, int width, int height,
                         const std::vector<std::uint8_t>& pixels) {
  std::ofstream file(path, std::ios::binary);
  const auto write = [](void* context, void* data, int size) {
    static_cast<std::ofstream*>(context)->write(static_cast<const char*>(data), size);
  };
  if (pixels.size() != 4 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height) ||
      !stbi_write_png_to_func(write, &file, width, height, 4, pixels.data(), 4 * width) || !file)
    throw std::runtime_error("cannot write " + path.string());
}

}  // namespace ofer::test
