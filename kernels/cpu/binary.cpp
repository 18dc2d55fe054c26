// Two operands, element by element, with broadcasting, on the CPU. The axes are joined as far as
// both operands allow, so operands of one shape, a scalar, a vector along the last axis and one
// value per channel all end as long runs of one of three kinds.
#include "kernels/cpu/axes.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T, class F>
void run(const T* a, Index a_stride, const T* b, Index b_stride, T* y, Index count, const F& f) {
  if (a_stride == 1 && b_stride == 1) {
    OFER_INDEPENDENT
    for (Index i = 0; i < count; ++i) y[i] = f(a[i], b[i]);
  } else if (a_stride == 1 && b_stride == 0) {
    const T value = *b;
    OFER_INDEPENDENT
    for (Index i = 0; i < count; ++i) y[i] = f(a[i], value);
  } else if (a_stride == 0 && b_stride == 1) {
    const T value = *a;
    OFER_INDEPENDENT
    for (Index i = 0; i < count; ++i) y[i] = f(value, b[i]);
  } else {
    for (Index i = 0; i < count; ++i) y[i] = f(a[i * a_stride], b[i * b_stride]);
  }
}

template <class T, class F>
void binary_rows(const BinaryArgs<T>& args, CpuStream& cpu, const F& f) {
  Axes given;
  given.rank = args.rank;
  for (int i = 0; i < args.rank; ++i) {
    given.shape[i] = args.shape[i];
    given.a[i] = args.a_strides[i];
    given.b[i] = args.b_strides[i];
  }
  const Axes axes = joined(given);
  const Index inner = axes.inner(), a_stride = axes.a[axes.rank - 1],
              b_stride = axes.b[axes.rank - 1];
  if (axes.rank == 1) {
    cpu.parallel_for(inner, kPointwiseGrain, [&](Index begin, Index end, int) {
      run(args.a + begin * a_stride, a_stride, args.b + begin * b_stride, b_stride, args.y + begin,
          end - begin, f);
    });
    return;
  }
  cpu.parallel_for(axes.rows(), row_grain(inner), [&](Index first, Index last, int) {
    RowWalk walk(axes, first);
    for (Index row = first; row < last; ++row, walk.next())
      run(args.a + walk.a, a_stride, args.b + walk.b, b_stride, args.y + row * inner, inner, f);
  });
}

}  // namespace

template <class T>
void binary(const BinaryArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  switch (args.function) {
    case Binary::kAdd:
      binary_rows(args, cpu, [](T a, T b) { return a + b; });
      break;
    case Binary::kSubtract:
      binary_rows(args, cpu, [](T a, T b) { return a - b; });
      break;
    case Binary::kMultiply:
      binary_rows(args, cpu, [](T a, T b) { return a * b; });
      break;
    case Binary::kDivide:
      binary_rows(args, cpu, [](T a, T b) { return a / b; });
      break;
  }
}

OFER_INSTANTIATE(binary, BinaryArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
