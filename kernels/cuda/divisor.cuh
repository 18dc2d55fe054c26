// Division by a number that the host knows at launch. A flat index comes apart into row, column and
// plane with a few divisions; a GPU has none, and each costs some twenty instructions, where a
// multiplication and a shift do.
#pragma once

#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU {

// n / d = n m >> (31 + l), with l = ceil(log2 d) and m = ceil(2^(31 + l) / d), exact for 0 <= n <
// 2^31: m is too large by less than one, so the product by less than n <= 2^31 2^l / d, that is,
// the quotient by less than 1 / d. m < 2^32, for 2^(l - 1) < d. Larger n are divided the long way.
struct Divisor {
  Index value;
  std::uint32_t multiplier = 0;  // of d >= 2^31 the quotient is 0
  std::uint32_t shift = 31;

  explicit Divisor(Index d) : value(d) {
    if (d <= 0 || d >= kFast) return;
    while ((Index{1} << (shift - 31)) < d) ++shift;
    const std::uint64_t power = std::uint64_t{1} << shift, by = static_cast<std::uint64_t>(d);
    multiplier = static_cast<std::uint32_t>((power + by - 1) / by);
  }
  __device__ Index quotient(Index n) const {
    if (n >= kFast) return n / value;
    const std::uint64_t product =
        static_cast<std::uint64_t>(multiplier) * static_cast<std::uint32_t>(n);
    return static_cast<Index>(product >> shift);
  }

 private:
  static constexpr Index kFast = Index{1} << 31;
};

}  // namespace ofer::kernels::OFER_GPU
