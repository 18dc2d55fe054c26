// Gradient of the paper's self-assembly on the CPU: the recurrence backwards, from the last masked
// position to the first; gathering and writing rows of channels is done side by side.
#include "kernels/cpu/assembly.h"
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
class Backward {
 public:
  static constexpr int kMaps = 6;

  Backward(const SelfAssemblyPaperBackwardArgs<T>& args, AssemblyScratch<T>& scratch,
           CpuStream& cpu, Index first)
      : args_(args),
        scratch_(scratch),
        cpu_(cpu),
        first_(first),
        channels_(args.channels),
        positions_(args.height * args.width) {}

  void run() {
    const Index images = scratch_.images();
    scratch_.order_all(args_.hole + first_ * positions_, cpu_);
    for_blocks(cpu_, images, positions_,
               [&](Index i, Index begin, Index end, int) { gather(i, begin, end); });
    cpu_.parallel_for(images, 1, [&](Index begin, Index end, int worker) {
      for (Index i = begin; i < end; ++i) recur(i, worker);
    });
    for_blocks(cpu_, images, positions_,
               [&](Index i, Index begin, Index end, int worker) { write(i, begin, end, worker); });
  }

 private:
  // Rows in rank order; `gradient` starts as dy and gathers what comes from the next position,
  // `symmetric_gradient` is that of each masked position's p_s.
  T* x(Index i) { return scratch_.rows(i, 0); }
  T* f(Index i) { return scratch_.rows(i, 1); }
  T* y(Index i) { return scratch_.rows(i, 2); }
  T* gradient(Index i) { return scratch_.rows(i, 3); }
  T* x_gradient(Index i) { return scratch_.rows(i, 4); }
  T* symmetric_gradient(Index i) { return scratch_.rows(i, 5); }
  double* norms(Index i) { return scratch_.numbers(i, 0); }

  void gather(Index i, Index begin, Index end) {
    const HoleOrder order = scratch_.order(i);
    const Index at = (first_ + i) * channels_ * positions_;
    const std::int32_t* position = order.position;
    map_to_rows(args_.x + at, positions_, channels_, position, begin, end, x(i));
    map_to_rows(args_.f + at, positions_, channels_, position, begin, end, f(i));
    map_to_rows(args_.y + at, positions_, channels_, position, begin, end, y(i));
    map_to_rows(args_.dy + at, positions_, channels_, position, begin, end, gradient(i));
    for (Index r = begin; r < end; ++r) {
      norms(i)[r] = norm(x(i) + r * channels_, channels_);
      // A known position's y is its x, so its dx starts as dy; a masked one's starts at zero.
      T* dx = x_gradient(i) + r * channels_;
      const T* dy = gradient(i) + r * channels_;
      for (Index c = 0; c < channels_; ++c) dx[c] = r < order.known ? dy[c] : T(0);
    }
  }

  // One of the three terms S p / q of y, with g the gradient of y:
  //   dp = (S / q) g + dS (x / (|x| |p|) - S p / |p|^2),   dS = <g, p - y> / q,
  //   dx += dS (p / (|x| |p|) - S x / |x|^2).
  // dS is 0 where S is clamped.
  void term(const T* g, const T* p, const T* out, const T* own, double own_length, T weight, T sum,
            T* dp, T* dx) {
    if (!(weight > T(0))) return;
    const double p_length = norm(p, channels_);
    const double slope = lane_sum<T>(channels_, [=](Index c) { return g[c] * (p[c] - out[c]); }) /
                         static_cast<double>(sum);
    const double cross = slope / (own_length * p_length);
    const double s = static_cast<double>(weight);
    const T share = weight / sum, both = static_cast<T>(cross);
    const T along_p = static_cast<T>(slope * s / (p_length * p_length));
    const T along_x = static_cast<T>(slope * s / (own_length * own_length));
    OFER_INDEPENDENT
    for (Index c = 0; c < channels_; ++c) dp[c] += share * g[c] + (both * own[c] - along_p * p[c]);
    OFER_INDEPENDENT
    for (Index c = 0; c < channels_; ++c) dx[c] += both * p[c] - along_x * own[c];
  }

