// Values from and to memory of a caller's, on a GPU.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// --- element by element ---

struct ToFloat {
  __device__ float operator()(float x) const { return x; }
};
struct ToFlag {
  __device__ std::uint8_t operator()(float x) const {
    return static_cast<std::uint8_t>(x > 0.0f ? 1 : 0);
  }
};
template <class T>
struct FromFlag {
  __device__ T operator()(float x) const { return T(x != 0.0f ? 1.0f : 0.0f); }
};

// y[i] = f(x[i]). Thread t: elements N t .. N t + N - 1, and one of the count % N that fill no
// vector.
template <int N, class From, class To, class F>
__global__ void __launch_bounds__(kPointwiseThreads)
    exchange_kernel(Global<const From> x, Global<To> y, Index count, F f) {
  const Index vectors = count / N;
  for (Index i = pointwise_thread(); i < vectors; i += pointwise_stride()) {
    const Vector<From, N> in = load_vector<N>(x, i * N);
    Vector<To, N> out;
    for (int k = 0; k < N; ++k) out[k] = f(static_cast<float>(in[k]));
    store_vector<N>(y, i * N, out);
  }
  const Index rest = vectors * N + pointwise_thread();
  if (rest < count) y[rest] = f(static_cast<float>(x[rest]));
}

// Four at once where the caller's memory and ours allow it.
template <class From, class To, class F>
void exchange(const char* name, const From* x, To* y, Index count, const F& f, Stream& stream) {
  constexpr int N = 4;
  if (aligned_for<N>(x) && aligned_for<N>(y))
    launch(name, exchange_kernel<N, From, To, F>, pointwise_shape(blocks_of<Index>(count, N)),
           stream, x, y, count, f);
  else
    launch(name, exchange_kernel<1, From, To, F>, pointwise_shape(count), stream, x, y, count, f);
}

// --- the largest of each row ---

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / kWarpSize;

// One warp for a row, lane l the elements l, l + 32, ...; then the best of the lanes. A lane that
// has seen no number holds minus infinity at a place behind the row, which any number beats, minus
// infinity by its lower place.
template <class T>
__global__ void __launch_bounds__(kThreads)
    export_top_kernel(Global<const T> x, Global<std::int32_t> index, Index rows, Index length) {
  const int lane = threadIdx.x % kWarpSize;
  const Index r = static_cast<Index>(blockIdx.x) * kWarps + threadIdx.x / kWarpSize;
  if (r >= rows) return;
  float best = -INFINITY;
  Index place = length;
  for (Index i = lane; i < length; i += kWarpSize) {
    const float value = static_cast<float>(x[r * length + i]);
    if (value > best || (value == best && place == length)) {
      best = value;
      place = i;
    }
  }
  warp_best(best, place);
  if (lane == 0) index[r] = static_cast<std::int32_t>(place < length ? place : 0);
}

}  // namespace

template <class T>
void export_floats(const ExportFloatsArgs<T>& args, Stream& stream) {
  exchange("export_floats", args.x, args.y, args.count, ToFloat{}, stream);
}

template <class T>
void export_flags(const ExportFlagsArgs<T>& args, Stream& stream) {
  exchange("export_flags", args.x, args.y, args.count, ToFlag{}, stream);
}

template <class T>
void import_flags(const ImportFlagsArgs<T>& args, Stream& stream) {
  exchange("import_flags", args.x, args.y, args.count, FromFlag<T>{}, stream);
}

template <class T>
void export_top(const ExportTopArgs<T>& args, Stream& stream) {
  launch("export_top", export_top_kernel<T>,
         {grid_of(blocks_of<Index>(args.rows, kWarps)), kThreads}, stream, args.x, args.index,
         args.rows, args.length);
}

OFER_INSTANTIATE_GPU(export_floats, ExportFloatsArgs)
OFER_INSTANTIATE_GPU_BF16(export_floats, ExportFloatsArgs)
OFER_INSTANTIATE_GPU(export_flags, ExportFlagsArgs)
OFER_INSTANTIATE_GPU_BF16(export_flags, ExportFlagsArgs)
OFER_INSTANTIATE_GPU(import_flags, ImportFlagsArgs)
OFER_INSTANTIATE_GPU_BF16(import_flags, ImportFlagsArgs)
OFER_INSTANTIATE_GPU(export_top, ExportTopArgs)
OFER_INSTANTIATE_GPU_BF16(export_top, ExportTopArgs)

}  // namespace ofer::kernels::OFER_GPU
