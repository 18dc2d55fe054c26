#include "tools/train_start.h"

#include <memory>
#include <set>

#include "engine/error.h"
#include "tools/command_line.h"
#include "tools/config_file.h"
#include "weights/initialise.h"

namespace ofer {

namespace {

// Weights for `config`, written to `path`: what `source` has of the same name and shape, an encoder
// that the detector shall have for itself from the autoencoder's, all else drawn. Says what is new.
void take_over(const std::filesystem::path& source, const Config& config, std::uint64_t seed,
               const std::filesystem::path& path, Console& console) {
  SafetensorsFile file = SafetensorsFile::open(source);
  WeightInfo info = read_weight_info(file);
  const LoadedWeights old = load_weights(std::move(file));
  info.config = config;
  info.config.recogniser.structure = RecogniserStructure::kLayers;
  const std::shared_ptr<const Model> wide = old.model->cast(DType::kF32);
  std::set<std::string> drawn;
  const std::string own = "detector.encoder.", shared = "mae.encoder.";
  write_weights(path, info, [&](const TensorSpec& spec) {
    const auto fits = [&](const std::string& name) {
      const Tensor tensor = wide->contains(name) ? wide->find(name) : Tensor();
      return tensor.defined() && tensor.shape() == spec.shape ? tensor : Tensor();
    };
    Tensor tensor = fits(spec.name);
    if (!tensor.defined() && spec.name.starts_with(own))
      tensor = fits(shared + spec.name.substr(own.size()));
    if (tensor.defined()) return fill_from(tensor);
    const std::size_t dot = spec.name.find('.');
    drawn.insert(spec.name.substr(0, spec.name.find('.', dot + 1)));
    return initial_values(spec, seed);
  });
  std::string list;
  for (const std::string& part : drawn) list += (list.empty() ? "" : ", ") + part;
  if (!list.empty()) print_note(console, "ofer: new in this configuration, and drawn: " + list);
}

}  // namespace

TrainStart train_start(const std::string& weights, const std::string& config, std::uint64_t seed,
                       const std::filesystem::path& folder, Console& console) {
  require(!weights.empty() || !config.empty(), ErrorCode::kBadArgument,
          "give -m, weights to start from, or --config, for drawn ones, or both");
  TrainStart start;
  std::filesystem::path path = weights;
  if (!config.empty()) {
    path = folder / "start.safetensors";
    Config wanted = config_named(config);
    wanted.recogniser.structure = RecogniserStructure::kLayers;
    if (weights.empty())
      write_initial_weights(wanted, seed, path);
    else
      take_over(weights, wanted, seed, path, console);
  }
  SafetensorsFile file = SafetensorsFile::open(path);
  start.info = read_weight_info(file);
  require(start.info.config.recogniser.structure == RecogniserStructure::kLayers,
          ErrorCode::kBadFile, path.string(),
          ": its recogniser is folded, and cannot be trained further");
  start.weights = load_weights(std::move(file));
  return start;
}

}  // namespace ofer
