// exp, log and erf without branches, so that loops over them become vector code. The float versions
// are polynomials of our own (minimax by Lawson's iteration); double goes to the C library.
// Largest errors found by sampling all floats: exp 8.4e-8 and log 8.1e-8 relative, erf 1.6e-7
// absolute. Subnormal input and output is right where the processor does not flush it.
#pragma once

#include "kernels/cpu/operations.h"
#include "kernels/cpu/simd.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

OFER_INLINE double exp_of(double x) {
  return __builtin_exp(x);
}
OFER_INLINE double log_of(double x) {
  return __builtin_log(x);
}
OFER_INLINE double erf_of(double x) {
  return __builtin_erf(x);
}
OFER_INLINE double sqrt_of(double x) {
  return __builtin_sqrt(x);
}
OFER_INLINE float sqrt_of(float x) {
  return __builtin_sqrtf(x);
}
OFER_INLINE double abs_of(double x) {
  return __builtin_fabs(x);
}
OFER_INLINE float abs_of(float x) {
  return __builtin_fabsf(x);
}

// e^x = 2^n e^r with n the integer nearest to x log2(e) and |r| <= log(2) / 2;
// e^r = 1 + r + r^2 p(r). 2^n is applied in two factors, so that the largest and the subnormal
// results come out right. inf gives inf, -inf 0, NaN NaN.
OFER_INLINE float exp_of(float x) {
  x = x > 89.0f ? 89.0f : x;  // NaN passes both
  x = x < -104.0f ? -104.0f : x;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  constexpr float kRound = 12582912.0f;
  const float shifted = x * 1.44269504f + kRound;
  const float n = shifted - kRound;
  // log(2) in two parts; the first has few enough bits that n times it is exact.
  const float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  float p = 0.00138144657f;
  p = p * r + 0.00836878053f;
  p = p * r + 0.0416683942f;
  p = p * r + 0.166665201f;
  p = p * r + 0.499999934f;
  const float e = (p * (r * r) + r) + 1.0f;
  const std::int32_t power = static_cast<std::int32_t>(__builtin_bit_cast(std::uint32_t, shifted) -
                                                       __builtin_bit_cast(std::uint32_t, kRound));
  const std::int32_t half = power >> 1;
  const std::uint32_t first = static_cast<std::uint32_t>(half) + 127u;
  const std::uint32_t second =
      static_cast<std::uint32_t>(power) - static_cast<std::uint32_t>(half) + 127u;
  return e * __builtin_bit_cast(float, first << 23) * __builtin_bit_cast(float, second << 23);
}

// log(2^n m) = n log(2) + log(1 + u), u = m - 1 in [sqrt(1/2) - 1, sqrt(2) - 1];
// log(1 + u) = u - u^2 / 2 + u^3 p(u). log(0) = -inf, of a negative number NaN.
OFER_INLINE float log_of(float x) {
  const bool subnormal = x < 1.17549435e-38f;
  const float scaled = subnormal ? x * 8388608.0f : x;
  const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, scaled);
  // Subtracting the bits of sqrt(1/2) makes the exponent field count from there.
  const std::uint32_t offset = bits - 0x3f3504f3u;
  const std::int32_t n = static_cast<std::int32_t>(offset) >> 23;
  const float u = __builtin_bit_cast(float, (offset & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  const float power = static_cast<float>(n) - (subnormal ? 23.0f : 0.0f);
  float p = 0.0674661892f;
  p = p * u - 0.11675646f;
  p = p * u + 0.11888169f;
  p = p * u - 0.124055903f;
  p = p * u + 0.142195516f;
  p = p * u - 0.166679958f;
  p = p * u + 0.200021187f;
  p = p * u - 0.250000096f;
  p = p * u + 0.333333126f;
  const float square = u * u;
  float y = p * (square * u);
  y = y + power * -2.12194440e-4f;
  y = y - 0.5f * square;
  y = (y + u) + power * 0.693359375f;
  // What is left: inf and NaN give themselves, 0 gives -inf, below 0 NaN.
  y = x < __builtin_inff() ? y : x;
  y = x > 0.0f ? y : (x == 0.0f ? -__builtin_inff() : __builtin_nanf(""));
  return y;
}

// Below 1, erf(x) = x p(x^2); from there erf(|x|) = 1 - q(|x|)^8, which is 1 (to float's precision)
// at 3.92 and held there. The power keeps q nearly straight, and the error of 1 - q^8 small.
OFER_INLINE float erf_of(float x) {
  const float size = __builtin_fabsf(x);
  const float a = size > 3.92f ? 3.92f : size;  // NaN passes
  const float t = x * x;
  float p = 7.85385908e-05f;
  p = p * t - 0.000801019294f;
  p = p * t + 0.00518832761f;
  p = p * t - 0.0268538119f;
  p = p * t + 0.112835851f;
  p = p * t - 0.376126258f;
  p = p * t + 1.12837917f;
  float q = 0.00014984824f;
  q = q * a - 0.00246972089f;
  q = q * a + 0.0129258233f;
  q = q * a - 0.011373479f;
  q = q * a - 0.0614264349f;
  q = q * a - 0.14506054f;
  q = q * a + 1.0008347f;
  q = q * q;
  q = q * q;
  const float y = __builtin_copysignf(1.0f - q * q, x);
  return size < 1.0f ? x * p : y;
}

// x[i] = exp(x[i])
template <class T>
OFER_INLINE void exp_array(T* x, Index count) {
  for (Index i = 0; i < count; ++i) x[i] = exp_of(x[i]);
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
