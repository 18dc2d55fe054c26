// Self-assembly as the paper defines it, on a GPU. All but the recurrence is done side by side: the
// best matches, and of each masked position the part of the sum that does not depend on the one
// before.
#include "kernels/cuda/assembly.cuh"
#include "kernels/cuda/assembly_search.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

__device__ __forceinline__ float cosine(float product, float lengths) {
  if (lengths == 0) return 0.0f;
  const float value = product / lengths;
  return value < 0 ? 0.0f : value;  // NaN passes
}

// For eight masked positions i (assembly.cuh): p_k from the tiles of the search, p_s, their
// similarities; own = x_i, fixed = S_sym p_s + S_known p_k. Two walks through the channels: the
// similarities need whole sums. The second finds x and f in the caches.
template <class T>
__global__ void __launch_bounds__(kPlaceThreads)
    paper_fixed_kernel(Global<const T> x, Global<const T> f, Global<const std::int32_t> counts,
                       Global<const std::int32_t> masked, Global<const float> tile_value,
                       Global<const std::int32_t> tile_match, Global<std::int32_t> match,
                       Global<std::int32_t> best, Global<float> by_symmetric,
                       Global<float> by_known, Global<float> length, Global<float> own,
                       Global<float> fixed, AssemblyShape shape) {
  OFER_SHARED(float, nearest_value, kPlaces);
  OFER_SHARED(std::int32_t, nearest_at, kPlaces);
  const Index blocks = blocks_of<Index>(shape.positions, kPlaces);
  const Index image = blockIdx.x / blocks, first = blockIdx.x % blocks * kPlaces;
  const Index known_count = counts[2 * image], masked_count = counts[2 * image + 1];
  if (first >= masked_count) return;
  const Index list = image * shape.positions, map = image * shape.channels * shape.positions;

  // Warp w looks for the match of place w.
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  float found = kNoScore;
  std::int32_t at = kNoPosition;
  if (first + warp < masked_count)
    best_of_tiles(tile_value, tile_match, list + first + warp,
                  blocks_of<Index>(shape.positions, kSearchTile),
                  blocks_of<Index>(known_count, kSearchTile), found, at);
  if (lane == 0) {
    nearest_value[warp] = found;
    nearest_at[warp] = at;
  }
  __syncthreads();

  const int place = threadIdx.x % kPlaces, slice = threadIdx.x / kPlaces;
  const Index m = first + place;
  const bool exists = m < masked_count;
  const int position = exists ? static_cast<int>(masked[list + m]) : 0;
  // With nothing known p_k is x_i itself, and weighs nothing.
  const int nearest = exists && known_count > 0 ? static_cast<int>(nearest_at[place]) : position;
  const Neighbours around(position, shape);

  float own_square = 0, mean_square = 0, product = 0;
  if (exists)
    for (Index c = slice; c < shape.channels; c += kSlices) {
      const Index plane = map + c * shape.positions;
      const float mine = x[plane + position], mean = around.mean<T>(f, plane);
      own_square += mine * mine;
      mean_square += mean * mean;
      product += mine * mean;
    }
  const float own_length = sqrtf(slice_sum(own_square));
  const float mean_length = sqrtf(slice_sum(mean_square));
  const float s_symmetric = cosine(slice_sum(product), own_length * mean_length);
  if (!exists) return;
  const float s_known =
      known_count > 0 ? cosine(static_cast<float>(nearest_value[place]), own_length) : 0.0f;

  for (Index c = slice; c < shape.row; c += kSlices) {
    float mine = 0, sum = 0;
    if (c < shape.channels) {
      const Index plane = map + c * shape.positions;
      mine = x[plane + position];
      sum =
          s_symmetric * around.mean<T>(f, plane) + s_known * static_cast<float>(x[plane + nearest]);
    }
    own[(list + m) * shape.row + c] = mine;
    fixed[(list + m) * shape.row + c] = sum;
  }
  if (slice > 0) return;
  match[list + m] = nearest;
  by_symmetric[list + m] = s_symmetric;
  by_known[list + m] = s_known;
  length[list + m] = own_length;
  if (best) best[list + position] = known_count > 0 ? nearest : -1;
}

// What a step of the recurrence has to know of its position, besides the rows.
struct StepNumbers {
  float symmetric, known, length;
};

