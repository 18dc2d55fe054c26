#include "kernels/cpu/winograd.h"

#include "kernels/cpu/matmul.h"
#include "kernels/cpu/simd.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

constexpr int kTile = 6;
constexpr Index kElements = kTile * kTile;
// Columns that a pointwise loop takes beyond the last tile of a row, so that it needs no remainder.
constexpr Index kLanes = 8;
// Transformed tiles and products of one band of tile rows: they should stay in the last-level
// cache.
constexpr Index kBandBytes = 12 << 20;
// Half-transformed lines of one channel.
constexpr Index kStepBytes = 12 << 10;
// Transformed weights at a time.
constexpr Index kWeightBytes = 40 << 20;
// Columns of one product.
constexpr Index kProductColumns = 384;
// Terms that are summed one behind the other. Nearly all of Winograd's error is that of these sums,
// which the last step magnifies: sums of 64 halve it for 256 channels.
constexpr Index kProductDepth = 64;

OFER_INLINE Index rounded_up(Index n, Index to) {
  return blocks_of(n, to) * to;
}
OFER_INLINE Index ceiling(Index n, Index by) {  // of n / by, for n of either sign
  return n >= 0 ? (n + by - 1) / by : -(-n / by);
}

// The matrices of F(7 - r, r). Five points and infinity; of the points tried (0, +-1, +-2 and
// halves, ...) these lose least: over 256 channels the relative error of a 3 x 3 kernel is 1.3e-6,
// against 2.6e-6 with +-1 and +-2 and 0.35e-6 of a plain sum. Being symmetric they leave zeros in
// B.
template <int R>
struct Matrices {
  static constexpr int kOutputs = kTile + 1 - R;
  float a[kOutputs][kTile] = {};  // A^T
  float g[kTile][R] = {};
  float b[kTile][kTile] = {};  // B^T

  constexpr Matrices() {
    constexpr double kPoints[kTile - 1] = {0, 0.75, -0.75, 1.5, -1.5};
    for (int i = 0; i < kTile - 1; ++i) {
      double power = 1;
      for (int j = 0; j < kOutputs; ++j, power *= kPoints[i]) a[j][i] = static_cast<float>(power);
      double divisor = 1;
      double polynomial[kTile] = {1};  // product of (x - p) over the other points
      for (int j = 0, degree = 0; j < kTile - 1; ++j) {
        if (j == i) continue;
        divisor *= kPoints[i] - kPoints[j];
        times_root(polynomial, degree++, kPoints[j]);
      }
      // A power of two moved from B to G, so that the transformed weights keep their size.
      double largest = 1;
      for (int j = 1; j < R; ++j) largest *= kPoints[i] < 0 ? -kPoints[i] : kPoints[i];
      if (largest < 1) largest = 1;
      largest /= divisor < 0 ? -divisor : divisor;
      double scale = 1;
      while (largest * scale > 1.5) scale /= 2;
      while (largest * scale < 0.75) scale *= 2;
      power = 1;
      for (int j = 0; j < R; ++j, power *= kPoints[i])
        g[i][j] = static_cast<float>(power / divisor * scale);
      for (int j = 0; j < kTile; ++j) b[i][j] = static_cast<float>(polynomial[j] / scale);
    }
    a[kOutputs - 1][kTile - 1] = 1;
    g[kTile - 1][R - 1] = 1;
    double polynomial[kTile + 1] = {1};
    for (int j = 0; j < kTile - 1; ++j) times_root(polynomial, j, kPoints[j]);
    for (int j = 0; j < kTile; ++j) b[kTile - 1][j] = static_cast<float>(polynomial[j]);
  }

  // polynomial *= x - root
  static constexpr void times_root(double* polynomial, int degree, double root) {
    polynomial[degree + 1] = 0;
    for (int k = degree + 1; k > 0; --k) polynomial[k] = polynomial[k - 1] - root * polynomial[k];
    polynomial[0] *= -root;
  }
};

template <int R>
struct InputTransform {
  static constexpr int kRows = kTile, kColumns = kTile;
  static constexpr float at(int i, int k) { return Matrices<R>().b[i][k]; }
};
template <int R>
struct WeightTransform {
  static constexpr int kRows = kTile, kColumns = R;
  static constexpr float at(int i, int k) { return Matrices<R>().g[i][k]; }
};
template <int R>
struct OutputTransform {
  static constexpr int kRows = kTile + 1 - R, kColumns = kTile;
  static constexpr float at(int i, int k) { return Matrices<R>().a[i][k]; }
};

