// Self-assembly as the released code computes it, on a GPU. As in the paper's version all but the
// recurrence is done side by side.
#include "kernels/cuda/assembly.cuh"
#include "kernels/cuda/assembly_gradient.cuh"
#include "kernels/cuda/assembly_search.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr float kNormEps = 1e-8f;
constexpr float kLeastSum = 1e-8f;

// Asked of the compiler: four blocks in a multiprocessor. Aiming at five of its own accord it
// spills.
constexpr int kFixedBlocks = 4;

// For eight masked positions i (assembly.cuh), i the m-th: v(i) and ind(i) from the tiles of the
// first search, w(m) from those of the second; own = x_i, known = x_ind, fixed = v(i) x_ind + w(m)
// r(i), or (x_ind + r) / 2 for m = 0.
template <class T>
__global__ void __launch_bounds__(kPlaceThreads, kFixedBlocks)
    released_fixed_kernel(Global<const T> x, Global<const std::int32_t> counts,
                          Global<const std::int32_t> masked, Global<const float> v_value,
                          Global<const std::int32_t> v_match, Global<const float> w_value,
                          Global<const std::int32_t> w_match, Global<std::int32_t> best,
                          Global<float> by_known, Global<float> by_mean, Global<float> length,
                          Global<float> own, Global<float> known, Global<float> fixed,
                          AssemblyShape shape) {
  OFER_SHARED(float, v_best, kPlaces);
  OFER_SHARED(float, w_best, kPlaces);
  OFER_SHARED(std::int32_t, v_at, kPlaces);
  const Index blocks = blocks_of<Index>(shape.positions, kPlaces);
  const Index image = blockIdx.x / blocks, first = blockIdx.x % blocks * kPlaces;
  const Index masked_count = counts[2 * image + 1];
  if (first >= masked_count) return;
  const Index list = image * shape.positions, map = image * shape.channels * shape.positions;

  // Warp w looks for the matches of place w.
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  if (first + warp < masked_count) {
    const Index tiles = blocks_of<Index>(shape.positions, kSearchTile);
    const Index used = blocks_of<Index>(counts[2 * image], kSearchTile);
    float found;
    std::int32_t at;
    best_of_tiles(v_value, v_match, list + first + warp, tiles, used, found, at);
    if (lane == 0) {
      v_best[warp] = found;
      v_at[warp] = at;
    }
    best_of_tiles(w_value, w_match, list + first + warp, tiles, tiles, found, at);
    if (lane == 0) w_best[warp] = found;
  }
  __syncthreads();

  const int place = threadIdx.x % kPlaces, slice = threadIdx.x / kPlaces;
  const Index m = first + place;
  const bool exists = m < masked_count;
  const int position = exists ? static_cast<int>(masked[list + m]) : 0;
  float square = 0;
  if (exists)
    for (Index c = slice; c < shape.channels; c += kSlices) {
      const float mine = x[map + c * shape.positions + position];
      square += mine * mine;
    }
  square = slice_sum(square);
  if (!exists) return;

  const int nearest = v_at[place];
  const float v = v_best[place], w = w_best[place];
  const float of_known = m == 0 ? 0.5f : v, of_mean = m == 0 ? 0.5f : w;
  const Neighbours around(position, shape);
  for (Index c = slice; c < shape.row; c += kSlices) {
    float mine = 0, matched = 0, sum = 0;
    if (c < shape.channels) {
      const Index plane = map + c * shape.positions;
      mine = x[plane + position];
      matched = x[plane + nearest];
      sum = of_known * matched + of_mean * around.mean<T>(x, plane);
    }
    own[(list + m) * shape.row + c] = mine;
    known[(list + m) * shape.row + c] = matched;
    fixed[(list + m) * shape.row + c] = sum;
  }
  if (slice > 0) return;
  by_known[list + m] = v;
  by_mean[list + m] = w;
  length[list + m] = sqrtf(square) + kNormEps;
  if (best) best[list + position] = nearest;
}

// What a step of the recurrence has to know of its position, besides the rows.
struct StepNumbers {
  float known, mean, length;  // v, w, n(x)
};

