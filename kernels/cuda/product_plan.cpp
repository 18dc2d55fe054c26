#include "kernels/cuda/product_plan.h"

#include <limits>

#include "kernels/cuda/row_trial.h"

namespace ofer::kernels::cuda {

namespace {

// How many algorithms the library is asked for; the first fits nearly always.
constexpr int kAlgorithms = 16;

// fp32: floats are multiplied as they are, by no trick. bfloat16, or floats rounded to it: on
// tensor cores, sums in float.
cublasComputeType_t arithmetic(const ProductShape& shape) {
  if (shape.type != CUDA_R_32F) return CUBLAS_COMPUTE_32F;
  if (shape.bf16) return CUBLAS_COMPUTE_32F_FAST_16BF;
  return shape.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F_PEDANTIC;
}

template <class V>
void set(cublasLtMatmulDescOpaque_t& operation, cublasLtMatmulDescAttributes_t name,
         const V& value) {
  check(cublasLtMatmulDescSetAttribute(&operation, name, &value, sizeof(value)),
        "describing a matrix product");
}

template <class V>
void set(cublasLtMatrixLayoutOpaque_t& layout, cublasLtMatrixLayoutAttribute_t name,
         const V& value) {
  check(cublasLtMatrixLayoutSetAttribute(&layout, name, &value, sizeof(value)),
        "describing a matrix");
}

template <class V>
void set(cublasLtMatmulPreferenceOpaque_t& preference, cublasLtMatmulPreferenceAttributes_t name,
         const V& value) {
  check(cublasLtMatmulPreferenceSetAttribute(&preference, name, &value, sizeof(value)),
        "choosing a matrix product's algorithm");
}

// Rows and columns as the library counts them: `rows` neighbours, `columns` of them `distance`
// apart.
cublasLtMatrixLayoutOpaque_t layout(cudaDataType_t type, Index rows, Index columns, Index distance,
                                    Index stride) {
  cublasLtMatrixLayoutOpaque_t result{};
  check(cublasLtMatrixLayoutInit(&result, type, static_cast<std::uint64_t>(rows),
                                 static_cast<std::uint64_t>(columns), distance),
        "describing a matrix");
  set(result, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
  return result;
}

cublasLtMatmulPreferenceOpaque_t preference(const ProductShape& s, Splits splits,
                                            std::size_t workspace) {
  cublasLtMatmulPreferenceOpaque_t result{};
  check(cublasLtMatmulPreferenceInit(&result), "choosing a matrix product's algorithm");
  set(result, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, std::uint64_t{workspace});
  // A sum that is cut into parts is put together in float, in a fixed order.
  const std::uint32_t reductions =
      splits == Splits::kNone
          ? CUBLASLT_REDUCTION_SCHEME_NONE
          : CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
  set(result, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, reductions);
  set(result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, s.align_b);
  set(result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, s.align_a);
  set(result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, s.align_c);
  set(result, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, s.align_c);
  return result;
}

}  // namespace

std::size_t HashOfShape::operator()(const ProductShape& s) const {
  std::uint64_t hash = 0;
  // FNV's multiplication, on whole words.
  const auto mix = [&](auto value) {
    hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001b3u;
    hash ^= hash >> 29;
  };
  mix(s.type);
  mix(s.tf32 | s.bias << 1 | s.transpose_a << 2 | s.transpose_b << 3 | s.bf16 << 4 |
      s.rows_alike << 5);
  for (const Index value : {s.m, s.n, s.k, s.lda, s.ldb, s.ldc, s.stride_a, s.stride_b, s.stride_c})
    mix(value);
  for (const std::uint32_t value : {s.align_a, s.align_b, s.align_c, s.align_bias}) mix(value);
  return hash;
}

void ProductPlan::set_items(Index count) {
  const auto items = static_cast<std::int32_t>(count);
  for (cublasLtMatrixLayoutOpaque_t* matrix : {&first, &second, &result})
    set(*matrix, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, items);
}

void ProductPlan::set_bias(const void* bias) {
  set(operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
}

ProductPlan describe(const ProductShape& s) {
  ProductPlan plan;
  check(cublasLtMatmulDescInit(&plan.operation, arithmetic(s), CUDA_R_32F),
        "describing a matrix product");
  const std::int32_t first = s.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
  const std::int32_t second = s.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, first);
  set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, second);
  if (s.bias) {
    // The library's bias goes along the rows of its result, our columns.
    const std::uint32_t epilogue = CUBLASLT_EPILOGUE_BIAS;
    set(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    // Nothing is read there while an algorithm is chosen, but its alignment is.
    plan.set_bias(reinterpret_cast<const void*>(std::uintptr_t{s.align_bias}));
  }
  plan.first =
      layout(s.type, s.transpose_b ? s.k : s.n, s.transpose_b ? s.n : s.k, s.ldb, s.stride_b);
  plan.second =
      layout(s.type, s.transpose_a ? s.m : s.k, s.transpose_a ? s.k : s.m, s.lda, s.stride_a);
  // A product that is never batched may leave the stride out; what is asked below is about batches.
  plan.result = layout(s.type, s.n, s.m, s.ldc, s.stride_c != 0 ? s.stride_c : s.m * s.ldc);
  plan.set_items(1);
  return plan;
}

Candidates candidates(const CudaStream& stream, ProductPlan& plan, const ProductShape& shape,
                      Splits splits, int wanted) {
  constexpr std::size_t kWorkspace = CudaStream::kCublasWorkspace;
  Candidates result;
  cublasLtMatmulPreferenceOpaque_t wishes = preference(shape, splits, kWorkspace);
  cublasLtMatmulHeuristicResult_t found[Candidates::kMost];
  int count = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      stream.cublas(), &plan.operation, &plan.first, &plan.second, &plan.result, &plan.result,
      &wishes, std::min(wanted, Candidates::kMost), found, &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return result;
  check(status, "choosing a matrix product's algorithm");
  for (int i = 0; i < count; ++i)
    if (found[i].state == CUBLAS_STATUS_SUCCESS && found[i].workspaceSize <= kWorkspace)
      result.algorithm[result.count++] = found[i].algo;
  return result;
}

ProductPlan& ProductPlans::plan(const ProductShape& shape) {
  const auto known = plans_.find(shape);
  if (known == plans_.end())
    return plans_.emplace(shape, shape.rows_alike ? make_alike(shape) : make(shape)).first->second;
  if (known->second.provisional && !stream_.capturing()) known->second = make_alike(shape);
  return known->second;
}

ProductPlan ProductPlans::make(const ProductShape& shape) {
  ProductPlan plan = describe(shape);
  const Candidates list = candidates(stream_, plan, shape, Splits::kAllowed, kAlgorithms);
  for (int i = 0; i < list.count; ++i) {
    // Two items, whatever they take: is it an algorithm for batches? items_of_call sees to their
    // number.
    const bool batches = takes(plan, list.algorithm[i], 2, std::numeric_limits<std::size_t>::max());
    if (plan.found && !batches) continue;
    plan.algorithm = list.algorithm[i];
    plan.found = true;
    if (batches) break;
  }
  return plan;
}

ProductPlan ProductPlans::make_alike(const ProductShape& shape) {
  ProductShape any = shape;
  any.m = 0;
  const auto [known, fresh] = rows_.try_emplace(any);
  RowAlgorithms& rows = known->second;
  if (fresh) find_first(rows, stream_, shape);
  int level = 0;
  while (level + 1 < RowAlgorithms::kLevels && shape.m > RowAlgorithms::kMostRows[level]) ++level;
  if (rows.found && !rows.tried[level] && !stream_.capturing())
    try_others(rows, level, stream_, shape);
  ProductPlan plan = describe(shape);
  plan.provisional = rows.found && !rows.tried[level];
  for (const RowAlgorithm* algorithm : {&rows.algorithm[level], &rows.first}) {
    if (!rows.found || plan.found) break;
    plan.tile = algorithm->tile;
    plan.algorithm = algorithm->library;
    plan.found =
        plan.tile != kByLibrary || takes(plan, plan.algorithm, 1, CudaStream::kCublasWorkspace);
  }
  return plan;
}

bool ProductPlans::takes(ProductPlan& plan, const cublasLtMatmulAlgo_t& algorithm, Index items,
                         std::size_t workspace) {
  plan.set_items(items);
  cublasLtMatmulHeuristicResult_t result{};
  const cublasStatus_t status =
      cublasLtMatmulAlgoCheck(stream_.cublas(), &plan.operation, &plan.first, &plan.second,
                              &plan.result, &plan.result, &algorithm, &result);
  // The ways of saying no; anything else is a failure.
  if (status == CUBLAS_STATUS_NOT_SUPPORTED || status == CUBLAS_STATUS_INVALID_VALUE ||
      status == CUBLAS_STATUS_ARCH_MISMATCH)
    return false;
  check(status, "checking a matrix product's algorithm");
  return result.workspaceSize <= workspace;
}

Index ProductPlans::items_of_call(ProductPlan& plan, Index wanted) {
  wanted = std::min(wanted, plan.too_many - 1);
  if (wanted <= plan.most_items) return wanted;
  if (takes(plan, plan.algorithm, wanted, CudaStream::kCublasWorkspace))
    return plan.most_items = wanted;
  // Looked for once, to the end: no later call asks again.
  plan.too_many = wanted;
  while (plan.too_many - plan.most_items > 1) {
    const Index middle = plan.most_items + (plan.too_many - plan.most_items) / 2;
    (takes(plan, plan.algorithm, middle, CudaStream::kCublasWorkspace) ? plan.most_items
                                                                       : plan.too_many) = middle;
  }
  return plan.most_items;
}

}  // namespace ofer::kernels::cuda
