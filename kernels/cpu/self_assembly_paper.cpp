// Self-assembly as the paper defines it, on the CPU. All but the recurrence over the masked
// positions is done side by side: rows of channels, best matches, and the part of each sum that
// does not depend on the position before.
#include "kernels/cpu/assembly.h"
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

template <class T>
OFER_INLINE T cosine(const T* a, const T* b, double norms, Index channels) {
  if (norms == 0) return T(0);
  const double value = dot(a, b, channels) / norms;
  return static_cast<T>(value < 0 ? 0 : value);  // NaN passes
}

template <class T>
class Forward {
 public:
  static constexpr int kMaps = 4;

  Forward(const SelfAssemblyPaperArgs<T>& args, AssemblyScratch<T>& scratch, CpuStream& cpu,
          Index first)
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
    for_blocks(cpu_, images, positions_, [&](Index i, Index begin, Index end, int worker) {
      match(i, begin, smaller(end, scratch_.order(i).masked), worker);
    });
    cpu_.parallel_for(images, 1, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i) recur(i);
    });
    for_blocks(cpu_, images, positions_,
               [&](Index i, Index begin, Index end, int) { write(i, begin, end); });
  }

 private:
  // What an image's scratch holds. `made`: first the fixed part of each sum, then the outcome.
  T* x(Index i) { return scratch_.rows(i, 0); }
  T* f(Index i) { return scratch_.rows(i, 1); }
  T* unit(Index i) { return scratch_.rows(i, 2); }
  T* made(Index i) { return scratch_.rows(i, 3); }
  double* norms(Index i) { return scratch_.numbers(i, 0); }
  double* symmetric_weight(Index i) { return scratch_.numbers(i, 1); }
  double* known_weight(Index i) { return scratch_.numbers(i, 2); }

  // Ranks [begin, end): rows of x and f, norms, unit vectors of the known ones.
  void gather(Index i, Index begin, Index end) {
    const HoleOrder order = scratch_.order(i);
    const Index map = channels_ * positions_;
    map_to_rows(args_.x + (first_ + i) * map, positions_, channels_, order.position, begin, end,
                x(i));
    map_to_rows(args_.f + (first_ + i) * map, positions_, channels_, order.position, begin, end,
                f(i));
    for (Index r = begin; r < end; ++r) {
      const T* row = x(i) + r * channels_;
      const double length = norm(row, channels_);
      norms(i)[r] = length;
      if (r >= order.known) continue;
      const T scale = length == 0 ? T(0) : static_cast<T>(1.0 / length);
      T* to = unit(i) + r * channels_;
      for (Index c = 0; c < channels_; ++c) to[c] = row[c] * scale;
    }
  }

  // Masked positions [begin, end): p_k, p_s, their similarities, and S_sym p_s + S_known p_k.
  void match(Index i, Index begin, Index end, int worker) {
    if (begin >= end) return;
    const HoleOrder order = scratch_.order(i);
    std::int32_t* best = scratch_.match(i);
    if (order.known > 0)
      best_matches(x(i) + (order.known + begin) * channels_, end - begin, unit(i), order.known,
                   channels_, true, cpu_.scratch<T>(worker, 0, kQueries * kCandidates),
                   best + begin);
    T* symmetric = cpu_.scratch<T>(worker, 1, channels_);
    for (Index m = begin; m < end; ++m) {
      const Index rank = order.known + m;
      // With nothing known p_k is x itself, and weighs nothing.
      if (order.known == 0) best[m] = static_cast<std::int32_t>(rank);
      const T* own = x(i) + rank * channels_;
      const T* known = x(i) + best[m] * channels_;
      neighbour_mean(f(i), order.rank, order.position[rank], args_.height, args_.width, channels_,
                     symmetric);
      const double length = norms(i)[rank];
      const T by_symmetric = cosine(own, symmetric, length * norm(symmetric, channels_), channels_);
      const T by_known =
          order.known == 0 ? T(0) : cosine(own, known, length * norms(i)[best[m]], channels_);
      T* sum = made(i) + m * channels_;
      for (Index c = 0; c < channels_; ++c)
        sum[c] = by_symmetric * symmetric[c] + by_known * known[c];
      symmetric_weight(i)[m] = static_cast<double>(by_symmetric);
      known_weight(i)[m] = static_cast<double>(by_known);
    }
  }

  // y = (fixed part + S_prev p_prev) / (sum of the similarities), one masked position after the
  // other.
  void recur(Index i) {
    const HoleOrder order = scratch_.order(i);
    double previous_length = 0;
    for (Index m = 0; m < order.masked; ++m) {
      const Index rank = order.known + m;
      const T* own = x(i) + rank * channels_;
      T* y = made(i) + m * channels_;
      const T* previous = y - channels_;
      T weights[3] = {static_cast<T>(symmetric_weight(i)[m]), static_cast<T>(known_weight(i)[m]),
                      T(0)};
      if (m > 0) weights[2] = cosine(own, previous, norms(i)[rank] * previous_length, channels_);
      const T sum = weights[0] + weights[1] + weights[2];
      if (weightless(sum)) {
        const T* known = x(i) + scratch_.match(i)[m] * channels_;
        for (Index c = 0; c < channels_; ++c) y[c] = known[c];
      } else {
        const T scale = T(1) / sum, by_previous = weights[2];
        if (m > 0) {
          OFER_INDEPENDENT
          for (Index c = 0; c < channels_; ++c) y[c] = (y[c] + by_previous * previous[c]) * scale;
        } else {
          for (Index c = 0; c < channels_; ++c) y[c] *= scale;
        }
      }
      previous_length = norm(y, channels_);
      if (args_.weights)
        for (int k = 0; k < 3; ++k)
          args_.weights[((first_ + i) * positions_ + order.position[rank]) * 3 + k] = weights[k];
    }
  }

  // Ranks [begin, end) of y, and of what is kept for the backward pass.
  void write(Index i, Index begin, Index end) {
    const HoleOrder order = scratch_.order(i);
    T* y = args_.y + (first_ + i) * channels_ * positions_;
    const auto row = [&](Index r) {
      return r < order.known ? x(i) + r * channels_ : made(i) + (r - order.known) * channels_;
    };
    rows_to_map(row, positions_, channels_, order.position, begin, end, y);
    for (Index r = begin; r < end; ++r) {
      const Index at = (first_ + i) * positions_ + order.position[r];
      const bool assembled = r >= order.known && order.known > 0;
      if (args_.best)
        args_.best[at] = assembled ? order.position[scratch_.match(i)[r - order.known]] : -1;
      if (args_.weights && r < order.known)
        for (int k = 0; k < 3; ++k) args_.weights[at * 3 + k] = T(0);
    }
  }

  const SelfAssemblyPaperArgs<T>& args_;
  AssemblyScratch<T>& scratch_;
  CpuStream& cpu_;
  Index first_, channels_, positions_;
};

}  // namespace

template <class T>
void self_assembly_paper(const SelfAssemblyPaperArgs<T>& args, Stream& stream) {
  run_assembly<Forward>(args, stream);
}

OFER_INSTANTIATE(self_assembly_paper, SelfAssemblyPaperArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
