// Where memory lives and kernels run.
#pragma once

#include <cstdint>

namespace ofer {

// kSimt: the CUDA kernels' source, run on the host by the executor of kernels/simt/.
enum class DeviceKind : std::uint8_t { kCpu, kCuda, kSimt };

struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  int index = 0;

  bool operator==(const Device&) const = default;
  // May the host read and write this memory through a plain pointer? The executor's memory is the
  // host's in truth, but is treated as a GPU's, so that every copy a GPU needs is made and tested.
  bool host_accessible() const { return kind == DeviceKind::kCpu; }
};

constexpr const char* name_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpu: return "cpu";
    case DeviceKind::kCuda: return "cuda";
    case DeviceKind::kSimt: return "simt";
  }
  return "?";
}

}  // namespace ofer