// Row I of the matrix M times the column v, from entry K on; `begun`: to be added to `sum`.
template <class M, int I, int K, bool begun>
OFER_INLINE float row_times(const float* v, float sum) {
  if constexpr (K == M::kColumns) {
    return sum;
  } else {
    constexpr float kEntry = M::at(I, K);
    if constexpr (kEntry == 0) {
      return row_times<M, I, K + 1, begun>(v, sum);
    } else if constexpr (begun) {
      return row_times<M, I, K + 1, true>(v, sum + kEntry * v[K]);
    } else {
      return row_times<M, I, K + 1, true>(v, kEntry * v[K]);
    }
  }
}
template <class M, int I>
OFER_INLINE void rows_times(const float* v, float* const* out, Index x) {
  if constexpr (I < M::kRows) {
    const float value = row_times<M, I, 0, false>(v, 0.0f);
    rows_times<M, I + 1>(v, out, x);  // every value is made before any is stored
    out[I][x] = value;
  }
}

// out[i][x] = sum over k of M[i][k] in[k][x], x < n.
template <class M>
OFER_INLINE void multiply(const float* const* in, float* const* out, Index n) {
  OFER_INDEPENDENT
  for (Index x = 0; x < n; ++x) {
    float v[M::kColumns];
    for (int k = 0; k < M::kColumns; ++k) v[k] = in[k][x];
    rows_times<M, 0>(v, out, x);
  }
}

// The tiles of one image. Tile (k, t) reads the input from row k outputs - pad on; the outputs of a
// phase with less padding than the largest begin earlier by the difference.
struct Tiles {
  Index pad_h, pad_w;  // the largest of any phase
  Index rows, columns;
};

OFER_INLINE Index outputs_of_phase(Index outputs, Index stride, Index phase) {
  return phase < outputs ? blocks_of(outputs - phase, stride) : 0;
}

OFER_INLINE void tiles_along(const TapAxis* axis, Index stride, Index outputs, Index tile_outputs,
                             Index& pad, Index& tiles) {
  pad = axis[0].pad;
  for (Index a = 1; a < stride; ++a) pad = larger(pad, axis[a].pad);
  tiles = 0;
  for (Index a = 0; a < stride; ++a)
    tiles = larger(tiles,
                   ceiling(outputs_of_phase(outputs, stride, a) + pad - axis[a].pad, tile_outputs));
}

Tiles tiles_of(const Correlations& k) {
  Tiles tiles{};
  const Index m = kTile + 1 - k.taps;
  tiles_along(k.vertical, k.stride, k.out_height, m, tiles.pad_h, tiles.rows);
  tiles_along(k.horizontal, k.stride, k.out_width, m, tiles.pad_w, tiles.columns);
  return tiles;
}

template <int R>
class Correlator {
 public:
  Correlator(const Correlations& k, CpuStream& cpu)
      : k_(k),
        cpu_(cpu),
        tiles_(tiles_of(k)),
        phases_(k.stride * k.stride),
        padded_(rounded_up(tiles_.columns, kLanes)),
        pitch_(padded_ + kLanes) {
    const Index tile_bytes = kElements * sizeof(float);
    share_ = smaller(k.out_channels,
                     larger(1, kWeightBytes / (tile_bytes * phases_ * larger(1, k.in_channels))));
    const Index row_bytes = tile_bytes * tiles_.columns * (k.in_channels + share_ * phases_);
    band_rows_ = smaller(tiles_.rows, larger(1, kBandBytes / row_bytes));
    pitch_of_band_ = rounded_up(band_rows_ * tiles_.columns + kLanes, 16);
  }

