// batch WEIGHTS FOLDER PICTURE...: many faces at once. Prints a line for each, and writes the faces
// as they were restored to FOLDER, as PPM pictures. The folder must exist.
#include <cstdio>
#include <fstream>
#include <memory>
#include <ofer/ofer.hpp>
#include <string>
#include <vector>

#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

namespace {

struct Free {
  void operator()(unsigned char* pixels) const { stbi_image_free(pixels); }
};
using Pixels = std::unique_ptr<unsigned char, Free>;

// Planar values of 0 to 1 as a PPM.
bool write_ppm(const std::string& path, const float* planes, std::size_t side) {
  std::vector<char> bytes(3 * side * side);
  for (std::size_t i = 0; i < side * side; ++i)
    for (std::size_t c = 0; c < 3; ++c)
      bytes[3 * i + c] =
          static_cast<char>(static_cast<int>(planes[c * side * side + i] * 255 + 0.5f));
  std::ofstream file(path, std::ios::binary);
  file << "P6\n" << side << ' ' << side << "\n255\n";
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return file.good();
}

int run(const std::string& weights, const std::string& folder,
        const std::vector<std::string>& files) {
  const ofer::Model model = ofer::Model::load(weights);
  ofer::SessionOptions options;
  options.largest_batch = 16;  // images at once; how many are given does not matter
  ofer::Session session(model, options);

  std::vector<Pixels> pixels;
  std::vector<ofer_image> images;
  for (const std::string& file : files) {
    int width = 0, height = 0;
    pixels.emplace_back(stbi_load(file.c_str(), &width, &height, nullptr, 3));
    if (!pixels.back()) {
      std::fprintf(stderr, "%s: %s\n", file.c_str(), stbi_failure_reason());
      return 1;
    }
    images.push_back(ofer::image(pixels.back().get(), width, height));
  }

  ofer::Request request;
  request.restored = true;
  const ofer::Results results = session.analyse(images, request);

  const ofer_model_info info = model.info();
  const auto classes = static_cast<std::size_t>(info.classes);
  const auto patches = static_cast<std::size_t>(info.patches);
  const auto side = static_cast<std::size_t>(info.restored_size);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto label = static_cast<std::size_t>(results.labels[i]);
    int covered = 0;
    for (std::size_t l = 0; l < patches; ++l) covered += results.masks[i * patches + l];
    std::printf("%s: %s, %.0f %%; %d of %zu patches covered\n", files[i].c_str(),
                model.label(results.labels[i]).c_str(),
                100.0 * results.probabilities[i * classes + label], covered, patches);
    const std::string path = folder + "/" + std::to_string(i) + ".restored.ppm";
    if (!write_ppm(path, results.restored.data() + i * 3 * side * side, side)) {
      std::fprintf(stderr, "%s: cannot be written\n", path.c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: batch WEIGHTS FOLDER PICTURE...\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], std::vector<std::string>(argv + 3, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
