#include "engine/model.h"

#include <cstdint>

#include "engine/backend.h"
#include "engine/buffer.h"
#include "engine/error.h"
#include "engine/half.h"

namespace ofer {
namespace {

bool is_floating(DType dtype) {
  return dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF32 ||
         dtype == DType::kF64;
}

template <class To>
void convert(const Tensor& from, To* to) {
  const std::int64_t count = from.elements();
  const auto each = [&](const auto* values, auto widen) {
    for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<To>(widen(values[i]));
  };
  const auto same = [](auto value) { return value; };
  switch (from.dtype()) {
    case DType::kF16:
      return each(static_cast<const std::uint16_t*>(from.raw()), f16_to_float);
    case DType::kBF16:
      return each(static_cast<const std::uint16_t*>(from.raw()), bf16_to_float);
    case DType::kF32:
      return each(static_cast<const float*>(from.raw()), same);
    case DType::kF64:
      return each(static_cast<const double*>(from.raw()), same);
    default:
      OFER_ASSERT(is_floating(from.dtype()));
  }
}

// What a converted model stands on: its own memory, and its parent's for the shared tensors.
struct Converted {
  std::shared_ptr<const void> parent;
  std::vector<Buffer> buffers;
};

}  // namespace

Model::Model(std::shared_ptr<const void> owner, std::vector<NamedTensor> tensors, Metadata metadata)
    : owner_(std::move(owner)), tensors_(std::move(tensors)), metadata_(std::move(metadata)) {
  index_.reserve(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const auto& [name, tensor] = tensors_[i];
    require(tensor.defined(), ErrorCode::kBadArgument, "the model's tensor ", name,
            " is undefined");
    require(index_.emplace(name, i).second, ErrorCode::kBadArgument, "the model has two tensors ",
            name);
  }
}

Tensor Model::find(std::string_view name) const {
  const auto found = index_.find(name);
  require(found != index_.end(), ErrorCode::kBadFile, "the model has no tensor ", name,
          "; its weight file does not fit its configuration");
  return tensors_[found->second].second;
}

const std::string& Model::metadata(std::string_view key) const {
  const auto found = metadata_.find(key);
  require(found != metadata_.end(), ErrorCode::kBadFile, "the model's metadata has no ", key);
  return found->second;
}

std::size_t Model::bytes() const {
  std::size_t total = 0;
  for (const auto& [name, tensor] : tensors_) total += tensor.bytes();
  return total;
}

std::shared_ptr<const Model> Model::cast(DType dtype) const {
  require(dtype == DType::kF32 || dtype == DType::kF64 || dtype == DType::kBF16,
          ErrorCode::kUnsupported, "a model can be cast to f32, f64 or bf16, not to ",
          name_of(dtype));
  auto converted = std::make_shared<Converted>();
  converted->parent = owner_;
  std::vector<NamedTensor> tensors;
  tensors.reserve(tensors_.size());
  for (const auto& [name, tensor] : tensors_) {
    if (tensor.dtype() == dtype || !is_floating(tensor.dtype())) {
      tensors.emplace_back(name, tensor);
      continue;
    }
    require(tensor.device().host_accessible(), ErrorCode::kUnsupported, "tensor ", name, " is on ",
            name_of(tensor.device().kind), "; cast the model before it goes there");
    const Shape& shape = tensor.shape();
    Buffer buffer(static_cast<std::size_t>(shape.elements()) * size_of(dtype), tensor.device());
    if (dtype == DType::kF32)
      convert(tensor, static_cast<float*>(buffer.data()));
    else if (dtype == DType::kBF16)
      convert(tensor, static_cast<kernels::BFloat16*>(buffer.data()));
    else
      convert(tensor, static_cast<double*>(buffer.data()));
    tensors.emplace_back(name, Tensor(buffer.data(), shape, dtype, tensor.device()));
    converted->buffers.push_back(std::move(buffer));
  }
  return std::make_shared<Model>(std::move(converted), std::move(tensors), metadata_);
}

std::shared_ptr<const Model> Model::on(Device device) const {
  const auto room = [](const Tensor& tensor) {
    return (tensor.bytes() + Buffer::kAlignment - 1) / Buffer::kAlignment * Buffer::kAlignment;
  };
  std::size_t total = 0;
  for (const auto& [name, tensor] : tensors_) {
    require(tensor.device().host_accessible(), ErrorCode::kUnsupported, "tensor ", name, " is on ",
            name_of(tensor.device().kind), " already");
    total += room(tensor);
  }
  auto memory = std::make_shared<Buffer>(total, device);
  const Backend& backend = backend_of(device.kind);
  std::vector<NamedTensor> tensors;
  tensors.reserve(tensors_.size());
  on_device([&] {
    const auto stream = backend.make_stream(device, 1);
    char* place = static_cast<char*>(memory->data());
    for (const auto& [name, tensor] : tensors_) {
      backend.to_device(place, tensor.raw(), tensor.bytes(), *stream);
      tensors.emplace_back(name, Tensor(place, tensor.shape(), tensor.dtype(), device));
      place += room(tensor);
    }
    stream->synchronise();
  });
  return std::make_shared<Model>(std::move(memory), std::move(tensors), metadata_);
}

}  // namespace ofer
