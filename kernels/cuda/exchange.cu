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
struct FromFlag {
  __device__ float operator()(float x) const { return x != 0.0f ? 1.0f : 0.0f; }
};

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
  map("export_floats", args.x, args.y, args.count, ToFloat{}, stream);
}

template <class T>
void export_flags(const ExportFlagsArgs<T>& args, Stream& stream) {
  map("export_flags", args.x, args.y, args.count, ToFlag{}, stream);
}

template <class T>
void import_flags(const ImportFlagsArgs<T>& args, Stream& stream) {
  map("import_flags", args.x, args.y, args.count, FromFlag{}, stream);
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
