// Gradient of the paper's self-assembly on a GPU. With g the gradient of a generated value y, the
// sum of the similarities q and one of its three terms S p / q:
//   dp = (S / q) g + dS (x / (|x| |p|) - S p / |p|^2),   dS = <g, p - y> / q,
//   dx += dS (p / (|x| |p|) - S x / |x|^2),              dS = 0 where S is clamped.
// Only what goes to p_prev has to run from the last masked position to the first; the other terms
// are worked out side by side once every g is known.
#include "kernels/cuda/assembly.cuh"
#include "kernels/cuda/assembly_gradient.cuh"
#include "kernels/cuda/operations.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// The rows that the recurrence reads, for eight masked positions (assembly.cuh): x, y, dy, and the
// lengths of x and y.
template <class T>
__global__ void __launch_bounds__(kPlaceThreads)
    paper_gather_kernel(Global<const T> x, Global<const T> y, Global<const T> dy,
                        Global<const std::int32_t> counts, Global<const std::int32_t> masked,
                        Global<float> x_rows, Global<float> y_rows, Global<float> g_rows,
                        Global<float> x_length, Global<float> y_length, AssemblyShape shape) {
  const Index blocks = blocks_of<Index>(shape.positions, kPlaces);
  const Index image = blockIdx.x / blocks, first = blockIdx.x % blocks * kPlaces;
  const Index count = counts[2 * image + 1], list = image * shape.positions;
  if (first >= count) return;
  const int place = threadIdx.x % kPlaces, slice = threadIdx.x / kPlaces;
  const Index m = first + place;
  const bool exists = m < count;
  const Index position = exists ? static_cast<Index>(masked[list + m]) : 0;
  float x_square = 0, y_square = 0;
  if (exists)
    for (Index c = slice; c < shape.row; c += kSlices) {
      float of_x = 0, of_y = 0, of_dy = 0;
      if (c < shape.channels) {
        const Index at = (image * shape.channels + c) * shape.positions + position;
        of_x = x[at];
        of_y = y[at];
        of_dy = dy[at];
      }
      const Index to = (list + m) * shape.row + c;
      x_rows[to] = of_x;
      y_rows[to] = of_y;
      g_rows[to] = of_dy;
      x_square += of_x * of_x;
      y_square += of_y * of_y;
    }
  x_square = slice_sum(x_square);
  y_square = slice_sum(y_square);
  if (!exists || slice > 0) return;
  x_length[list + m] = sqrtf(x_square);
  y_length[list + m] = sqrtf(y_square);
}

// What a step of the recurrence has to know of position m, besides the rows.
struct StepNumbers {
  float symmetric, known, previous;  // similarities
  float length, before_length;       // |x_m|, |y_{m-1}|
};

