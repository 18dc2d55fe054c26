// Pictures to train on: smooth, and each another one.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "engine/image_io.h"
#include "ofer/data/dataset.h"
#include "ofer/data/face_store.h"
#include "tests/support/random.h"
#include "tests/support/temporary_folder.h"

namespace ofer::test {

// A folder of drawn faces, decoded.
struct DrawnFaces {
  TemporaryFolder folder;
  Dataset dataset;
  std::unique_ptr<FaceStore> store;

  explicit DrawnFaces(int count, int side = 40) {
    for (int i = 0; i < count; ++i) {
      Image image(side, side);
      Random random(static_cast<std::uint64_t>(i) + 1);
      const double tone = random.between(60, 200), slope = random.between(-80, 80);
      for (std::size_t p = 0; p < image.pixels.size(); ++p) {
        const double y = static_cast<double>(p) / static_cast<double>(image.pixels.size());
        image.pixels[p] = static_cast<std::uint8_t>(
            std::clamp(tone + slope * y + random.between(-8, 8), 0.0, 255.0));
      }
      save_png(image, (folder / ("face" + std::to_string(i) + ".png")).string());
    }
    DatasetOptions options;
    options.layout = DataLayout::kPictures;
    options.labels_needed = false;
    dataset = load_dataset(folder / "", options);
    store = std::make_unique<FaceStore>(dataset, FaceStoreOptions{.side = side});
  }

  // Gives them labels in turn, of the first three.
  void label(const std::vector<std::string>& labels) {
    dataset.labels = labels;
    for (std::size_t i = 0; i < dataset.samples.size(); ++i)
      dataset.samples[i].label = static_cast<int>(i % 3);
  }
};

}  // namespace ofer::test