  void run(const float* x, const float* weight, const float* bias, float* y) {
    const Index rows = share_ * phases_;
    weights_ = cpu_.shared_scratch<float>(1, kElements * rows * k_.in_channels);
    inputs_ = cpu_.shared_scratch<float>(2, kElements * k_.in_channels * pitch_of_band_);
    products_ = cpu_.shared_scratch<float>(3, kElements * rows * pitch_of_band_);
    for (Index o0 = 0; o0 < k_.out_channels; o0 += share_) {
      channels_ = smaller(share_, k_.out_channels - o0);
      cpu_.parallel_for(channels_ * phases_, 1, [&](Index begin, Index end, int) {
        for (Index row = begin; row < end; ++row) transform_weights(weight, o0, row);
      });
      for (Index n = 0; n < k_.batch; ++n)
        for (Index row = 0; row < tiles_.rows; row += band_rows_) {
          first_row_ = row;
          last_row_ = smaller(row + band_rows_, tiles_.rows);
          const float* image = x + n * k_.in_channels * k_.in_height * k_.in_width;
          cpu_.parallel_for(k_.in_channels, 1, [&](Index begin, Index end, int worker) {
            for (Index c = begin; c < end; ++c) transform_input(image, c, worker);
          });
          multiply_band();
          float* out = y + (n * k_.out_channels + o0) * k_.out_height * k_.out_width;
          cpu_.parallel_for(channels_, 1, [&](Index begin, Index end, int worker) {
            for (Index o = begin; o < end; ++o)
              transform_output(bias ? bias[o0 + o] : 0.0f, o, out, worker);
          });
        }
    }
  }

 private:
  static constexpr Index kOutputs = kTile + 1 - R;

  // Row `row` = phase * channels + o of the 36 matrices [phases channels, C].
  void transform_weights(const float* weight, Index o0, Index row) {
    constexpr Index kTogether = 64;  // input channels
    const Index phase = row / channels_, rows = channels_ * phases_;
    const TapAxis& down = k_.vertical[phase / k_.stride];
    const TapAxis& across = k_.horizontal[phase % k_.stride];
    const float* kernels = weight + (o0 + row % channels_) * k_.out_step +
                           down.first_tap * k_.kernel_width + across.first_tap;
    float taps[R * R][kTogether], half[kTile * R][kTogether];
    for (Index c0 = 0; c0 < k_.in_channels; c0 += kTogether) {
      const Index channels = smaller(kTogether, k_.in_channels - c0);
      for (Index c = 0; c < channels; ++c) {
        const float* kernel = kernels + (c0 + c) * k_.in_step;
        for (int i = 0; i < R; ++i)
          for (int j = 0; j < R; ++j)
            taps[i * R + j][c] = kernel[(i * k_.kernel_width + j) * k_.tap_step];
      }
      const float* in[kTile];
      float* out[kTile];
      for (int j = 0; j < R; ++j) {
        for (int i = 0; i < R; ++i) in[i] = taps[i * R + j];
        for (int i = 0; i < kTile; ++i) out[i] = half[i * R + j];
        multiply<WeightTransform<R>>(in, out, channels);
      }
      for (int i = 0; i < kTile; ++i) {
        for (int j = 0; j < R; ++j) in[j] = half[i * R + j];
        for (int j = 0; j < kTile; ++j)
          out[j] = weights_ + ((i * kTile + j) * rows + row) * k_.in_channels + c0;
        multiply<WeightTransform<R>>(in, out, channels);
      }
    }
  }

  // Row c of the 36 matrices [C, tiles of the band]. The columns of a line are first sorted by
  // their remainder by the tiles' distance, so that every step runs over consecutive elements.
  void transform_input(const float* image, Index c, int worker) {
    const Index sorted = kOutputs * pitch_;
    // Tile rows at a time: what lies between the steps should stay in the first-level cache, and
    // what is written in one place be long.
    const Index together = larger(1, kStepBytes / (kTile * sorted * Index{sizeof(float)}));
    float* lines = cpu_.scratch<float>(worker, 0, (together * (kOutputs + kTile) + kTile) * sorted);
    float* half = lines + (together * kOutputs + kTile) * sorted;  // [6, together, sorted]
    const float* plane = image + c * k_.in_height * k_.in_width;
    const float* in[kTile];
    float* out[kTile];
    for (Index first = first_row_; first < last_row_; first += together) {
      const Index rows = smaller(together, last_row_ - first);
      for (Index r = 0; r < rows * kOutputs + kTile - kOutputs; ++r) {
        const Index h = first * kOutputs - tiles_.pad_h + r;
        sort_columns(h >= 0 && h < k_.in_height ? plane + h * k_.in_width : nullptr,
                     lines + r * sorted);
      }
      for (Index row = 0; row < rows; ++row) {
        for (int i = 0; i < kTile; ++i) {
          in[i] = lines + (row * kOutputs + i) * sorted;
          out[i] = half + (i * rows + row) * sorted;
        }
        multiply<InputTransform<R>>(in, out, sorted);
      }
      // A row's last lanes are beyond its tiles, and overwritten by the next row.
      for (int i = 0; i < kTile; ++i)
        for (Index row = 0; row < rows; ++row) {
          for (Index j = 0; j < kTile; ++j) {
            in[j] = half + (i * rows + row) * sorted + j % kOutputs * pitch_ + j / kOutputs;
            out[j] = inputs_ + ((i * kTile + j) * k_.in_channels + c) * pitch_of_band_ +
                     (first - first_row_ + row) * tiles_.columns;
          }
          multiply<InputTransform<R>>(in, out, padded_);
        }
    }
  }