// g_{m-1} = dy_{m-1} + what position m hands to its p_prev = y_{m-1}; g takes the place of dy. One
// block for an image, g in registers, one sum over the block for a step: <g_m, y_{m-1} - y_m>. The
// next step's rows and numbers are on their way meanwhile. Kept of each position: dS_prev.
template <class T>
__global__ void __launch_bounds__(kRecurrenceThreads)
    paper_backward_recurrence_kernel(Global<const std::int32_t> counts,
                                     Global<const std::int32_t> masked, Global<const T> weights,
                                     Global<const float> x_length, Global<const float> y_length,
                                     Global<const float> x_rows, Global<const float> y_rows,
                                     Global<float> g_rows, Global<float> previous_slope,
                                     AssemblyShape shape) {
  const Index image = blockIdx.x, list = image * shape.positions;
  const Index count = counts[2 * image + 1];
  const Global<const float> x = x_rows + list * shape.row, y = y_rows + list * shape.row;
  const Global<float> g = g_rows + list * shape.row;
  const Index mine = threadIdx.x, vectors = shape.row / kQuad;

  const auto numbers_of = [&](Index m) {
    const Index at = list + m, of_weights = (list + masked[at]) * 3;
    return StepNumbers{weights[of_weights], weights[of_weights + 1], weights[of_weights + 2],
                       x_length[at], m > 0 ? static_cast<float>(y_length[at - 1]) : 0.0f};
  };
  if (count == 0) return;
  StepNumbers numbers = numbers_of(count - 1);
  Quad gradient = row_vector(g, count - 1, mine, count, shape);
  Quad here = row_vector(y, count - 1, mine, count, shape);
  Quad before = row_vector(y, count - 2, mine, count, shape);
  Quad own = row_vector(x, count - 1, mine, count, shape);
  Quad upstream = row_vector(g, count - 2, mine, count, shape);  // dy of the position before
  for (Index m = count - 1; m > 0; --m) {
    const Quad next_before = row_vector(y, m - 2, mine, count, shape);
    const Quad next_own = row_vector(x, m - 1, mine, count, shape);
    const Quad next_upstream = row_vector(g, m - 2, mine, count, shape);
    const StepNumbers next_numbers = numbers_of(m - 1);
    const float sum = numbers.symmetric + numbers.known + numbers.previous;
    const bool passes = !weightless(sum) && numbers.previous > 0;
    const float share = passes ? numbers.previous / sum : 0.0f;
    const float per_cross = passes ? 1.0f / (numbers.length * numbers.before_length) : 0.0f;
    const float per_along =
        passes ? numbers.previous / (numbers.before_length * numbers.before_length) : 0.0f;

    float product[1] = {0};
    for (int k = 0; k < kQuad; ++k) product[0] += gradient[k] * (before[k] - here[k]);
#pragma unroll 1
    for (Index v = mine + kRecurrenceThreads; v < vectors; v += kRecurrenceThreads) {
      const Quad a = row_vector(g, m, v, count, shape), b = row_vector(y, m - 1, v, count, shape),
                 c = row_vector(y, m, v, count, shape);
      for (int k = 0; k < kQuad; ++k) product[0] += a[k] * (b[k] - c[k]);
    }
    step_sums(product, static_cast<int>(m % 2));
    const float slope = passes ? product[0] / sum : 0.0f;
    const float cross = slope * per_cross, along = slope * per_along;
    if (threadIdx.x == 0) previous_slope[list + m] = slope;

    const auto step = [&](Index v, const Quad& dy, const Quad& from, const Quad& x_here,
                          const Quad& y_before) {
      Quad result;
      for (int k = 0; k < kQuad; ++k)
        result[k] = dy[k] + (share * from[k] + (cross * x_here[k] - along * y_before[k]));
      store_vector(g, (m - 1) * shape.row + v * kQuad, result);
      return result;
    };
    if (mine < vectors) gradient = step(mine, upstream, gradient, own, before);
#pragma unroll 1
    for (Index v = mine + kRecurrenceThreads; v < vectors; v += kRecurrenceThreads)
      step(v, row_vector(g, m - 1, v, count, shape), row_vector(g, m, v, count, shape),
           row_vector(x, m, v, count, shape), row_vector(y, m - 1, v, count, shape));
    here = before;
    before = next_before;
    own = next_own;
    upstream = next_upstream;
    numbers = next_numbers;
  }
  if (threadIdx.x == 0) previous_slope[list] = 0.0f;
}

// What a term S p / q does with g: dp = share g + cross x - along p, dx += cross p - along_x x.
struct Term {
  float share = 0, cross = 0, along = 0, along_x = 0;

  // product = <g, p - y>
  __device__ Term(float s, float sum, float product, float x_length, float p_length) {
    if (!(s > 0)) return;
    const float slope = product / sum;
    share = s / sum;
    cross = slope / (x_length * p_length);
    along = slope * s / (p_length * p_length);
    along_x = slope * s / (x_length * x_length);
  }
};

