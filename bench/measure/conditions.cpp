#include "bench/measure/conditions.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "bench/measure/nvml.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

class CpuConditions final : public Conditions {
 public:
  CpuConditions() {
    disturbed();
    throttled();
  }

  bool disturbed() override {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const long before = switches_;
    switches_ = usage.ru_nivcsw;
    return switches_ != before;
  }

  bool throttled() override {
    const long before = events_;
    events_ = throttle_events();
    return events_ != before;
  }

  Json state() override {
    Json state = Json::object();
    double load[1];
    if (getloadavg(load, 1) == 1) state["load_average"] = load[0];
    const double mhz = clock_mhz();
    if (mhz > 0) state["clock_mhz"] = mhz;
    return state;
  }

 private:
  // Of all cores together; 0 where the system does not tell.
  static long throttle_events() {
    long sum = 0;
    for (long core = 0;; ++core) {
      std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(core) +
                         "/thermal_throttle/core_throttle_count");
      long count = 0;
      if (!(file >> count)) return sum;
      sum += count;
    }
  }

  // Of the first core; 0 where the system does not tell.
  static double clock_mhz() {
    std::ifstream file("/proc/cpuinfo");
    for (std::string line; std::getline(file, line);)
      if (line.starts_with("cpu MHz")) return std::atof(line.c_str() + line.find(':') + 1);
    return 0;
  }

  long switches_ = 0, events_ = 0;
};

class GpuConditions final : public Conditions {
 public:
  explicit GpuConditions(int device) : nvml_(Nvml::open(device)) {}

  bool disturbed() override { return false; }
  bool throttled() override { return nvml_ && nvml_->throttle_reasons() != 0; }

  Json state() override {
    if (!nvml_) return {{"clocks", "unknown: the driver's management library is not there"}};
    return {{"sm_clock_mhz", nvml_->sm_clock_mhz()},
            {"memory_clock_mhz", nvml_->memory_clock_mhz()},
            {"temperature_c", nvml_->temperature_c()},
            {"power_w", nvml_->power_w()},
            {"throttle_reasons", nvml_->throttle_reasons()}};
  }

 private:
  std::unique_ptr<Nvml> nvml_;
};

}  // namespace

std::unique_ptr<Conditions> cpu_conditions() {
  return std::make_unique<CpuConditions>();
}

std::unique_ptr<Conditions> gpu_conditions(int device) {
  return std::make_unique<GpuConditions>(device);
}

}  // namespace ofer::bench
