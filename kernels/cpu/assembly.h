// What the two self-assembly layers share: the order in which an image's positions are handled,
// feature maps turned into rows of channels and back, and the search for the best match.
//
// A map [channels, positions] is turned into rows [position][channel], so that a dot product over
// the channels runs through neighbouring memory. The rows come in "rank" order: first the known
// (unmasked) positions, then the masked ones, both in raster order.
#pragma once

#include "kernels/cpu/extremes.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

inline constexpr Index kQueries = 64;       // positions that search together
inline constexpr Index kCandidates = 1024;  // known positions compared with in one product

// One image's positions in rank order.
struct HoleOrder {
  Index known, masked;
  const std::int32_t* position;  // of each rank
  const std::int32_t* rank;      // of each position
};

// Scratch of the images that are handled together: for each its order, `maps` arrays of rows
// [positions, channels], 3 arrays of numbers and one of ranks [positions].
template <class T>
class AssemblyScratch {
 public:
  static constexpr int kNumbers = 3;

  // How many images to take at once, so that scratch stays near 64 MB however large the batch is.
  static Index images_at_once(Index batch, Index channels, Index positions, int maps) {
    const Index bytes = maps * channels * positions * static_cast<Index>(sizeof(T));
    return larger(1, smaller(batch, (Index{64} << 20) / larger(1, bytes)));
  }

  AssemblyScratch(CpuStream& cpu, Index images, Index channels, Index positions, int maps)
      : images_(images), positions_(positions), map_(channels * positions), maps_(maps) {
    known_ = cpu.shared_scratch<Index>(0, images);
    ranks_ = cpu.shared_scratch<std::int32_t>(1, images * 3 * positions);
    numbers_ = cpu.shared_scratch<double>(2, images * kNumbers * positions);
    values_ = cpu.shared_scratch<T>(3, images * maps * map_);
  }

  // Orders the positions of every image; hole [images, positions].
  void order_all(const T* hole, CpuStream& cpu) {
    cpu.parallel_for(images_, 1, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i) order_one(i, hole + i * positions_);
    });
  }

  Index images() const { return images_; }
  HoleOrder order(Index i) const {
    const std::int32_t* position = ranks_ + i * 3 * positions_;
    return {known_[i], positions_ - known_[i], position, position + positions_};
  }
  // Rank of each masked position's best match, by the position's number among the masked ones.
  std::int32_t* match(Index i) const { return ranks_ + (i * 3 + 2) * positions_; }
  double* numbers(Index i, int which) const {
    return numbers_ + (i * kNumbers + which) * positions_;
  }
  T* rows(Index i, int which) const { return values_ + (i * maps_ + which) * map_; }

 private:
  void order_one(Index i, const T* hole) {
    std::int32_t* position = ranks_ + i * 3 * positions_;
    std::int32_t* rank = position + positions_;
    Index known = 0;
    for (Index p = 0; p < positions_; ++p) known += hole[p] == T(0);
    Index next_known = 0, next_masked = known;
    for (Index p = 0; p < positions_; ++p) {
      const Index r = hole[p] == T(0) ? next_known++ : next_masked++;
      position[r] = static_cast<std::int32_t>(p);
      rank[p] = static_cast<std::int32_t>(r);
    }
    known_[i] = known;
  }

  Index images_, positions_, map_, maps_;
  Index* known_;
  std::int32_t* ranks_;
  double* numbers_;
  T* values_;
};

// Calls work(image, begin, end, worker) for blocks of kQueries ranks of every image.
template <class F>
void for_blocks(CpuStream& cpu, Index images, Index positions, const F& work) {
  const Index blocks = blocks_of(positions, kQueries);
  cpu.parallel_for(images * blocks, 1, [&](Index first, Index last, int worker) {
    for (Index item = first; item < last; ++item) {
      const Index begin = item % blocks * kQueries;
      work(item / blocks, begin, smaller(positions, begin + kQueries), worker);
    }
  });
}

// Both directions go by tiles of kRanks x kChannels through a buffer of their own: what is read and
// written together lies together in memory (a map's line of 64 positions, a row's cache line), also
// where a map's lines are a power of two apart and share a few cache sets.
inline constexpr Index kRanks = 64;
inline constexpr Index kChannels = 16;

