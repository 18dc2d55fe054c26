#include "kernels/cuda/row_trial.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

namespace ofer::kernels::cuda {

namespace {

constexpr Index kFewRows = RowAlgorithms::kRows[0];
constexpr Index kMostRows = RowAlgorithms::kRows[RowAlgorithms::kLevels - 1];

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

// op(A) [kMostRows, k], whose rows repeat every kFewRows; op(B) [k, n]; a bias of zeros; C.
class RowTrial {
 public:
  RowTrial(const CudaStream& stream, const ProductShape& shape)
      : stream_(stream),
        shape_(shape),
        element_(shape.type == CUDA_R_32F ? sizeof(float) : sizeof(BFloat16)),
        b_(bytes(kMostRows, shape.lda)),
        bias_(b_ + bytes(shape.transpose_b ? shape.n : shape.k, shape.ldb)),
        c_(bias_ + bytes(1, shape.n)),
        memory_(c_ + bytes(kMostRows, shape.ldc)) {
    if (!memory_.data()) return;
    if (element_ == sizeof(float))
      fill<float>();
    else
      fill<BFloat16>();
  }

  bool ready() const { return memory_.data() != nullptr; }

  // The bits of kFewRows rows by themselves. False: the library does not.
  bool learn(const cublasLtMatmulAlgo_t& algorithm) {
    if (!multiply(algorithm, kFewRows)) return false;
    expected_ = fetch(0);
    return true;
  }
  // Does it give those bits to the first and the last kFewRows of `rows`?
  bool agrees(const cublasLtMatmulAlgo_t& algorithm, Index rows) {
    return multiply(algorithm, rows) && fetch(0) == expected_ &&
           fetch(rows - kFewRows) == expected_;
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

  template <class T>
  void fill() {
    Pairs pairs(shape_.k);
    std::vector<T> a(static_cast<std::size_t>(kFewRows * shape_.lda), T(0.0f)),
        b((c_ - b_) / sizeof(T), T(0.0f));  // and the bias
    for (Index row = 0; row < kFewRows; ++row)
      pairs.draw(
          1, [&](Index l, float v) { a[static_cast<std::size_t>(row * shape_.lda + l)] = T(v); });
    for (Index column = 0; column < shape_.n; ++column)
      pairs.draw(-1, [&](Index l, float v) {
        const Index at = shape_.transpose_b ? column * shape_.ldb + l : l * shape_.ldb + column;
        b[static_cast<std::size_t>(at)] = T(v);
      });
    const std::size_t block = a.size() * sizeof(T);
    copy(memory_.data() + b_, b.data(), b.size() * sizeof(T), cudaMemcpyHostToDevice);
    copy(memory_.data(), a.data(), block, cudaMemcpyHostToDevice);
    for (std::size_t i = 1; i < kMostRows / kFewRows; ++i)
      copy(memory_.data() + i * block, memory_.data(), block, cudaMemcpyDeviceToDevice);
    wait();  // a and b end here
  }

  bool multiply(const cublasLtMatmulAlgo_t& algorithm, Index rows) {
    ProductPlan plan = describe(with_rows(shape_, rows));
    plan.set_items(1);
    if (shape_.bias) plan.set_bias(memory_.data() + bias_);
    const float one = 1, zero = 0;
    char* const c = memory_.data() + c_;
    const cublasStatus_t status = cublasLtMatmul(
        stream_.cublas(), &plan.operation, &one, memory_.data() + b_, &plan.first, memory_.data(),
        &plan.second, &zero, c, &plan.result, c, &plan.result, &algorithm,
        stream_.cublas_workspace(), CudaStream::kCublasWorkspace, stream_.handle());
    if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE)
      return false;
    check(status, "trying matrix products");
    return true;
  }

  // n columns of kFewRows rows of C.
  std::vector<char> fetch(Index first) {
    const std::size_t line = static_cast<std::size_t>(shape_.ldc) * element_,
                      used = static_cast<std::size_t>(shape_.n) * element_;
    std::vector<char> result((kFewRows - 1) * line + used);
    copy(result.data(), memory_.data() + c_ + static_cast<std::size_t>(first) * line, result.size(),
         cudaMemcpyDeviceToHost);
    wait();
    for (std::size_t row = 0; row + 1 < kFewRows; ++row)  // what lies between is nobody's
      std::memset(result.data() + row * line + used, 0, line - used);
    return result;
  }

  const CudaStream& stream_;
  ProductShape shape_;
  std::size_t element_, b_, bias_, c_;  // where B, bias, C begin
  TrialMemory memory_;
  std::vector<char> expected_;
};

}  // namespace

void find_first(RowAlgorithms& rows, const CudaStream& stream, const ProductShape& shape) {
  const ProductShape few = with_rows(shape, kFewRows);
  ProductPlan plan = describe(few);
  plan.set_items(1);
  const Candidates list =
      candidates(stream.cublas(), plan, few, Splits::kNone, CudaStream::kCublasWorkspace);
  rows.found = list.count > 0;
  for (cublasLtMatmulAlgo_t& algorithm : rows.algorithm) algorithm = list.algorithm[0];
}

void try_others(RowAlgorithms& rows, const CudaStream& stream, const ProductShape& shape) {
  rows.tried = true;
  const auto elements =
      static_cast<std::size_t>(kMostRows * shape.lda + (kMostRows + kFewRows) * shape.ldc +
                               (shape.transpose_b ? shape.n : shape.k) * shape.ldb);
  if (elements * sizeof(float) > kMostBytes) return;
  RowTrial trial(stream, shape);
  if (!trial.ready() || !trial.learn(rows.algorithm[0])) return;
  for (int level = 1; level < RowAlgorithms::kLevels; ++level) {
    // What is known to agree is better than the first where nothing else does.
    rows.algorithm[level] = rows.algorithm[level - 1];
    const ProductShape many = with_rows(shape, RowAlgorithms::kRows[level]);
    ProductPlan plan = describe(many);
    plan.set_items(1);
    const Candidates list =
        candidates(stream.cublas(), plan, many, Splits::kNone, CudaStream::kCublasWorkspace);
    for (int i = 0; i < list.count; ++i)
      if (trial.agrees(list.algorithm[i], many.m)) {
        rows.algorithm[level] = list.algorithm[i];
        break;
      }
  }
}

}  // namespace ofer::kernels::cuda
