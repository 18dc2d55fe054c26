#include "kernels/cuda/row_trial.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/cuda/ordered_product.h"

namespace ofer::kernels::cuda {

namespace {

// So many rows of A and of C, and columns of B, are different, then they repeat.
constexpr Index kRows = 16, kColumns = 64;
static_assert(std::ranges::all_of(RowAlgorithms::kRows,
                                  [](Index rows) { return rows % kRows == 0; }),
              "the last rows are as the first");

// Products that are timed together, and how often; the shortest time counts.
constexpr int kTimed = 2, kTimes = 3;

// One that needs so many times its rival's shortest time at first is timed no further.
constexpr float kHopeless = 1.5f, kNever = std::numeric_limits<float>::infinity();

// No trial is worth more than this.
constexpr std::size_t kMostBytes = std::size_t{1} << 30;

ProductShape with_rows(ProductShape shape, Index rows) {
  shape.m = rows;
  return shape;
}

// Operands whose sums are nothing but rounding, so that two orders of a sum differ where it shows:
// each term has a partner somewhere in the sum, as large and of the other sign, and terms are of
// very different sizes. Rounded to bfloat16, ordinary sums would hide it.
class Pairs {
 public:
  explicit Pairs(Index count) : partner_(static_cast<std::size_t>(count)) {
    std::iota(partner_.begin(), partner_.end(), Index{0});
    std::shuffle(partner_.begin(), partner_.end(), random_);
  }
  // Calls set(term, value) for every term of a vector of A (sign 1) or of B (sign -1).
  template <class Set>
  void draw(float sign, const Set& set) {
    const std::size_t count = partner_.size();
    for (std::size_t i = 0; i + 1 < count; i += 2) {
      // 1 to 2, of either sign, times 1 to 2^8: the size is the pair's.
      const auto bits = static_cast<std::uint32_t>(random_());
      const float value = std::ldexp(1 + static_cast<float>(bits >> 8 & 0x7fff) * 0x1p-15f,
                                     static_cast<int>(i / 2 % 9));
      const float drawn = bits & 1 ? value : -value;
      set(partner_[i], drawn);
      set(partner_[i + 1], sign * drawn);
    }
    if (count % 2 == 1) set(partner_[count - 1], 0.0f);
  }

 private:
  std::minstd_rand random_{1};
  std::vector<Index> partner_;
};

// Device memory of one trial; null where there was none.
class TrialMemory {
 public:
  explicit TrialMemory(std::size_t bytes) {
    if (cudaMalloc(&data_, bytes) != cudaSuccess) {
      data_ = nullptr;
      cudaGetLastError();
    }
  }
  ~TrialMemory() {
    if (data_) cudaFree(data_);
  }
  TrialMemory(const TrialMemory&) = delete;
  TrialMemory& operator=(const TrialMemory&) = delete;
  char* data() const { return static_cast<char*>(data_); }

 private:
  void* data_ = nullptr;
};

// A pair of moments on a stream.
class Stopwatch {
 public:
  Stopwatch() {
    check(cudaEventCreate(&begin_), "cudaEventCreate");
    const cudaError_t status = cudaEventCreate(&end_);
    if (status == cudaSuccess) return;
    cudaEventDestroy(begin_);
    check(status, "cudaEventCreate");
  }
  ~Stopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  void start(cudaStream_t stream) { check(cudaEventRecord(begin_, stream), "cudaEventRecord"); }
  float milliseconds(cudaStream_t stream) {
    check(cudaEventRecord(end_, stream), "cudaEventRecord");
    check(cudaEventSynchronize(end_), "trying matrix products");
    float result = 0;
    check(cudaEventElapsedTime(&result, begin_, end_), "cudaEventElapsedTime");
    return result;
  }

 private:
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

// op(A) [rows, k], op(B) [k, n], bias [n], and C, which the products are added to.
class RowTrial {
 public:
  RowTrial(CudaStream& stream, const ProductShape& shape)
      : stream_(stream),
        shape_(shape),
        element_(shape.type == CUDA_R_32F ? sizeof(float) : sizeof(BFloat16)),
        b_(bytes(shape.m, shape.lda)),
        bias_(b_ + bytes(shape.transpose_b ? shape.n : shape.k, shape.ldb)),
        start_(bias_ + bytes(1, shape.n)),
        c_(start_ + bytes(kRows, shape.ldc)),
        memory_(c_ + bytes(shape.m, shape.ldc)),
        plan_(describe(shape)) {
    if (!memory_.data()) return;
    if (shape_.bias) plan_.set_bias(memory_.data() + bias_);
    if (element_ == sizeof(float))
      fill<float>();
    else
      fill<BFloat16>();
  }

