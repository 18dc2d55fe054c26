// Kernel support vector data description, fitted by a library for support vector machines.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace ofer {

// Was this program built with libsvm?
bool kernel_fit_available();

struct KernelFit {
  std::vector<float> support;  // [S, D]
  std::vector<float> alpha;    // [S], sum 1
};

// With a Gaussian kernel K(a, b) = exp(-gamma ||a - b||^2), SVDD is the one-class support vector
// machine (Schoelkopf et al. 2001), whose weights, scaled to a sum of 1, are its alpha. z [count,
// D] with count >= 2; about nu of the vectors lie outside, and at least nu of them are support
// vectors. Throws kUnsupported without libsvm, kBadArgument for numbers that are not finite.
KernelFit fit_kernel_svdd(std::span<const float> z, std::int64_t count, double gamma, double nu);

}  // namespace ofer
