// Winograd's convolution on the CPU: kernels of 2 to 4 taps by tiles of 6 x 6, so that an output of
// an r x r kernel costs 36 / (7 - r)^2 multiplications instead of r^2: a quarter for r = 3 and 4.
//
//   Y = A^T ( sum over channels of (G g G^T) * (B^T d B) ) A        (* element by element)
//
// d is a 6 x 6 tile of the input, g the kernel, Y the (7 - r) x (7 - r) outputs of the tile; the
// sum over channels is one matrix product for each of the 36 elements. Lavin and Gray 2015, arXiv
// 1509.09308; the matrices are those of Cook and Toom for the points in winograd.cpp.
#pragma once

#include "kernels/conv2d.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

// One axis of one phase: which of the kernel's taps it has (first, first + step, ...), and how many
// zeros stand in front of the input.
struct TapAxis {
  Index first_tap, pad;
};

// Correlations of stride 1 with square kernels of `taps` that read the same input. Phase (a, b)
// makes the outputs (stride p + a, stride q + b); a convolution has one phase, a transposed
// convolution stride x stride.
struct Correlations {
  static constexpr Index kMostStride = 2;

  Index batch, in_channels, in_height, in_width;
  Index out_channels, out_height, out_width;
  Index taps, stride;
  TapAxis vertical[kMostStride], horizontal[kMostStride];
  // Weight of output o, input c and the kernel's tap (i, j):
  // weight[o * out_step + c * in_step + i * kernel_width + j].
  Index out_step, in_step, kernel_width, tap_step;
};

// Whether a convolution (of stride and dilation 1), or a transposed one, is worth computing so:
// decided from the geometry of one image alone. If so, `result` says what to compute.
bool as_correlations(const ConvGeometry& g, bool transposed, Correlations& result);

// y[n, o] = bias[o] + the correlations of x [N, C, H, W]; bias may be null. Uses the shared scratch
// of slots 1 to 3. An image's bits do not depend on the batch or the threads.
void correlate(const Correlations& k, const float* x, const float* weight, const float* bias,
               float* y, CpuStream& cpu);

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
