// Self-assembly as the released code computes it, on the CPU. As in the paper's version all but the
// recurrence is done side by side.
#include "kernels/cpu/assembly.h"
#include "kernels/cpu/operations.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

constexpr double kNormEps = 1e-8;
constexpr double kLeastSum = 1e-8;

template <class T>
class Forward {
 public:
  static constexpr int kMaps = 5;

  Forward(const SelfAssemblyReleasedArgs<T>& args, AssemblyScratch<T>& scratch, CpuStream& cpu,
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
      const HoleOrder order = scratch_.order(i);
      if (order.known > 0) match(i, begin, smaller(end, order.masked), worker);
    });
    cpu_.parallel_for(images, 1, [&](Index begin, Index end, int) {
      for (Index i = begin; i < end; ++i)
        if (scratch_.order(i).known > 0) recur(i);
    });
    for_blocks(cpu_, images, positions_,
               [&](Index i, Index begin, Index end, int) { write(i, begin, end); });
  }

 private:
  // x, unit = x / n(x): ranks; f: the first positions in raster order. `made`: first the part of
  // each g that the recurrence does not touch, then g; `out`: y.
  T* x(Index i) { return scratch_.rows(i, 0); }
  T* unit(Index i) { return scratch_.rows(i, 1); }
  T* f(Index i) { return scratch_.rows(i, 2); }
  T* made(Index i) { return scratch_.rows(i, 3); }
  T* out(Index i) { return scratch_.rows(i, 4); }
  double* lengths(Index i) { return scratch_.numbers(i, 0); }
  double* v(Index i) { return scratch_.numbers(i, 1); }
  double* w(Index i) { return scratch_.numbers(i, 2); }

  void gather(Index i, Index begin, Index end) {
    const HoleOrder order = scratch_.order(i);
    const Index at = (first_ + i) * channels_ * positions_;
    map_to_rows(args_.x + at, positions_, channels_, order.position, begin, end, x(i));
    for (Index r = begin; r < end; ++r) {
      const T* row = x(i) + r * channels_;
      const double length = norm(row, channels_) + kNormEps;
      lengths(i)[r] = length;
      const T scale = static_cast<T>(1.0 / length);
      T* to = unit(i) + r * channels_;
      for (Index c = 0; c < channels_; ++c) to[c] = row[c] * scale;
    }
    map_to_rows(args_.f + at, positions_, channels_, nullptr, begin, smaller(end, order.masked),
                f(i));
  }

  // Of the m-th masked position, m in [begin, end): v and its argmax, w at raster position m, and
  // v x_ind + w r (for the first: (x_ind + r) / 2).
  void match(Index i, Index begin, Index end, int worker) {
    if (begin >= end) return;
    const HoleOrder order = scratch_.order(i);
    T* scores = cpu_.scratch<T>(worker, 0, kQueries * kCandidates);
    T* mean = cpu_.scratch<T>(worker, 1, channels_);
    std::int32_t nearest[kQueries];
    std::int32_t* best = scratch_.match(i);
    best_matches(x(i) + (order.known + begin) * channels_, end - begin, unit(i), order.known,
                 channels_, false, scores, best + begin);
    best_matches(f(i) + begin * channels_, end - begin, unit(i), positions_, channels_, false,
                 scores, nearest);
    for (Index m = begin; m < end; ++m) {
      const Index rank = order.known + m, near = nearest[m - begin];
      const T* own = x(i) + rank * channels_;
      const T* known = x(i) + best[m] * channels_;
      v(i)[m] = dot(known, own, channels_) / lengths(i)[best[m]];
      w(i)[m] = dot(x(i) + near * channels_, f(i) + m * channels_, channels_) / lengths(i)[near];
      neighbour_mean(x(i), order.rank, order.position[rank], args_.height, args_.width, channels_,
                     mean);
      const T by_known = m == 0 ? T(0.5) : static_cast<T>(v(i)[m]);
      const T by_mean = m == 0 ? T(0.5) : static_cast<T>(w(i)[m]);
      T* g = made(i) + m * channels_;
      for (Index c = 0; c < channels_; ++c) g[c] = by_known * known[c] + by_mean * mean[c];
    }
  }

  void recur(Index i) {
    const HoleOrder order = scratch_.order(i);
    for (Index m = 0; m < order.masked; ++m) {
      const Index rank = order.known + m;
      const T* own = x(i) + rank * channels_;
      const T* known = x(i) + scratch_.match(i)[m] * channels_;
      T* g = made(i) + m * channels_;
      T* y = out(i) + m * channels_;
      T by_previous = T(0), by_known = T(1);
      if (m > 0) {
        const T* previous_g = g - channels_;
        const T* previous_y = y - channels_;
        const double s = dot(own, previous_g, channels_) / lengths(i)[rank];
        const double q = s + v(i)[m] + w(i)[m];
        const bool defined = abs_of(q) >= kLeastSum;
        by_previous = defined ? static_cast<T>(s / q) : T(0);
        by_known = defined ? static_cast<T>(v(i)[m] / q) : T(1);
        if (defined) {
          const T scale = static_cast<T>(1.0 / q);
          OFER_INDEPENDENT
          for (Index c = 0; c < channels_; ++c) g[c] = by_previous * previous_g[c] + scale * g[c];
        } else {
          for (Index c = 0; c < channels_; ++c) g[c] = known[c];
        }
        OFER_INDEPENDENT
        for (Index c = 0; c < channels_; ++c)
          y[c] = by_previous * previous_y[c] + by_known * known[c];
      } else {
        for (Index c = 0; c < channels_; ++c) y[c] = known[c];
      }
      if (args_.shares) {
        T* shares = args_.shares + 2 * ((first_ + i) * positions_ + order.position[rank]);
        shares[0] = by_previous;
        shares[1] = by_known;
      }
    }
  }

  void write(Index i, Index begin, Index end) {
    const HoleOrder order = scratch_.order(i);
    // With nothing known every position keeps x.
    const Index kept = order.known > 0 ? order.known : positions_;
    T* y = args_.y + (first_ + i) * channels_ * positions_;
    const auto row = [&](Index r) {
      return r < kept ? x(i) + r * channels_ : out(i) + (r - order.known) * channels_;
    };
    rows_to_map(row, positions_, channels_, order.position, begin, end, y);
    for (Index r = begin; r < end; ++r) {
      const Index at = (first_ + i) * positions_ + order.position[r];
      if (args_.best)
        args_.best[at] = r < kept ? -1 : order.position[scratch_.match(i)[r - order.known]];
      if (args_.shares && r < kept) args_.shares[2 * at] = args_.shares[2 * at + 1] = T(0);
    }
  }

  const SelfAssemblyReleasedArgs<T>& args_;
  AssemblyScratch<T>& scratch_;
  CpuStream& cpu_;
  Index first_, channels_, positions_;
};

}  // namespace

