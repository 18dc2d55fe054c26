#include "weights/weight_file.h"

#include <cstring>
#include <set>
#include <utility>

#include "engine/buffer.h"
#include "engine/error.h"
#include "weights/initialise.h"
#include "weights/sha256.h"
#include "weights/strict_json.h"
#include "weights/weight_info.h"

namespace ofer {
namespace {

// What a loaded model stands on: the mapped file, and copies of what lies badly in it.
struct Storage {
  explicit Storage(SafetensorsFile opened) : file(std::move(opened)) {}
  SafetensorsFile file;
  std::vector<Buffer> copies;
};

// Collects what does not fit and tells it in one line, the first few by name.
class Misfits {
 public:
  void add(const std::string& what) {
    if (count_++ < kShown) text_ += (text_.empty() ? "" : ", ") + what;
  }
  void report(std::string& line, const char* title) const {
    if (count_ == 0) return;
    line += message(line.empty() ? "" : "; ", count_, " ", title, " (", text_,
                    count_ > kShown ? ", ..." : "", ")");
  }

 private:
  static constexpr int kShown = 3;
  int count_ = 0;
  std::string text_;
};

bool is_weight_type(std::optional<DType> dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

void compare_with_table(const SafetensorsFile& file, const std::vector<TensorSpec>& table) {
  Misfits missing, misshapen, mistyped, unknown;
  std::set<std::string_view> wanted;
  for (const TensorSpec& spec : table) {
    wanted.insert(spec.name);
    const SafetensorsEntry* entry = file.find(spec.name);
    if (!entry) {
      missing.add(spec.name);
      continue;
    }
    if (entry->shape != spec.shape)
      misshapen.add(message(spec.name, " is ", entry->shape.to_string(), " instead of ",
                            spec.shape.to_string()));
    if (!is_weight_type(entry->dtype)) mistyped.add(message(spec.name, " is ", entry->dtype_name));
  }
  for (const SafetensorsEntry& entry : file.entries())
    if (!wanted.contains(entry.name)) unknown.add(printable(entry.name));
  std::string line;
  missing.report(line, "missing");
  misshapen.report(line, "of the wrong shape");
  mistyped.report(line, "of a type other than F32, F16, BF16");
  unknown.report(line, "unknown");
  require(line.empty(), ErrorCode::kBadFile, file.name(),
          ": its tensors do not fit its configuration: ", line);
}

Tensor aligned_tensor(Storage& storage, const SafetensorsEntry& entry) {
  if (storage.file.aligned(entry, Buffer::kAlignment)) return storage.file.tensor(entry);
  const std::span<const std::byte> bytes = storage.file.bytes(entry);
  Buffer copy(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.data(), bytes.data(), bytes.size());
  const Tensor tensor(copy.data(), entry.shape, *entry.dtype);
  storage.copies.push_back(std::move(copy));
  return tensor;
}

}  // namespace

void verify_checksum(const SafetensorsFile& file) {
  const auto found = file.metadata().find("sha256");
  require(found != file.metadata().end(), ErrorCode::kBadFile, file.name(),
          ": no sha256 in its metadata, so it cannot be checked");
  const std::string hash = sha256_hex(file.data().data(), file.data().size());
  require(hash == found->second, ErrorCode::kBadFile, file.name(), ": its data is damaged (sha256 ",
          hash.substr(0, 12), "..., not ", printable(found->second.substr(0, 12)),
          "); get the file again");
}

LoadedWeights load_weights(const std::filesystem::path& path, const LoadOptions& options) {
  return load_weights(SafetensorsFile::open(path), options);
}

LoadedWeights load_weights(SafetensorsFile file, const LoadOptions& options) {
  auto storage = std::make_shared<Storage>(std::move(file));
  WeightInfo info = read_weight_info(storage->file);
  const std::vector<TensorSpec> table =
      tensor_table(info.config, static_cast<std::int64_t>(info.labels.size()));
  compare_with_table(storage->file, table);
  if (options.verify_checksum) verify_checksum(storage->file);

  std::vector<Model::NamedTensor> tensors;
  tensors.reserve(table.size());
  for (const SafetensorsEntry& entry : storage->file.entries())
    tensors.emplace_back(entry.name, aligned_tensor(*storage, entry));
  Model::Metadata metadata = storage->file.metadata();
  LoadedWeights loaded;
  loaded.model =
      std::make_shared<const Model>(std::move(storage), std::move(tensors), std::move(metadata));
  loaded.config = std::move(info.config);
  loaded.labels = std::move(info.labels);
  loaded.trained = info.trained;
  return loaded;
}

void write_weights(const std::filesystem::path& path, const WeightInfo& info,
                   const std::function<TensorFill(const TensorSpec&)>& fill_of, DType dtype) {
  require(is_weight_type(dtype), ErrorCode::kBadArgument,
          "a weight file holds f32, f16 or bf16, not ", name_of(dtype));
  const auto metadata = weight_metadata(info);
  std::vector<TensorSource> sources;
  for (const TensorSpec& spec :
       tensor_table(info.config, static_cast<std::int64_t>(info.labels.size())))
    sources.push_back({spec.name, dtype, spec.shape, fill_of(spec)});
  write_safetensors(path, sources, metadata);
}

void write_weights(const std::filesystem::path& path, const WeightInfo& info, const Model& model) {
  const auto metadata = weight_metadata(info);
  std::vector<TensorSource> sources;
  for (const TensorSpec& spec :
       tensor_table(info.config, static_cast<std::int64_t>(info.labels.size()))) {
    require(model.contains(spec.name), ErrorCode::kBadArgument, "the model has no tensor ",
            spec.name, ", which its configuration asks for");
    const Tensor tensor = model.find(spec.name);
    require(tensor.shape() == spec.shape && is_weight_type(tensor.dtype()), ErrorCode::kBadArgument,
            "the model's tensor ", spec.name, " is ", name_of(tensor.dtype()), " ",
            tensor.shape().to_string(), ", but f32 ", spec.shape.to_string(), " is asked for");
    sources.push_back({spec.name, tensor.dtype(), tensor.shape(), fill_from(tensor)});
  }
  write_safetensors(path, sources, metadata);
}

void write_initial_weights(const Config& config, std::uint64_t seed,
                           const std::filesystem::path& path) {
  WeightInfo info;
  info.config = config;
  info.provenance = message("random numbers of seed ", seed);
  info.licence = "none needed: random numbers";
  write_weights(path, info, [seed](const TensorSpec& spec) { return initial_values(spec, seed); });
}

}  // namespace ofer
