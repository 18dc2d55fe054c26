#include "tests/reference_cases.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>
#include <set>

#include "tests/support/reference_script.h"

namespace ofer::test {

namespace {

double value_at(const Tensor& t, std::int64_t i) {
  return t.dtype() == DType::kF64 ? t.data<double>()[i] : double{t.data<float>()[i]};
}

template <class T>
std::vector<T> values_of(const SafetensorsFile& file, const char* name) {
  const SafetensorsEntry* entry = file.find(name);
  if (!entry) fail(ErrorCode::kBadFile, file.name(), " has no ", name);
  const Tensor tensor = file.tensor(*entry);
  std::vector<T> values(static_cast<std::size_t>(tensor.elements()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<T>(value_at(tensor, static_cast<std::int64_t>(i)));
  return values;
}

}  // namespace

bool ReferenceGrid::available() {
  return std::string(OFER_PYTHON) != "";
}

ReferenceGrid::ReferenceGrid(const Config& config, int seed, const std::vector<std::string>& cases,
                             const std::vector<std::string>& only) {
  static std::atomic<int> number{0};
  folder_ = std::filesystem::temp_directory_path() /
            ("ofer-reference-" + std::to_string(getpid()) + "-" + std::to_string(number++));
  std::filesystem::create_directories(folder_);
  const std::filesystem::path json = folder_ / "config.json";
  std::ofstream(json) << to_json(config);
  std::vector<std::string> arguments{"--config",           json.string(), "--seed",
                                     std::to_string(seed), "-o",          folder_.string()};
  if (!only.empty()) {
    arguments.push_back("--only");
    arguments.insert(arguments.end(), only.begin(), only.end());
    arguments.push_back("--");
  }
  arguments.insert(arguments.end(), cases.begin(), cases.end());
  run_reference_script("make_grid.py", arguments);
}

ReferenceGrid::~ReferenceGrid() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

SafetensorsFile ReferenceGrid::open(const std::string& name) const {
  return SafetensorsFile::open(folder_ / (name + ".safetensors"));
}

CaseInputs::CaseInputs(const SafetensorsFile& file)
    : vit(values_of<float>(file, "input/vit_raw")), unet(values_of<float>(file, "input/unet")) {
  count = file.find("input/vit_raw")->shape[0];
  detect = file.find("given/mask") == nullptr;
  if (!detect) mask = values_of<std::uint8_t>(file, "given/mask");
}

Inputs CaseInputs::inputs() const {
  Inputs result;
  result.count = count;
  result.vit = vit;
  result.restored = unet;
  result.mask = mask;
  return result;
}

CaseInputs CaseInputs::image(std::int64_t index) const {
  const auto part = [&](const auto& all) {
    const auto each = static_cast<std::ptrdiff_t>(all.size()) / count;
    return std::decay_t<decltype(all)>(all.begin() + index * each,
                                       all.begin() + (index + 1) * each);
  };
  CaseInputs one;
  one.count = 1;
  one.vit = part(vit);
  one.unet = part(unet);
  one.mask = part(mask);
  one.detect = detect;
  return one;
}

Request CaseInputs::request() const {
  Request request;
  request.mask = detect ? MaskSource::kDetect : MaskSource::kGiven;
  request.coarse = request.restored = request.attention = request.latent = true;
  return request;
}

double relative_l2(const Tensor& got, const Tensor& expected) {
  double error = 0, norm = 0;
  for (std::int64_t i = 0; i < expected.elements(); ++i) {
    const double e = value_at(expected, i), d = value_at(got, i) - e;
    error += d * d;
    norm += e * e;
  }
  if (!std::isfinite(error)) return HUGE_VAL;
  return norm > 0 ? std::sqrt(error / norm) : std::sqrt(error);
}

std::vector<std::string> compare_case(Pipeline& pipeline, const SafetensorsFile& reference,
                                      const Tolerance& tolerance, int* compared) {
  std::vector<std::string> wrong;
  std::set<std::string> seen;
  const bool partial = reference.find("detect/encoder/embed") == nullptr &&
                       reference.find("reconstruct/encoder/embed") == nullptr;
  pipeline.session().set_tap([&](std::string_view name, const Tensor& tensor) {
    seen.emplace(name);
    const SafetensorsEntry* entry = reference.find(name);
    if (!entry) {
      if (!partial) wrong.push_back(message(name, ": the reference has no such tap"));
      return;
    }
    if (!(entry->shape == tensor.shape())) {
      wrong.push_back(message(name, ": shape ", tensor.shape().to_string(), ", the reference has ",
                              entry->shape.to_string()));
      return;
    }
    const bool last = name == "recognise/logits" || name == "recognise/probabilities";
    const double error = relative_l2(tensor, reference.tensor(*entry));
    const double allowed = last ? tolerance.logits : tolerance.taps;
    if (!(error <= allowed))
      wrong.push_back(message(name, " ", tensor.shape().to_string(), ": relative L2 error ", error,
                              ", allowed ", allowed));
  });
  const CaseInputs inputs(reference);
  pipeline.run(inputs.inputs(), inputs.request());
  pipeline.session().set_tap({});
  for (const SafetensorsEntry& entry : reference.entries()) {
    const bool tap = entry.name.rfind("gradcam/", 0) != 0 && entry.name.rfind("given/", 0) != 0 &&
                     entry.name != "input/vit_raw";
    if (tap && !seen.count(entry.name))
      wrong.push_back(entry.name + ": the engine has no such tap");
  }
  if (compared) *compared += static_cast<int>(seen.size());
  return wrong;
}

}  // namespace ofer::test
