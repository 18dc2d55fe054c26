#include "ofer/train/made_model.h"

#include "engine/backend.h"
#include "engine/buffer.h"

namespace ofer {

std::shared_ptr<const Model> make_model(std::span<const NamedShape> tensors,
                                        FunctionRef<void(std::size_t i, std::span<float>)> fill,
                                        Precision precision, Device device) {
  auto buffers = std::make_shared<std::vector<Buffer>>();
  std::vector<Model::NamedTensor> named;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto count = static_cast<std::size_t>(tensors[i].shape.elements());
    Buffer& memory = buffers->emplace_back(count * sizeof(float));
    fill(i, std::span(static_cast<float*>(memory.data()), count));
    named.emplace_back(tensors[i].name, Tensor(memory.data(), tensors[i].shape, DType::kF32));
  }
  const auto wide = std::make_shared<const Model>(std::move(buffers), std::move(named));
  const auto cast = wide->cast(backend_of(device.kind).dtype(precision));
  return device.host_accessible() ? cast : cast->on(device);
}

}  // namespace ofer
