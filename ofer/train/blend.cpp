#include "ofer/train/blend.h"

#include <utility>

#include "engine/error.h"

namespace ofer {

namespace {

bool is_blended(const std::string& name) {
  return name.starts_with("recogniser.") && !name.starts_with("recogniser.classifier.latent");
}

}  // namespace

Blend::Blend(const std::filesystem::path& path, double share)
    : file_(SafetensorsFile::open(path.string())), share_(share) {}

void Blend::check(const TensorSpec& spec) const {
  if (!is_blended(spec.name)) return;
  const auto refuse = [&](const std::string& what) {
    fail(ErrorCode::kBadFile, "recognise.blend_with: ", file_.name(), ": ", what,
         "; it must be weights of the same configuration as training writes them, not packed");
  };
  const SafetensorsEntry* entry = file_.find(spec.name);
  if (!entry) refuse("has no tensor " + spec.name);
  const Tensor tensor = file_.tensor(*entry);
  if (tensor.dtype() != DType::kF32 || tensor.shape() != spec.shape)
    refuse(message(spec.name, " has shape ", tensor.shape(), " of ", name_of(tensor.dtype()),
                   ", not ", spec.shape, " of f32"));
}

TensorFill Blend::operator()(const TensorSpec& spec, TensorFill own) const {
  if (!is_blended(spec.name)) return own;
  check(spec);
  return [other = file_.tensor(*file_.find(spec.name)), share = share_, own = std::move(own)](
             std::uint64_t offset, std::span<std::byte> out) {
    own(offset, out);
    auto* const values = reinterpret_cast<float*>(out.data());
    const float* const theirs = other.data<float>() + offset / sizeof(float);
    for (std::size_t i = 0; i < out.size() / sizeof(float); ++i)
      values[i] = static_cast<float>((1 - share) * static_cast<double>(values[i]) +
                                     share * static_cast<double>(theirs[i]));
  };
}

}  // namespace ofer
