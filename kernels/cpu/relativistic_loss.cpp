// Relativistic average least squares loss on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
double mean_of(const T* x, Index count, CpuStream& cpu) {
  return parallel_sum<T>(cpu, count, [=](Index i) { return x[i]; }) / static_cast<double>(count);
}

template <class T>
double mean_square(const T* x, Index count, double offset, CpuStream& cpu) {
  const T c = static_cast<T>(offset);
  return parallel_sum<T>(cpu, count, [=](Index i) { return (x[i] - c) * (x[i] - c); }) /
         static_cast<double>(count);
}

// dx = scale (x - offset)
template <class T>
void shift_and_scale(const T* x, Index count, double offset, double scale, T* dx, CpuStream& cpu) {
  cpu.parallel_for(count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const T c = static_cast<T>(offset), s = static_cast<T>(scale);
    OFER_INDEPENDENT
    for (Index i = begin; i < end; ++i) dx[i] = s * (x[i] - c);
  });
}

}  // namespace

template <class T>
void relativistic_loss(const RelativisticLossArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const double real = mean_of(args.real, args.real_count, cpu);
  const double fake = mean_of(args.fake, args.fake_count, cpu);
  const double first = mean_square(args.real, args.real_count, fake + args.margin, cpu);
  const double second = mean_square(args.fake, args.fake_count, real - args.margin, cpu);
  args.loss[0] = static_cast<T>((first + second) / 2);
}

// The loss depends on each element directly and through the other side's mean:
//   dreal_i = dloss / R [(real_i - mean f - m) - (mean f - mean r + m)], R the count of real,
//   dfake_j = dloss / F [(fake_j - mean r + m) - (mean r - mean f - m)], F the count of fake.
template <class T>
void relativistic_loss_backward(const RelativisticLossBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const double real = mean_of(args.real, args.real_count, cpu);
  const double fake = mean_of(args.fake, args.fake_count, cpu);
  const double gap = fake - real + args.margin;
  const double dloss = static_cast<double>(args.dloss[0]);
  if (args.dreal)
    shift_and_scale(args.real, args.real_count, fake + args.margin + gap,
                    dloss / static_cast<double>(args.real_count), args.dreal, cpu);
  if (args.dfake)
    shift_and_scale(args.fake, args.fake_count, real - args.margin - gap,
                    dloss / static_cast<double>(args.fake_count), args.dfake, cpu);
}

OFER_INSTANTIATE(relativistic_loss, RelativisticLossArgs)
OFER_INSTANTIATE(relativistic_loss_backward, RelativisticLossBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
