// Grad-CAM and Grad-CAM++ maps on the CPU.
#include "kernels/cpu/extremes.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

constexpr Index kStrip = 64;

// A channel's weight. Grad-CAM++'s alpha g, g > 0, is written g / (2 + S g), S the sum of the
// activations: the same value without g^3, which a float may not hold.
template <class T>
double channel_weight(const T* a, const T* g, Index positions, bool plus_plus) {
  if (!plus_plus)
    return lane_sum<T>(positions, [=](Index i) { return g[i]; }) / static_cast<double>(positions);
  const T sum = static_cast<T>(lane_sum<T>(positions, [=](Index i) { return a[i]; }));
  return lane_sum<T>(positions, [=](Index i) {
    const T below = T(2) + sum * g[i];
    const bool counts = (g[i] > T(0)) & (below != T(0));
    return counts ? g[i] / below : T(0);
  });
}

// map = (map - lowest) / (highest - lowest), or 0 where it is constant.
template <class T>
void scale_to_unit(T* map, Index positions) {
  const T low = extreme(map, positions, Minimum<T>{});
  const T span = extreme(map, positions, Maximum<T>{}) - low;
  for (Index i = 0; i < positions; ++i) map[i] = span == T(0) ? T(0) : (map[i] - low) / span;
}

}  // namespace

template <class T>
void grad_cam(const GradCamArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index channels = args.channels, positions = args.positions;
  if (positions == 0) return;
  double* weight = cpu.shared_scratch<double>(0, args.batch * channels);
  cpu.parallel_for(args.batch * channels, row_grain(positions), [&](Index first, Index last, int) {
    for (Index plane = first; plane < last; ++plane)
      weight[plane] = channel_weight(args.a + plane * positions, args.g + plane * positions,
                                     positions, args.plus_plus);
  });
  const Index strips = blocks_of(positions, kStrip);
  cpu.parallel_for(args.batch * strips, row_grain(channels * kStrip),
                   [&](Index first, Index last, int) {
                     for (Index item = first; item < last; ++item) {
                       const Index image = item / strips, begin = item % strips * kStrip;
                       const Index width = smaller(kStrip, positions - begin);
                       double sum[kStrip] = {};
                       for (Index k = 0; k < channels; ++k) {
                         const double w = weight[image * channels + k];
                         const T* a = args.a + (image * channels + k) * positions + begin;
                         for (Index i = 0; i < width; ++i) sum[i] += w * static_cast<double>(a[i]);
                       }
                       T* map = args.map + image * positions + begin;
                       for (Index i = 0; i < width; ++i)
                         map[i] = static_cast<T>(sum[i] < 0 ? 0 : sum[i]);
                     }
                   });
  cpu.parallel_for(args.batch, row_grain(2 * positions), [&](Index first, Index last, int) {
    for (Index image = first; image < last; ++image)
      scale_to_unit(args.map + image * positions, positions);
  });
}

OFER_INSTANTIATE(grad_cam, GradCamArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
