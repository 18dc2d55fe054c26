// The stand-in's ordered product: what kernels/cuda/ordered_product.cu does, on the host.
#include "kernels/cuda/ordered_product.h"

#include <cstdint>
#include <string>

#include "kernels/cuda/stream.h"
#include "tests/fake_cuda/state.h"

namespace ofer::kernels::cuda {

namespace {

namespace fake = ofer::fake_cuda;

bool in_vectors(const float* data, Index distance) {
  return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && distance % 4 == 0;
}

void multiply(const Product<float>& p, bool backwards) {
  for (Index i = 0; i < p.m; ++i)
    for (Index j = 0; j < p.n; ++j) {
      float sum = 0;
      for (Index l = 0; l < p.k; ++l) {
        const Index term = backwards ? p.k - 1 - l : l;
        sum += p.a[i * p.lda + term] * p.b[j * p.ldb + term];
      }
      float& place = p.c[i * p.ldc + j];
      if (p.beta != 0) sum += p.beta * place;
      place = p.bias ? sum + p.bias[j] : sum;
    }
}

}  // namespace

void ordered_product(int tile, const Product<float>& p, Stream& stream) {
  auto& cuda = static_cast<CudaStream&>(stream);
  check(fake::refusal("ordered_product"), "ordered_product");
  if (tile < 0 || tile >= kOrderedTiles) fake::write_down("a tile that does not exist");
  if (p.transpose_a || !p.transpose_b || p.batch != 1 || p.k % 4 != 0 || !in_vectors(p.a, p.lda) ||
      !in_vectors(p.b, p.ldb) || cuda.compute_capability() < 80)
    fake::write_down("an ordered product of what it cannot multiply");
  const int device = fake::device_of(cuda.handle());
  const auto bytes = [](Index rows, Index columns, Index distance) {
    return static_cast<std::size_t>((rows - 1) * distance + columns) * sizeof(float);
  };
  if (!fake::on_device(p.a, bytes(p.m, p.k, p.lda), device, "operand A") ||
      !fake::on_device(p.b, bytes(p.n, p.k, p.ldb), device, "operand B") ||
      !fake::on_device(p.c, bytes(p.m, p.n, p.ldc), device, "result") ||
      (p.bias && !fake::on_device(p.bias, bytes(1, p.n, p.n), device, "bias")))
    return;
  const fake::Machine& machine = fake::machine();
  fake::note_product({fake::kOrdered + tile, 1, CUBLAS_COMPUTE_32F_PEDANTIC, p.bias != nullptr,
                      machine.ordered_cost + tile});
  const bool backwards = !machine.ordered_agrees;
  fake::queue(cuda.handle(), [p, backwards] { multiply(p, backwards); });
}

}  // namespace ofer::kernels::cuda
