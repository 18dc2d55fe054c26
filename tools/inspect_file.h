// One file as `ofer inspect` shows it.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "tools/console.h"
#include "weights/safetensors.h"

namespace ofer {

// What the metadata say, in the order in which it is shown.
struct FileReport {
  bool weights = false;  // the metadata claim a weight file
  std::string problem;   // why it is none; empty: all is well
  std::string checksum;  // "good", "none", or "wrong"
  bool good() const { return problem.empty() && checksum != "wrong"; }
};

// Checks metadata and checksum; reads the whole file.
FileReport report_on(const SafetensorsFile& file);

// One JSON object in one line.
void print_file_json(const SafetensorsFile& file, const std::string& path, const FileReport& report,
                     Console& console);
// Text for people: a line for each tensor, as it is read.
void print_file_table(const SafetensorsFile& file, const std::string& path,
                      const FileReport& report, Console& console);

// Text as JSON where it is JSON (a configuration, labels), else as a string.
nlohmann::ordered_json metadata_value(const std::string& text);

}  // namespace ofer
