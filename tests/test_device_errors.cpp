// Devices that are not there, not supported, or out of memory: a clear error, and the process goes on.
#include <doctest/doctest.h>

#include "engine/backend.h"
#include "kernels/cpu/matmul.h"
#include "tests/support/command.h"
#include "tests/support/cuda_backend.h"
#include "tests/support/device_pipeline.h"

namespace ofer::test {
namespace {

std::string error_of_device(Device device, ErrorCode& code) {
  SessionOptions options;
  options.device = device;
  try {
    Session session(options);
    return "";
  } catch (const Error& error) {
    code = error.code();
    return error.what();
  }
}

TEST_SUITE("device_errors") {
  TEST_CASE("a device that is missing is told in one line with the remedy") {
    ErrorCode code{};
    const std::string missing = missing_gpu();
    if (missing.empty()) {
      const std::string text = error_of_device({DeviceKind::kCuda, 1000}, code);
      CHECK_MESSAGE(text.find("there is no CUDA device 1000") != std::string::npos, text);
    } else {
      const std::string text = error_of_device({DeviceKind::kCuda, 0}, code);
      CHECK_MESSAGE(text.find("use device cpu") != std::string::npos, text);
      CHECK(text.find('\n') == std::string::npos);
      const Ran ran = run_tiny({"--json", "--device", "cuda", sample("portrait.png")});
      CHECK(ran.code == 3);
      CHECK(ran.out == "");
      CHECK_MESSAGE(ran.err.find("use device cpu") != std::string::npos, ran.err);
    }
    // Whatever happened, a session on the CPU works.
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kCpu);
    CHECK(pipeline.run(smooth_pictures(1), {}).size() == 1);
  }

  TEST_CASE("a GPU without tensor cores computes in fp32") {
    class OldGpu final : public kernels::Stream {
     public:
      bool tensor_cores() const override { return false; }
      int compute_capability() const override { return 75; }
    };
    class Other final : public kernels::Stream {};
    // A backend of every precision.
    ofer::Backend backend = backend_of(DeviceKind::kCpu);
    static const kernels::Table<kernels::BFloat16> coarse{};
    backend.bf16 = &coarse;
    backend.tf32 = true;
    const auto error = [&](const kernels::Stream& stream, Precision precision) -> std::string {
      try {
        require_precision(backend, stream, precision);
        return "";
      } catch (const Error& thrown) {
        CHECK(thrown.code() == ErrorCode::kUnsupported);
        return thrown.what();
      }
    };
    CHECK(error(OldGpu(), Precision::kBf16) ==
          "precision bf16 needs a GPU of compute capability 8.0 or more; this one has 7.5; use fp32");
    CHECK(error(OldGpu(), Precision::kMixed) ==
          "precision mixed needs a GPU of compute capability 8.0 or more; this one has 7.5; use "
          "fp32");
    CHECK(error(OldGpu(), Precision::kTf32) ==
          "precision tf32 needs a GPU of compute capability 8.0 or more; this one has 7.5; use fp32");
    CHECK(error(OldGpu(), Precision::kF32) == "");
    for (const Precision precision : kPrecisions) CHECK(error(Other(), precision) == "");
    backend.tf32 = false;
    CHECK(error(Other(), Precision::kTf32).find("not available on device cpu") !=
          std::string::npos);
  }

  TEST_CASE("a CPU without bfloat16 products says why") {
    class Cpu final : public kernels::Stream {};
    ofer::Backend backend = backend_of(DeviceKind::kCpu);
    CHECK(backend.bf16 == nullptr);
    CHECK(backend.dtype(Precision::kBf16) == DType::kF32);
    backend.bf16_products_missing = "it is made of wood";
    CHECK(backend.precisions() == "fp32, fp64");
    CHECK_THROWS_WITH_AS(require_precision(backend, Cpu(), Precision::kBf16),
                         "precision bf16 is not available on device cpu: it is made of wood; there "
                         "is fp32, fp64",
                         Error);
    CHECK_THROWS_WITH_AS(require_precision(backend, Cpu(), Precision::kTf32),
                         "precision tf32 is not available on device cpu; there is fp32, fp64",
                         Error);
    backend.bf16_products_missing = nullptr;
    CHECK(backend.precisions() == "fp32, bf16, mixed, fp64");
    require_precision(backend, Cpu(), Precision::kBf16);

    // oneDNN can be told to leave instructions alone; without oneDNN there are no such products.
    const Ran ran = run_ofer(run_words({"--precision", "bf16", sample("portrait.png")}),
                             "/dev/null", {}, {"ONEDNN_MAX_CPU_ISA=AVX2"});
    CHECK(ran.code == 3);
    CHECK(ran.out == "");
    CHECK(ran.error_lines() == 1);
    const bool onednn = std::string(kernels::cpu::matmul_library()) == "oneDNN";
    CHECK_MESSAGE(ran.error_says("precision bf16 is not available on device cpu: "), ran.err);
    CHECK_MESSAGE(ran.error_says(onednn ? "this CPU has neither AVX512_BF16 nor AMX-BF16"
                                        : "this build multiplies matrices without oneDNN"),
                  ran.err);
  }

  TEST_CASE("a device name that means nothing is a wrong argument") {
    for (const char* name : {"gpu", "cuda:", "cuda:-1", "cuda:x", "cpu:1", "simt:2", ""}) {
      const Ran ran = run_tiny({"--device", name, sample("portrait.png")});
      CHECK_MESSAGE(ran.code == 2, name);
    }
  }

  TEST_CASE("a GPU without enough memory") {
    if (!missing_gpu().empty()) return;
    const Device cuda{DeviceKind::kCuda, 0};
    try {
      const Buffer buffer(std::size_t{1} << 46, cuda);
      FAIL("64 TiB were allocated");
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kOutOfMemory);
    }
    Pipeline pipeline = pipeline_on(tiny_weights(), DeviceKind::kCuda);
    CHECK(pipeline.run(smooth_pictures(1), {}).size() == 1);
  }
}

}  // namespace
}  // namespace ofer::test