  bool ready() const { return memory_.data() != nullptr; }

  // The bits of the first rows. False: the library does not.
  bool learn(const RowAlgorithm& algorithm) {
    if (!multiply_anew(algorithm)) return false;
    expected_ = fetch(0);
    return true;
  }
  // Does it give those bits, and to the last rows as well?
  bool agrees(const RowAlgorithm& algorithm) {
    return multiply_anew(algorithm) && fetch(0) == expected_ && fetch(last()) == expected_;
  }
  // `rival`: what has to be beaten.
  float milliseconds(const RowAlgorithm& algorithm, float rival = kNever) {
    float best = kNever;
    for (int time = 0; time < kTimes; ++time) {
      watch_.start(stream_.handle());
      for (int i = 0; i < kTimed; ++i) multiply(algorithm, 0);
      best = std::min(best, watch_.milliseconds(stream_.handle()));
      if (best > kHopeless * rival) break;
    }
    return best;
  }

 private:
  std::size_t bytes(Index rows, Index distance) const {
    const std::size_t exact = static_cast<std::size_t>(rows * distance) * element_;
    return (exact + 255) / 256 * 256;
  }
  void copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
    check(cudaMemcpyAsync(to, from, bytes, kind, stream_.handle()), "trying matrix products");
  }
  void wait() { check(cudaStreamSynchronize(stream_.handle()), "trying matrix products"); }

  // `values` again and again from `at` on, up to `bytes`.
  template <class T>
  void repeat(std::size_t at, const std::vector<T>& values, std::size_t bytes) {
    char* const to = memory_.data() + at;
    std::size_t there = std::min(bytes, values.size() * sizeof(T));
    copy(to, values.data(), there, cudaMemcpyHostToDevice);
    for (std::size_t more; there < bytes; there += more) {
      more = std::min(there, bytes - there);
      copy(to + there, to, more, cudaMemcpyDeviceToDevice);
    }
  }

  template <class T>
  void fill() {
    Pairs pairs(shape_.k);
    const auto at = [](Index i) { return static_cast<std::size_t>(i); };
    std::vector<T> a(at(kRows * shape_.lda), T(0.0f));
    for (Index row = 0; row < kRows; ++row)
      pairs.draw(1, [&](Index l, float v) { a[at(row * shape_.lda + l)] = T(v); });
    // op(B)'s columns lie behind each other, or beside each other.
    const Index columns = std::min(kColumns, shape_.n);
    std::vector<T> b(at(shape_.transpose_b ? columns * shape_.ldb : shape_.k * shape_.ldb),
                     T(0.0f));
    for (Index column = 0; column < columns; ++column)
      pairs.draw(-1, [&](Index l, float v) {
        if (shape_.transpose_b) b[at(column * shape_.ldb + l)] = T(v);
        for (Index n = column; !shape_.transpose_b && n < shape_.n; n += columns)
          b[at(l * shape_.ldb + n)] = T(v);
      });
    repeat(0, a, b_);
    repeat(b_, b, bias_ - b_);
    // As large as the sums' rounding. The bias to the end of its place: the library reads a bias in
    // vectors.
    std::minstd_rand random(2);
    std::uniform_real_distribution<float> small(-1, 1);
    std::vector<T> bias((start_ - bias_) / sizeof(T)), start((c_ - start_) / sizeof(T));
    for (std::vector<T>* values : {&bias, &start})
      for (T& value : *values) value = T(small(random));
    repeat(bias_, bias, start_ - bias_);
    repeat(start_, start, c_ - start_);
    start.resize(at(kRows * shape_.ldc));
    repeat(c_, start, bytes(shape_.m, shape_.ldc));
    wait();  // what is copied from ends here
  }

  Index last() const { return shape_.m - kRows; }
  std::size_t line() const { return static_cast<std::size_t>(shape_.ldc) * element_; }
  char* row_of_c(Index row) const {
    return memory_.data() + c_ + static_cast<std::size_t>(row) * line();
  }

  // The first and the last rows of C as they were drawn, and the products added to all.
  bool multiply_anew(const RowAlgorithm& algorithm) {
    for (const Index first : {Index{0}, last()})
      copy(row_of_c(first), memory_.data() + start_, kRows * line(), cudaMemcpyDeviceToDevice);
    return multiply(algorithm, 1);
  }

