// Distances of a Gaussian kernel SVDD on the CPU. Squared distances are sums of squared
// differences: |z|^2 + |x|^2 - 2 <z, x> would lose the small ones, which weigh most.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
OFER_INLINE double gaussian(const T* a, const T* b, Index width, double gamma) {
  const double square = lane_sum<T>(width, [=](Index i) { return (a[i] - b[i]) * (a[i] - b[i]); });
  return exp_of(-gamma * square);
}

}  // namespace

template <class T>
void kernel_svdd(const KernelSvddArgs<T>& args, Stream& stream) {
  const Index width = args.width, supports = args.supports;
  cpu_stream(stream).parallel_for(
      args.batch * args.positions, row_grain(width * supports), [&](Index first, Index last, int) {
        for (Index row = first; row < last; ++row) {
          const Index set = args.by_position ? row % args.positions : 0;
          const T* z = args.z + row * width;
          const T* support = args.support + set * supports * width;
          const T* alpha = args.alpha + set * supports;
          double sum = 0;
          for (Index j = 0; j < supports; ++j)
            sum +=
                static_cast<double>(alpha[j]) * gaussian(z, support + j * width, width, args.gamma);
          args.distance[row] =
              static_cast<T>(1.0 - 2.0 * sum + static_cast<double>(args.constant[set]));
        }
      });
}

template <class T>
void kernel_svdd_backward(const KernelSvddBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index width = args.width, supports = args.supports;
  cpu.parallel_for(
      args.batch * args.positions, row_grain(width * supports),
      [&](Index first, Index last, int worker) {
        double* sum = cpu.scratch<double>(worker, 0, width);
        for (Index row = first; row < last; ++row) {
          const Index set = args.by_position ? row % args.positions : 0;
          const T* z = args.z + row * width;
          const T* support = args.support + set * supports * width;
          const T* alpha = args.alpha + set * supports;
          for (Index i = 0; i < width; ++i) sum[i] = 0;
          for (Index j = 0; j < supports; ++j) {
            const T* x = support + j * width;
            const double share = static_cast<double>(alpha[j]) * gaussian(z, x, width, args.gamma);
            for (Index i = 0; i < width; ++i) sum[i] += share * static_cast<double>(z[i] - x[i]);
          }
          const double scale = 4.0 * args.gamma * static_cast<double>(args.ddistance[row]);
          T* dz = args.dz + row * width;
          for (Index i = 0; i < width; ++i) dz[i] = static_cast<T>(scale * sum[i]);
        }
      });
}

// K is symmetric and K(x, x) = 1: sum_j alpha_j (alpha_j + 2 sum_{k < j} alpha_k K(x_j, x_k)).
template <class T>
void kernel_svdd_constant(const KernelSvddConstantArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index width = args.width, supports = args.supports;
  double* rows = cpu.shared_scratch<double>(0, args.sets * supports);
  cpu.parallel_for(
      args.sets * supports, row_grain(width * supports), [&](Index first, Index last, int) {
        for (Index item = first; item < last; ++item) {
          const Index set = item / supports, j = item % supports;
          const T* support = args.support + set * supports * width;
          const T* alpha = args.alpha + set * supports;
          double sum = 0;
          for (Index k = 0; k < j; ++k)
            sum += static_cast<double>(alpha[k]) *
                   gaussian(support + j * width, support + k * width, width, args.gamma);
          const double own = static_cast<double>(alpha[j]);
          rows[item] = own * (own + 2.0 * sum);
        }
      });
  for (Index set = 0; set < args.sets; ++set) {
    double total = 0;
    for (Index j = 0; j < supports; ++j) total += rows[set * supports + j];
    args.constant[set] = static_cast<T>(total);
  }
}

OFER_INSTANTIATE(kernel_svdd, KernelSvddArgs)
OFER_INSTANTIATE(kernel_svdd_backward, KernelSvddBackwardArgs)
OFER_INSTANTIATE(kernel_svdd_constant, KernelSvddConstantArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
