#include "tools/verify_reference.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/error.h"
#include "tools/console.h"
#include "tools/tensor_values.h"

namespace ofer {

namespace {

constexpr std::string_view kVit = "input/vit_raw", kUnet = "input/unet", kMask = "given/mask",
                           kMaps = "gradcam/";

bool is_float(const SafetensorsEntry& entry) {
  return entry.dtype == DType::kF64 || entry.dtype == DType::kF32 || entry.dtype == DType::kF16 ||
         entry.dtype == DType::kBF16;
}

}  // namespace

VerifyReference::VerifyReference(const std::string& path, const Network& network)
    : file_(SafetensorsFile::open(path)) {
  const Config& config = network.config();
  vit_ = image(kVit.data(), config.image_size);
  restored_ = image(kUnet.data(), network.restored_size());
  read_mask(config.patch_count());
  for (const SafetensorsEntry& entry : file_.entries()) {
    if (entry.name == kVit || entry.name == kMask) continue;
    require(is_float(entry), ErrorCode::kBadFile, file_.name(), ": ", one_line(entry.name), " is ",
            entry.dtype_name, "; a tap is F64, F32, F16 or BF16");
    if (entry.name.starts_with(kMaps))
      add_map(entry, network);
    else
      taps_.push_back(&entry);
    ++size_;
  }
}

// [N, 3, side, side] as floats. The first one says how many images there are.
std::vector<float> VerifyReference::image(const char* name, std::int64_t side) {
  const SafetensorsEntry* entry = file_.find(name);
  require(entry != nullptr, ErrorCode::kBadFile, file_.name(), ": has no ", name,
          "; a reference holds its inputs (docs/verify.md)");
  require(is_float(*entry), ErrorCode::kBadFile, file_.name(), ": ", name, " is ",
          entry->dtype_name, "; it must be F64, F32, F16 or BF16");
  const std::int64_t rows = entry->shape.rank() > 0 ? entry->shape[0] : 0;
  const Shape wanted{count_ > 0 ? count_ : std::max<std::int64_t>(rows, 1), 3, side, side};
  require(entry->shape == wanted, ErrorCode::kBadFile, file_.name(), ": ", name, " is ",
          entry->shape, ", the weights ask for ", wanted);
  count_ = rows;
  std::vector<float> values(static_cast<std::size_t>(entry->shape.elements()));
  bool finite = true;
  for_values(file_.bytes(*entry), *entry->dtype,
             [&](std::int64_t first, std::span<const double> piece) {
               for (std::size_t i = 0; i < piece.size(); ++i) {
                 const auto value = static_cast<float>(piece[i]);
                 finite = finite && std::isfinite(value);
                 rounded_ = rounded_ || static_cast<double>(value) != piece[i];
                 values[static_cast<std::size_t>(first) + i] = value;
               }
             });
  require(finite, ErrorCode::kBadFile, file_.name(), ": ", name,
          " holds numbers that are not finite");
  return values;
}

void VerifyReference::read_mask(std::int64_t patches) {
  const SafetensorsEntry* entry = file_.find(kMask);
  if (!entry) return;
  require(entry->dtype.has_value(), ErrorCode::kBadFile, file_.name(), ": ", kMask, " is ",
          entry->dtype_name, "; write it as U8, with 1 for a covered patch");
  const Shape wanted{count_, patches};
  require(entry->shape == wanted, ErrorCode::kBadFile, file_.name(), ": ", kMask, " is ",
          entry->shape, ", its images and the weights ask for ", wanted);
  for_values(
      file_.bytes(*entry), *entry->dtype, [&](std::int64_t first, std::span<const double> piece) {
        for (std::size_t i = 0; i < piece.size(); ++i) {
          require(piece[i] == 0 || piece[i] == 1, ErrorCode::kBadFile, file_.name(), ": ", kMask,
                  " holds ", piece[i], " at ",
                  index_text(wanted, first + static_cast<std::int64_t>(i)), "; a patch is 0 or 1");
          mask_.push_back(piece[i] != 0);
        }
      });
}

// gradcam/LABEL/LAYER/KIND, the layer without its "recognise/".
void VerifyReference::add_map(const SafetensorsEntry& entry, const Network& network) {
  const std::string_view name = entry.name;
  const std::size_t first = kMaps.size(), slash = name.find('/', first), last = name.rfind('/');
  int label = -1;
  std::string layer;
  std::string_view kind;
  if (slash != std::string_view::npos && last > slash) {
    const auto [end, error] = std::from_chars(name.data() + first, name.data() + slash, label);
    if (error != std::errc() || end != name.data() + slash) label = -1;
    layer = "recognise/" + std::string(name.substr(slash + 1, last - slash - 1));
    kind = name.substr(last + 1);
  }
  const std::vector<std::string>& layers = network.recogniser().activation_layers();
  require(label >= 0 && label < static_cast<int>(network.labels().size()) &&
              std::find(layers.begin(), layers.end(), layer) != layers.end() &&
              (kind == "gradient" || kind == "cam" || kind == "campp"),
          ErrorCode::kBadFile, file_.name(), ": ", one_line(name),
          " is no gradcam/CLASS/LAYER/gradient, cam or campp of this network");
  auto map = std::find_if(maps_.begin(), maps_.end(),
                          [&](const Map& m) { return m.label == label && m.layer == layer; });
  if (map == maps_.end()) map = maps_.insert(maps_.end(), Map{label, layer});
  (kind == "gradient" ? map->gradient : kind == "cam" ? map->cam : map->cam_plus_plus) = &entry;
}

Inputs VerifyReference::inputs() const {
  Inputs inputs;
  inputs.count = count_;
  inputs.vit = vit_;
  inputs.restored = restored_;
  inputs.mask = mask_;
  return inputs;
}

const SafetensorsEntry* VerifyReference::find_tap(std::string_view name) const {
  if (name == kVit || name == kMask || name.starts_with(kMaps)) return nullptr;
  return file_.find(name);
}

}  // namespace ofer