// g_m = (s / q) g_{m-1} + fixed / q and y_m = (s / q) y_{m-1} + (v / q) x_ind, one masked position
// after the other; y_m takes the place of x_ind, g_m that of its fixed part. One block for an
// image. Each thread keeps its channels of g and y in registers; a step has one sum over the block,
// <x of the next position, g_m>. The next step's rows and numbers are on their way meanwhile.
template <class T>
__global__ void __launch_bounds__(kRecurrenceThreads)
    released_recurrence_kernel(Global<const std::int32_t> counts, Global<const std::int32_t> masked,
                               Global<const float> by_known, Global<const float> by_mean,
                               Global<const float> length, Global<const float> own_rows,
                               Global<float> known_rows, Global<float> fixed_rows, Global<T> shares,
                               AssemblyShape shape) {
  const Index image = blockIdx.x, list = image * shape.positions;
  const Index count = counts[2 * image + 1];
  const Global<const float> own = own_rows + list * shape.row;
  const Global<float> made = known_rows + list * shape.row;   // x_ind, then y
  const Global<float> grown = fixed_rows + list * shape.row;  // the fixed part, then g
  const Index mine = threadIdx.x, vectors = shape.row / kQuad;

  const auto numbers_of = [&](Index m) {
    const Index at = list + (m < count ? m : 0);
    return StepNumbers{by_known[at], by_mean[at], length[at]};
  };
  if (count == 0) return;
  Quad g = {}, y = {};
  Quad known = row_vector(made, 0, mine, count, shape);
  Quad fixed = row_vector(grown, 0, mine, count, shape);
  Quad ahead = row_vector(own, 1, mine, count, shape);
  StepNumbers numbers = numbers_of(0);
  float sums[1] = {0};  // <x_i, g_{m-1}>
  for (Index m = 0; m < count; ++m) {
    const Quad next_known = row_vector(made, m + 1, mine, count, shape);
    const Quad next_fixed = row_vector(grown, m + 1, mine, count, shape);
    const Quad next_ahead = row_vector(own, m + 2, mine, count, shape);
    const StepNumbers next_numbers = numbers_of(m + 1);
    // The first takes its fixed part as it is, and x_ind for y.
    float of_previous = 0, of_known = 1, scale = 1;
    bool defined = true;
    if (m > 0) {
      const float s = sums[0] / numbers.length;
      const float q = s + numbers.known + numbers.mean;
      defined = fabsf(q) >= kLeastSum;
      if (defined) {
        of_previous = s / q;
        of_known = numbers.known / q;
        scale = 1.0f / q;
      }
    }
    sums[0] = 0;
    const auto step = [&](Index at, Quad& g_here, Quad& y_here, const Quad& known_here,
                          const Quad& fixed_here, const Quad& next) {
      for (int k = 0; k < kQuad; ++k) {
        g_here[k] = defined ? of_previous * g_here[k] + scale * fixed_here[k] : known_here[k];
        y_here[k] = of_previous * y_here[k] + of_known * known_here[k];
        sums[0] += g_here[k] * next[k];
      }
      store_vector(grown, m * shape.row + at * kQuad, g_here);
      store_vector(made, m * shape.row + at * kQuad, y_here);
    };
    if (mine < vectors) step(mine, g, y, known, fixed, ahead);
#pragma unroll 1
    for (Index at = mine + kRecurrenceThreads; at < vectors; at += kRecurrenceThreads) {
      Quad g_here = row_vector(grown, m - 1, at, count, shape);
      Quad y_here = row_vector(made, m - 1, at, count, shape);
      step(at, g_here, y_here, row_vector(made, m, at, count, shape),
           row_vector(grown, m, at, count, shape), row_vector(own, m + 1, at, count, shape));
    }
    if (threadIdx.x == 0 && shares) {
      const Index at = (list + masked[list + m]) * 2;
      shares[at] = T(of_previous);
      shares[at + 1] = T(of_known);
    }
    step_sums(sums, static_cast<int>(m % 2));
    known = next_known;
    fixed = next_fixed;
    ahead = next_ahead;
    numbers = next_numbers;
  }
}

