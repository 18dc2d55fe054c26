// A row of numbers as its team sees it: in registers where it fits, else read again for every use.
// Kernels are written once for both.
#pragma once

#include <type_traits>

#include "kernels/cuda/load_floats.cuh"
#include "kernels/cuda/team.cuh"

namespace ofer::kernels::OFER_GPU {

// N neighbours. `aligned`: as one vector. Which elements a thread takes does not depend on that, so
// the bits of a sum do not either.
template <int N, class T>
__device__ __forceinline__ void load_group(Global<const T> x, Index at, bool aligned,
                                           float (&value)[N]) {
  const Vector<float, N> group = load_floats<N, T>(x, at, N, N > 1 && aligned);
#pragma unroll
  for (int i = 0; i < N; ++i) value[i] = group[i];
}

template <int N, class T>
__device__ __forceinline__ void store_group(Global<T> y, Index at, bool aligned,
                                            const float (&value)[N]) {
  Vector<float, N> group;
#pragma unroll
  for (int i = 0; i < N; ++i) group[i] = value[i];
  store_floats<N, T>(y, at, N, N > 1 && aligned, group);
}

// Where element i of a row lies, counted from the row's pointer.
struct Neighbours {
  __device__ Index operator()(int i) const { return i; }
};

// `count` elements of kInputs arrays side by side, a multiple of N. Thread t of the team takes the
// groups of N neighbours t, t + kSize, ...; with count 0 nothing is touched.
template <class T, class Team, int kInputs, int N, class Places = Neighbours>
class Row {
 public:
  // Of many terms: a float holds the few that a thread with its row in registers adds.
  using Sum = std::conditional_t<Team::kHeld, float, double>;

  __device__ __forceinline__ Row(const Global<const T> (&x)[kInputs], int count, bool aligned,
                                 Places places = {})
      : count_(count), aligned_(aligned), places_(places) {
    for (int j = 0; j < kInputs; ++j) x_[j] = x[j];
    if constexpr (Team::kHeld) load(held_, 0);
  }

  // Calls f(v, i) for the thread's own elements, v[j] being element i of array j.
  template <class F>
  __device__ __forceinline__ void for_each(F f) {
    for_parts([&](const Part& part, int begin) __attribute__((always_inline)) {
#pragma unroll
      for (int k = 0; k < kGroups; ++k) {
        const int first = position(begin, k);
        if (first < count_)
#pragma unroll
          for (int i = 0; i < N; ++i) visit(part, k, i, first + i, f);
      }
    });
  }

  // y[i] = f(v, i), laid out as the inputs are; y may be one of them.
  template <class F>
  __device__ __forceinline__ void store(Global<T> y, F f) {
    for_parts([&](const Part& part, int begin) __attribute__((always_inline)) {
#pragma unroll
      for (int k = 0; k < kGroups; ++k) {
        const int first = position(begin, k);
        if (first >= count_) continue;
        float result[N];
#pragma unroll
        for (int i = 0; i < N; ++i) result[i] = visit(part, k, i, first + i, f);
        store_group<N>(y, places_(first), aligned_, result);
      }
    });
  }

 private:
  static constexpr int kGroups = Team::kElements / N;
  static_assert(kGroups * N == Team::kElements);
  using Part = float[kInputs][kGroups][N];

  static __device__ __forceinline__ int position(int begin, int k) {
    return begin + (k * Team::kSize + Team::rank()) * N;
  }

  // All loads of a part stand before the first use, so that they are under way together.
  __device__ __forceinline__ void load(Part& part, int begin) {
    if (aligned_)
      load_groups<true>(part, begin);
    else
      load_groups<false>(part, begin);
  }
  template <bool kAligned>
  __device__ __forceinline__ void load_groups(Part& part, int begin) {
#pragma unroll
    for (int k = 0; k < kGroups; ++k) {
      const int first = position(begin, k);
      if (first >= count_) continue;
#pragma unroll
      for (int j = 0; j < kInputs; ++j) load_group<N>(x_[j], places_(first), kAligned, part[j][k]);
    }
  }

  template <class F>
  __device__ __forceinline__ void for_parts(F f) {
    if constexpr (Team::kHeld) {
      f(held_, 0);
    } else {
      for (int begin = 0; begin < count_; begin += Team::kSize * Team::kElements) {
        Part part;
        load(part, begin);
        f(part, begin);
      }
    }
  }

  template <class F>
  static __device__ __forceinline__ auto visit(const Part& part, int k, int i, int at, F& f) {
    float value[kInputs];
#pragma unroll
    for (int j = 0; j < kInputs; ++j) value[j] = part[j][k][i];
    return f(value, at);
  }

  Global<const T> x_[kInputs];
  int count_;
  bool aligned_;
  Places places_;
  float held_[Team::kHeld ? kInputs : 1][kGroups][N];
};

// Calls use(team, n): the team for rows of `count` elements and how many neighbours a thread takes
// at once. Both depend on the row's length alone.
template <class T, class Team, class Use>
void with_group(Team team, Index count, Use use) {
  constexpr int kWidest = kVectorOf<T> < Team::kElements ? kVectorOf<T> : Team::kElements;
  if (count % kWidest == 0)
    use(team, std::integral_constant<int, kWidest>{});
  else
    use(team, std::integral_constant<int, 1>{});
}

// Short rows: the fewest threads that have four elements each, which is one vector. From 128
// threads on a block has one row. 512 threads with 32 elements are what two blocks can hold in a
// multiprocessor's registers; longer rows are walked along.
template <class T, class Use>
void with_team(Index count, Use use) {
  if (count <= 4) return with_group<T>(Team<1, 4>{}, count, use);
  if (count <= 16) return with_group<T>(Team<4, 4>{}, count, use);
  if (count <= 64) return with_group<T>(Team<16, 4>{}, count, use);
  if (count <= 256) return with_group<T>(Team<32, 8>{}, count, use);
  if (count <= 1024) return with_group<T>(Team<128, 8>{}, count, use);
  if (count <= 4096) return with_group<T>(Team<256, 16>{}, count, use);
  if (count <= 16384) return with_group<T>(Team<512, 32>{}, count, use);
  return with_group<T>(Team<1024, 8, false>{}, count, use);
}

// Grid and block for one team to each of `rows`.
template <class Team>
LaunchShape team_shape(Index rows) {
  return {grid_of(blocks_of<Index>(rows, Team::kPerBlock)), Team::kThreads};
}

}  // namespace ofer::kernels::OFER_GPU
