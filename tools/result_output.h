// Where the results of `ofer run` go, one image after the other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ofer/result.h"

namespace ofer {

// What every result of a run has in common.
struct RunInfo {
  std::vector<std::string> labels;
  std::string device;     // "cpu"
  std::string precision;  // "fp32"
  int threads = 1;
  bool trained = false;
};

inline constexpr std::string_view kUntrainedNote = "untrained weights: the answers mean nothing";

// How a run went.
struct RunSummary {
  std::size_t images = 0;    // that were asked for
  std::size_t answered = 0;  // with a result
  std::size_t failed = 0;
  double seconds = 0;
  std::string pictures;  // the folder; empty: none were written
  std::string taps;      // the file; empty: none was written
  bool interrupted = false;
};

class ResultOutput {
 public:
  virtual ~ResultOutput() = default;
  // `file` is the input as it was given. Both throw what print_line (tools/console.h) throws.
  virtual void result(const std::string& file, const Result& result) = 0;
  // `message` begins with the file's name.
  virtual void error(const std::string& file, const std::string& message) = 0;
  virtual void finish(const RunSummary& summary) = 0;
};

}  // namespace ofer
