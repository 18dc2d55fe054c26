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

// Rows of a packed batch: image i owns rows [offsets[i], offsets[i + 1]). `offsets` lives where
// the kernel runs; `host_offsets` is the same array, readable by the launcher.
struct Segments {
  Index count = 0;
  Index longest = 0;
  const std::int32_t* offsets = nullptr;
  const std::int32_t* host_offsets = nullptr;

  OFER_INLINE Index rows() const { return count ? host_offsets[count] : 0; }
};

}  // namespace ofer::kernels
