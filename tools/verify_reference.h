// The file that `ofer verify` holds a pass against: inputs, and taps by name (docs/verify.md).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ofer/network.h"
#include "ofer/pipeline.h"
#include "weights/safetensors.h"

namespace ofer {

// Checked against a network; the taps' values stay in the mapped file. Any number of threads may
// read it.
class VerifyReference {
 public:
  // Throws kIo, and kBadFile in one line: no or misshapen inputs, a mask that is not 0 and 1, taps
  // that are no floats, Grad-CAM names that fit no class or layer, no tap at all.
  VerifyReference(const std::string& path, const Network& network);

  const SafetensorsFile& file() const { return file_; }
  // Valid as long as the object stays where it is.
  Inputs inputs() const;
  bool detects() const { return mask_.empty(); }
  // Inputs were not float32, so that the engine sees others than the reference did.
  bool inputs_rounded() const { return rounded_; }

  // What one pass is to be compared with, in the file's order; null for any other name.
  const std::vector<const SafetensorsEntry*>& taps() const { return taps_; }
  const SafetensorsEntry* find_tap(std::string_view name) const;

  // Grad-CAM of one class at one layer: a pass of its own. Null: not in the file.
  struct Map {
    int label = 0;
    std::string layer;  // "recognise/stage4/block1"
    const SafetensorsEntry* gradient = nullptr;
    const SafetensorsEntry* cam = nullptr;
    const SafetensorsEntry* cam_plus_plus = nullptr;
  };
  const std::vector<Map>& maps() const { return maps_; }

  // Number of taps of both kinds.
  std::size_t size() const { return size_; }

 private:
  std::vector<float> image(const char* name, std::int64_t side);
  void read_mask(std::int64_t patches);
  void add_map(const SafetensorsEntry& entry, const Network& network);

  SafetensorsFile file_;
  std::int64_t count_ = 0;
  std::vector<float> vit_, restored_;
  std::vector<std::uint8_t> mask_;
  bool rounded_ = false;
  std::vector<const SafetensorsEntry*> taps_;
  std::vector<Map> maps_;
  std::size_t size_ = 0;
};

}  // namespace ofer
