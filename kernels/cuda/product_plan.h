// Which algorithm of cuBLASLt computes a matrix product: asked for once for each shape, then kept.
#pragma once

#include <cublasLt.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "kernels/bf16.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/stream.h"
#include "kernels/types.h"

namespace ofer::kernels::cuda {

// What the choice of an algorithm may depend on: one item of a product, and where it lies. Neither
// the number of items nor the place of an item in its batch is here; with rows_alike, the sums may
// not depend on m.
struct ProductShape {
  cudaDataType_t type = CUDA_R_32F;
  bool tf32 = false, bf16 = false, bias = false, transpose_a = false, transpose_b = false;
  bool rows_alike = false;
  Index m = 0, n = 0, k = 0;
  Index lda = 0, ldb = 0, ldc = 0;
  Index stride_a = 0, stride_b = 0, stride_c = 0;
  // Bytes that divide the addresses of all items (alignment_of); of the bias, its address.
  std::uint32_t align_a = 1, align_b = 1, align_c = 1, align_bias = 1;

  bool operator==(const ProductShape&) const = default;
};

struct HashOfShape {
  std::size_t operator()(const ProductShape& shape) const;
};

// What is known of every tensor's address: it divides by 64 (Buffer::kAlignment). Asking for more
// would make the answer depend on chance.
inline constexpr std::uintptr_t kMostAlignment = 64;

// The largest power of two, at most kMostAlignment, that divides all three: an address, and the
// bytes between rows and between items. The distances count even where there is one item alone, so
// that an item has the same alignment wherever in a tensor it lies.
inline std::uint32_t alignment_of(const void* data, Index row_bytes, Index item_bytes) {
  const std::uintptr_t all = reinterpret_cast<std::uintptr_t>(data) |
                             static_cast<std::uintptr_t>(row_bytes) |
                             static_cast<std::uintptr_t>(item_bytes) | kMostAlignment;
  return static_cast<std::uint32_t>(all & (~all + 1));
}

template <class T>
struct ElementOf;
template <>
struct ElementOf<float> {
  static constexpr cudaDataType_t kType = CUDA_R_32F;
};
template <>
struct ElementOf<BFloat16> {
  static constexpr cudaDataType_t kType = CUDA_R_16BF;
};

template <class T>
ProductShape shape_of(const Product<T>& p, const Stream& stream) {
  constexpr Index kBytes = sizeof(T);
  ProductShape shape;
  shape.type = ElementOf<T>::kType;
  const bool floats = shape.type == CUDA_R_32F;
  shape.bf16 = floats && stream.bf16();
  shape.tf32 = floats && stream.tf32() && !shape.bf16;
  shape.bias = p.bias != nullptr;
  shape.transpose_a = p.transpose_a;
  shape.transpose_b = p.transpose_b;
  shape.rows_alike = p.rows_alike;
  shape.m = p.m;
  shape.n = p.n;
  shape.k = p.k;
  shape.lda = p.lda;
  shape.ldb = p.ldb;
  shape.ldc = p.ldc;
  shape.stride_a = p.stride_a;
  shape.stride_b = p.stride_b;
  shape.stride_c = p.stride_c;
  shape.align_a = alignment_of(p.a, p.lda * kBytes, p.stride_a * kBytes);
  shape.align_b = alignment_of(p.b, p.ldb * kBytes, p.stride_b * kBytes);
  shape.align_c = alignment_of(p.c, p.ldc * kBytes, p.stride_c * kBytes);
  shape.align_bias = alignment_of(p.bias, 0, 0);
  return shape;
}

// No tile of our own kernel's.
inline constexpr int kByLibrary = -1;

// A product as the library describes it, without its number of items and the bias' address. The
// library counts columns first: to it the row-major C is C^T = op(B)^T op(A)^T. So its first
// operand is our B, its second our A, and their rows are our columns.
struct ProductPlan {
  bool found = false;  // false: the library has no algorithm for it
  cublasLtMatmulDescOpaque_t operation{};
  cublasLtMatrixLayoutOpaque_t first{}, second{}, result{};
  cublasLtMatmulAlgo_t algorithm{};
  int tile = kByLibrary;  // else of our own kernel (kernels/cuda/ordered_product.h)
  Index most_items = 1;   // known to go in one call
  Index too_many =
      65535 + Index{1};  // known, or taken, not to: items lie on a grid's axis of 65535

  bool provisional = false;  // chosen while its rivals could not be tried

  void set_items(Index count);
  void set_bias(const void* bias);
};

// Sums that are cut into parts: may an algorithm put them together in float, in a fixed order?
enum class Splits { kAllowed, kNone };

// The product without an algorithm, for one item.
ProductPlan describe(const ProductShape& shape);

// The library's list for what `plan` describes, the best first: at most `wanted` that the stream's
// workspace is large enough for. Empty where it has none. Throws DeviceError.
struct Candidates {
  static constexpr int kMost = 48;
  cublasLtMatmulAlgo_t algorithm[kMost];
  int count = 0;
};
Candidates candidates(const CudaStream& stream, ProductPlan& plan, const ProductShape& shape,
                      Splits splits, int wanted);

// How rows are multiplied: by one of the library's algorithms, or by a tile of our own kernel.
struct RowAlgorithm {
  int tile = kByLibrary;
  cublasLtMatmulAlgo_t library{};
};

// Algorithms for a product whose rows must not depend on their number, by that number. All give the
// same bits: those of the first. Each level has the fastest that agreed with it
// (kernels/cuda/row_trial.h).
struct RowAlgorithms {
  static constexpr int kLevels = 7;
  // Rows that the levels are chosen for, and the most that they are used for: half of an image's
  // 197 tokens, one image, two, four, eight, 16, 64. The first algorithm is that of one.
  static constexpr Index kRows[kLevels] = {112, 208, 400, 800, 1584, 3152, 12608};
  static constexpr Index kMostRows[kLevels - 1] = {128, 256, 512, 1024, 2048, 6304};
  static constexpr int kFirst = 1;

  bool found = false;
  bool tried[kLevels] = {};
  RowAlgorithm first, algorithm[kLevels];
};

// The plans of one stream. Used by one thread at a time. No call allocates or asks the library
// anything for a shape and a number of items that it has seen, nor waits for the device.
class ProductPlans {
 public:
  explicit ProductPlans(CudaStream& stream) : stream_(stream) {}

  // The algorithm is the first of the library's list for one item that can do batches at all. It is
  // kept for every number of items, so that an item's bits never depend on it. Where rows must come
  // out alike, it is that of RowAlgorithms. Throws DeviceError.
  ProductPlan& plan(const ProductShape& shape);

  // How many of `wanted` items one call takes: fewer where the algorithm's workspace ends.
  Index items_of_call(ProductPlan& plan, Index wanted);

 private:
  ProductPlan make(const ProductShape& shape);
  ProductPlan make_alike(const ProductShape& shape);
  bool takes(ProductPlan& plan, const cublasLtMatmulAlgo_t& algorithm, Index items,
             std::size_t workspace);

  CudaStream& stream_;
  std::unordered_map<ProductShape, ProductPlan, HashOfShape> plans_;
  std::unordered_map<ProductShape, RowAlgorithms, HashOfShape> rows_;  // by shapes of no rows
};

}  // namespace ofer::kernels::cuda
