#include "weights/checkpoint_source.h"

#include <cstring>
#include <utility>

#include "engine/error.h"

namespace ofer {

CheckpointSource::CheckpointSource(const std::filesystem::path& path)
    : name_(path.string()), descriptor_(path), file_(std::in_place, *descriptor_) {}

CheckpointSource::CheckpointSource(std::span<const std::byte> bytes, std::string name)
    : name_(std::move(name)), buffer_(bytes.size()) {
  if (!bytes.empty()) std::memcpy(buffer_.data(), bytes.data(), bytes.size());
}

std::span<const std::byte> CheckpointSource::bytes() const {
  if (file_) return file_->bytes();
  return {static_cast<const std::byte*>(buffer_.data()), buffer_.size()};
}

void CheckpointSource::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (out.empty()) return;
  const std::size_t size = bytes().size();
  OFER_ASSERT(offset <= size && out.size() <= size - offset);
  if (!file_) {
    std::memcpy(out.data(), bytes().data() + offset, out.size());
    return;
  }
  require(descriptor_->read(offset, out) == out.size(), ErrorCode::kBadFile, name_,
          ": has been cut short since it was opened");
}

void CheckpointSource::require_whole() const {
  require(!file_ || descriptor_->size() >= file_->bytes().size(), ErrorCode::kBadFile, name_,
          ": has been cut short since it was opened");
}

}  // namespace ofer
