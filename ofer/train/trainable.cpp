#include "ofer/train/trainable.h"

#include <algorithm>
#include <cstring>

#include "engine/backend.h"
#include "engine/error.h"

namespace ofer {
namespace {

// The same weights in memory that may be written.
LoadedWeights writable(const LoadedWeights& start, Device device, Precision precision) {
  const DType dtype = backend_of(device.kind).dtype(precision);
  require(dtype == DType::kF32 || dtype == DType::kF64, ErrorCode::kUnsupported,
          "weights cannot be trained in ", name_of(dtype), "; train in fp32 or mixed");
  const auto converted = start.model->cast(dtype);
  auto buffers = std::make_shared<std::vector<Buffer>>();
  std::vector<Model::NamedTensor> tensors;
  for (const auto& [name, tensor] : *converted) {
    Buffer& copy = buffers->emplace_back(tensor.bytes());
    std::memcpy(copy.data(), tensor.raw(), tensor.bytes());
    tensors.emplace_back(name, Tensor(copy.data(), tensor.shape(), tensor.dtype()));
  }
  LoadedWeights result = start;
  result.model = std::make_shared<const Model>(std::move(buffers), std::move(tensors),
                                               start.model->metadata());
  return result;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> ends) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](std::string_view end) { return name.ends_with(end); });
}

}  // namespace

bool is_learned(std::string_view name) {
  return !ends_with_any(
      name, {".mean", ".variance", ".position", ".center", ".radius", ".support", ".alpha"});
}

Trainable::Trainable(const LoadedWeights& start, Device device, Precision precision)
    : network_(
          std::make_shared<const Network>(writable(start, device, precision), precision, device)) {
  for (const auto& [name, tensor] : network_->model()) {
    const bool matrix = tensor.rank() >= 2 && name.ends_with(".weight");
    parameters_.push_back({name, tensor, is_learned(name), matrix});
  }
}

const Parameter& Trainable::parameter(std::string_view name) const {
  for (const Parameter& parameter : parameters_)
    if (parameter.name == name) return parameter;
  fail(ErrorCode::kBadArgument, "the network has no parameter ", name);
}

std::vector<Parameter> Trainable::learned(std::span<const std::string> prefixes) const {
  std::vector<Parameter> result;
  for (const Parameter& parameter : parameters_)
    if (parameter.learned &&
        std::any_of(prefixes.begin(), prefixes.end(),
                    [&](const std::string& prefix) { return parameter.name.starts_with(prefix); }))
      result.push_back(parameter);
  return result;
}

}  // namespace ofer
