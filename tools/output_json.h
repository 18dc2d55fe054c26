// Results as JSON lines: one object on one line for each image.
#pragma once

#include <string>

#include "tools/console.h"
#include "tools/result_output.h"

namespace ofer {

// The line of one result, without newline: file, label, probabilities (in the order of the weight
// file's labels), patches (rows, columns, distance, radius, occluded, chosen), time_ms, device,
// precision, trained. Numbers are the shortest that give the same float back; a value that is not
// finite is null; bytes of a file name that are not UTF-8 become U+FFFD. `distance` is empty when
// nothing was detected.
std::string result_line(const std::string& file, const Result& result, const RunInfo& info);

// {"file": ..., "error": ...}
std::string error_line(const std::string& file, const std::string& message);

// Lines on standard output and nothing else there; remarks on standard error.
class JsonOutput : public ResultOutput {
 public:
  JsonOutput(Console& console, const RunInfo& info) : console_(console), info_(info) {}
  void result(const std::string& file, const Result& result) override;
  void error(const std::string& file, const std::string& message) override;
  void finish(const RunSummary& summary) override;

 private:
  Console& console_;
  const RunInfo& info_;
};

}  // namespace ofer