// The terms of p_s, p_k and p_prev for eight masked positions (assembly.cuh). Written: dx of these
// positions, the gradient of p_s (a map), and with what shares g and x go to the match. Two walks
// through the channels, as in the forward pass.
template <class T>
__global__ void __launch_bounds__(kPlaceThreads)
    paper_terms_kernel(Global<const T> x, Global<const T> f, Global<const T> y,
                       Global<const T> weights, Global<const std::int32_t> counts,
                       Global<const std::int32_t> masked, Global<const std::int32_t> match,
                       Global<const float> x_length, Global<const float> y_length,
                       Global<const float> previous_slope, Global<const float> g_rows,
                       Global<float> known_share, Global<float> known_cross,
                       Global<float> known_along, Global<float> symmetric_gradient, Global<T> dx,
                       AssemblyShape shape) {
  const Index blocks = blocks_of<Index>(shape.positions, kPlaces);
  const Index image = blockIdx.x / blocks, first = blockIdx.x % blocks * kPlaces;
  const Index count = counts[2 * image + 1], list = image * shape.positions;
  if (first >= count) return;
  const Index map = image * shape.channels * shape.positions;
  const int place = threadIdx.x % kPlaces, slice = threadIdx.x / kPlaces;
  const Index m = first + place;
  const bool exists = m < count;
  const int position = exists ? static_cast<int>(masked[list + m]) : 0;
  const int before = exists && m > 0 ? static_cast<int>(masked[list + m - 1]) : 0;
  const int found = exists ? static_cast<int>(match[list + m]) : -1;
  const int known = found < 0 ? position : found;  // p_k is x itself where nothing is known
  const Neighbours around(position, shape);
  const Index row = (list + m) * shape.row;

  float symmetric_product = 0, symmetric_square = 0, known_product = 0, known_square = 0;
  if (exists)
    for (Index c = slice; c < shape.channels; c += kSlices) {
      const Index plane = map + c * shape.positions;
      const float g = g_rows[row + c], out = y[plane + position];
      const float p_symmetric = around.mean<T>(f, plane), p_known = x[plane + known];
      symmetric_product += g * (p_symmetric - out);
      symmetric_square += p_symmetric * p_symmetric;
      known_product += g * (p_known - out);
      known_square += p_known * p_known;
    }
  symmetric_product = slice_sum(symmetric_product);
  symmetric_square = slice_sum(symmetric_square);
  known_product = slice_sum(known_product);
  known_square = slice_sum(known_square);
  if (!exists) return;

  const Index at = (list + position) * 3;
  const float s_symmetric = weights[at], s_known = weights[at + 1], s_previous = weights[at + 2];
  const float sum = s_symmetric + s_known + s_previous;
  const bool plain = weightless(sum);
  const float length = x_length[list + m];
  const float before_length = m > 0 ? static_cast<float>(y_length[list + m - 1]) : 0.0f;
  const Term of_symmetric(plain ? 0.0f : s_symmetric, sum, symmetric_product, length,
                          sqrtf(symmetric_square));
  const Term of_known(plain ? 0.0f : s_known, sum, known_product, length, sqrtf(known_square));
  const Term of_previous(plain || m == 0 ? 0.0f : s_previous, sum,
                         static_cast<float>(previous_slope[list + m]) * sum, length, before_length);
  const float along_x = of_symmetric.along_x + of_known.along_x + of_previous.along_x;
  // y = p_k passes all of g on: to the match, or to x itself.
  const float to_own = plain && found < 0 ? 1.0f : 0.0f;

  for (Index c = slice; c < shape.channels; c += kSlices) {
    const Index plane = map + c * shape.positions;
    const float g = g_rows[row + c], own = x[plane + position];
    const float p_symmetric = around.mean<T>(f, plane);
    float value = to_own * g;
    value += of_symmetric.cross * p_symmetric;
    value += of_known.cross * static_cast<float>(x[plane + known]);
    if (m > 0) value += of_previous.cross * static_cast<float>(y[plane + before]);
    dx[plane + position] = T(value - along_x * own);
    symmetric_gradient[plane + position] =
        of_symmetric.share * g + (of_symmetric.cross * own - of_symmetric.along * p_symmetric);
  }
  if (slice > 0) return;
  known_share[list + m] = plain ? 1.0f : of_known.share;
  known_cross[list + m] = of_known.cross;
  known_along[list + m] = of_known.along;
}

constexpr int kThreads = 256;

// df: a position's f went into p_s of its masked neighbours, with one over the number of *their*
// neighbours. One thread for an element.
template <class T>
__global__ void __launch_bounds__(kThreads)
    paper_f_gradient_kernel(Global<const std::int32_t> rank, Global<const float> symmetric_gradient,
                            Global<T> df, Index images, AssemblyShape shape) {
  const Index planes = images * shape.channels;
  for (Index i = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
       i < planes * shape.positions; i += static_cast<Index>(gridDim.x) * kThreads) {
    const Index plane = i / shape.positions, list = plane / shape.channels * shape.positions;
    const Neighbours around(static_cast<int>(i - plane * shape.positions), shape);
    float sum = 0;
    around.for_each([&](int p) {
      if (rank[list + p] >= 0)
        sum += Neighbours(p, shape).share *
               static_cast<float>(symmetric_gradient[plane * shape.positions + p]);
    });
    df[i] = T(sum);
  }
}