template <class T>
void self_assembly_released(const SelfAssemblyReleasedArgs<T>& args, Stream& stream) {
  run_assembly<Forward>(args, stream);
}

// The rows a_m run backwards as y's recurrence did: with G the gradient of the m-th generated
// value,
//   dx[ind] += (v / q) G,   and (s / q) G goes to the value before.
// Channels do not meet, so each plane stands alone.
template <class T>
void self_assembly_released_backward(const SelfAssemblyReleasedBackwardArgs<T>& args,
                                     Stream& stream) {
  const Index positions = args.height * args.width;
  cpu_stream(stream).parallel_for(args.batch * args.channels, row_grain(4 * positions),
                                  [&](Index first, Index last, int) {
                                    for (Index plane = first; plane < last; ++plane) {
                                      const Index image = plane / args.channels * positions;
                                      const std::int32_t* best = args.best + image;
                                      const T* shares = args.shares + 2 * image;
                                      const T* dy = args.dy + plane * positions;
                                      T* dx = args.dx + plane * positions;
                                      // best is -1 where y is x.
                                      for (Index p = 0; p < positions; ++p)
                                        dx[p] = best[p] < 0 ? dy[p] : T(0);
                                      T carried = T(0);
                                      for (Index p = positions - 1; p >= 0; --p) {
                                        if (best[p] < 0) continue;
                                        const T g = dy[p] + carried;
                                        dx[best[p]] += shares[2 * p + 1] * g;
                                        carried = shares[2 * p] * g;
                                      }
                                    }
                                  });
}

OFER_INSTANTIATE(self_assembly_released, SelfAssemblyReleasedArgs)
OFER_INSTANTIATE(self_assembly_released_backward, SelfAssemblyReleasedBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
