#include "bench/measure/nvml.h"

#include <dlfcn.h>

#include <cstdlib>
#include <optional>
#include <sstream>

#include "tools/number_text.h"

namespace ofer::bench {

namespace {

// As nvml.h declares them; its functions give 0 for success.
using Device = void*;
constexpr int kClockSm = 1, kClockMemory = 2, kTemperatureGpu = 0;
constexpr unsigned long long kSlowing = 0x4 | 0x8 | 0x20 | 0x40 | 0x80;

// The library counts every GPU of the machine, also those that are hidden from CUDA.
std::optional<int> number_on_machine(int device) {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (!visible || !*visible) return device;
  std::istringstream list(visible);
  std::string name;
  for (int i = 0; i <= device; ++i)
    if (!std::getline(list, name, ',')) return {};
  return number_in(name);
}

class LoadedNvml final : public Nvml {
 public:
  explicit LoadedNvml(void* library) : library_(library) {}
  ~LoadedNvml() override {
    if (int (*shutdown)() = nullptr; begun_ && find("nvmlShutdown", shutdown)) shutdown();
    dlclose(library_);
  }

  bool begin(int device) {
    int (*init)() = nullptr;
    int (*by_index)(unsigned, Device*) = nullptr;
    if (!find("nvmlInit_v2", init) || !find("nvmlDeviceGetHandleByIndex_v2", by_index))
      return false;
    begun_ = init() == 0;
    find("nvmlDeviceGetClockInfo", clock_);
    find("nvmlDeviceGetTemperature", temperature_);
    find("nvmlDeviceGetPowerUsage", power_);
    // The newer name first.
    if (!find("nvmlDeviceGetCurrentClocksEventReasons", reasons_))
      find("nvmlDeviceGetCurrentClocksThrottleReasons", reasons_);
    return begun_ && by_index(static_cast<unsigned>(device), &device_) == 0;
  }

  std::string name() override {
    int (*get)(Device, char*, unsigned) = nullptr;
    char text[96] = "";
    if (find("nvmlDeviceGetName", get)) get(device_, text, sizeof(text));
    return text;
  }
  std::string driver() override {
    int (*get)(char*, unsigned) = nullptr;
    char text[96] = "";
    if (find("nvmlSystemGetDriverVersion", get)) get(text, sizeof(text));
    return text;
  }
  unsigned sm_clock_mhz() override { return clock(kClockSm); }
  unsigned memory_clock_mhz() override { return clock(kClockMemory); }
  unsigned temperature_c() override {
    unsigned value = 0;
    return temperature_ && temperature_(device_, kTemperatureGpu, &value) == 0 ? value : 0;
  }
  double power_w() override {
    unsigned milliwatts = 0;
    return power_ && power_(device_, &milliwatts) == 0 ? 1e-3 * milliwatts : 0;
  }
  unsigned long long throttle_reasons() override {
    unsigned long long value = 0;
    return reasons_ && reasons_(device_, &value) == 0 ? value & kSlowing : 0;
  }

 private:
  template <class Function>
  bool find(const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library_, name));
    return function != nullptr;
  }
  unsigned clock(int which) {
    unsigned value = 0;
    return clock_ && clock_(device_, which, &value) == 0 ? value : 0;
  }

  void* library_;
  Device device_ = nullptr;
  bool begun_ = false;
  int (*clock_)(Device, int, unsigned*) = nullptr;
  int (*temperature_)(Device, int, unsigned*) = nullptr;
  int (*power_)(Device, unsigned*) = nullptr;
  int (*reasons_)(Device, unsigned long long*) = nullptr;
};

}  // namespace

std::unique_ptr<Nvml> Nvml::open(int device) {
  const std::optional<int> number = number_on_machine(device);
  if (!number) return nullptr;
  void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return nullptr;
  auto nvml = std::make_unique<LoadedNvml>(library);
  if (!nvml->begin(*number)) return nullptr;
  return nvml;
}

}  // namespace ofer::bench
