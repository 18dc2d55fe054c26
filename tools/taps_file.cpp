#include "tools/taps_file.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "engine/error.h"
#include "tools/json_text.h"
#include "weights/safetensors_writer.h"

namespace ofer {

namespace {

std::filesystem::path folder_of(const std::filesystem::path& path) {
  require(path.has_filename(), ErrorCode::kBadArgument, "--taps: \"", path.string(),
          "\" is not a file name");
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::kBadArgument,
          "--taps: ", path.string(), " is a folder; name a file, such as taps.safetensors");
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

TapsFile::TapsFile(std::filesystem::path path, std::size_t passes)
    : path_(std::move(path)), numbered_(passes > 1), values_(folder_of(path_)) {}

void TapsFile::begin_pass(std::span<const std::string> files) {
  std::string prefix;
  if (numbered_) {
    char text[32];
    std::snprintf(text, sizeof(text), "%05zu/", begun_);
    prefix = text;
  }
  ++begun_;
  passes_.push_back(
      {std::move(prefix), {files.begin(), files.end()}, entries_.size(), values_.size()});
}

void TapsFile::add(std::string_view name, const Tensor& tensor) {
  const std::uint64_t offset = values_.size();
  try {
    if (tensor.bytes() > 0) values_.append(tensor.raw(), tensor.bytes());
  } catch (const Error&) {
    failed_ = true;
    throw;
  }
  entries_.push_back(
      {passes_.back().prefix + std::string(name), tensor.dtype(), tensor.shape(), offset});
}

void TapsFile::drop_pass() {
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(passes_.back().first_entry),
                 entries_.end());
  values_.shrink(passes_.back().first_byte);
  passes_.pop_back();
}

void TapsFile::commit(std::map<std::string, std::string, std::less<>> metadata) {
  std::vector<TensorSource> tensors;
  tensors.reserve(entries_.size());
  for (const Entry& entry : entries_)
    tensors.push_back(
        {entry.name, entry.dtype, entry.shape,
         [this, begin = entry.offset](std::uint64_t offset, std::span<std::byte> out) {
           values_.read(begin + offset, out.data(), out.size());
         }});
  nlohmann::ordered_json passes = nlohmann::ordered_json::array();
  for (const Pass& pass : passes_)
    passes.push_back({{"prefix", pass.prefix}, {"files", pass.files}});
  metadata["passes"] = json_line(passes);
  write_safetensors(path_, tensors, metadata);
}

}  // namespace ofer
