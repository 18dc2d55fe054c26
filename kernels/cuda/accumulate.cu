// y += alpha x, and y = value, on a GPU.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

struct AddScaled {
  float alpha;
  __device__ float operator()(float y, float x) const { return y + alpha * x; }
};

// Thread t: elements N t .. N t + N - 1, and one of the count % N elements that fill no vector.
template <int N, class T>
__global__ void __launch_bounds__(kPointwiseThreads)
    fill_kernel(Global<T> y, Index count, float value) {
  const Index vectors = count / N;
  Vector<T, N> values;
  for (int k = 0; k < N; ++k) values[k] = T(value);
  for (Index i = pointwise_thread(); i < vectors; i += pointwise_stride())
    store_vector<N>(y, i * N, values);
  const Index rest = vectors * N + pointwise_thread();
  if (rest < count) y[rest] = T(value);
}

}  // namespace

template <class T>
void accumulate(const AccumulateArgs<T>& args, Stream& stream) {
  zip<T>("accumulate", args.y, args.x, args.y, args.count,
         AddScaled{static_cast<float>(args.alpha)}, stream);
}

template <class T>
void fill(const FillArgs<T>& args, Stream& stream) {
  constexpr int N = kVector<T>;
  const float value = static_cast<float>(args.value);
  if (aligned_for<N>(args.y))
    launch("fill", fill_kernel<N, T>, pointwise_shape(blocks_of<Index>(args.count, N)), stream,
           args.y, args.count, value);
  else
    launch("fill", fill_kernel<1, T>, pointwise_shape(args.count), stream, args.y, args.count,
           value);
}

OFER_INSTANTIATE_GPU(accumulate, AccumulateArgs)
OFER_INSTANTIATE_GPU_BF16(accumulate, AccumulateArgs)
OFER_INSTANTIATE_GPU(fill, FillArgs)
OFER_INSTANTIATE_GPU_BF16(fill, FillArgs)

}  // namespace ofer::kernels::OFER_GPU
