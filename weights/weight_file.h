// A model's weight file: a safetensors file whose metadata says what network its tensors make.
//
// Metadata, all of it text:
//   format_version  "1"
//   configuration   JSON object (weights/config.h)
//   labels          JSON list of the classes' names, in the order of the logits
//   preprocessing   JSON object: how an image becomes the network's input
//   provenance      where the weights come from
//   licence         what they may be used for
//   trained         "true", or "false" for random numbers
//   sha256          of everything behind the header, in hexadecimal
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/model.h"
#include "weights/config.h"
#include "weights/safetensors.h"
#include "weights/safetensors_writer.h"
#include "weights/tensor_table.h"

namespace ofer {

inline constexpr int kWeightFormatVersion = 1;

// The seven expressions of the published models, in their order.
std::vector<std::string> default_labels();

// What a weight file says about itself.
struct WeightInfo {
  Config config;
  std::vector<std::string> labels = default_labels();
  std::string provenance;
  std::string licence;
  bool trained = false;
};

struct LoadOptions {
  bool verify_checksum = true;
};

struct LoadedWeights {
  std::shared_ptr<const Model> model;  // keeps the file mapped
  Config config;
  std::vector<std::string> labels;
  bool trained = false;
};

// Opens a weight file and checks all of it before use: format, version, checksum, configuration,
// labels, and every tensor's name, shape and type (f32, f16 or bf16) against the tensor table.
// Tensors are mapped, not copied, but for ones that do not start on a 64-byte boundary (of a file
// that another program has rewritten). Any number of processes share the memory of one file.
// Throws kIo, and kBadFile in one line that begins with the file's name.
LoadedWeights load_weights(const std::filesystem::path& path, const LoadOptions& options = {});

// The same for a file that is open.
LoadedWeights load_weights(SafetensorsFile file, const LoadOptions& options = {});

// Metadata alone, checked; tensors and checksum are not looked at. Throws kBadFile.
WeightInfo read_weight_info(const SafetensorsFile& file);

// Throws kBadFile when the data is not what the file's sha256 was made of, or when it has none.
void verify_checksum(const SafetensorsFile& file);

// Writes the tensors of `info.config`'s table, all of `dtype`, each filled by what `fill_of`
// returns for it; it is asked in file order, before anything is written. Throws kBadArgument for an
// invalid configuration or labels, else as write_safetensors.
void write_weights(const std::filesystem::path& path, const WeightInfo& info,
                   const std::function<TensorFill(const TensorSpec&)>& fill_of,
                   DType dtype = DType::kF32);

// Writes a model's tensors, in their own types. Throws kBadArgument when one is missing or does not
// have the shape that `info.config` asks for.
void write_weights(const std::filesystem::path& path, const WeightInfo& info, const Model& model);

// Writes an untrained model (weights/initialise.h) with the default labels.
void write_initial_weights(const Config& config, std::uint64_t seed,
                           const std::filesystem::path& path);

}  // namespace ofer
