// Results as a table for a person.
#pragma once

#include <string>

#include "tools/console.h"
#include "tools/result_output.h"

namespace ofer {

// One row for each image; where there is only one image, a bar for each expression as well. At the
// end: device and precision, where the pictures are, and whether the weights were trained. Errors
// go to standard error. Widths follow the terminal.
class TableOutput : public ResultOutput {
 public:
  // longest_name: columns of the widest file name to come; images: how many.
  TableOutput(Console& console, const RunInfo& info, int longest_name, std::size_t images);
  void result(const std::string& file, const Result& result) override;
  void error(const std::string& file, const std::string& message) override;
  void finish(const RunSummary& summary) override;

 private:
  void heading();
  void bars(const Result& result);
  std::string styled(const char* code, const std::string& text) const;

  Console& console_;
  const RunInfo& info_;
  bool single_;
  bool headed_ = false;
  int file_width_, label_width_;
};

}  // namespace ofer
