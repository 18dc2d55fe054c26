#include "bench/measure/pipeline_inputs.h"

#include <cmath>

#include "weights/safetensors.h"

namespace ofer::bench {

namespace {

std::vector<float> repeated(const SafetensorsFile& file, const char* name, std::int64_t size,
                            std::int64_t count) {
  const SafetensorsEntry* entry = file.find(name);
  require(entry != nullptr, ErrorCode::kBadFile, file.name(), ": has no tensor ", name);
  const Tensor tensor = file.tensor(*entry);
  require(tensor.dtype() == DType::kF32 && tensor.rank() > 0 && tensor.size(0) > 0 &&
              tensor.elements() == tensor.size(0) * size,
          ErrorCode::kBadFile, file.name(), ": ", name, " has shape ", tensor.shape(), " of ",
          name_of(tensor.dtype()), ", not ", size,
          " floats for each face: it was made for another configuration");
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(size * count));
  for (std::int64_t n = 0; n < count; ++n) {
    const float* one = tensor.data<float>() + n % tensor.size(0) * size;
    values.insert(values.end(), one, one + size);
  }
  return values;
}

// Three planes of waves, of another length and phase in each picture and plane; in [0, 1].
std::vector<float> waves(std::int64_t side, std::int64_t count) {
  std::vector<float> values;
  values.reserve(static_cast<std::size_t>(count * 3 * side * side));
  for (std::int64_t plane = 0; plane < 3 * count; ++plane) {
    const double phase = 0.7 * static_cast<double>(plane);
    const double turns = 6.0 + static_cast<double>(plane % 7);
    for (std::int64_t y = 0; y < side; ++y)
      for (std::int64_t x = 0; x < side; ++x) {
        const double v = static_cast<double>(y) / static_cast<double>(side);
        const double u = static_cast<double>(x) / static_cast<double>(side);
        values.push_back(static_cast<float>(0.5 + 0.25 * std::sin(turns * u + phase) +
                                            0.25 * std::cos(turns * v - phase)));
      }
  }
  return values;
}

void point_to_own(Batch& batch, std::int64_t count) {
  batch.inputs.count = count;
  batch.inputs.vit = batch.vit;
  batch.inputs.restored = batch.image;
  batch.inputs.mask = batch.mask;
}

}  // namespace

Batch batch_of_file(const std::string& path, const Network& network, std::int64_t count) {
  const SafetensorsFile file = SafetensorsFile::open(path);
  const Config& config = network.config();
  const std::int64_t vit = config.image_size, image = network.restored_size();
  Batch batch;
  batch.vit = repeated(file, "vit_raw", 3 * vit * vit, count);
  batch.image = repeated(file, "image", 3 * image * image, count);
  for (const float value : repeated(file, "mask", config.patch_count(), count))
    batch.mask.push_back(value > 0);
  point_to_own(batch, count);
  return batch;
}

Batch drawn_batch(const Network& network, std::int64_t count) {
  Batch batch;
  batch.vit = waves(network.config().image_size, count);
  batch.image = waves(network.restored_size(), count);
  const std::int64_t rows = network.config().patch_rows();
  const std::int64_t columns = network.config().patch_columns();
  for (std::int64_t n = 0; n < count; ++n)
    for (std::int64_t y = 0; y < rows; ++y)
      for (std::int64_t x = 0; x < columns; ++x) {
        const bool covered[] = {2 * y >= rows, 2 * y < rows, 2 * x < columns, 2 * x >= columns};
        batch.mask.push_back(covered[n % 4]);
      }
  point_to_own(batch, count);
  return batch;
}

}  // namespace ofer::bench
