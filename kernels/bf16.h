// bfloat16: the upper half of a float.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define OFER_HOST_DEVICE __host__ __device__
#else
#define OFER_HOST_DEVICE
#endif

namespace ofer::kernels {

// A storage type: numbers are computed as floats. 8 bits of precision, the range of a float.
struct BFloat16 {
  std::uint16_t bits;

  BFloat16() = default;
  // Rounds to nearest, ties to even; NaN stays NaN.
  OFER_HOST_DEVICE explicit BFloat16(float value) {
    std::uint32_t wide;
    memcpy(&wide, &value, sizeof(wide));
    if ((wide & 0x7fffffffu) > 0x7f800000u)
      bits = static_cast<std::uint16_t>(wide >> 16 | 0x40u);
    else
      bits = static_cast<std::uint16_t>((wide + 0x7fffu + (wide >> 16 & 1u)) >> 16);
  }
  OFER_HOST_DEVICE operator float() const {  // NOLINT: exact, so implicit
    const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &wide, sizeof(value));
    return value;
  }
};

}  // namespace ofer::kernels