// y_i = (fixed + S_prev p_prev) / (sum of the similarities), one masked position after the other;
// y_i takes the place of its fixed part. One block for an image. Each thread keeps its channels of
// p_prev in registers; a step has one sum over the block: |y_i|^2 and <x of the next position,
// y_i>, which is all that the next step has to wait for. Its rows and numbers are on their way
// meanwhile.
template <class T>
__global__ void __launch_bounds__(kRecurrenceThreads)
    paper_recurrence_kernel(Global<const T> x, Global<const std::int32_t> counts,
                            Global<const std::int32_t> masked, Global<const std::int32_t> match,
                            Global<const float> by_symmetric, Global<const float> by_known,
                            Global<const float> length, Global<const float> own_rows,
                            Global<float> made_rows, Global<T> weights, AssemblyShape shape) {
  const Index image = blockIdx.x, list = image * shape.positions;
  const Index count = counts[2 * image + 1];
  const Global<const float> own = own_rows + list * shape.row;
  const Global<float> made = made_rows + list * shape.row;
  const Index mine = threadIdx.x, vectors = shape.row / kQuad;

  const auto numbers_of = [&](Index m) {
    const Index at = list + (m < count ? m : 0);
    return StepNumbers{by_symmetric[at], by_known[at], length[at]};
  };
  if (count == 0) return;
  Quad previous = {};
  Quad fixed = row_vector(made, 0, mine, count, shape);
  Quad ahead = row_vector(own, 1, mine, count, shape);
  StepNumbers numbers = numbers_of(0);
  float sums[2] = {0, 0};  // |p_prev|^2, <x_i, p_prev>
  for (Index m = 0; m < count; ++m) {
    const Quad next_fixed = row_vector(made, m + 1, mine, count, shape);
    const Quad next_ahead = row_vector(own, m + 2, mine, count, shape);
    const StepNumbers next_numbers = numbers_of(m + 1);
    const float s_previous = m > 0 ? cosine(sums[1], numbers.length * sqrtf(sums[0])) : 0.0f;
    const float sum = numbers.symmetric + numbers.known + s_previous;
    const bool plain = weightless(sum);
    const float scale = 1.0f / sum;
    const Index from = image * shape.channels * shape.positions +
                       (plain ? static_cast<Index>(match[list + m]) : 0);
    sums[0] = sums[1] = 0;
    const auto step = [&](Index v, const Quad& before, const Quad& fixed_part, const Quad& next) {
      Quad y;
      for (int k = 0; k < kQuad; ++k) {
        const Index c = v * kQuad + k;
        if (!plain)
          y[k] = (fixed_part[k] + s_previous * before[k]) * scale;
        else
          y[k] = c < shape.channels ? static_cast<float>(x[from + c * shape.positions]) : 0.0f;
        sums[0] += y[k] * y[k];
        sums[1] += y[k] * next[k];
      }
      store_vector(made, m * shape.row + v * kQuad, y);
      return y;
    };
    if (mine < vectors) previous = step(mine, previous, fixed, ahead);
#pragma unroll 1
    for (Index v = mine + kRecurrenceThreads; v < vectors; v += kRecurrenceThreads)
      step(v, row_vector(made, m - 1, v, count, shape), row_vector(made, m, v, count, shape),
           row_vector(own, m + 1, v, count, shape));
    if (threadIdx.x == 0 && weights) {
      const Index at = (list + masked[list + m]) * 3;
      weights[at] = T(numbers.symmetric);
      weights[at + 1] = T(numbers.known);
      weights[at + 2] = T(s_previous);
    }
    step_sums(sums, static_cast<int>(m % 2));
    fixed = next_fixed;
    ahead = next_ahead;
    numbers = next_numbers;
  }
}

template <class T>
void assemble(const SelfAssemblyPaperArgs<T>& args, Index first, Index images,
              const AssemblyShape& shape, int maps, Stream& stream) {
  const Index map = shape.channels * shape.positions, tiles = search_tiles(shape);
  const AssemblyScratch scratch(gpu_stream(stream), images, shape, 4 + tiles, 3 + tiles, maps);
  std::int32_t *const counts = scratch.counts(), *const known = scratch.list(0),
                      *const masked = scratch.list(1), *const rank = scratch.list(2),
                      *const match = scratch.list(3), *const tile_match = scratch.list(4);
  float *const by_symmetric = scratch.numbers(0), *const by_known = scratch.numbers(1),
               *const length = scratch.numbers(2), *const tile_value = scratch.numbers(3);
  float *const own = scratch.rows(0), *const made = scratch.rows(1);
  const T* x = args.x + first * map;
  std::int32_t* best = args.best ? args.best + first * shape.positions : nullptr;
  T* weights = args.weights ? args.weights + first * shape.positions * 3 : nullptr;

  launch("self_assembly order", hole_order_kernel<T>, {grid_of(images), kOrderThreads}, stream,
         args.hole + first * shape.positions, nullptr, counts, known, masked, rank, nullptr,
         shape.positions, Masked::kAll);
  launch_search(x, x, counts, masked, known, tile_value, tile_match, images, shape, Score::kCosine,
                stream);
  launch("self_assembly_paper fixed", paper_fixed_kernel<T>,
         {grid_of(place_blocks(images, shape)), kPlaceThreads}, stream, x, args.f + first * map,
         counts, masked, tile_value, tile_match, match, best, by_symmetric, by_known, length, own,
         made, shape);
  launch("self_assembly_paper recurrence", paper_recurrence_kernel<T>,
         {grid_of(images), kRecurrenceThreads}, stream, x, counts, masked, match, by_symmetric,
         by_known, length, own, made, weights, shape);
  launch("self_assembly map", assembled_map_kernel<T>,
         {grid_of(map_blocks(images, shape)), kMapThreads}, stream, x, rank, made,
         args.y + first * map, best, weights, 3, shape);
}

}  // namespace

template <class T>
void self_assembly_paper(const SelfAssemblyPaperArgs<T>& args, Stream& stream) {
  constexpr int kMaps = 2;
  const AssemblyShape shape(args.channels, args.height, args.width);
  const Index together = AssemblyScratch::images_at_once(args.batch, shape, kMaps);
  for (Index first = 0; first < args.batch; first += together)
    assemble(args, first, std::min(together, args.batch - first), shape, kMaps, stream);
}

OFER_INSTANTIATE_GPU(self_assembly_paper, SelfAssemblyPaperArgs)
OFER_INSTANTIATE_GPU_BF16(self_assembly_paper, SelfAssemblyPaperArgs)

}  // namespace ofer::kernels::OFER_GPU
