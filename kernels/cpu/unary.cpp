// Functions of one element, with a constant or two, on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/threads.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T, class F>
OFER_INLINE void map(const T* x, T* y, Index begin, Index end, const F& f) {
  OFER_INDEPENDENT
  for (Index i = begin; i < end; ++i) y[i] = f(x[i]);
}

template <class T, class F>
OFER_INLINE void chain(const T* dy, const T* x, T* dx, Index begin, Index end, const F& f) {
  OFER_INDEPENDENT
  for (Index i = begin; i < end; ++i) dx[i] = f(dy[i], x[i]);
}

}  // namespace

template <class T>
void unary(const UnaryArgs<T>& args, Stream& stream) {
  const T a = static_cast<T>(args.a), b = static_cast<T>(args.b);
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const auto run = [&](const auto& f) { map(args.x, args.y, begin, end, f); };
    switch (args.function) {
      case Unary::kScale:
        run([=](T x) { return a * x + b; });
        break;
      case Unary::kClamp:
        run([=](T x) {  // NaN passes
          const T raised = x < a ? a : x;
          return raised > b ? b : raised;
        });
        break;
      case Unary::kSquare:
        run([](T x) { return x * x; });
        break;
      case Unary::kLog:
        run([](T x) { return log_of(x); });
        break;
      case Unary::kExp:
        run([](T x) { return exp_of(x); });
        break;
      case Unary::kSqrt:
        run([](T x) { return sqrt_of(x); });
        break;
      case Unary::kGreater:
        run([=](T x) { return x > a ? T(1) : T(0); });
        break;
    }
  });
}

template <class T>
void unary_backward(const UnaryBackwardArgs<T>& args, Stream& stream) {
  const T a = static_cast<T>(args.a), b = static_cast<T>(args.b);
  cpu_stream(stream).parallel_for(args.count, kPointwiseGrain, [&](Index begin, Index end, int) {
    const auto run = [&](const auto& f) { chain(args.dy, args.x, args.dx, begin, end, f); };
    switch (args.function) {
      case Unary::kScale:
        run([=](T dy, T) { return a * dy; });
        break;
      case Unary::kClamp:
        run([=](T dy, T x) {
          const T above = x >= a ? dy : T(0);
          return x <= b ? above : T(0);
        });
        break;
      case Unary::kSquare:
        run([](T dy, T x) { return T(2) * x * dy; });
        break;
      case Unary::kLog:
        run([](T dy, T x) { return dy / x; });
        break;
      case Unary::kExp:
        run([](T dy, T x) { return dy * exp_of(x); });
        break;
      case Unary::kSqrt:
        run([](T dy, T x) { return T(0.5) * dy / sqrt_of(x); });
        break;
      case Unary::kGreater:
        run([](T, T) { return T(0); });
        break;
    }
  });
}

OFER_INSTANTIATE(unary, UnaryArgs)
OFER_INSTANTIATE(unary_backward, UnaryBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
