// Where memory lives and kernels run.
#pragma once

#include <cstdint>

namespace ofer {

enum class DeviceKind : std::uint8_t { kCpu, kCuda, kSimt };

struct Device {
  DeviceKind kind = DeviceKind::kCpu;
  int index = 0;

  bool operator==(const Device&) const = default;
  // Can the host read and write this memory through a plain pointer?
  bool host_accessible() const { return kind != DeviceKind::kCuda; }
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