  bool multiply(const RowAlgorithm& algorithm, float beta) {
    if (algorithm.tile != kByLibrary) {
      ordered_product(algorithm.tile, product(beta), stream_);
      return true;
    }
    const float one = 1;
    char* const c = memory_.data() + c_;
    const cublasStatus_t status = cublasLtMatmul(
        stream_.cublas(), &plan_.operation, &one, memory_.data() + b_, &plan_.first, memory_.data(),
        &plan_.second, &beta, c, &plan_.result, c, &plan_.result, &algorithm.library,
        stream_.cublas_workspace(), CudaStream::kCublasWorkspace, stream_.handle());
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE)
      return false;
    check(status, "trying matrix products");
    return true;
  }

  // Of floats.
  Product<float> product(float beta) const {
    const auto at = [&](std::size_t place) {
      return reinterpret_cast<float*>(memory_.data() + place);
    };
    Product<float> p;
    p.transpose_b = p.rows_alike = true;
    p.m = shape_.m;
    p.n = shape_.n;
    p.k = shape_.k;
    p.a = at(0);
    p.lda = shape_.lda;
    p.b = at(b_);
    p.ldb = shape_.ldb;
    p.c = at(c_);
    p.ldc = shape_.ldc;
    p.beta = beta;
    p.bias = shape_.bias ? at(bias_) : nullptr;
    return p;
  }

  // kRows rows of C, with what lies between them.
  std::vector<char> fetch(Index first) {
    std::vector<char> result(kRows * line());
    copy(result.data(), row_of_c(first), result.size(), cudaMemcpyDeviceToHost);
    wait();
    return result;
  }

  CudaStream& stream_;
  ProductShape shape_;
  std::size_t element_, b_, bias_, start_, c_;  // where B, bias, C as it is drawn, C begin
  TrialMemory memory_;
  ProductPlan plan_;
  Stopwatch watch_;
  std::vector<char> expected_;
};

// Algorithms that are tried. The library's list for few rows begins with tiles that leave most of a
// large device idle, and few rows are soon multiplied.
constexpr int kOfFewRows = Candidates::kMost, kOfManyRows = 8;

// The library's list for so many rows, without split sums.
Candidates list_for(const CudaStream& stream, const ProductShape& shape) {
  ProductPlan plan = describe(shape);
  return candidates(
      stream, plan, shape, Splits::kNone,
      shape.m <= RowAlgorithms::kRows[RowAlgorithms::kFirst] ? kOfFewRows : kOfManyRows);
}

// May our own kernel compute it (kernels/cuda/ordered_product.h)?
bool suits_ordered_product(const ProductShape& s, const CudaStream& stream) {
  return s.type == CUDA_R_32F && !s.tf32 && !s.bf16 && !s.transpose_a && s.transpose_b &&
         s.k % 4 == 0 && s.align_a >= 16 && s.align_b >= 16 && stream.compute_capability() >= 80;
}

}  // namespace

void find_first(RowAlgorithms& rows, const CudaStream& stream, const ProductShape& shape) {
  const Candidates list =
      list_for(stream, with_rows(shape, RowAlgorithms::kRows[RowAlgorithms::kFirst]));
  rows.found = list.count > 0;
  if (!rows.found) return;
  rows.first.library = list.algorithm[0];
  for (RowAlgorithm& algorithm : rows.algorithm) algorithm = rows.first;
}

void try_others(RowAlgorithms& rows, int level, CudaStream& stream, const ProductShape& shape) {
  rows.tried[level] = true;
  const ProductShape many = with_rows(shape, RowAlgorithms::kRows[level]);
  const auto elements = static_cast<std::size_t>(many.m * (many.lda + many.ldc) +
                                                 (many.transpose_b ? many.n : many.k) * many.ldb);
  if (elements * sizeof(float) > kMostBytes) return;
  const Candidates list = list_for(stream, many);
  RowTrial trial(stream, many);
  if (!trial.ready() || !trial.learn(rows.first)) return;
  float best = trial.milliseconds(rows.first);
  const auto rival = [&](const RowAlgorithm& algorithm) {
    if (!trial.agrees(algorithm)) return;
    const float time = trial.milliseconds(algorithm, best);
    if (time >= best) return;
    best = time;
    rows.algorithm[level] = algorithm;
  };
  for (int i = 0; i < list.count; ++i) rival({kByLibrary, list.algorithm[i]});
  if (suits_ordered_product(many, stream))
    for (int tile = 0; tile < kOrderedTiles; ++tile) rival({tile, {}});
}

}  // namespace ofer::kernels::cuda
