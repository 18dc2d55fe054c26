#include "bench/measure/kernel_case.h"
#include "engine/error.h"
#include "kernels/cpu/matmul_bf16.h"
#include "tests/support/cuda_backend.h"
#include "tests/support/simt_backend.h"

namespace ofer::bench {

namespace {

test::Backend cpu_backend(const std::string& precision) {
  require(precision != "tf32", ErrorCode::kUnsupported, "--precision tf32 is for a GPU");
  const char* missing = precision == "bf16" ? kernels::cpu::bf16_missing() : nullptr;
  require(missing == nullptr, ErrorCode::kUnsupported,
          "--precision bf16 on the CPU: ", missing ? missing : "");
  return test::cpu_backends().back();  // the best instruction set
}

test::Backend backend_for(const std::string& device, const std::string& precision) {
  if (device == "cpu") return cpu_backend(precision);
#if defined(OFER_HAVE_SIMT)
  if (device == "simt") return test::simt_backend(1, precision == "tf32");
#endif
#if defined(OFER_HAVE_CUDA)
  if (device == "cuda") {
    const std::string missing = test::missing_gpu();
    require(missing.empty(), ErrorCode::kUnsupported, "--device cuda: ", missing);
    return test::cuda_backend(precision == "tf32");
  }
#endif
  fail(ErrorCode::kUnsupported, "--device ", device, ": this build has no such device",
       device == "cuda" ? "; install the CUDA Toolkit and build again" : "");
}

}  // namespace

std::unique_ptr<kernels::Stream> KernelTarget::make_stream() const {
  std::unique_ptr<kernels::Stream> stream = backend.make_stream(threads);
  stream->set_bf16(precision == "bf16" && !narrow());
  return stream;
}

KernelTarget kernel_target(const std::string& device, const std::string& precision, int threads) {
  KernelTarget target{device, precision, backend_for(device, precision), threads};
  target.backend.dirty_scratch = nullptr;
  return target;
}

}  // namespace ofer::bench
