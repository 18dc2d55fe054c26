#include "bench/measure/machine.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "bench/measure/nvml.h"
#include "engine/cores.h"

namespace ofer::bench {

namespace {

// The value of the first line `key SEPARATOR value` of a file; empty without one.
std::string value_in(const char* path, const std::string& key, char separator) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key)) continue;
    const std::size_t at = line.find(separator);
    if (at == std::string::npos) continue;
    const std::size_t begin = line.find_first_not_of(" \t\"", at + 1);
    const std::size_t end = line.find_last_not_of(" \t\"");
    return begin == std::string::npos ? "" : line.substr(begin, end - begin + 1);
  }
  return "";
}

}  // namespace

double bytes_of_memory() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
}

nlohmann::ordered_json describe_machine() {
  const double bytes = bytes_of_memory();
  return {{"cpu", value_in("/proc/cpuinfo", "model name", ':')},
          {"cores", usable_cores()},
          {"memory_gib", static_cast<double>(static_cast<long>(bytes / (1 << 30) * 10)) / 10},
          {"system", value_in("/etc/os-release", "PRETTY_NAME", '=')}};
}

nlohmann::ordered_json describe_gpu(int device) {
  nlohmann::ordered_json gpu = nlohmann::ordered_json::object();
  if (const std::unique_ptr<Nvml> nvml = Nvml::open(device)) {
    gpu["name"] = nvml->name();
    gpu["driver"] = nvml->driver();
  }
  return gpu;
}

}  // namespace ofer::bench
