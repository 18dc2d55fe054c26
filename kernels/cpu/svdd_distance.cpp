// Squared distances to the centre of a deep SVDD, on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

template <class T>
void svdd_distance(const SvddDistanceArgs<T>& args, Stream& stream) {
  const Index width = args.width;
  cpu_stream(stream).parallel_for(
      args.batch * args.positions, row_grain(width), [&](Index first, Index last, int) {
        for (Index row = first; row < last; ++row) {
          const T* f = args.feature + row * width;
          const T* c = args.center + (args.by_position ? row % args.positions * width : 0);
          args.distance[row] = static_cast<T>(
              lane_sum<T>(width, [=](Index i) { return (f[i] - c[i]) * (f[i] - c[i]); }));
        }
      });
}

template <class T>
void svdd_distance_backward(const SvddDistanceBackwardArgs<T>& args, Stream& stream) {
  const Index width = args.width;
  cpu_stream(stream).parallel_for(
      args.batch * args.positions, row_grain(width), [&](Index first, Index last, int) {
        for (Index row = first; row < last; ++row) {
          const T* f = args.feature + row * width;
          const T* c = args.center + (args.by_position ? row % args.positions * width : 0);
          T* df = args.dfeature + row * width;
          const T scale = T(2) * args.ddistance[row];
          OFER_INDEPENDENT
          for (Index i = 0; i < width; ++i) df[i] = scale * (f[i] - c[i]);
        }
      });
}

OFER_INSTANTIATE(svdd_distance, SvddDistanceArgs)
OFER_INSTANTIATE(svdd_distance_backward, SvddDistanceBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