  // line[p][t] = input[t outputs + p - pad], zero outside.
  void sort_columns(const float* input, float* line) const {
    for (Index i = 0; i < kOutputs * pitch_; ++i) line[i] = 0;
    if (!input) return;
    for (Index p = 0; p < kOutputs; ++p) {
      const Index begin = larger(0, ceiling(tiles_.pad_w - p, kOutputs));
      const Index end = smaller(padded_ + 1, ceiling(k_.in_width + tiles_.pad_w - p, kOutputs));
      const float* from = input + p - tiles_.pad_w;
      for (Index t = begin; t < end; ++t) line[p * pitch_ + t] = from[t * kOutputs];
    }
  }

  void multiply_band() {
    const Index columns = (last_row_ - first_row_) * tiles_.columns;
    const Index blocks = blocks_of(columns, kProductColumns), width = blocks_of(columns, blocks);
    const Index rows = channels_ * phases_;
    cpu_.parallel_for(kElements * blocks, 1, [&](Index begin, Index end, int) {
      for (Index item = begin; item < end; ++item) {
        const Index element = item / blocks, first = item % blocks * width;
        Matmul<float> product;
        product.m = rows;
        product.n = smaller(width, columns - first);
        product.lda = k_.in_channels;
        product.ldb = pitch_of_band_;
        product.c = products_ + element * rows * pitch_of_band_ + first;
        product.ldc = pitch_of_band_;
        for (Index c = 0; c < k_.in_channels; c += kProductDepth) {
          product.k = smaller(kProductDepth, k_.in_channels - c);
          product.a = weights_ + element * rows * k_.in_channels + c;
          product.b = inputs_ + (element * k_.in_channels + c) * pitch_of_band_ + first;
          product.beta = c > 0 ? 1.0f : 0.0f;
          matmul(product);
        }
      }
    });
  }

  // The band's lines of output o, in all phases.
  void transform_output(float bias, Index o, float* y, int worker) {
    const Index columns = (last_row_ - first_row_) * tiles_.columns;
    const Index all = rounded_up(columns, kLanes);
    float* half = cpu_.scratch<float>(worker, 0, kOutputs * (kTile + kOutputs) * all);
    float* done = half + kOutputs * kTile * all;  // [outputs, outputs, all]
    const Index rows = channels_ * phases_;
    for (Index phase = 0; phase < phases_; ++phase) {
      const float* product = products_ + (phase * channels_ + o) * pitch_of_band_;
      const float* in[kTile];
      float* out[kTile];
      for (int j = 0; j < kTile; ++j) {
        for (int i = 0; i < kTile; ++i) in[i] = product + (i * kTile + j) * rows * pitch_of_band_;
        for (Index i = 0; i < kOutputs; ++i) out[i] = half + (i * kTile + j) * all;
        multiply<OutputTransform<R>>(in, out, all);
      }
      for (Index i = 0; i < kOutputs; ++i) {
        for (int j = 0; j < kTile; ++j) in[j] = half + (i * kTile + j) * all;
        for (Index j = 0; j < kOutputs; ++j) out[j] = done + (i * kOutputs + j) * all;
        multiply<OutputTransform<R>>(in, out, all);
      }
      store(done, all, phase, bias, y + o * k_.out_height * k_.out_width);
    }
  }

