// Reference taps of the PyTorch twin (tools/reference), and the comparison of a pipeline with them.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ofer/pipeline.h"
#include "weights/safetensors.h"

namespace ofer::test {

// A folder that make_grid.py filled: weights.safetensors and one file per case. Removed with the
// object.
class ReferenceGrid {
 public:
  // Runs the twin on `config`. `only`: ends of tap names to keep (all when empty). `available()` is
  // false when this machine's Python has no torch.
  ReferenceGrid(const Config& config, int seed, const std::vector<std::string>& cases,
                const std::vector<std::string>& only = {});
  ~ReferenceGrid();
  ReferenceGrid(const ReferenceGrid&) = delete;
  ReferenceGrid& operator=(const ReferenceGrid&) = delete;

  static bool available();
  std::string weights() const { return (folder_ / "weights.safetensors").string(); }
  SafetensorsFile open(const std::string& name) const;

 private:
  std::filesystem::path folder_;
};

// A case's inputs as the pipeline takes them.
struct CaseInputs {
  std::int64_t count = 0;
  std::vector<float> vit, unet;
  std::vector<std::uint8_t> mask;
  bool detect = true;

  explicit CaseInputs(const SafetensorsFile& file);
  Inputs inputs() const;
  // One image of the batch alone.
  CaseInputs image(std::int64_t index) const;
  Request request() const;

 private:
  CaseInputs() = default;
};

struct Tolerance {
  double taps;    // relative L2 of every tap
  double logits;  // of recognise/logits and recognise/probabilities
};

// Runs the case with every tap compared to the reference. Returns one line for each tap that is
// off, missing or unknown; empty when all is well. `compared` (or null) counts the taps.
std::vector<std::string> compare_case(Pipeline& pipeline, const SafetensorsFile& reference,
                                      const Tolerance& tolerance, int* compared = nullptr);

// |got - expected|_2 / |expected|_2 (or the plain norm where expected is zero).
double relative_l2(const Tensor& got, const Tensor& expected);

}  // namespace ofer::test