template <class T>
void assemble(const SelfAssemblyReleasedArgs<T>& args, Index first, Index images,
              const AssemblyShape& shape, int maps, Stream& stream) {
  const Index map = shape.channels * shape.positions, tiles = search_tiles(shape);
  const AssemblyScratch scratch(gpu_stream(stream), images, shape, 3 + 2 * tiles, 3 + 2 * tiles,
                                maps);
  std::int32_t *const counts = scratch.counts(), *const known = scratch.list(0),
                      *const masked = scratch.list(1), *const rank = scratch.list(2),
                      *const v_match = scratch.list(3), *const w_match = scratch.list(3 + tiles);
  float *const by_known = scratch.numbers(0), *const by_mean = scratch.numbers(1),
               *const length = scratch.numbers(2), *const v_value = scratch.numbers(3),
               *const w_value = scratch.numbers(3 + tiles);
  float *const own = scratch.rows(0), *const made = scratch.rows(1), *const grown = scratch.rows(2);
  const T* x = args.x + first * map;
  std::int32_t* best = args.best ? args.best + first * shape.positions : nullptr;
  T* shares = args.shares ? args.shares + first * shape.positions * 2 : nullptr;

  launch("self_assembly order", hole_order_kernel<T>, {grid_of(images), kOrderThreads}, stream,
         args.hole + first * shape.positions, nullptr, counts, known, masked, rank, nullptr,
         shape.positions, Masked::kIfAnyKnown);
  launch_search(x, x, counts, masked, known, v_value, v_match, images, shape, Score::kSigned,
                stream);
  // w is wanted for the first positions in raster order, as many as are masked.
  launch_search<T>(args.f + first * map, x, counts, nullptr, nullptr, w_value, w_match, images,
                   shape, Score::kSigned, stream);
  launch("self_assembly_released fixed", released_fixed_kernel<T>,
         {grid_of(place_blocks(images, shape)), kPlaceThreads}, stream, x, counts, masked, v_value,
         v_match, w_value, w_match, best, by_known, by_mean, length, own, made, grown, shape);
  launch("self_assembly_released recurrence", released_recurrence_kernel<T>,
         {grid_of(images), kRecurrenceThreads}, stream, counts, masked, by_known, by_mean, length,
         own, made, grown, shares, shape);
  launch("self_assembly map", assembled_map_kernel<T>,
         {grid_of(map_blocks(images, shape)), kMapThreads}, stream, x, rank, made,
         args.y + first * map, best, shares, 2, shape);
}

// --- backward ---

constexpr int kSweepThreads = 128;

// G_m = dy_m + (s / q)_{m+1} G_{m+1}, from the last masked position to the first. Channels do not
// meet: a block takes 32 of them, a tile of 32 masked positions after the other. All threads load
// the tile, the first warp walks through it, lane by channel, and stores rows of G.
template <class T>
__global__ void __launch_bounds__(kSweepThreads)
    released_sweep_kernel(Global<const T> dy, Global<const T> shares,
                          Global<const std::int32_t> counts, Global<const std::int32_t> masked,
                          Global<float> of_known, Global<float> g, AssemblyShape shape) {
  constexpr int kPitch = kSide + 1;
  constexpr int kWarps = kSweepThreads / kWarpSize;
  OFER_SHARED(float, tile, kSide* kPitch);
  const int lane = threadIdx.x % kWarpSize, warp = threadIdx.x / kWarpSize;
  const Index channel_tiles = blocks_of<Index>(shape.row, kSide);
  const Index image = blockIdx.x / channel_tiles, c0 = blockIdx.x % channel_tiles * kSide;
  const Index list = image * shape.positions, count = counts[2 * image + 1];
  float carried = 0;
  for (Index begin = (count - 1) / kSide * kSide; begin >= 0 && count > 0; begin -= kSide) {
    const bool inside = begin + lane < count;
    const Index position = inside ? static_cast<Index>(masked[list + begin + lane]) : 0;
    for (int i = warp; i < kSide; i += kWarps) {
      float value = 0;
      if (inside && c0 + i < shape.channels)
        value = dy[(image * shape.channels + c0 + i) * shape.positions + position];
      tile[lane * kPitch + i] = value;
    }
    __syncthreads();
    if (warp == 0) {
      const float share = inside ? static_cast<float>(shares[(list + position) * 2]) : 0.0f;
      if (inside && c0 == 0)
        of_known[list + begin + lane] = static_cast<float>(shares[(list + position) * 2 + 1]);
      for (int i = kSide - 1; i >= 0; --i) {
        const float value = tile[i * kPitch + lane] + carried;
        carried = __shfl_sync(kAllLanes, share, i) * value;
        if (begin + i < count && c0 + lane < shape.row)
          g[(list + begin + i) * shape.row + c0 + lane] = value;
      }
    }
    __syncthreads();
  }
}

