// Softmax and log-softmax on a GPU. Along the last axis a team of threads has a row in its
// registers; along another one a thread walks down a column, neighbouring columns side by side.
#include <cmath>

#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/row.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

constexpr int kThreads = 256;

// What is left once the largest element `top` and the sum of exp(x - top) are known.
struct Normaliser {
  float top, scale, log_total;
  bool logarithm;

  __device__ __forceinline__ Normaliser(float largest, double total, bool log)
      : top(largest), scale(0), log_total(0), logarithm(log) {
    if (logarithm)
      log_total = logf(static_cast<float>(total));
    else
      scale = static_cast<float>(1 / total);
  }
  __device__ __forceinline__ float operator()(float x) const {
    return logarithm ? (x - top) - log_total : expf(x - top) * scale;
  }
};

// y = exp(x - max) / sum exp(x - max), or x - max - log sum exp(x - max), of rows [rows, length].
// Team r has row r: read once, written once up to 16,384 elements. fmaxf leaves NaNs out; exp
// brings them back. y may be x. (One block a multiprocessor will do: the compiler may use more
// registers than two would leave it, and does not spill.)
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads, 1)
    softmax_rows_kernel(Global<const T> x, Global<T> y, Index rows, int length, bool logarithm,
                        bool aligned) {
  const Index r = Team::number();
  Row<T, Team, 1, N> row({x + r * length}, r < rows ? length : 0, aligned);
  using Sum = typename decltype(row)::Sum;
  float top = -INFINITY;
  row.for_each([&](const auto& v, int) { top = fmaxf(top, v[0]); });
  top = team_max<Team>(top);
  Sum total = 0;
  row.for_each([&](const auto& v, int) { total += static_cast<Sum>(expf(v[0] - top)); });
  const Normaliser normal(top, static_cast<double>(team_sum<Team>(total)), logarithm);
  row.store(y + r * length, [&](const auto& v, int) { return normal(v[0]); });
}

// The same along the middle axis of [outer, length, inner]. Thread: one column, three times from
// top to bottom, of which the cache serves two where the axis is short (four heads, seven classes).
template <class T>
__global__ void __launch_bounds__(kThreads)
    softmax_columns_kernel(Global<const T> x, Global<T> y, Index columns, Index length, Index inner,
                           bool logarithm) {
  const Index column = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (column >= columns) return;
  const Index first = column / inner * length * inner + column % inner;
  float top = -INFINITY;
  for (Index i = 0; i < length; ++i) top = fmaxf(top, static_cast<float>(x[first + i * inner]));
  double total = 0;
  for (Index i = 0; i < length; ++i)
    total += static_cast<double>(expf(static_cast<float>(x[first + i * inner]) - top));
  const Normaliser normal(top, total, logarithm);
  for (Index i = 0; i < length; ++i) {
    const Index at = first + i * inner;
    y[at] = T(normal(static_cast<float>(x[at])));
  }
}

// softmax: dx = y (dy - sum dy y); log-softmax: dx = dy - exp(y) sum dy. The term of the sum, and
// dx:
__device__ __forceinline__ float gradient_term(float dy, float y, bool logarithm) {
  return logarithm ? dy : dy * y;
}
__device__ __forceinline__ float gradient(float dy, float y, float sum, bool logarithm) {
  return logarithm ? dy - expf(y) * sum : y * (dy - sum);
}

// Of rows, a team for each.
template <class T, class Team, int N>
__global__ void __launch_bounds__(Team::kThreads)
    softmax_rows_backward_kernel(Global<const T> dy, Global<const T> y, Global<T> dx, Index rows,
                                 int length, bool logarithm, bool aligned) {
  const Index r = Team::number();
  Row<T, Team, 2, N> row({dy + r * length, y + r * length}, r < rows ? length : 0, aligned);
  using Sum = typename decltype(row)::Sum;
  Sum total = 0;
  row.for_each(
      [&](const auto& v, int) { total += static_cast<Sum>(gradient_term(v[0], v[1], logarithm)); });
  const float sum = static_cast<float>(team_sum<Team>(total));
  row.store(dx + r * length,
            [&](const auto& v, int) { return gradient(v[0], v[1], sum, logarithm); });
}

// Along the middle axis, a thread for each column.
template <class T>
__global__ void __launch_bounds__(kThreads)
    softmax_columns_backward_kernel(Global<const T> dy, Global<const T> y, Global<T> dx,
                                    Index columns, Index length, Index inner, bool logarithm) {
  const Index column = static_cast<Index>(blockIdx.x) * kThreads + threadIdx.x;
  if (column >= columns) return;
  const Index first = column / inner * length * inner + column % inner;
  double total = 0;
  for (Index i = 0; i < length; ++i) {
    const Index at = first + i * inner;
    total += static_cast<double>(
        gradient_term(static_cast<float>(dy[at]), static_cast<float>(y[at]), logarithm));
  }
  const float sum = static_cast<float>(total);
  for (Index i = 0; i < length; ++i) {
    const Index at = first + i * inner;
    dx[at] = T(gradient(static_cast<float>(dy[at]), static_cast<float>(y[at]), sum, logarithm));
  }
}

}  // namespace

template <class T>
void softmax(const SoftmaxArgs<T>& args, Stream& stream) {
  const Index columns = args.outer * args.inner;
  if (columns == 0 || args.length == 0) return;
  if (args.inner > 1) {
    launch("softmax", softmax_columns_kernel<T>,
           {grid_of(blocks_of<Index>(columns, kThreads)), kThreads}, stream, args.x, args.y,
           columns, args.length, args.inner, args.logarithm);
    return;
  }
  with_team<T>(args.length, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    launch("softmax", softmax_rows_kernel<T, Team, N>, team_shape<Team>(args.outer), stream, args.x,
           args.y, args.outer, static_cast<int>(args.length), args.logarithm,
           aligned_for<N>(args.x) && aligned_for<N>(args.y));
  });
}

template <class T>
void softmax_backward(const SoftmaxBackwardArgs<T>& args, Stream& stream) {
  const Index columns = args.outer * args.inner;
  if (columns == 0 || args.length == 0) return;
  if (args.inner > 1) {
    launch("softmax_backward", softmax_columns_backward_kernel<T>,
           {grid_of(blocks_of<Index>(columns, kThreads)), kThreads}, stream, args.dy, args.y,
           args.dx, columns, args.length, args.inner, args.logarithm);
    return;
  }
  with_team<T>(args.length, [&](auto team, auto n) {
    using Team = decltype(team);
    constexpr int N = n;
    launch("softmax_backward", softmax_rows_backward_kernel<T, Team, N>,
           team_shape<Team>(args.outer), stream, args.dy, args.y, args.dx, args.outer,
           static_cast<int>(args.length), args.logarithm,
           aligned_for<N>(args.dy) && aligned_for<N>(args.y) && aligned_for<N>(args.dx));
  });
}

OFER_INSTANTIATE_GPU(softmax, SoftmaxArgs)
OFER_INSTANTIATE_GPU_BF16(softmax, SoftmaxArgs)
OFER_INSTANTIATE_GPU(softmax_backward, SoftmaxBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(softmax_backward, SoftmaxBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
