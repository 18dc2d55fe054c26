// The few questions that are asked of NVIDIA's management library, which comes with the driver and
// is loaded when it is there: nothing of it is needed to build.
#pragma once

#include <memory>
#include <string>

namespace ofer::bench {

class Nvml {
 public:
  // By CUDA's number. Null where the library or the device is missing, or where
  // CUDA_VISIBLE_DEVICES names devices in another way than by number.
  static std::unique_ptr<Nvml> open(int device);
  virtual ~Nvml() = default;

  virtual std::string name() = 0;
  virtual std::string driver() = 0;
  // Now, in MHz; 0 where it does not tell.
  virtual unsigned sm_clock_mhz() = 0;
  virtual unsigned memory_clock_mhz() = 0;
  virtual unsigned temperature_c() = 0;
  virtual double power_w() = 0;
  // Why the clocks are below what they could be, of the reasons that slow work down: power cap
  // (0x4), slowdown by hardware (0x8), heat (0x20, 0x40), power brake (0x80). 0: none.
  virtual unsigned long long throttle_reasons() = 0;
};

}  // namespace ofer::bench