// rows[r][c] = map[c][position[r]] for r in [begin, end); a null `position` stands for r itself.
template <class T>
void map_to_rows(const T* map, Index positions, Index channels, const std::int32_t* position,
                 Index begin, Index end, T* rows) {
  T tile[kRanks][kChannels];
  for (Index r0 = begin; r0 < end; r0 += kRanks)
    for (Index c0 = 0; c0 < channels; c0 += kChannels) {
      const Index height = smaller(kRanks, end - r0), width = smaller(kChannels, channels - c0);
      for (Index c = 0; c < width; ++c) {
        const T* from = map + (c0 + c) * positions;
        for (Index r = 0; r < height; ++r) tile[r][c] = from[position ? position[r0 + r] : r0 + r];
      }
      for (Index r = 0; r < height; ++r)
        for (Index c = 0; c < width; ++c) rows[(r0 + r) * channels + c0 + c] = tile[r][c];
    }
}

// map[c][position[r]] = row(r)[c] for r in [begin, end).
template <class T, class Row>
void rows_to_map(const Row& row, Index positions, Index channels, const std::int32_t* position,
                 Index begin, Index end, T* map) {
  T tile[kChannels][kRanks];
  for (Index r0 = begin; r0 < end; r0 += kRanks)
    for (Index c0 = 0; c0 < channels; c0 += kChannels) {
      const Index height = smaller(kRanks, end - r0), width = smaller(kChannels, channels - c0);
      for (Index r = 0; r < height; ++r) {
        const T* from = row(r0 + r) + c0;
        for (Index c = 0; c < width; ++c) tile[c][r] = from[c];
      }
      for (Index c = 0; c < width; ++c) {
        T* to = map + (c0 + c) * positions;
        for (Index r = 0; r < height; ++r) to[position[r0 + r]] = tile[c][r];
      }
    }
}

// Mean of the rows of the 3 x 3 neighbours of `position` that lie inside the map.
template <class T>
void neighbour_mean(const T* rows, const std::int32_t* rank, Index position, Index height,
                    Index width, Index channels, T* mean) {
  const Index y = position / width, x = position % width;
  for (Index c = 0; c < channels; ++c) mean[c] = T(0);
  Index count = 0;
  for (Index i = larger(0, y - 1); i < smaller(height, y + 2); ++i)
    for (Index j = larger(0, x - 1); j < smaller(width, x + 2); ++j, ++count) {
      const T* row = rows + rank[i * width + j] * channels;
      for (Index c = 0; c < channels; ++c) mean[c] += row[c];
    }
  const T share = T(1) / static_cast<T>(count);
  for (Index c = 0; c < channels; ++c) mean[c] *= share;
}

template <class T>
OFER_INLINE double norm(const T* x, Index count) {
  return sqrt_of(dot(x, x, count));
}

// Below this sum of similarities the paper's layer takes the best match as it is.
template <class T>
OFER_INLINE bool weightless(T sum) {
  return sum < T(1e-8);
}

// For each of `queries` <= kQueries rows the first of the `candidates` >= 1 rows with the largest
// dot product. With `clamp` those that are not positive count as 0: where none is, the first wins.
// `scores` has room for kQueries x kCandidates.
template <class T>
void best_matches(const T* query, Index queries, const T* candidate, Index candidates,
                  Index channels, bool clamp, T* scores, std::int32_t* best) {
  T top[kQueries];
  for (Index begin = 0; begin < candidates; begin += kCandidates) {
    const Index count = smaller(kCandidates, candidates - begin);
    Matmul<T> product;
    product.transpose_b = true;
    product.m = queries;
    product.n = count;
    product.k = channels;
    product.a = query;
    product.lda = channels;
    product.b = candidate + begin * channels;
    product.ldb = channels;
    product.c = scores;
    product.ldc = count;
    matmul(product);
    for (Index q = 0; q < queries; ++q) {
      const T* row = scores + q * count;
      const T here = extreme_number(row, count, Maximum<T>{});
      if (begin > 0 && !(here > top[q])) continue;
      top[q] = here;
      best[q] = static_cast<std::int32_t>(begin + first_equal(row, count, here));
    }
  }
  if (clamp)
    for (Index q = 0; q < queries; ++q)
      if (!(top[q] > T(0))) best[q] = 0;
}

// Runs Pass<T>(args, scratch, cpu, first image), which wants Pass<T>::kMaps maps, for as many
// images at once as fit into a scratch.
template <template <class> class Pass, class T, template <class> class Args>
void run_assembly(const Args<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index positions = args.height * args.width;
  constexpr int kMaps = Pass<T>::kMaps;
  const Index together =
      AssemblyScratch<T>::images_at_once(args.batch, args.channels, positions, kMaps);
  for (Index first = 0; first < args.batch; first += together) {
    AssemblyScratch<T> scratch(cpu, smaller(together, args.batch - first), args.channels, positions,
                               kMaps);
    Pass<T>(args, scratch, cpu, first).run();
  }
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
