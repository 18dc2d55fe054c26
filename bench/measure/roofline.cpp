#include "bench/measure/roofline.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "bench/timing.h"
#include "engine/error.h"

namespace ofer::bench {

namespace {

using kernels::Index;

constexpr double kSmallestCopy = 64 << 10;
// Beyond any processor's or GPU's last cache.
constexpr double kLargestCopy = 512 << 20;
// Products grow until one takes so long that beginning and ending it is nothing.
constexpr double kProductMs = 20;
constexpr Index kSmallestProduct = 512, kLargestProductCpu = 2048, kLargestProductGpu = 8192;
constexpr double kStepSeconds = 0.15;

// Memory of the target, with numbers in it: what is not a number can be slow.
template <class T>
class Array {
 public:
  Array(const KernelTarget& target, Index count)
      : memory_(*target.backend.memory),
        data_(static_cast<T*>(memory_.allocate(static_cast<std::size_t>(count) * sizeof(T)))) {
    std::vector<T> values(static_cast<std::size_t>(std::min<Index>(count, 1 << 20)));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = T(0.001f * static_cast<float>(i % 997) - 0.5f);
    for (Index at = 0; at < count; at += static_cast<Index>(values.size())) {
      const auto part =
          static_cast<std::size_t>(std::min<Index>(count - at, static_cast<Index>(values.size())));
      memory_.write(data_ + at, values.data(), part * sizeof(T));
    }
  }
  ~Array() { memory_.release(data_); }
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  T* data() const { return data_; }

 private:
  test::Memory& memory_;
  T* data_;
};

// The best of several calls: a roof is what can be reached, not what is usual.
template <class Work>
double best_ms(kernels::Stream& stream, Work&& work) {
  double best = std::numeric_limits<double>::infinity();
  const auto once = [&] {
    stream.mark(0);
    work();
    stream.mark(1);
    best = std::min(best, stream.milliseconds(0, 1));
  };
  StopRule rule;
  rule.samples = 5;
  rule.seconds = kStepSeconds;
  measure(rule, once);
  return best;
}

// Of two square matrices.
template <class T>
double product_ms(const KernelTarget& target, const kernels::Table<T>& table,
                  kernels::Stream& stream, Index side) {
  const Array<T> x(target, side * side), weight(target, side * side), y(target, side * side);
  kernels::LinearArgs<T> args{};
  args.x = x.data();
  args.weight = weight.data();
  args.y = y.data();
  args.rows = args.in = args.out = side;
  return best_ms(stream, [&] { table.linear(args, stream); });
}

template <class T>
Roofline measured(const KernelTarget& target, const kernels::Table<T>& table) {
  const std::unique_ptr<kernels::Stream> stream = target.make_stream();
  const bool gpu = target.device == "cuda";
  Roofline result;

  const auto largest = static_cast<Index>(kLargestCopy / 2 / sizeof(T));
  {
    const Array<T> from(target, largest), to(target, largest);
    for (double bytes = kSmallestCopy; bytes <= kLargestCopy; bytes *= 2) {
      kernels::CopyArgs<T> args{};
      args.x = from.data();
      args.y = to.data();
      args.rank = 1;
      args.shape[0] = static_cast<Index>(bytes / 2 / sizeof(T));
      args.x_strides[0] = args.y_strides[0] = 1;
      const double ms = best_ms(*stream, [&] { table.copy(args, *stream); });
      result.copies.push_back({bytes, bytes / ms * 1e-6});
    }
  }

  const Index largest_side = gpu ? kLargestProductGpu : kLargestProductCpu;
  for (Index side = kSmallestProduct;; side *= 2) {
    const double ms = product_ms(target, table, *stream, side);
    const auto n = static_cast<double>(side);
    result.gflop_per_s = std::max(result.gflop_per_s, 2 * n * n * n / ms * 1e-6);
    if (ms >= kProductMs || side >= largest_side) return result;
  }
}

}  // namespace

double Roofline::warm_gb_per_s(double bytes) const {
  double best = cold_gb_per_s();
  for (const CopySpeed& copy : copies)
    if (copy.bytes >= bytes) best = std::max(best, copy.gb_per_s);
  return best;
}

double Roofline::cold_gb_per_s() const {
  if (copies.empty()) throw std::logic_error("a roofline that was not measured");
  return copies.back().gb_per_s;
}

Roofline::Floor Roofline::floor(double flops, double bytes, bool cold) const {
  if (copies.empty()) return {};
  const double arithmetic = flops / gflop_per_s * 1e-6;
  const double movement = bytes / (cold ? cold_gb_per_s() : warm_gb_per_s(bytes)) * 1e-6;
  return {std::max(arithmetic, movement), arithmetic > movement};
}

Roofline measure_roofline(const KernelTarget& target) {
  if (target.device == "simt") throw std::logic_error("the executor has no roofline");
  return target.narrow() ? measured(target, *target.backend.bf16)
                         : measured(target, *target.backend.f32);
}

nlohmann::ordered_json roofline_json(const Roofline& roofline) {
  nlohmann::ordered_json copies = nlohmann::ordered_json::array();
  for (const CopySpeed& copy : roofline.copies)
    copies.push_back({{"bytes", copy.bytes}, {"gb_per_s", copy.gb_per_s}});
  return {{"gflop_per_s", roofline.gflop_per_s}, {"copies", copies}};
}

}  // namespace ofer::bench