template <class T>
void differentiate(const SelfAssemblyReleasedBackwardArgs<T>& args, Index first, Index images,
                   const AssemblyShape& shape, int maps, Stream& stream) {
  const Index map = shape.channels * shape.positions;
  const AssemblyScratch scratch(gpu_stream(stream), images, shape, 4, 1, maps);
  std::int32_t *const counts = scratch.counts(), *const known = scratch.list(0),
                      *const masked = scratch.list(1), *const rank = scratch.list(2),
                      *const match = scratch.list(3);
  float *const of_known = scratch.numbers(0), *const g = scratch.rows(0),
               *const gathered = scratch.rows(1);
  launch("self_assembly order", hole_order_kernel<T>, {grid_of(images), kOrderThreads}, stream,
         args.hole + first * shape.positions, args.best + first * shape.positions, counts, known,
         masked, rank, match, shape.positions, Masked::kWithMatch);
  launch("self_assembly_released sweep", released_sweep_kernel<T>,
         {grid_of(images * blocks_of<Index>(shape.row, kSide)), kSweepThreads}, stream,
         args.dy + first * map, args.shares + first * shape.positions * 2, counts, masked, of_known,
         g, shape);
  launch("self_assembly matched", matched_gradient_kernel<float>,
         {grid_of(images * shape.positions), kMatchedThreads}, stream, counts, rank, match,
         of_known, nullptr, nullptr, g, nullptr, gathered, nullptr, shape);
  launch("self_assembly known", known_gradient_kernel<T>,
         {grid_of(map_blocks(images, shape)), kMapThreads}, stream, args.dy + first * map, nullptr,
         rank, gathered, nullptr, args.dx + first * map, true, shape);
}

}  // namespace

template <class T>
void self_assembly_released(const SelfAssemblyReleasedArgs<T>& args, Stream& stream) {
  constexpr int kMaps = 3;
  const AssemblyShape shape(args.channels, args.height, args.width);
  const Index together = AssemblyScratch::images_at_once(args.batch, shape, kMaps);
  for (Index first = 0; first < args.batch; first += together)
    assemble(args, first, std::min(together, args.batch - first), shape, kMaps, stream);
}

// The rows a_m run backwards as y's recurrence did: with G the gradient of the m-th generated
// value,
//   dx[ind] += (v / q) G,   and (s / q) G goes to the value before.
template <class T>
void self_assembly_released_backward(const SelfAssemblyReleasedBackwardArgs<T>& args,
                                     Stream& stream) {
  constexpr int kMaps = 2;
  const AssemblyShape shape(args.channels, args.height, args.width);
  const Index together = AssemblyScratch::images_at_once(args.batch, shape, kMaps);
  for (Index first = 0; first < args.batch; first += together)
    differentiate(args, first, std::min(together, args.batch - first), shape, kMaps, stream);
}

OFER_INSTANTIATE_GPU(self_assembly_released, SelfAssemblyReleasedArgs)
OFER_INSTANTIATE_GPU_BF16(self_assembly_released, SelfAssemblyReleasedArgs)
OFER_INSTANTIATE_GPU(self_assembly_released_backward, SelfAssemblyReleasedBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(self_assembly_released_backward, SelfAssemblyReleasedBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
