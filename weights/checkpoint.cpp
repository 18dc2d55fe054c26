#include "weights/checkpoint.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"
#include "weights/checkpoint_content.h"
#include "weights/sharded_index.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr std::string_view kParallelPrefix = "module.";

std::string_view text_of(const CheckpointSource& source) {
  return {reinterpret_cast<const char*>(source.bytes().data()), source.bytes().size()};
}

// Every tensor of a shard is where the index says, and the index says nothing else of it.
void check_shard(const CheckpointPart& part, const ShardedIndex& index, std::uint32_t shard,
                 const std::string& file) {
  std::size_t expected = 0, found = 0;
  for (const auto& [tensor, of] : index.file_of) expected += of == shard;
  for (const CheckpointTensor& tensor : part.tensors) {
    const auto place = index.file_of.find(tensor.name);
    require(place != index.file_of.end(), ErrorCode::kBadFile, file, ": holds tensor ",
            printable(tensor.name), ", which the index does not list");
    require(place->second == shard, ErrorCode::kBadFile, file, ": holds tensor ",
            printable(tensor.name), ", which the index puts into ",
            printable(index.files[place->second]));
    ++found;
  }
  if (found == expected) return;
  for (const auto& [name, of] : index.file_of) {
    const auto found_here = [&, &wanted = name](const auto& t) { return t.name == wanted; };
    if (of == shard && std::none_of(part.tensors.begin(), part.tensors.end(), found_here))
      fail(ErrorCode::kBadFile, file, ": lacks tensor ", printable(name),
           ", which the index puts there");
  }
  fail(ErrorCode::kBadFile, file, ": holds a tensor twice");
}

}  // namespace

void Checkpoint::Content::add(CheckpointPart part, std::size_t source) {
  for (TensorPlace& place : part.places) {
    place.source = static_cast<std::uint32_t>(source);
    places.push_back(place);
  }
  std::move(part.tensors.begin(), part.tensors.end(), std::back_inserter(tensors));
  for (auto& [key, value] : part.numbers)
    require(numbers.emplace(std::move(key), value).second, ErrorCode::kBadFile,
            sources[source].name(), ": a number comes twice");
  format = std::move(part.format);
}

void Checkpoint::Content::finish() {
  require(!tensors.empty(), ErrorCode::kBadFile, name, ": holds no tensors");
  const bool parallel = std::all_of(tensors.begin(), tensors.end(), [](const auto& tensor) {
    return tensor.name.starts_with(kParallelPrefix) && tensor.name.size() > kParallelPrefix.size();
  });
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (parallel) tensors[i].name.erase(0, kParallelPrefix.size());
    require(index.emplace(tensors[i].name, i).second, ErrorCode::kBadFile, name, ": tensor ",
            printable(tensors[i].name), " comes twice");
    require(numbers.find(tensors[i].name) == numbers.end(), ErrorCode::kBadFile, name, ": ",
            printable(tensors[i].name), " is a tensor and a number");
  }
}

Checkpoint::Checkpoint(std::unique_ptr<Content> content) : content_(std::move(content)) {}
Checkpoint::Checkpoint(Checkpoint&&) noexcept = default;
Checkpoint& Checkpoint::operator=(Checkpoint&&) noexcept = default;
Checkpoint::~Checkpoint() = default;

Checkpoint Checkpoint::open(const std::filesystem::path& path) {
  auto content = std::make_unique<Content>();
  content->name = path.string();
  CheckpointSource first(path);
  if (is_json_object(text_of(first)) && !is_safetensors(first.bytes())) {
    const ShardedIndex index = parse_sharded_index(text_of(first), content->name);
    for (std::uint32_t i = 0; i < index.files.size(); ++i) {
      const std::filesystem::path shard = path.parent_path() / index.files[i];
      content->sources.emplace_back(shard);
      CheckpointPart part = read_part(content->sources.back());
      check_shard(part, index, i, shard.string());
      content->add(std::move(part), i);
    }
    content->format = "sharded " + content->format;
  } else {
    content->sources.push_back(std::move(first));
    content->add(read_part(content->sources[0]), 0);
  }
  content->finish();
  return Checkpoint(std::move(content));
}

Checkpoint Checkpoint::from_bytes(std::span<const std::byte> bytes, std::string name) {
  auto content = std::make_unique<Content>();
  content->name = name;
  content->sources.emplace_back(bytes, std::move(name));
  const CheckpointSource& source = content->sources[0];
  require(!is_json_object(text_of(source)) || is_safetensors(source.bytes()), ErrorCode::kBadFile,
          source.name(), ": is JSON; an index of several files is read from its folder only");
  content->add(read_part(source), 0);
  content->finish();
  return Checkpoint(std::move(content));
}

const std::string& Checkpoint::name() const {
  return content_->name;
}
std::string_view Checkpoint::format() const {
  return content_->format;
}
const std::vector<CheckpointTensor>& Checkpoint::tensors() const {
  return content_->tensors;
}

const CheckpointTensor* Checkpoint::find(std::string_view name) const {
  const auto found = content_->index.find(name);
  return found == content_->index.end() ? nullptr : &content_->tensors[found->second];
}

std::optional<double> Checkpoint::number(std::string_view name) const {
  const auto found = content_->numbers.find(name);
  if (found == content_->numbers.end()) return std::nullopt;
  return found->second;
}

}  // namespace ofer
