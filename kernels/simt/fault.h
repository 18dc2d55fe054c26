// What the executor reports: a kernel that broke a rule of the device, and where.
#pragma once

#include <source_location>
#include <string>

#include "kernels/device_error.h"

namespace ofer::kernels::simt {

// One line: kernel, block, thread, file and line, and what was done there.
class Fault : public DeviceError {
 public:
  explicit Fault(const std::string& text) : DeviceError(text) {}
};

// Throws a Fault for the device thread that is running; outside of one, for the host.
[[noreturn]] void fault(const std::source_location& where, const std::string& what);

}  // namespace ofer::kernels::simt
