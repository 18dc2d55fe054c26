// Runs a script of the PyTorch twin (tools/reference).
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "engine/error.h"

namespace ofer::test {

// `script ARGUMENTS...` by the Python that has torch. Throws when it fails; it has then said why.
inline void run_reference_script(const std::string& script,
                                 const std::vector<std::string>& arguments) {
  const auto quoted = [](const std::string& text) { return "'" + text + "'"; };
  // The sanitizers' runtime must not be loaded into Python.
  std::string command = "env -u LD_PRELOAD PYTHONDONTWRITEBYTECODE=1 " + quoted(OFER_PYTHON) + " " +
                        quoted(OFER_SOURCE_DIR "/tools/reference/" + script);
  for (const std::string& argument : arguments) command.append(" ").append(quoted(argument));
  if (std::system(command.c_str()) != 0)
    fail(ErrorCode::kInternal, "the reference could not be made: ", command);
}

}  // namespace ofer::test
