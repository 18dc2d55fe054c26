#include <vector>

#include "tests/oracle/oracle.h"

namespace ofer::oracle {

using std::abs;
using std::sqrt;
using test::abs;
using test::constant;
using test::rectified;
using test::sqrt;
using test::unspecified;

namespace {

template <class R>
using Vector = std::vector<R>;

template <class R>
R dot(const Vector<R>& a, const Vector<R>& b) {
  R sum = 0;
  for (std::size_t c = 0; c < a.size(); ++c) sum += a[c] * b[c];
  return sum;
}

template <class R>
R length(const Vector<R>& a) {
  return sqrt(dot(a, a));
}

// S(a, b)
template <class R>
R similarity(const Vector<R>& a, const Vector<R>& b) {
  const R lengths = length(a) * length(b);
  if (lengths == R(0)) return 0;
  return rectified(dot(a, b) / lengths);
}

// One image: its channels at a position as a vector.
template <class R>
struct Map {
  const R* data;
  Index channels, height, width;

  Index positions() const { return height * width; }
  Vector<R> at(Index position) const {
    Vector<R> v;
    for (Index c = 0; c < channels; ++c) v.push_back(data[c * positions() + position]);
    return v;
  }
  // Mean over the 3 x 3 neighbours inside the map, the position itself among them.
  Vector<R> neighbourhood(Index position) const {
    Vector<R> sum(static_cast<std::size_t>(channels), R(0));
    int count = 0;
    const Index row = position / width, column = position % width;
    for (Index h = row - 1; h <= row + 1; ++h)
      for (Index w = column - 1; w <= column + 1; ++w) {
        if (h < 0 || h >= height || w < 0 || w >= width) continue;
        ++count;
        const Vector<R> v = at(h * width + w);
        for (std::size_t c = 0; c < v.size(); ++c) sum[c] += v[c];
      }
    for (R& value : sum) value = value / R(count);
    return sum;
  }
};

template <class R>
void store(R* y, Index positions, Index position, const Vector<R>& v) {
  for (std::size_t c = 0; c < v.size(); ++c) y[static_cast<Index>(c) * positions + position] = v[c];
}

}  // namespace

template <class R>
void self_assembly_paper(const kernels::SelfAssemblyPaperArgs<R>& args) {
  const Index positions = args.height * args.width;
  const std::size_t channels = static_cast<std::size_t>(args.channels);
  for (Index n = 0; n < args.batch; ++n) {
    const Index start = n * args.channels * positions;
    const Map<R> x{args.x + start, args.channels, args.height, args.width};
    const Map<R> f{args.f + start, args.channels, args.height, args.width};
    const R* hole = args.hole + n * positions;
    Vector<R> previous;  // p_prev; empty before the first masked position
    for (Index i = 0; i < positions; ++i) {
      const Vector<R> xi = x.at(i);
      Index best = -1;
      R s_sym = unspecified<R>(), s_known = unspecified<R>(), s_prev = unspecified<R>();
      Vector<R> y = xi;
      if (hole[i] != R(0)) {
        s_known = 0;
        for (Index j = 0; j < positions; ++j) {
          if (hole[j] != R(0)) continue;
          const R s = similarity(xi, x.at(j));
          if (best < 0 || s > s_known) {
            best = j;
            s_known = s;
          }
        }
        const Vector<R> known = best < 0 ? xi : x.at(best);
        const Vector<R> symmetric = f.neighbourhood(i);
        s_sym = similarity(xi, symmetric);
        s_prev = previous.empty() ? R(0) : similarity(xi, previous);
        const R sum = s_sym + s_known + s_prev;
        y = known;
        if (!(sum < R(1e-8)))
          for (std::size_t c = 0; c < channels; ++c) {
            R weighted = s_sym * symmetric[c] + s_known * known[c];
            if (!previous.empty()) weighted += s_prev * previous[c];
            y[c] = weighted / sum;
          }
        previous = y;
      }
      store(args.y + start, positions, i, y);
      if (args.best) args.best[n * positions + i] = static_cast<std::int32_t>(best);
      if (args.weights) {
        R* weights = args.weights + (n * positions + i) * 3;
        weights[0] = s_sym;
        weights[1] = s_known;
        weights[2] = s_prev;
      }
    }
  }
}

template <class R>
void self_assembly_released(const kernels::SelfAssemblyReleasedArgs<R>& args) {
  const Index positions = args.height * args.width;
  const std::size_t channels = static_cast<std::size_t>(args.channels);
  const auto n_of = [](const Vector<R>& a) { return length(a) + constant<R>(1e-8); };
  for (Index n = 0; n < args.batch; ++n) {
    const Index start = n * args.channels * positions;
    const Map<R> x{args.x + start, args.channels, args.height, args.width};
    const Map<R> f{args.f + start, args.channels, args.height, args.width};
    const R* hole = args.hole + n * positions;
    bool any_known = false;
    for (Index i = 0; i < positions; ++i) any_known = any_known || hole[i] == R(0);

    std::vector<R> w;  // w[i] for every raster position
    for (Index i = 0; i < positions; ++i) {
      const Vector<R> fi = f.at(i);
      R largest = 0;
      for (Index j = 0; j < positions; ++j) {
        const R s = dot(x.at(j), fi) / n_of(x.at(j));
        if (j == 0 || s > largest) largest = s;
      }
      w.push_back(largest);
    }

    Index m = 0;
    Vector<R> g;
    std::vector<R> a;  // attention row of the masked position before
    for (Index i = 0; i < positions; ++i) {
      const Vector<R> xi = x.at(i);
      Index best = -1;
      R share_previous = unspecified<R>(), share_known = unspecified<R>();
      Vector<R> y = xi;
      if (hole[i] != R(0) && any_known) {
        R v = 0;
        for (Index k = 0; k < positions; ++k) {
          if (hole[k] != R(0)) continue;
          const R s = dot(x.at(k), xi) / n_of(x.at(k));
          if (best < 0 || s > v) {
            best = k;
            v = s;
          }
        }
        const Vector<R> known = x.at(best), r = x.neighbourhood(i);
        if (m == 0) {
          share_previous = 0;
          share_known = 1;
          g = known;
          for (std::size_t c = 0; c < channels; ++c) g[c] = (known[c] + r[c]) / R(2);
          a.assign(static_cast<std::size_t>(positions), R(0));
          a[static_cast<std::size_t>(best)] = 1;
        } else {
          const R s = dot(xi, g) / n_of(xi);
          const R wm = w[static_cast<std::size_t>(m)];
          const R q = s + v + wm;
          const bool nothing = abs(q) < R(1e-8);
          share_previous = nothing ? R(0) : s / q;
          share_known = nothing ? R(1) : v / q;
          const R share_around = nothing ? R(0) : wm / q;
          for (std::size_t c = 0; c < channels; ++c)
            g[c] = share_previous * g[c] + share_known * known[c] + share_around * r[c];
          for (R& value : a) value = share_previous * value;
          a[static_cast<std::size_t>(best)] += share_known;
        }
        ++m;
        for (std::size_t c = 0; c < channels; ++c) {
          y[c] = 0;
          for (Index j = 0; j < positions; ++j) y[c] += a[static_cast<std::size_t>(j)] * x.at(j)[c];
        }
      }
      store(args.y + start, positions, i, y);
      if (args.best) args.best[n * positions + i] = static_cast<std::int32_t>(best);
      if (args.shares) {
        args.shares[(n * positions + i) * 2] = share_previous;
        args.shares[(n * positions + i) * 2 + 1] = share_known;
      }
    }
  }
}

// The function that the released layer's backward pass is the gradient of: `best` and `shares` are
// read, not computed.
template <class R>
void self_assembly_released_given(const kernels::SelfAssemblyReleasedArgs<R>& args) {
  const Index positions = args.height * args.width;
  for (Index n = 0; n < args.batch; ++n)
    for (Index c = 0; c < args.channels; ++c) {
      const R* x = args.x + (n * args.channels + c) * positions;
      R* y = args.y + (n * args.channels + c) * positions;
      R previous = 0;
      for (Index i = 0; i < positions; ++i) {
        const Index best = args.best[n * positions + i];
        y[i] = x[i];
        if (args.hole[n * positions + i] == R(0) || best < 0) continue;
        const R* shares = args.shares + (n * positions + i) * 2;
        y[i] = previous = shares[0] * previous + shares[1] * x[best];
      }
    }
}

OFER_ORACLE(self_assembly_paper, SelfAssemblyPaperArgs)
OFER_ORACLE(self_assembly_released, SelfAssemblyReleasedArgs)
OFER_ORACLE(self_assembly_released_given, SelfAssemblyReleasedArgs)

}  // namespace ofer::oracle
