// A product of floats by a kernel of our own. cuBLAS has few tiles for the rows of one image, and
// without split sums leaves most of a large device idle; its unsplit sums of floats go through
// their terms in ascending order, each step one fused multiply-add, and so does this kernel. Which
// of them computes a product is found out by trial (kernels/cuda/row_trial.h), and no bit shows it.
#pragma once

#include "kernels/cuda/matmul.h"

namespace ofer::kernels {

// How a block's tile may be shaped. Results do not depend on it.
inline constexpr int kOrderedTiles = 5;

// Vectors of 16 bytes are read along the depth: k, lda and ldb are multiples of 4, A and B are
// aligned to 16 bytes.
//
// C = A B^T + beta C + bias for one item as Product says, A not transposed and B transposed, by
// tile number `tile`. A sum begins with 0 and is fma(a[i], b[i], sum) for i ascending; then beta C
// is added, then the bias. Queued on the stream. Throws DeviceError; wants compute capability 8.0.
namespace cuda {
void ordered_product(int tile, const Product<float>& product, Stream& stream);
}
namespace simt {
void ordered_product(int tile, const Product<float>& product, Stream& stream);
}

}  // namespace ofer::kernels
