// The inner product of a convolution on tensor cores: what FusedSums is for fused multiply-adds
// (kernels/cuda/conv_tile.cuh), with the products of a warp of kernels/cuda/ptx.cuh.
//
// Both kinds of product have the same fragments if one counts in words: eight words of the depth,
// each a float rounded to tf32 or a pair of bfloat16. What is whose is ours to choose, so that a
// lane finds the registers of a fragment as neighbours in shared memory and none has to be moved:
//   - a product is of the transposes, 16 columns (positions) by 8 rows (channels);
//   - what it calls words t and t + 4 are words 2 t and 2 t + 1 of both operands;
//   - what it calls columns g and g + 8 are columns 2 g and 2 g + 1.
//
// A result is the same sum in every tile: eight words at a time from the start of its chunk, in
// ascending order, whatever product's row and column it is.
#pragma once

#include <cstdint>

#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

// --- arithmetic: what a word is made of, and how eight of them are multiplied ---

struct Tf32 {
  using Word = float;
  static constexpr int kPair = 1;
  __device__ __forceinline__ static Word word(const float (&element)[1]) {
    return to_tf32(element[0]);
  }
  // Of a register of load_matrices.
  __device__ __forceinline__ static Word word_of(std::uint32_t bits) {
    return __int_as_float(static_cast<int>(bits));
  }
  // Of 16 bytes as they are stored.
  __device__ __forceinline__ static Vector<Word, 4> words(const Vector<std::uint32_t, 4>& raw) {
    Vector<Word, 4> result;
#pragma unroll
    for (int w = 0; w < 4; ++w) result[w] = to_tf32(__int_as_float(static_cast<int>(raw[w])));
    return result;
  }
  __device__ __forceinline__ static void multiply(float (&c)[4], const Word (&a)[4],
                                                  const Word (&b)[2]) {
    mma_tf32(c, a, b);
  }
};

struct Bf16 {
  using Word = std::uint32_t;
  static constexpr int kPair = 2;
  __device__ __forceinline__ static Word word(const float (&element)[2]) {
    return pack_bf16(element[0], element[1]);
  }
  __device__ __forceinline__ static Word word(const BFloat16 (&element)[2]) {
    return static_cast<Word>(element[0].bits) | static_cast<Word>(element[1].bits) << 16;
  }
  __device__ __forceinline__ static Word word_of(std::uint32_t bits) { return bits; }
  __device__ __forceinline__ static Vector<Word, 4> words(const Vector<std::uint32_t, 4>& raw) {
    return raw;
  }
  __device__ __forceinline__ static void multiply(float (&c)[4], const Word (&a)[4],
                                                  const Word (&b)[2]) {
    mma_bf16(c, a, b);
  }
};

template <class T>
struct ArithmeticOf;
template <>
struct ArithmeticOf<float> {
  using Type = Tf32;
};
template <>
struct ArithmeticOf<BFloat16> {
  using Type = Bf16;
};
template <class T>
using TensorArithmetic = typename ArithmeticOf<T>::Type;

template <class Tile>
struct TensorSums;

// How a block shares out kRows x kColumns results among kWarpRows rows of warps; a warp's part is
// kRowTiles x kColumnTiles products of 8 rows and 16 columns.
template <class A, int rows, int columns, int depth, int threads, int warp_rows, int blocks>
struct TensorTile {
  using Arithmetic = A;
  static constexpr int kRows = rows, kColumns = columns, kDepth = depth;
  static constexpr int kThreads = threads, kBlocks = blocks;
  static constexpr int kWarpRows = warp_rows, kWarpColumns = threads / kWarpSize / warp_rows;
  static constexpr int kRowTiles = rows / kWarpRows / 8;
  static constexpr int kColumnTiles = columns / kWarpColumns / 16;
  static constexpr int kMyRows = 2 * kRowTiles, kMyColumns = 2 * kColumnTiles;
  static constexpr int kColumnRun = 2;
  static_assert(kRowTiles * 8 * kWarpRows == rows && kColumnTiles * 16 * kWarpColumns == columns);

