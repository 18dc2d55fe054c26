// cuBLASLt of the stand-in: computes a product on the host from what its descriptors say.
#include <cmath>
#include <cstring>
#include <map>
#include <memory>

#include "kernels/bf16.h"
#include "tests/fake_cuda/state.h"

namespace ofer::fake_cuda {

namespace {

using kernels::BFloat16;

// What the library's own opaque descriptors hold. `kind` tells one that was never initialised.
constexpr std::uint32_t kLayoutKind = 0x6c61796f, kProductKind = 0x70726f64, kWishKind = 0x77697368,
                        kAlgorithmKind = 0x616c676f;

struct Layout {
  std::uint32_t kind;
  std::int32_t type, order, items;
  std::uint64_t rows, columns;
  std::int64_t distance, stride;
};
struct Operation {
  std::uint32_t kind;
  std::int32_t arithmetic, scale, pointer_mode, transpose_a, transpose_b;
  std::uint32_t epilogue;
  const void* bias;
  std::int64_t bias_stride;
};
struct Wishes {
  std::uint32_t kind, reductions;
  std::uint64_t workspace;
  std::uint32_t align_a, align_b, align_c, align_d;
};
struct Algorithm {
  std::uint32_t kind;
  std::int32_t number, arithmetic, type;
};
static_assert(sizeof(Layout) <= sizeof(cublasLtMatrixLayoutOpaque_t));
static_assert(sizeof(Operation) <= sizeof(cublasLtMatmulDescOpaque_t));
static_assert(sizeof(Wishes) <= sizeof(cublasLtMatmulPreferenceOpaque_t));
static_assert(sizeof(Algorithm) <= sizeof(cublasLtMatmulAlgo_t));

template <class View, class Opaque>
bool read(View& view, const Opaque* opaque, std::uint32_t kind) {
  if (!opaque) return false;
  std::memcpy(&view, opaque, sizeof(view));
  return view.kind == kind;
}
template <class View, class Opaque>
void write(Opaque* opaque, const View& view) {
  std::memcpy(opaque, &view, sizeof(view));
}

// An attribute is set when the number of bytes is its own.
template <class V>
cublasStatus_t assign(V& value, const void* from, std::size_t bytes) {
  if (!from || bytes != sizeof(value)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&value, from, bytes);
  return CUBLAS_STATUS_SUCCESS;
}

// What the stand-in's algorithms want and do.
constexpr int kCuts = 3;  // of a sum in parts
bool in_vectors(int algorithm) {
  return algorithm != kPlain;
}
bool in_batches(int algorithm) {
  return algorithm != kAlone;
}
std::uint32_t reduction(int algorithm) {
  return algorithm == kInOutput ? CUBLASLT_REDUCTION_SCHEME_INPLACE
         : algorithm == kParts  ? CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
                                : CUBLASLT_REDUCTION_SCHEME_NONE;
}

cublasStatus_t begin(const char* function) {
  switch (refusal(function)) {
    case cudaSuccess:
      return CUBLAS_STATUS_SUCCESS;
    case cudaErrorMemoryAllocation:
      return CUBLAS_STATUS_ALLOC_FAILED;
    default:
      return CUBLAS_STATUS_INTERNAL_ERROR;
  }
}

struct Library {
  int device;
};
std::map<void*, std::unique_ptr<Library>>& libraries() {
  static std::map<void*, std::unique_ptr<Library>> living;
  return living;
}
int device_of_library(cublasLtHandle_t library) {
  const auto found = libraries().find(library);
  if (found == libraries().end()) {
    write_down("uses a cuBLASLt handle that does not exist");
    return -1;
  }
  if (found->second->device != current_device()) {
    write_down("uses a cuBLASLt handle of another device");
    return -1;
  }
  return found->second->device;
}

struct Problem {
  Operation operation;
  Layout a, b, c;
  std::int64_t m, n, k;
};

std::size_t bytes_of(std::int32_t type) {
  return type == CUDA_R_32F ? 4 : 2;
}

// Reads the descriptors and refuses what fits nothing.
cublasStatus_t read_problem(Problem& p, cublasLtMatmulDesc_t operation, cublasLtMatrixLayout_t a,
                            cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                            cublasLtMatrixLayout_t d) {
  Layout result;
  if (!read(p.operation, operation, kProductKind) || !read(p.a, a, kLayoutKind) ||
      !read(p.b, b, kLayoutKind) || !read(p.c, c, kLayoutKind) || !read(result, d, kLayoutKind) ||
      std::memcmp(&p.c, &result, sizeof(result)) != 0)
    return CUBLAS_STATUS_INVALID_VALUE;
  const auto rows = [](const Layout& x, std::int32_t transpose) {
    return static_cast<std::int64_t>(transpose == CUBLAS_OP_N ? x.rows : x.columns);
  };
  const auto columns = [](const Layout& x, std::int32_t transpose) {
    return static_cast<std::int64_t>(transpose == CUBLAS_OP_N ? x.columns : x.rows);
  };
  p.m = rows(p.a, p.operation.transpose_a);
  p.k = columns(p.a, p.operation.transpose_a);
  p.n = columns(p.b, p.operation.transpose_b);
  if (p.k != rows(p.b, p.operation.transpose_b) || p.m != static_cast<std::int64_t>(p.c.rows) ||
      p.n != static_cast<std::int64_t>(p.c.columns))
    return CUBLAS_STATUS_INVALID_VALUE;
  for (const Layout* x : {&p.a, &p.b, &p.c}) {
    if (x->order != CUBLASLT_ORDER_COL || x->rows == 0 || x->columns == 0 ||
        x->distance < static_cast<std::int64_t>(x->rows) || x->items < 1 || x->items != p.c.items)
      return CUBLAS_STATUS_INVALID_VALUE;
    if (x->type != p.c.type) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  const bool floats = p.c.type == CUDA_R_32F;
  if (!floats && p.c.type != CUDA_R_16BF) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (p.operation.scale != CUDA_R_32F || p.operation.pointer_mode != CUBLASLT_POINTER_MODE_HOST)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  switch (p.operation.arithmetic) {
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
      break;
    case CUBLAS_COMPUTE_32F_FAST_TF32:
    case CUBLAS_COMPUTE_32F_FAST_16BF:
      if (floats) break;
      [[fallthrough]];
    default:
      return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  const bool bias = p.operation.epilogue == CUBLASLT_EPILOGUE_BIAS;
  if (p.operation.epilogue != CUBLASLT_EPILOGUE_DEFAULT && !bias)
    return CUBLAS_STATUS_NOT_SUPPORTED;
  if (bias && !machine().bias_epilogue) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (!floats && machine().major < 8) return CUBLAS_STATUS_ARCH_MISMATCH;
  return CUBLAS_STATUS_SUCCESS;
}

std::size_t workspace_of(const Problem& p, int algorithm) {
  if (algorithm != kParts) return 0;
  return static_cast<std::size_t>(p.c.items) * static_cast<std::size_t>(p.m * p.n) * kCuts *
         sizeof(float);
}

// The library's columns are our rows.
long cost_of(const Problem& p, int algorithm) {
  if (algorithm == kAlone) return p.n >= 1024 ? 400 : 20;
  return algorithm == kAligned ? 40 : 80;
}

// Do the distances between columns suit the algorithm? kAligned reads a vector at the beginning of
// an item alone. Distances between items are looked at by nobody before a kernel fails, nor are the
// addresses: the real check promises neither.
bool distances_fit(const Problem& p, int algorithm) {
  if (algorithm == kPlain || algorithm == kAligned) return true;
  for (const Layout* x : {&p.a, &p.b, &p.c})
    if (static_cast<std::size_t>(x->distance) * bytes_of(x->type) % 16 != 0) return false;
  return true;
}

// Where the items of a matrix begin.
bool items_aligned(const void* data, const Layout& x) {
  const auto begin = reinterpret_cast<std::uintptr_t>(data);
  const auto step = static_cast<std::uintptr_t>(x.stride) * bytes_of(x.type);
  return begin % 16 == 0 && (x.items == 1 || step % 16 == 0);
}

cublasStatus_t check_algorithm(const Problem& p, const cublasLtMatmulAlgo_t* opaque,
                               Algorithm& algorithm) {
  if (!read(algorithm, opaque, kAlgorithmKind)) return CUBLAS_STATUS_INVALID_VALUE;
  if (algorithm.arithmetic != p.operation.arithmetic || algorithm.type != p.c.type)
    return CUBLAS_STATUS_INVALID_VALUE;
  if (p.c.items > 65535) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (p.c.items > 1 && !in_batches(algorithm.number)) return CUBLAS_STATUS_NOT_SUPPORTED;
  return distances_fit(p, algorithm.number) ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

// `columns` of `rows` neighbours, all items.
bool matrix_on_device(const void* data, const Layout& x, int device, const char* name) {
  const auto last = (x.items - 1) * x.stride +
                    static_cast<std::int64_t>(x.columns - 1) * x.distance +
                    static_cast<std::int64_t>(x.rows);
  return on_device(data, static_cast<std::size_t>(last) * bytes_of(x.type), device, name);
}

float round_to_tf32(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if ((bits & 0x7f800000u) != 0x7f800000u) bits += 0xfffu + (bits >> 13 & 1u);
  bits &= ~0x1fffu;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

// D = alpha op(A) op(B) + beta C + bias in T, sums in the order of the algorithm.
template <class T>
void compute(const Problem& p, int algorithm, float alpha, const void* a_data, const void* b_data,
             float beta, void* c_data) {
  const bool tf32 = p.operation.arithmetic == CUBLAS_COMPUTE_32F_FAST_TF32;
  const bool bf16 = p.operation.arithmetic == CUBLAS_COMPUTE_32F_FAST_16BF;
  const auto* bias = p.operation.epilogue == CUBLASLT_EPILOGUE_BIAS
                         ? static_cast<const T*>(p.operation.bias)
                         : nullptr;
  const auto load = [&](const T* item, const Layout& x, std::int32_t transpose, std::int64_t row,
                        std::int64_t column) {
    if (transpose != CUBLAS_OP_N) std::swap(row, column);
    const auto value = static_cast<float>(item[row + column * x.distance]);
    return bf16 ? static_cast<float>(BFloat16(value)) : tf32 ? round_to_tf32(value) : value;
  };
  for (std::int32_t item = 0; item < p.c.items; ++item) {
    const T* a = static_cast<const T*>(a_data) + item * p.a.stride;
    const T* b = static_cast<const T*>(b_data) + item * p.b.stride;
    T* c = static_cast<T*>(c_data) + item * p.c.stride;
    for (std::int64_t column = 0; column < p.n; ++column)
      for (std::int64_t row = 0; row < p.m; ++row) {
        const auto sum_of = [&](std::int64_t first, std::int64_t step) {
          float sum = 0;
          for (std::int64_t l = first; l >= 0 && l < p.k; l += step)
            sum += load(a, p.a, p.operation.transpose_a, row, l) *
                   load(b, p.b, p.operation.transpose_b, l, column);
          return sum;
        };
        float sum = 0;
        if (algorithm == kParts || algorithm == kInOutput)
          for (int part = 0; part < kCuts; ++part) sum += sum_of(part, kCuts);
        else
          sum = algorithm == kPlain ? sum_of(p.k - 1, -1) : sum_of(0, 1);
        T& place = c[row + column * p.c.distance];
        sum *= alpha;
        if (beta != 0) sum += beta * static_cast<float>(place);
        if (bias) sum += static_cast<float>(bias[row]);
        place = T(sum);
      }
  }
}

}  // namespace
}  // namespace ofer::fake_cuda

using namespace ofer::fake_cuda;

const char* cublasLtGetStatusString(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_ALLOC_FAILED:
      return kNoMemoryText;
    case CUBLAS_STATUS_INTERNAL_ERROR:
      return kBrokenText;
    case CUBLAS_STATUS_INVALID_VALUE:
      return "invalid value";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "not supported";
    default:
      return "some other status";
  }
}

cublasStatus_t cublasLtCreate(cublasLtHandle_t* library) {
  const cublasStatus_t status = begin("cublasLtCreate");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  auto fresh = std::make_unique<Library>();
  fresh->device = current_device();
  void* handle = fresh.get();
  libraries()[handle] = std::move(fresh);
  note_library(1);
  *library = static_cast<cublasLtHandle_t>(handle);
  return status;
}

cublasStatus_t cublasLtDestroy(cublasLtHandle_t library) {
  const cublasStatus_t status = begin("cublasLtDestroy");
  if (device_of_library(library) < 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  libraries().erase(library);
  note_library(-1);
  return status;
}

cublasStatus_t cublasLtMatrixLayoutInit_internal(cublasLtMatrixLayout_t layout, size_t size,
                                                 cudaDataType type, uint64_t rows, uint64_t columns,
                                                 int64_t distance) {
  const cublasStatus_t status = begin("cublasLtMatrixLayoutInit");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (!layout || size < sizeof(Layout)) return CUBLAS_STATUS_ALLOC_FAILED;
  write(layout, Layout{kLayoutKind, type, CUBLASLT_ORDER_COL, 1, rows, columns, distance, 0});
  return status;
}

cublasStatus_t cublasLtMatrixLayoutSetAttribute(cublasLtMatrixLayout_t layout,
                                                cublasLtMatrixLayoutAttribute_t name,
                                                const void* value, size_t bytes) {
  cublasStatus_t status = begin("cublasLtMatrixLayoutSetAttribute");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  Layout x;
  if (!read(x, layout, kLayoutKind)) return CUBLAS_STATUS_INVALID_VALUE;
  switch (name) {
    case CUBLASLT_MATRIX_LAYOUT_ORDER:
      status = assign(x.order, value, bytes);
      break;
    case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
      status = assign(x.items, value, bytes);
      break;
    case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
      status = assign(x.stride, value, bytes);
      break;
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
  write(layout, x);
  return status;
}

cublasStatus_t cublasLtMatmulDescInit_internal(cublasLtMatmulDesc_t operation, size_t size,
                                               cublasComputeType_t arithmetic,
                                               cudaDataType_t scale) {
  const cublasStatus_t status = begin("cublasLtMatmulDescInit");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (!operation || size < sizeof(Operation)) return CUBLAS_STATUS_ALLOC_FAILED;
  write(operation, Operation{kProductKind, arithmetic, scale, CUBLASLT_POINTER_MODE_HOST,
                             CUBLAS_OP_N, CUBLAS_OP_N, CUBLASLT_EPILOGUE_DEFAULT, nullptr, 0});
  return status;
}

cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t operation,
                                              cublasLtMatmulDescAttributes_t name,
                                              const void* value, size_t bytes) {
  cublasStatus_t status = begin("cublasLtMatmulDescSetAttribute");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  Operation x;
  if (!read(x, operation, kProductKind)) return CUBLAS_STATUS_INVALID_VALUE;
  switch (name) {
    case CUBLASLT_MATMUL_DESC_TRANSA:
      status = assign(x.transpose_a, value, bytes);
      break;
    case CUBLASLT_MATMUL_DESC_TRANSB:
      status = assign(x.transpose_b, value, bytes);
      break;
    case CUBLASLT_MATMUL_DESC_EPILOGUE:
      status = assign(x.epilogue, value, bytes);
      break;
    case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
      status = assign(x.bias, value, bytes);
      break;
    case CUBLASLT_MATMUL_DESC_BIAS_BATCH_STRIDE:
      status = assign(x.bias_stride, value, bytes);
      break;
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
  write(operation, x);
  return status;
}

cublasStatus_t cublasLtMatmulPreferenceInit_internal(cublasLtMatmulPreference_t wishes,
                                                     size_t size) {
  const cublasStatus_t status = begin("cublasLtMatmulPreferenceInit");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (!wishes || size < sizeof(Wishes)) return CUBLAS_STATUS_ALLOC_FAILED;
  write(wishes, Wishes{kWishKind, CUBLASLT_REDUCTION_SCHEME_MASK, 0, 256, 256, 256, 256});
  return status;
}

cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t wishes,
                                                    cublasLtMatmulPreferenceAttributes_t name,
                                                    const void* value, size_t bytes) {
  cublasStatus_t status = begin("cublasLtMatmulPreferenceSetAttribute");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  Wishes x;
  if (!read(x, wishes, kWishKind)) return CUBLAS_STATUS_INVALID_VALUE;
  switch (name) {
    case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
      status = assign(x.workspace, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
      status = assign(x.reductions, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
      status = assign(x.align_a, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
      status = assign(x.align_b, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
      status = assign(x.align_c, value, bytes);
      break;
    case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
      status = assign(x.align_d, value, bytes);
      break;
    default:
      return CUBLAS_STATUS_INVALID_VALUE;
  }
  write(wishes, x);
  return status;
}

// As the real one, it looks at everything, the number of items too, and it does not keep away from
// algorithms that read a bias in vectors.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t library,
                                              cublasLtMatmulDesc_t operation,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t results[],
                                              int* count) {
  const cublasStatus_t status = begin("cublasLtMatmulAlgoGetHeuristic");
  *count = 0;
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (device_of_library(library) < 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  Problem p;
  Wishes wishes;
  const cublasStatus_t known = read_problem(p, operation, a, b, c, d);
  if (known != CUBLAS_STATUS_SUCCESS) return known;
  if (!read(wishes, preference, kWishKind) || wanted <= 0) return CUBLAS_STATUS_INVALID_VALUE;
  if (!machine().algorithms) return CUBLAS_STATUS_NOT_SUPPORTED;
  static constexpr int kLong[] = {kInOutput, kParts, kAlone, kAligned, kPlain};
  static constexpr int kShort[] = {kAlone, kAligned, kPlain, kParts, kInOutput};
  static constexpr int kMany[] = {kPlain, kAligned, kParts, kInOutput, kAlone};
  static constexpr int kTall[] = {kParts, kPlain, kAligned, kAlone, kInOutput};
  const int(&order)[5] = p.c.items > 1 ? kMany : p.n >= 1024 ? kTall : p.k >= 64 ? kLong : kShort;
  for (const int number : order) {
    if (*count == wanted) break;
    const std::uint32_t scheme = reduction(number);
    if (scheme != 0 && (wishes.reductions & scheme) == 0) continue;
    if (in_vectors(number) && (wishes.align_a < 16 || wishes.align_b < 16 || wishes.align_c < 16 ||
                               wishes.align_d < 16 || !distances_fit(p, number)))
      continue;
    if (workspace_of(p, number) > wishes.workspace) continue;
    cublasLtMatmulHeuristicResult_t& result = results[(*count)++];
    result = {};
    write(&result.algo, Algorithm{kAlgorithmKind, number, p.operation.arithmetic, p.c.type});
    result.workspaceSize = workspace_of(p, number);
    result.state = CUBLAS_STATUS_SUCCESS;
  }
  return status;
}

cublasStatus_t cublasLtMatmulAlgoCheck(cublasLtHandle_t library, cublasLtMatmulDesc_t operation,
                                       cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                       cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                       const cublasLtMatmulAlgo_t* algorithm,
                                       cublasLtMatmulHeuristicResult_t* result) {
  cublasStatus_t status = begin("cublasLtMatmulAlgoCheck");
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  if (device_of_library(library) < 0) return CUBLAS_STATUS_NOT_INITIALIZED;
  Problem p;
  Algorithm chosen;
  status = read_problem(p, operation, a, b, c, d);
  if (status == CUBLAS_STATUS_SUCCESS) status = check_algorithm(p, algorithm, chosen);
  if (status == CUBLAS_STATUS_SUCCESS) result->workspaceSize = workspace_of(p, chosen.number);
  return status;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t library, cublasLtMatmulDesc_t operation,
                              const void* alpha, const void* a, cublasLtMatrixLayout_t a_layout,
                              const void* b, cublasLtMatrixLayout_t b_layout, const void* beta,
                              const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* opaque,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  cublasStatus_t status = begin("cublasLtMatmul");
  if (status != CUBLAS_STATUS_SUCCESS) {
    // What fails inside the library is the runtime's last error as well.
    set_last_error(cudaErrorUnknown);
    return status;
  }
  const int device = device_of_library(library);
  if (device < 0 || device_of(stream) != device) {
    write_down("multiplies on a stream of another device");
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  if (!alpha || !beta || !a || !b || !c || c != d) return CUBLAS_STATUS_INVALID_VALUE;
  Problem p;
  Algorithm algorithm;
  status = read_problem(p, operation, a_layout, b_layout, c_layout, d_layout);
  if (status == CUBLAS_STATUS_SUCCESS) status = check_algorithm(p, opaque, algorithm);
  if (status != CUBLAS_STATUS_SUCCESS) return status;
  const std::size_t needed = workspace_of(p, algorithm.number);
  if (needed > workspace_bytes) return CUBLAS_STATUS_INVALID_VALUE;
  if (p.c.items > 1 && p.c.stride == 0) {
    write_down("all items write one result");
    return CUBLAS_STATUS_INVALID_VALUE;
  }
  const bool bias = p.operation.epilogue == CUBLASLT_EPILOGUE_BIAS;
  if (bias && !p.operation.bias) return CUBLAS_STATUS_INVALID_VALUE;
  bool good =
      matrix_on_device(a, p.a, device, "operand A") &&
      matrix_on_device(b, p.b, device, "operand B") && matrix_on_device(c, p.c, device, "result") &&
      (needed == 0 || on_device(workspace, needed, device, "workspace")) &&
      (!bias || on_device(p.operation.bias, static_cast<std::size_t>(p.m) * bytes_of(p.c.type),
                          device, "bias"));
  if (in_vectors(algorithm.number) &&
      !(items_aligned(a, p.a) && items_aligned(b, p.b) && items_aligned(c, p.c) &&
        (!bias || reinterpret_cast<std::uintptr_t>(p.operation.bias) % 16 == 0))) {
    write_down("a kernel reads vectors of 16 bytes at an address that does not divide");
    good = false;
  }
  if (!good) {
    set_last_error(cudaErrorIllegalAddress);
    return CUBLAS_STATUS_EXECUTION_FAILED;
  }
  note_product({algorithm.number, p.c.items,
                static_cast<cublasComputeType_t>(p.operation.arithmetic), bias,
                cost_of(p, algorithm.number)});
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  queue(stream, [=] {
    if (p.c.type == CUDA_R_32F)
      compute<float>(p, algorithm.number, scale, a, b, keep, d);
    else
      compute<BFloat16>(p, algorithm.number, scale, a, b, keep, d);
  });
  return status;
}
