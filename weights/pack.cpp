#include "weights/pack.h"

#include <algorithm>

#include "engine/error.h"
#include "weights/convert_numbers.h"
#include "weights/weight_file.h"

namespace ofer {
namespace {

// A model's tensors in float, as the folds read them.
class ModelNumbers final : public FoldInput {
 public:
  explicit ModelNumbers(std::shared_ptr<const Model> model) : model_(std::move(model)) {}

  Shape shape(const std::string& name) const override {
    return model_->contains(name) ? model_->find(name).shape() : Shape{};
  }
  void read(const std::string& name, std::int64_t first, std::span<double> out) const override {
    const float* from = model_->find(name).data<float>() + first;
    std::copy_n(from, out.size(), out.begin());
  }

 private:
  std::shared_ptr<const Model> model_;
};

}  // namespace

std::vector<FoldError> pack_weights(const std::filesystem::path& source,
                                    const std::filesystem::path& path, const PackOptions& options) {
  require(
      options.dtype == DType::kF16 || options.dtype == DType::kBF16 || options.dtype == DType::kF32,
      ErrorCode::kBadArgument, "weights are kept in f32, bf16 or f16, not in ",
      name_of(options.dtype));
  SafetensorsFile file = SafetensorsFile::open(source);
  WeightInfo info = read_weight_info(file);
  if (options.leave_unet) info.config.unet.reset();
  if (!options.licence.empty()) info.licence = options.licence;
  const ModelNumbers numbers(load_weights(std::move(file)).model->cast(DType::kF32));
  const bool folds =
      !options.keep_structure && info.config.recogniser.structure == RecogniserStructure::kLayers;
  Folded folded;
  if (folds) {
    info.config.recogniser.structure = RecogniserStructure::kFolded;
    folded = fold_recogniser(numbers, info.config, static_cast<std::int64_t>(info.labels.size()),
                             options.threads);
  }
  write_weights(
      path, info,
      [&](const TensorSpec& spec) {
        const auto found = folded.tensors.find(spec.name);
        if (found == folded.tensors.end())
          return numbers_as(options.dtype, spec.name,
                            [&, name = spec.name](std::int64_t first, std::span<double> out) {
                              numbers.read(name, first, out);
                            });
        return numbers_as(options.dtype, spec.name,
                          [&values = found->second](std::int64_t first, std::span<double> out) {
                            std::copy_n(values.begin() + first, out.size(), out.begin());
                          });
      },
      options.dtype);
  return folded.errors;
}

}  // namespace ofer
