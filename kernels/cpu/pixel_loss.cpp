// Mean absolute and mean square difference, weighted or not, on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

// What the sum is divided by: the count, or the sum of the weights.
template <class T>
double divisor(const T* weight, Index count, CpuStream& cpu) {
  if (!weight) return static_cast<double>(count);
  return parallel_sum<T>(cpu, count, [=](Index i) { return weight[i]; });
}

template <class T>
OFER_INLINE T sign(T d) {
  const T positive = d > T(0) ? T(1) : T(0);
  return d < T(0) ? T(-1) : positive;
}

}  // namespace

template <class T>
void pixel_loss(const PixelLossArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const T* x = args.x;
  const T* t = args.target;
  const T* w = args.weight;
  const auto sum = [&](const auto& term) { return parallel_sum<T>(cpu, args.count, term); };
  double total;
  if (args.function == PixelLoss::kL1)
    total = w ? sum([=](Index i) { return w[i] * abs_of(x[i] - t[i]); })
              : sum([=](Index i) { return abs_of(x[i] - t[i]); });
  else
    total = w ? sum([=](Index i) { return w[i] * ((x[i] - t[i]) * (x[i] - t[i])); })
              : sum([=](Index i) { return (x[i] - t[i]) * (x[i] - t[i]); });
  const double by = divisor(w, args.count, cpu);
  args.loss[0] = by == 0 ? T(0) : static_cast<T>(total / by);
}

template <class T>
void pixel_loss_backward(const PixelLossBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const double by = divisor(args.weight, args.count, cpu);
  const T scale = by == 0 ? T(0) : static_cast<T>(static_cast<double>(args.dloss[0]) / by);
  cpu.parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T* x = args.x;
    const T* t = args.target;
    const T* w = args.weight;
    T* dx = args.dx;
    const auto run = [&](const auto& derivative) {
      if (w) {
        OFER_INDEPENDENT
        for (Index i = begin; i < end; ++i) dx[i] = scale * (w[i] * derivative(x[i] - t[i]));
      } else {
        OFER_INDEPENDENT
        for (Index i = begin; i < end; ++i) dx[i] = scale * derivative(x[i] - t[i]);
      }
    };
    if (args.function == PixelLoss::kL1)
      run([](T d) { return sign(d); });
    else
      run([](T d) { return T(2) * d; });
  });
}

OFER_INSTANTIATE(pixel_loss, PixelLossArgs)
OFER_INSTANTIATE(pixel_loss_backward, PixelLossBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
