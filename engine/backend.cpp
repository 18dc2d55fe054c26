#include "engine/backend.h"

#include <cstring>

#include "engine/error.h"
#include "kernels/cpu/select.h"
#include "kernels/cpu/threads.h"

namespace ofer {

namespace {

std::unique_ptr<kernels::Stream> make_cpu_stream(int threads) {
  return std::make_unique<kernels::cpu::CpuStream>(threads);
}

void copy_on_host(void* to, const void* from, std::size_t bytes, kernels::Stream&) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

}  // namespace

const Backend& backend_of(DeviceKind kind) {
  if (kind == DeviceKind::kCpu) {
    const char* variant = kernels::cpu::best_variant();
    static const Backend cpu{"cpu",
                             DeviceKind::kCpu,
                             kernels::cpu::table_f32(variant),
                             kernels::cpu::table_f64(variant),
                             &make_cpu_stream,
                             &copy_on_host,
                             &copy_on_host};
    return cpu;
  }
  fail(ErrorCode::kUnsupported, "this build has no backend for device ", name_of(kind),
       "; use device cpu");
}

}  // namespace ofer
