// What machine a result is from.
#pragma once

#include <nlohmann/json.hpp>

namespace ofer::bench {

// Processor, cores that this process may use, memory, system.
nlohmann::ordered_json describe_machine();
double bytes_of_memory();
// Name and driver of a GPU; what the driver's management library does not tell is left out.
nlohmann::ordered_json describe_gpu(int device);

}  // namespace ofer::bench
