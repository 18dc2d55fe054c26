// What a device, its driver or its library refused.
#pragma once

#include <stdexcept>
#include <string>

namespace ofer::kernels {

// One line that names the kernel or call and the reason. `out_of_memory`: the device lacked memory.
class DeviceError : public std::runtime_error {
 public:
  explicit DeviceError(const std::string& text, bool memory = false)
      : std::runtime_error(text), out_of_memory(memory) {}
  const bool out_of_memory;
};

}  // namespace ofer::kernels
