// How a block carries one stage of a convolution's operands from device memory through registers to
// shared memory. In registers elements are still as they are stored, for nothing may wait for them
// before they are needed. Where an element lies says kernels/cuda/conv_gather.cuh; what it is in
// shared memory, and where, says the tile.
#pragma once

#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/conv_gather.cuh"

namespace ofer::kernels::OFER_GPU {

// Threads that are neighbours take neighbouring words of the depth, then the next of `lines` rows
// or columns.
template <class Tile, int lines>
struct AlongDepth {
  static constexpr int kStep = Tile::kThreads / Tile::kWords;  // lines between a thread's words
  static constexpr int kCount = (lines + kStep - 1) / kStep;   // words of a thread
  __device__ __forceinline__ static int word() { return threadIdx.x % Tile::kWords; }
  __device__ __forceinline__ static int line(int i) {
    return threadIdx.x / Tile::kWords + i * kStep;
  }
};

// --- left operand ---

// Element by element, neighbours along the depth: in every one of the products these are the
// nearest in memory.
template <class T, class Tile>
struct LeftElements {
  using Lines = AlongDepth<Tile, Tile::kRows>;
  static constexpr int kPair = Tile::kPair;

  T element[Lines::kCount][kPair];

  __device__ __forceinline__ static int first_row() { return Lines::line(0); }
  // `row_offset`: of the thread's first row in `from`; `rows`: how many from there on exist.
  __device__ __forceinline__ void fetch(Global<const T> from, Shared<Index> terms, Index row_offset,
                                        Index row_stride, int rows) {
#pragma unroll
    for (int e = 0; e < kPair; ++e) {
      const Index offset = terms[Lines::word() * kPair + e];
      const int there = offset < 0 ? 0 : rows;
      Global<const T> at = from + (offset + row_offset);
#pragma unroll
      for (int i = 0; i < Lines::kCount; ++i) {
        element[i][e] = T(0.0f);
        if (i * Lines::kStep < there) element[i][e] = at[0];
        at += Lines::kStep * row_stride;
      }
    }
  }
  __device__ __forceinline__ void store(Shared<typename Tile::Word> tile) const {
#pragma unroll
    for (int i = 0; i < Lines::kCount; ++i)
      if (Tile::kRows % Lines::kStep == 0 || Lines::line(i) < Tile::kRows)
        tile[Tile::left_place(Lines::word(), Lines::line(i))] = Tile::word(element[i]);
  }
};

// Elements that one load of 16 bytes brings.
template <class T>
constexpr int kLeftRun = 16 / sizeof(T);

// In runs, where each kLeftRun steps of the depth are aligned neighbours in memory; for tiles in
// which a row's words are neighbours as well.
template <class T, class Tile>
struct LeftRuns {
  using Word = typename Tile::Word;
  static constexpr int kRun = kLeftRun<T>, kPair = Tile::kPair;
  static constexpr int kRuns = Tile::kDepth / kRun;     // of a row
  static constexpr int kStep = Tile::kThreads / kRuns;  // rows between a thread's runs
  static constexpr int kCount = Tile::kRows / kStep;    // runs of a thread
  static_assert(kCount * kStep == Tile::kRows && Tile::kThreads % kRuns == 0);

  Vector<std::uint32_t, 4> run[kCount];

  __device__ __forceinline__ static int first_row() { return threadIdx.x / kRuns; }
  __device__ __forceinline__ static int first_k() { return threadIdx.x % kRuns * kRun; }
  __device__ __forceinline__ void fetch(Global<const T> from, Shared<Index> terms, Index row_offset,
                                        Index row_stride, int rows) {
    const Index offset = terms[first_k()];
    if (offset < 0) rows = 0;
    Global<const T> at = from + (offset + row_offset);
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
#pragma unroll
      for (int w = 0; w < 4; ++w) run[i][w] = 0;
      if (i * kStep < rows) run[i] = load_words(at, 0);
      at += kStep * row_stride;
    }
  }
  __device__ __forceinline__ void store(Shared<Word> tile) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i)
      store_vector<4>(tile, Tile::left_place(first_k() / kPair, first_row() + i * kStep),
                      Tile::Arithmetic::words(run[i]));
  }
};

