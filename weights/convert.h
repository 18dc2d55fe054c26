// Foreign checkpoints into one weight file: MAE, ViT encoders, the released U-Net and FER network,
// DAN, ResNet-18, SVDD spheres.
//
// Sizes come from the shapes, names from the tables (weights/source_tables.h), and all algebra is
// in double precision, rounded once. Nothing is guessed silently: what no shape tells is listed as
// assumed; what is missing, unused or misshapen is listed by name and stops the conversion.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weights/convert_source.h"
#include "weights/fold.h"
#include "weights/json_settings.h"
#include "weights/source_names.h"
#include "weights/weight_file.h"

namespace ofer {

struct ConvertOptions {
  std::optional<Config> config;     // empty: read off the shapes
  JsonSettings settings;            // single fields, on top of either
  std::vector<std::string> labels;  // empty: the seven expressions, if there are seven classes
  std::string provenance;           // empty: the sources' names
  std::string licence;              // empty: that it was not stated
  bool keep_structure = false;      // the recogniser as layers, else folded
  bool allow_unused = false;        // sources may hold tensors that nobody needs
  // What no source gives is drawn as `ofer init` does; empty: it is missing.
  std::optional<std::uint64_t> fill_seed;
  DType dtype = DType::kF32;  // or kF16, kBF16
  int threads = 1;            // of the folds; the result does not depend on it
};

// What does not fit: "recogniser.stem.conv.weight (features.0.weight of C.pth)", ...
struct ConvertProblems {
  std::vector<std::string> missing, misshapen, twice, unused;
  bool empty() const {
    return missing.empty() && misshapen.empty() && twice.empty() && unused.empty();
  }
};

struct ConvertReport {
  struct Source {
    std::string file, format, option, names;  // "C.pth", "PyTorch zip", "--fer", "released names"
    std::size_t used = 0;                     // tensors
    std::vector<std::string> left_out = {};   // known to be of no use, or allowed to be unused
  };
  std::vector<Source> sources;
  std::vector<std::string> assumed;  // fields of the configuration (weights/convert_sizes.h)
  std::vector<std::string> filled;   // our tensors that were drawn at random
  std::vector<FoldError> folds;      // after write(); empty when the structure is kept
};

// One conversion, from the names and shapes to the file. Not movable; one thread at a time.
class Conversion {
 public:
  struct Input {
    SourceKind kind;
    const ConvertSource* source;  // kept until the conversion has ended
    std::string format;
  };

  // Looks at names and shapes; reads no numbers. Throws kBadArgument for options that contradict
  // one another or the sources, kBadFile for a source of another kind (and says which) and for
  // sizes that make no model.
  Conversion(std::vector<Input> inputs, ConvertOptions options);
  ~Conversion();
  Conversion(const Conversion&) = delete;
  Conversion& operator=(const Conversion&) = delete;

  const WeightInfo& info() const;  // of the file to be written
  const ConvertProblems& problems() const;
  const ConvertReport& report() const;

  // Folds and writes, whole or not at all. Memory: the folded recogniser, a layer's weights or 32
  // MiB of a large one, and 1 MiB pieces. Throws kBadFile where there are problems, for a number
  // that is not finite or, as f16, out of range (naming the tensor), else as write_safetensors.
  void write(const std::filesystem::path& path);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ofer
