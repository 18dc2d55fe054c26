// What every kernel's arguments are made of. Kernels know pointers, sizes and a stream: no tensors,
// no layers, no model. All arrays are dense and row-major unless an argument says otherwise.
#pragma once

#include <cstdint>

// For inline functions outside the namespace of an instruction set that kernel files use: they must
// leave no copy behind that the linker could share between instruction sets.
#define OFER_INLINE inline __attribute__((always_inline))

namespace ofer::kernels {

using Index = std::int64_t;

// Pointwise functions that a kernel may end with.
enum class Activation : std::uint8_t { kNone, kGelu, kRelu, kLeakyRelu, kSigmoid };

// Rows of a packed batch. Image i has room for rows [host_offsets[i], host_offsets[i + 1]), which
// the launcher may read. Those that it uses are [offsets[stride i], offsets[stride i + 1]), numbers
// that live where the kernel runs: with stride 1 all of its room, and the two arrays are the same;
// with stride 2 a beginning of it, whose length only the device knows.
struct Segments {
  Index count = 0;
  Index longest = 0;
  Index stride = 1;
  const std::int32_t* offsets = nullptr;
  const std::int32_t* host_offsets = nullptr;

  OFER_INLINE Index rows() const { return count ? host_offsets[count] : 0; }
};

}  // namespace ofer::kernels
