#include "engine/backend.h"

#include <cstdlib>
#include <cstring>

#include "engine/error.h"
#include "kernels/cpu/matmul_bf16.h"
#include "kernels/cpu/select.h"
#include "kernels/cpu/threads.h"
#if defined(OFER_HAVE_SIMT) || defined(OFER_HAVE_CUDA)
#include "kernels/cuda/table.h"
#endif
#if defined(OFER_HAVE_SIMT)
#include "kernels/simt/executor.h"
#include "kernels/simt/memory.h"
#endif
#if defined(OFER_HAVE_CUDA)
#include "kernels/cuda/device_memory.h"
#endif

namespace ofer {

namespace {

constexpr std::size_t kAlignment = 64;

void* allocate_aligned(std::size_t bytes) {
  const std::size_t rounded = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  // rounded < bytes: the sum wrapped round, so the request was absurd to begin with.
  return rounded < bytes ? nullptr : std::aligned_alloc(kAlignment, rounded);
}

void* allocate_on_host(std::size_t bytes, Device) { return allocate_aligned(bytes); }
void release_on_host(void* data, Device) noexcept { std::free(data); }

void copy_on_host(void* to, const void* from, std::size_t bytes, kernels::Stream&) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}

const Backend& cpu_backend() {
  const char* variant = kernels::cpu::best_variant();
  static const Backend backend{
      .name = "cpu",
      .kind = DeviceKind::kCpu,
      .f32 = kernels::cpu::table_f32(variant),
      .f64 = kernels::cpu::table_f64(variant),
      .bf16 = nullptr,
      .tf32 = false,
      .bf16_products_missing = kernels::cpu::bf16_missing(),
      .make_stream = [](Device, int threads) -> std::unique_ptr<kernels::Stream> {
        return std::make_unique<kernels::cpu::CpuStream>(threads);
      },
      .borrow_stream = nullptr,
      .allocate = &allocate_on_host,
      .release = &release_on_host,
      .allocate_host = &allocate_on_host,
      .release_host = &release_on_host,
      .to_device = &copy_on_host,
      .to_host = &copy_on_host};
  return backend;
}

#if defined(OFER_HAVE_SIMT)
const Backend& simt_backend() {
  static const Backend backend{
      .name = "simt",
      .kind = DeviceKind::kSimt,
      .f32 = &kernels::simt::table_f32(),
      .f64 = nullptr,
      .bf16 = &kernels::simt::table_bf16(),
      .tf32 = true,
      .bf16_products_missing = nullptr,
      .make_stream = [](Device, int threads) -> std::unique_ptr<kernels::Stream> {
        return std::make_unique<kernels::simt::SimtStream>(threads);
      },
      .borrow_stream = nullptr,
      .allocate = [](std::size_t bytes, Device) { return kernels::simt::allocate(bytes); },
      .release = [](void* data, Device) noexcept { kernels::simt::release(data); },
      .allocate_host = &allocate_on_host,
      .release_host = &release_on_host,
      .to_device = &copy_on_host,
      .to_host = &copy_on_host};
  return backend;
}
#endif

#if defined(OFER_HAVE_CUDA)
const Backend& cuda_backend() {
  static const Backend backend{
      .name = "cuda",
      .kind = DeviceKind::kCuda,
      .f32 = &kernels::cuda::table_f32(),
      .f64 = nullptr,
      .bf16 = &kernels::cuda::table_bf16(),
      .tf32 = true,
      .bf16_products_missing = nullptr,
      .make_stream = [](Device device, int) { return kernels::cuda::make_stream(device.index); },
      .borrow_stream =
          [](Device device, void* stream) {
            return kernels::cuda::borrow_stream(device.index, stream);
          },
      .allocate = [](std::size_t bytes,
                     Device device) { return kernels::cuda::allocate(bytes, device.index); },
      .release = [](void* data,
                    Device device) noexcept { kernels::cuda::release(data, device.index); },
      .allocate_host = [](std::size_t bytes,
                          Device device) { return kernels::cuda::allocate_host(bytes, device.index); },
      .release_host = [](void* data, Device) noexcept { kernels::cuda::release_host(data); },
      .to_device = &kernels::cuda::to_device,
      .to_host = &kernels::cuda::to_host};
  return backend;
}
#endif

}  // namespace

const Backend& backend_of(DeviceKind kind) {
  switch (kind) {
    case DeviceKind::kCpu:
      return cpu_backend();
#if defined(OFER_HAVE_SIMT)
    case DeviceKind::kSimt:
      return simt_backend();
#endif
#if defined(OFER_HAVE_CUDA)
    case DeviceKind::kCuda:
      return cuda_backend();
#endif
    default:
      fail(ErrorCode::kUnsupported, "this build has no backend for device ", name_of(kind),
           "; use device cpu");
  }
}

void require_precision(const Backend& backend, const kernels::Stream& stream,
                       Precision precision) {
  const bool rounds = precision == Precision::kBf16 || precision == Precision::kMixed;
  const char* reason = rounds ? backend.bf16_products_missing : nullptr;
  require(backend.computes(precision), ErrorCode::kUnsupported, "precision ", name_of(precision),
          " is not available on device ", backend.name, reason ? ": " : "", reason ? reason : "",
          "; there is ", backend.precisions());
  if (precision != Precision::kTf32 && !rounds) return;
  const int capability = stream.compute_capability();
  require(stream.tensor_cores(), ErrorCode::kUnsupported, "precision ", name_of(precision),
          " needs a GPU of compute capability 8.0 or more; this one has ", capability / 10, '.',
          capability % 10, "; use fp32");
}

}  // namespace ofer