  void recur(Index i, int worker) {
    const HoleOrder order = scratch_.order(i);
    T* symmetric = cpu_.scratch<T>(worker, 0, channels_);
    for (Index m = order.masked - 1; m >= 0; --m) {
      const Index rank = order.known + m, position = order.position[rank];
      const Index at = (first_ + i) * positions_ + position;
      const T* weights = args_.weights + 3 * at;
      const Index match = args_.best[at] < 0 ? rank : order.rank[args_.best[at]];
      const T sum = weights[0] + weights[1] + weights[2];
      T* g = gradient(i) + rank * channels_;
      T* dx = x_gradient(i) + rank * channels_;
      T* d_known = x_gradient(i) + match * channels_;
      T* d_symmetric = symmetric_gradient(i) + rank * channels_;
      for (Index c = 0; c < channels_; ++c) d_symmetric[c] = T(0);
      if (weightless(sum)) {
        for (Index c = 0; c < channels_; ++c) d_known[c] += g[c];
        continue;
      }
      const T* own = x(i) + rank * channels_;
      const T* out = y(i) + rank * channels_;
      const double length = norms(i)[rank];
      neighbour_mean(f(i), order.rank, position, args_.height, args_.width, channels_, symmetric);
      term(g, symmetric, out, own, length, weights[0], sum, d_symmetric, dx);
      term(g, x(i) + match * channels_, out, own, length, weights[1], sum, d_known, dx);
      if (m > 0) term(g, out - channels_, out, own, length, weights[2], sum, g - channels_, dx);
    }
  }

  // Ranks [begin, end) of dx and df. A position's f went into p_s of its masked neighbours, with
  // one over the number of *their* neighbours.
  void write(Index i, Index begin, Index end, int worker) {
    const HoleOrder order = scratch_.order(i);
    const Index at = (first_ + i) * channels_ * positions_;
    T* df_rows = cpu_.scratch<T>(worker, 0, kQueries * channels_);
    for (Index r = begin; r < end; ++r)
      f_gradient(i, order, order.position[r], df_rows + (r - begin) * channels_);
    const auto dx_row = [&](Index r) { return x_gradient(i) + r * channels_; };
    const auto df_row = [&](Index r) { return df_rows + (r - begin) * channels_; };
    rows_to_map(dx_row, positions_, channels_, order.position, begin, end, args_.dx + at);
    rows_to_map(df_row, positions_, channels_, order.position, begin, end, args_.df + at);
  }

  void f_gradient(Index i, const HoleOrder& order, Index position, T* df) {
    const Index height = args_.height, width = args_.width;
    const Index h = position / width, w = position % width;
    for (Index c = 0; c < channels_; ++c) df[c] = T(0);
    for (Index p = larger(0, h - 1); p < smaller(height, h + 2); ++p)
      for (Index q = larger(0, w - 1); q < smaller(width, w + 2); ++q) {
        const Index rank = order.rank[p * width + q];
        if (rank < order.known) continue;
        const Index rows = smaller(height, p + 2) - larger(0, p - 1);
        const Index columns = smaller(width, q + 2) - larger(0, q - 1);
        const T share = T(1) / static_cast<T>(rows * columns);
        const T* from = symmetric_gradient(i) + rank * channels_;
        for (Index c = 0; c < channels_; ++c) df[c] += share * from[c];
      }
  }

  const SelfAssemblyPaperBackwardArgs<T>& args_;
  AssemblyScratch<T>& scratch_;
  CpuStream& cpu_;
  Index first_, channels_, positions_;
};

}  // namespace

template <class T>
void self_assembly_paper_backward(const SelfAssemblyPaperBackwardArgs<T>& args, Stream& stream) {
  run_assembly<Backward>(args, stream);
}

OFER_INSTANTIATE(self_assembly_paper_backward, SelfAssemblyPaperBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
