// Devices that are not there, not supported, or out of memory: a clear error, and the process goes on.
#include <doctest/doctest.h>

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
