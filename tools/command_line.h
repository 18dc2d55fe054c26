// The ofer command line: which command is meant, its help, and exit codes.
#pragma once

#include <span>
#include <string>

#include "tools/console.h"

namespace ofer {

enum ExitCode : int {
  kExitGood = 0,
  kExitSomeFailed = 1,  // an image could not be read or analysed; the others were
  kExitUsage = 2,       // the command line asks for something that cannot be
  kExitFailed = 3,      // weights, mask, device or an output failed; the work was not done
  kExitSignal = 128,    // plus the signal: 130 for Ctrl-C
};

// Runs `ofer arguments...` and gives its exit code. Errors go to console.err, each as one line.
int run_command_line(std::span<const std::string> arguments, Console& console);

}  // namespace ofer
