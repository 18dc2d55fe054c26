// Matrix products on the device, by cuBLASLt; some of few rows by our own kernel. Host code only.
#include "kernels/bf16.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/ordered_product.h"
#include "kernels/cuda/product_plan.h"
#include "kernels/cuda/stream.h"

#include <string>
#include <type_traits>

namespace ofer::kernels::cuda {

namespace {

// The product of no terms.
template <class T>
void clear(const Product<T>& p, CudaStream& stream) {
  for (Index i = 0; i < p.batch; ++i)
    check(cudaMemset2DAsync(p.c + i * p.stride_c, static_cast<std::size_t>(p.ldc) * sizeof(T), 0,
                            static_cast<std::size_t>(p.n) * sizeof(T),
                            static_cast<std::size_t>(p.m), stream.handle()),
          "matrix product of no terms");
}

template <class T>
ProductPlan& plan_of(const Product<T>& p, CudaStream& stream) {
  return stream.product_plans().plan(shape_of(p, stream));
}

}  // namespace

// All items run through one algorithm, chosen for one of them, and so come out as they would alone.
// That an algorithm computes an item of a batch as it computes it alone is not the library's
// promise; the determinism tests on a device are for that.
template <class T>
void matmul(const Product<T>& p, Stream& stream) {
  if (p.m <= 0 || p.n <= 0 || p.batch <= 0) return;
  if (p.batch > 1 && p.stride_c == 0) throw DeviceError("matrix product: all items write one C");
  auto& cuda = static_cast<CudaStream&>(stream);
  cuda.make_current();
  if (p.k <= 0) {
    if (p.bias) throw DeviceError("matrix product of no terms: the bias is the caller's");
    if (p.beta == 0) clear(p, cuda);
    return;
  }
  ProductPlan& plan = plan_of(p, cuda);
  if (!plan.found)
    throw DeviceError("matrix product: cuBLAS has no algorithm for [" + std::to_string(p.m) + ", " +
                      std::to_string(p.k) + "] times [" + std::to_string(p.k) + ", " +
                      std::to_string(p.n) + "] on this device");
  if constexpr (std::is_same_v<T, float>)
    if (plan.tile != kByLibrary) return ordered_product(plan.tile, p, stream);
  if (p.bias) plan.set_bias(p.bias);
  const float one = 1;
  for (Index first = 0, items; first < p.batch; first += items) {
    items = cuda.product_plans().items_of_call(plan, p.batch - first);
    plan.set_items(items);
    T* const c = p.c + first * p.stride_c;
    check(cublasLtMatmul(cuda.cublas(), &plan.operation, &one, p.b + first * p.stride_b,
                         &plan.first, p.a + first * p.stride_a, &plan.second, &p.beta, c,
                         &plan.result, c, &plan.result, &plan.algorithm, cuda.cublas_workspace(),
                         CudaStream::kCublasWorkspace, cuda.handle()),
          "matrix product");
  }
}

template <class T>
bool adds_bias(const Product<T>& p, Stream& stream) {
  if (!p.bias || p.m <= 0 || p.n <= 0 || p.k <= 0 || p.batch <= 0) return false;
  if (reinterpret_cast<std::uintptr_t>(p.bias) % kBiasAlignment != 0) return false;
  auto& cuda = static_cast<CudaStream&>(stream);
  cuda.make_current();
  return plan_of(p, cuda).found;
}

template void matmul<float>(const Product<float>&, Stream&);
template void matmul<BFloat16>(const Product<BFloat16>&, Stream&);
template bool adds_bias<float>(const Product<float>&, Stream&);
template bool adds_bias<BFloat16>(const Product<BFloat16>&, Stream&);

}  // namespace ofer::kernels::cuda