  // In shared memory, for eight words of the depth each (a plane):
  //   left   eight words of row 0, of row 1, ...: lane (g, t) reads two words from 8 g + 2 t on,
  //   and
  //          the 16 lanes of half a warp together read 32 neighbours. Half a turn of the banks
  //          between planes, for the stores of threads that are neighbours along the depth.
  //   right  all columns of word 0, of word 1, ...: lane (g, t) reads two neighbours from column 2
  //   g
  //          on, of words 2 t and 2 t + 1. Two lines are 8 banks apart, so that half a warp finds
  //          all 32 of them.
  using Word = typename Arithmetic::Word;
  static constexpr int kPair = Arithmetic::kPair, kWords = depth / kPair, kPlane = 8;
  static constexpr bool kLeftRuns = true;
  static constexpr int kLeftPlane = rows * kPlane + 16, kRightLine = columns + 4;
  static constexpr int kLeftWords = kWords / kPlane * kLeftPlane;
  static constexpr int kStage = kLeftWords + kWords * kRightLine;
  static constexpr int kStages = 2;
  static constexpr int kSharedBytes = kStages * kStage * static_cast<int>(sizeof(Word));
  static_assert(kWords % kPlane == 0 && 2 * kRightLine % 32 == 8);
  __device__ static int left_place(int word, int row) {
    return word / kPlane * kLeftPlane + row * kPlane + word % kPlane;
  }
  __device__ static int right_place(int word, int column) { return word * kRightLine + column; }
  template <class E>
  __device__ __forceinline__ static Word word(const E (&element)[kPair]) {
    return Arithmetic::word(element);
  }

  using Sums = TensorSums<TensorTile>;
  static_assert(threads % kWords == 0 && threads % columns == 0);
};

// The thread's results.
template <class Tile>
struct TensorSums {
  using Word = typename Tile::Word;
  static constexpr int kRowTiles = Tile::kRowTiles, kColumnTiles = Tile::kColumnTiles;

  float sums[kRowTiles][kColumnTiles][4] = {};
  int warp_row, warp_column, g, t;

  __device__ __forceinline__ TensorSums() {
    const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
    warp_row = warp / Tile::kWarpColumns * (kRowTiles * 8);
    warp_column = warp % Tile::kWarpColumns * (kColumnTiles * 16);
    g = lane / 4;
    t = lane % 4;
  }
  __device__ __forceinline__ float value(int i, int j) const {
    return sums[i / 2][j / 2][j % 2 * 2 + i % 2];
  }
  // Its place in the tile.
  __device__ __forceinline__ int row(int i) const { return warp_row + i / 2 * 8 + 2 * t + i % 2; }
  __device__ __forceinline__ int column(int j) const {
    return warp_column + j / 2 * 16 + 2 * g + j % 2;
  }
  // sums += left right over the depth of one tile.
  __device__ __forceinline__ void multiply(Shared<Word> left, Shared<Word> right) {
#pragma unroll
    for (int word = 0; word < Tile::kWords; word += Tile::kPlane) {
      Word a[kColumnTiles][4], b[kRowTiles][2];
#pragma unroll
      for (int j = 0; j < kColumnTiles; ++j)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Vector<Word, 2> pair =
              load_vector<2>(right, Tile::right_place(word + 2 * t + half, column(2 * j)));
          a[j][2 * half] = pair[0];
          a[j][2 * half + 1] = pair[1];
        }
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i) {
        const Vector<Word, 2> pair =
            load_vector<2>(left, Tile::left_place(word, warp_row + i * 8 + g) + 2 * t);
        b[i][0] = pair[0];
        b[i][1] = pair[1];
      }
#pragma unroll
      for (int i = 0; i < kRowTiles; ++i)
#pragma unroll
        for (int j = 0; j < kColumnTiles; ++j) Tile::Arithmetic::multiply(sums[i][j], a[j], b[i]);
    }
  }
};

}  // namespace ofer::kernels::OFER_GPU
