#include "ofer/train/checkpoint.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/error.h"
#include "weights/weight_file.h"

namespace ofer {
namespace {

constexpr const char* kKind = "training state";
constexpr const char* kStep = "step";

std::int64_t step_of(const SafetensorsFile& file) {
  const auto found = file.metadata().find(kStep);
  std::int64_t step = -1;
  if (found != file.metadata().end()) {
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), step);
    if (error != std::errc() || end != text.data() + text.size()) step = -1;
  }
  require(step >= 0, ErrorCode::kBadFile, file.name(), ": does not say at which step it was saved");
  return step;
}

}  // namespace

TensorFill fill_from(Session& session, const Tensor& tensor) {
  if (tensor.device().host_accessible()) return fill_from(tensor);
  auto copy = std::make_shared<std::vector<std::byte>>();
  return [&session, tensor, copy](std::uint64_t offset, std::span<std::byte> out) {
    if (offset == 0) {
      copy->resize(tensor.bytes());
      session.to_host(tensor, copy->data());
    }
    std::memcpy(out.data(), copy->data() + offset, out.size());
    if (offset + out.size() == tensor.bytes()) copy->clear();
  };
}

void save_checkpoint(const std::filesystem::path& path, Trainer& trainer,
                     const CheckpointNotes& notes) {
  std::vector<TensorSource> sources;
  for (const auto& [name, tensor] : trainer.state())
    sources.push_back({name, tensor.dtype(), tensor.shape(), fill_from(trainer.session(), tensor)});
  CheckpointNotes metadata = notes;
  metadata["kind"] = kKind;
  metadata[kStep] = std::to_string(trainer.steps_done());
  write_safetensors(path, sources, metadata);
}

SafetensorsFile open_checkpoint(const std::filesystem::path& path) {
  SafetensorsFile file = SafetensorsFile::open(path);
  const auto kind = file.metadata().find("kind");
  require(kind != file.metadata().end() && kind->second == kKind, ErrorCode::kBadFile, file.name(),
          ": is no checkpoint of ofer train");
  verify_checksum(file);
  return file;
}

void restore_checkpoint(const SafetensorsFile& file, Trainer& trainer) {
  const std::int64_t step = step_of(file);
  const auto state = trainer.state();
  for (const auto& [name, tensor] : state) {
    const SafetensorsEntry* entry = file.find(name);
    require(entry != nullptr, ErrorCode::kBadFile, file.name(), ": lacks ", name);
    require(entry->shape == tensor.shape() && entry->dtype == tensor.dtype(), ErrorCode::kBadFile,
            file.name(), ": ", name, " is ", entry->dtype_name, " ", entry->shape, " instead of ",
            name_of(tensor.dtype()), " ", tensor.shape());
  }
  require(file.entries().size() == state.size(), ErrorCode::kBadFile, file.name(), ": holds ",
          file.entries().size(), " tensors, the run has ", state.size(),
          "; its settings were others");
  for (const auto& [name, tensor] : state)
    trainer.session().to_device(tensor, file.bytes(*file.find(name)).data());
  trainer.session().synchronise();
  trainer.resume_at(step);
}

}  // namespace ofer