  // done[i, j, tile] + bias to the places of one phase in a plane of the output.
  void store(const float* done, Index pitch, Index phase, float bias, float* plane) const {
    const Index a = phase / k_.stride, b = phase % k_.stride;
    const Index height = outputs_of_phase(k_.out_height, k_.stride, a);
    const Index width = outputs_of_phase(k_.out_width, k_.stride, b);
    const Index up = tiles_.pad_h - k_.vertical[a].pad;
    const Index left = tiles_.pad_w - k_.horizontal[b].pad;
    for (Index row = first_row_; row < last_row_; ++row)
      for (Index i = 0; i < kOutputs; ++i) {
        const Index h = row * kOutputs + i - up;
        if (h < 0 || h >= height) continue;
        float* line = plane + (h * k_.stride + a) * k_.out_width + b - left * k_.stride;
        for (Index j = 0; j < kOutputs; ++j) {
          const float* from =
              done + (i * kOutputs + j) * pitch + (row - first_row_) * tiles_.columns;
          const Index begin = larger(0, ceiling(left - j, kOutputs));
          const Index end = smaller(tiles_.columns, ceiling(width + left - j, kOutputs));
          for (Index t = begin; t < end; ++t) line[(t * kOutputs + j) * k_.stride] = from[t] + bias;
        }
      }
  }

  const Correlations& k_;
  CpuStream& cpu_;
  const Tiles tiles_;
  const Index phases_;
  const Index padded_;  // tiles of a row, rounded up
  const Index pitch_;   // between the sorted columns of a line
  Index share_;         // output channels whose weights are transformed together
  Index band_rows_, pitch_of_band_;
  // Of the share and band at hand:
  Index channels_ = 0, first_row_ = 0, last_row_ = 0;
  float* weights_ = nullptr;   // [36, phases channels, C]
  float* inputs_ = nullptr;    // [36, C, pitch_of_band]
  float* products_ = nullptr;  // [36, phases channels, pitch_of_band]
};

// What it takes to outweigh the transforms. Small maps stay with plain sums for another reason: the
// instance norms behind them magnify an error many times.
bool pays(const Correlations& k) {
  constexpr Index kChannels = 32, kTiles = 32, kOutputs = 24 * 24;
  const Tiles tiles = tiles_of(k);
  const Index all = tiles.rows * tiles.columns, outputs = k.out_height * k.out_width;
  return k.in_channels >= kChannels && k.out_channels * k.stride * k.stride >= kChannels &&
         all >= kTiles && outputs >= kOutputs && 2 * kElements * all <= k.taps * k.taps * outputs;
}

}  // namespace

bool as_correlations(const ConvGeometry& g, bool transposed, Correlations& result) {
  const Index stride = g.stride_h;
  if (g.kernel_h != g.kernel_w || g.stride_h != g.stride_w || g.dilation_h != 1 ||
      g.dilation_w != 1 || stride > (transposed ? Correlations::kMostStride : 1) ||
      g.kernel_h % stride != 0)
    return false;
  const Index taps = g.kernel_h / stride, area = g.kernel_h * g.kernel_w;
  if (taps < 2 || taps > 4) return false;
  Correlations k{};
  k.batch = g.batch;
  k.in_channels = g.in_channels;
  k.in_height = g.in_height;
  k.in_width = g.in_width;
  k.out_channels = g.out_channels;
  k.out_height = g.out_height;
  k.out_width = g.out_width;
  k.taps = taps;
  k.stride = stride;
  k.kernel_width = g.kernel_w;
  if (transposed) {
    // Output stride p + a takes the taps i with i = a + pad (mod stride), the last one first: tap
    // first - stride t meets the input at p + (a + pad) / stride - taps + 1 + t.
    k.out_step = area;
    k.in_step = g.out_channels * area;
    k.tap_step = -stride;
    const auto axis = [&](Index pad, Index a) {
      return TapAxis{(a + pad) % stride + stride * (taps - 1), taps - 1 - (a + pad) / stride};
    };
    for (Index a = 0; a < stride; ++a) {
      k.vertical[a] = axis(g.pad_h, a);
      k.horizontal[a] = axis(g.pad_w, a);
    }
  } else {
    k.out_step = g.in_channels * area;
    k.in_step = area;
    k.tap_step = 1;
    k.vertical[0] = {0, g.pad_h};
    k.horizontal[0] = {0, g.pad_w};
  }
  result = k;
  return pays(k);
}

void correlate(const Correlations& k, const float* x, const float* weight, const float* bias,
               float* y, CpuStream& cpu) {
  if (k.batch <= 0) return;
  switch (k.taps) {
    case 2:
      return Correlator<2>(k, cpu).run(x, weight, bias, y);
    case 3:
      return Correlator<3>(k, cpu).run(x, weight, bias, y);
    default:
      return Correlator<4>(k, cpu).run(x, weight, bias, y);
  }
}

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
