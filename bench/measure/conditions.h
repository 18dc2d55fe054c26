// What goes on beside a measurement, and spoils samples.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>

namespace ofer::bench {

// Watches one device. Used by the thread that measures.
class Conditions {
 public:
  virtual ~Conditions() = default;
  // Has something come between since the last call? Cheap: called behind every sample.
  virtual bool disturbed() = 0;
  // Has the device been slowed down for its heat or power since the last call?
  virtual bool throttled() = 0;
  // What a result file says of the device's state now: clocks, load.
  virtual nlohmann::ordered_json state() = 0;
};

// Disturbed: a thread of this process was made to leave its core. Throttled: the processor's own
// counters, where the system shows them.
std::unique_ptr<Conditions> cpu_conditions();

// Disturbed: never, other programs on a GPU cannot be seen. Throttled: what the driver's management
// library says at the moment of the call; without that library never, and state() says so.
std::unique_ptr<Conditions> gpu_conditions(int device);

}  // namespace ofer::bench
