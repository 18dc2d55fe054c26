// Images through the pipeline, batch by batch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "engine/image_resize.h"
#include "ofer/pipeline.h"
#include "tools/inputs.h"
#include "tools/progress.h"
#include "tools/result_output.h"
#include "tools/result_pictures.h"
#include "tools/taps_file.h"

namespace ofer {

struct BatchPlan {
  std::size_t batch = 1;
  Request request;
  std::vector<std::uint8_t> mask;  // kGiven: one image's L values, used for all
  std::string pictures;            // folder; empty: none
  TapsFile* taps = nullptr;
};

// Reads, analyses, draws and prints one batch after the other; holds the images of one batch only,
// so memory does not grow with their number. An image that fails is reported in its place, the
// others of its batch go on. One thread.
class BatchRun {
 public:
  // `stopped` is asked between images; true ends the run.
  BatchRun(Console& console, Pipeline& pipeline, const RunInfo& info, BatchPlan plan,
           ResultOutput& output, std::function<bool()> stopped);

  // Adds up in `summary`. Throws what ends the whole run: the output cannot be written.
  void run(std::span<const InputFile> inputs, RunSummary& summary);

 private:
  struct Item {
    const InputFile* input = nullptr;
    Image picture;          // for drawing; empty when no pictures are asked for
    std::string error;      // empty: good
    std::size_t place = 0;  // among the batch's good images
  };

  void read(Item& item);
  bool analyse(std::vector<Item>& items, std::vector<Result>& results);
  void deliver(Item& item, const Result* result, const std::string& stem, RunSummary& summary);

  Console& console_;
  Pipeline& pipeline_;
  const RunInfo& info_;
  BatchPlan plan_;
  ResultOutput& output_;
  std::function<bool()> stopped_;

  std::size_t good_ = 0;  // images of the batch that have been read
  std::vector<float> vit_, restored_;
  std::vector<std::uint8_t> masks_;
  ResizeScratch scratch_;
};

}  // namespace ofer