// --- right operand ---

// Neighbouring columns or neighbouring words of the depth, as the product says.
template <class T, class Tile, class Product>
struct Right {
  using Word = typename Tile::Word;
  using Lines = AlongDepth<Tile, Tile::kColumns>;
  static constexpr int kPair = Tile::kPair;
  static constexpr bool kAlongDepth = Product::kReadsAlongDepth;
  static constexpr int kRight = Tile::kColumns * Tile::kWords / Tile::kThreads;
  // Words of the depth between two of a thread, where neighbours go along the columns.
  static constexpr int kWordStep = Tile::kThreads / Tile::kColumns;
  static_assert(kRight * Tile::kThreads == Tile::kColumns * Tile::kWords && kRight * kPair <= 32);

  T element[kRight][kPair];
  unsigned inside = 0;  // bit i kPair + e: element[i][e] is one, not the zero around the source

  __device__ __forceinline__ void fetch(Global<const T> from, const Gather& gather,
                                        Shared<typename Product::TermPlace> terms,
                                        Shared<typename Product::ColumnPlace> columns) {
    inside = 0;
    if constexpr (kAlongDepth) {
#pragma unroll
      for (int e = 0; e < kPair; ++e) {
        const PositionPlace position = terms[Lines::word() * kPair + e];
#pragma unroll
        for (int i = 0; i < kRight; ++i)
          fetch(i, e, from + position.offset, gather, position, columns[Lines::line(i)]);
      }
    } else {
      const PositionPlace position = columns[threadIdx.x % Tile::kColumns];
      const int first = threadIdx.x / Tile::kColumns;
#pragma unroll
      for (int i = 0; i < kRight; ++i)
#pragma unroll
        for (int e = 0; e < kPair; ++e)
          fetch(i, e, from + position.offset, gather, position,
                terms[(first + i * kWordStep) * kPair + e]);
    }
  }
  __device__ __forceinline__ void fetch(int i, int e, Global<const T> at, const Gather& gather,
                                        const PositionPlace& position,
                                        const FeaturePlace& feature) {
    element[i][e] = T(0.0f);
    if (gather.inside(position, feature)) {
      element[i][e] = at[feature.offset];
      inside |= 1u << (i * kPair + e);
    }
  }

  __device__ __forceinline__ void store(Shared<Word> tile, Activation activation,
                                        float slope) const {
    if (!Product::kActivates || activation == Activation::kNone) {
#pragma unroll
      for (int i = 0; i < kRight; ++i) tile[place(i)] = Tile::word(element[i]);
    } else if (activation == Activation::kRelu) {
      store_activated(tile, [&](float v, int) { return activate(v, Activation::kRelu, slope); });
    } else if (activation == Activation::kLeakyRelu) {
      store_activated(tile,
                      [&](float v, int) { return activate(v, Activation::kLeakyRelu, slope); });
    } else {
      // The zeros around the source stay zeros, also where f(0) is another number.
      store_activated(tile, [&](float v, int bit) {
        return inside & 1u << bit ? activate(v, activation, slope) : v;
      });
    }
  }
  template <class F>
  __device__ __forceinline__ void store_activated(Shared<Word> tile, F f) const {
#pragma unroll
    for (int i = 0; i < kRight; ++i) {
      float value[kPair];
#pragma unroll
      for (int e = 0; e < kPair; ++e)
        value[e] = f(static_cast<float>(element[i][e]), i * kPair + e);
      tile[place(i)] = Tile::word(value);
    }
  }
  __device__ __forceinline__ static int place(int i) {
    if constexpr (kAlongDepth) return Tile::right_place(Lines::word(), Lines::line(i));
    return Tile::right_place(threadIdx.x / Tile::kColumns + i * kWordStep,
                             threadIdx.x % Tile::kColumns);
  }
};

}  // namespace ofer::kernels::OFER_GPU