template <class T>
void differentiate(const SelfAssemblyPaperBackwardArgs<T>& args, Index first, Index images,
                   const AssemblyShape& shape, int maps, Stream& stream) {
  const Index map = shape.channels * shape.positions;
  const AssemblyScratch scratch(gpu_stream(stream), images, shape, 4, 7, maps);
  std::int32_t *const counts = scratch.counts(), *const known = scratch.list(0),
                      *const masked = scratch.list(1), *const rank = scratch.list(2),
                      *const match = scratch.list(3);
  float *const x_length = scratch.numbers(0), *const y_length = scratch.numbers(1),
               *const previous_slope = scratch.numbers(2), *const share = scratch.numbers(3),
               *const cross = scratch.numbers(4), *const along = scratch.numbers(5),
               *const along_sum = scratch.numbers(6);
  float *const x_rows = scratch.rows(0), *const y_rows = scratch.rows(1),
               *const g_rows = scratch.rows(2), *const gathered = scratch.rows(3),
               *const symmetric_gradient = scratch.rows(4);
  const T *const x = args.x + first * map, *const f = args.f + first * map,
                 *const y = args.y + first * map, *const dy = args.dy + first * map;
  const T* weights = args.weights + first * shape.positions * 3;

  launch("self_assembly order", hole_order_kernel<T>, {grid_of(images), kOrderThreads}, stream,
         args.hole + first * shape.positions, args.best + first * shape.positions, counts, known,
         masked, rank, match, shape.positions, Masked::kAll);
  launch("self_assembly_paper_backward gather", paper_gather_kernel<T>,
         {grid_of(place_blocks(images, shape)), kPlaceThreads}, stream, x, y, dy, counts, masked,
         x_rows, y_rows, g_rows, x_length, y_length, shape);
  launch("self_assembly_paper_backward recurrence", paper_backward_recurrence_kernel<T>,
         {grid_of(images), kRecurrenceThreads}, stream, counts, masked, weights, x_length, y_length,
         x_rows, y_rows, g_rows, previous_slope, shape);
  launch("self_assembly_paper_backward terms", paper_terms_kernel<T>,
         {grid_of(place_blocks(images, shape)), kPlaceThreads}, stream, x, f, y, weights, counts,
         masked, match, x_length, y_length, previous_slope, g_rows, share, cross, along,
         symmetric_gradient, args.dx + first * map, shape);
  launch("self_assembly matched", matched_gradient_kernel<float>,
         {grid_of(images * shape.positions), kMatchedThreads}, stream, counts, rank, match, share,
         cross, along, g_rows, x_rows, gathered, along_sum, shape);
  launch("self_assembly known", known_gradient_kernel<T>,
         {grid_of(map_blocks(images, shape)), kMapThreads}, stream, dy, x, rank, gathered,
         along_sum, args.dx + first * map, false, shape);
  launch("self_assembly_paper_backward df", paper_f_gradient_kernel<T>,
         {grid_of(std::min(kMostBlocks, blocks_of<Index>(images * map, kThreads))), kThreads},
         stream, rank, symmetric_gradient, args.df + first * map, images, shape);
}

}  // namespace

template <class T>
void self_assembly_paper_backward(const SelfAssemblyPaperBackwardArgs<T>& args, Stream& stream) {
  constexpr int kMaps = 5;
  const AssemblyShape shape(args.channels, args.height, args.width);
  const Index together = AssemblyScratch::images_at_once(args.batch, shape, kMaps);
  for (Index first = 0; first < args.batch; first += together)
    differentiate(args, first, std::min(together, args.batch - first), shape, kMaps, stream);
}

OFER_INSTANTIATE_GPU(self_assembly_paper_backward, SelfAssemblyPaperBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(self_assembly_paper_backward, SelfAssemblyPaperBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
