// Finds algorithms that compute a row alike, however many rows there are. The library promises
// nothing of the kind; but an algorithm that does not split its sums goes through each of them in
// one order, and two that go through it in the same order show it: on numbers drawn at random they
// agree in every bit.
#pragma once

#include "kernels/cuda/product_plan.h"

namespace ofer::kernels::cuda {

// The algorithm whose bits count, and that of all levels until others are known: the library's
// first one without split sums. Asks, and queues nothing. Throws DeviceError.
void find_first(RowAlgorithms& rows, const CudaStream& stream, const ProductShape& shape);

// Tries the library's list for a level, and our own kernel, on memory of its own, and takes the
// fastest that agrees with the first. Which it is may change from one process to the next; the bits
// do not. Where there is no memory, the first stays. Waits for the stream, which nobody may be
// capturing. Throws DeviceError.
void try_others(RowAlgorithms& rows, int level, CudaStream& stream, const ProductShape& shape);

}  // namespace ofer::kernels::cuda
