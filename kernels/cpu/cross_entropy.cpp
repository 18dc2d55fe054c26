// Cross entropy of classes on the CPU.
#include "kernels/cpu/operations.h"
#include "kernels/cpu/softmax_row.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
double weight_of(const T* class_weight, std::int32_t target) {
  return class_weight ? static_cast<double>(class_weight[target]) : 1.0;
}

template <class T>
double total_weight(const T* class_weight, const std::int32_t* target, Index rows) {
  double total = 0;
  for (Index r = 0; r < rows; ++r) total += weight_of(class_weight, target[r]);
  return total;
}

}  // namespace

template <class T>
void cross_entropy(const CrossEntropyArgs<T>& args, Stream& stream) {
  const Index classes = args.classes;
  cpu_stream(stream).parallel_for(
      args.rows, row_grain(4 * classes), [&](Index first, Index last, int) {
        for (Index r = first; r < last; ++r)
          log_softmax_row(args.x + r * classes, args.log_probability + r * classes, classes);
      });
  double sum = 0;
  for (Index r = 0; r < args.rows; ++r)
    sum -= weight_of(args.class_weight, args.target[r]) *
           static_cast<double>(args.log_probability[r * classes + args.target[r]]);
  const double weight = total_weight(args.class_weight, args.target, args.rows);
  args.loss[0] = weight == 0 ? T(0) : static_cast<T>(sum / weight);
}

// dx = dloss w_t / sum(w) (softmax(x) - one at t)
template <class T>
void cross_entropy_backward(const CrossEntropyBackwardArgs<T>& args, Stream& stream) {
  const Index classes = args.classes;
  const double weight = total_weight(args.class_weight, args.target, args.rows);
  const double dloss = static_cast<double>(args.dloss[0]);
  cpu_stream(stream).parallel_for(args.rows, row_grain(classes), [&](Index first, Index last, int) {
    for (Index r = first; r < last; ++r) {
      const std::int32_t target = args.target[r];
      const T scale = weight == 0
                          ? T(0)
                          : static_cast<T>(dloss * weight_of(args.class_weight, target) / weight);
      const T* log_probability = args.log_probability + r * classes;
      T* dx = args.dx + r * classes;
      for (Index c = 0; c < classes; ++c)
        dx[c] = scale * (exp_of(log_probability[c]) - (c == target ? T(1) : T(0)));
    }
  });
}

OFER_INSTANTIATE(cross_entropy, CrossEntropyArgs)
OFER_INSTANTIATE(cross_entropy_backward, CrossEntropyBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
