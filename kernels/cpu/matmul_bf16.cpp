#include "kernels/cpu/matmul_bf16.h"

#include <cstdint>
#include <stdexcept>
#include <string>

#if defined(OFER_MATMUL_ONEDNN) && defined(__x86_64__)
#define OFER_BF16_PRODUCTS
#include <immintrin.h>

#include <dnnl.hpp>
#include <optional>

#include "kernels/cpu/one_thread.h"
#include "kernels/cpu/signals_held.h"
#endif

namespace ofer::kernels::cpu {

#if defined(OFER_BF16_PRODUCTS)

namespace {

using dnnl::memory;

Index smaller(Index a, Index b) {
  return a < b ? a : b;
}

// Operands are rounded panel by panel, so that what oneDNN reads still lies in the second-level
// cache, and a thread's memory for them does not depend on the product. A panel is at most kSide
// rows of A, or columns of B, by kDepth.
constexpr Index kSide = 512, kDepth = 512;
// Stored rows of a panel begin at multiples of a cache line.
constexpr Index kLine = 32;

// Length of each of the equal parts, none above `most`, that `whole` is cut into.
Index part_of(Index whole, Index most) {
  const Index parts = (whole + most - 1) / most;
  const Index length = ((whole + parts - 1) / parts + kLine - 1) / kLine * kLine;
  return smaller(length, most);
}

// y[i * ldy + j] = bfloat16(x[i * ldx + j])
__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))) void round_rows(
    const float* x, Index ldx, Index rows, Index columns, std::uint16_t* y, Index ldy) {
  constexpr Index kLanes = 16;
  const Index whole = columns / (2 * kLanes) * (2 * kLanes);
  for (Index i = 0; i < rows; ++i) {
    const float* from = x + i * ldx;
    std::uint16_t* to = y + i * ldy;
    for (Index j = 0; j < whole; j += 2 * kLanes) {
      const __m512bh both =
          _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + j + kLanes), _mm512_loadu_ps(from + j));
      __builtin_memcpy(to + j, &both, sizeof(both));
    }
    for (Index j = whole; j < columns; j += kLanes) {
      const Index left = smaller(kLanes, columns - j);
      const auto mask = static_cast<__mmask16>((1u << left) - 1);
      const __m256bh some = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, from + j));
      __m256i bits;
      __builtin_memcpy(&bits, &some, sizeof(bits));
      _mm256_mask_storeu_epi16(to + j, mask, bits);
    }
  }
}

// An operand as it is stored: transposed where op() turns it.
struct Stored {
  const float* data;
  Index ld;
  bool transposed;
};

// Rounds rows [i0, i0 + rows) and columns [j0, j0 + columns) of op(operand) into `panel`, stored
// the way the operand is. Returns what it looks like to oneDNN.
memory::desc round_panel(const Stored& operand, Index i0, Index rows, Index j0, Index columns,
                         std::uint16_t* panel) {
  const Index stored_rows = operand.transposed ? columns : rows;
  const Index width = operand.transposed ? rows : columns;
  const Index ld = (width + kLine - 1) / kLine * kLine;
  const float* from = operand.transposed ? operand.data + j0 * operand.ld + i0
                                         : operand.data + i0 * operand.ld + j0;
  round_rows(from, operand.ld, stored_rows, width, panel, ld);
  const memory::dims strides = operand.transposed ? memory::dims{1, ld} : memory::dims{ld, 1};
  return {{rows, columns}, memory::data_type::bf16, strides};
}

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

// C = op(A) op(B) + beta C for any sizes: they are told at each call.
dnnl::matmul any_size(bool transpose_a, bool transpose_b, bool add) {
  constexpr memory::dim kAny = DNNL_RUNTIME_DIM_VAL;
  const auto operand = [](bool transposed) {
    return memory::desc({kAny, kAny}, memory::data_type::bf16,
                        transposed ? memory::dims{1, kAny} : memory::dims{kAny, 1});
  };
  const memory::desc a = operand(transpose_a), b = operand(transpose_b);
  const memory::desc c({kAny, kAny}, memory::data_type::f32, memory::dims{kAny, 1});
  dnnl::primitive_attr attributes;
  if (add) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
#if DNNL_VERSION_MAJOR >= 3
  return dnnl::matmul(dnnl::matmul::primitive_desc(cpu_engine(), a, b, c, attributes));
#else
  return dnnl::matmul(
      dnnl::matmul::primitive_desc(dnnl::matmul::desc(a, b, c), attributes, cpu_engine()));
#endif
}

// What one thread multiplies with; made at its first product.
class ThreadProducts {
 public:
  ThreadProducts() : stream_(cpu_engine()) {
    for (int i = 0; i < 8; ++i) primitives_[i] = any_size(i & 4, i & 2, i & 1);
    a_ = static_cast<std::uint16_t*>(panels_.get(2 * kSide * kDepth * sizeof(std::uint16_t)));
    b_ = a_ + kSide * kDepth;
  }

  void multiply(const Matmul<float>& p) {
    const Stored a{p.a, p.lda, p.transpose_a}, b{p.b, p.ldb, p.transpose_b};
    const Index rows = part_of(p.m, kSide), columns = part_of(p.n, kSide),
                depth = part_of(p.k, kDepth);
    for (Index j = 0; j < p.n; j += columns) {
      const Index width = smaller(columns, p.n - j);
      for (Index l = 0; l < p.k; l += depth) {
        const Index length = smaller(depth, p.k - l);
        const memory of_b(round_panel(b, l, length, j, width, b_), cpu_engine(), b_);
        const bool add = l > 0 || p.beta != 0;
        dnnl::matmul& product = primitives_[p.transpose_a * 4 + p.transpose_b * 2 + add];
        for (Index i = 0; i < p.m; i += rows) {
          const Index height = smaller(rows, p.m - i);
          const memory of_a(round_panel(a, i, height, l, length, a_), cpu_engine(), a_);
          const memory of_c({{height, width}, memory::data_type::f32, memory::dims{p.ldc, 1}},
                            cpu_engine(), p.c + i * p.ldc + j);
          product.execute(stream_,
                          {{DNNL_ARG_SRC, of_a}, {DNNL_ARG_WEIGHTS, of_b}, {DNNL_ARG_DST, of_c}});
        }
      }
    }
  }

 private:
  dnnl::stream stream_;
  dnnl::matmul primitives_[8];  // by transpose_a, transpose_b, add
  Scratch panels_;
  std::uint16_t* a_;
  std::uint16_t* b_;
};

}  // namespace

const char* bf16_missing() {
  // What oneDNN may use: the processor's, the system's and the user's (ONEDNN_MAX_CPU_ISA) word.
  // Without the instructions it would emulate them, many times slower than float.
  const auto isa = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  constexpr auto kNeeded = static_cast<unsigned>(dnnl::cpu_isa::avx512_core_bf16);
  return (isa & kNeeded) == kNeeded ? nullptr : "this CPU has neither AVX512_BF16 nor AMX-BF16";
}

void matmul_bf16(const Matmul<float>& product) {
  const OneThread one_thread;
  const SignalsHeld signals_held;
  thread_local std::optional<ThreadProducts> products;
  try {
    if (!products) products.emplace();
    products->multiply(product);
  } catch (const dnnl::error& error) {
    throw std::runtime_error(std::string("oneDNN refused a matrix product in bfloat16: ") +
                             error.what());
  }
}

#else

const char* bf16_missing() {
#if defined(OFER_MATMUL_ONEDNN)
  return "this build is not for x86-64";
#else
  return "this build multiplies matrices without oneDNN";
#endif
}

void matmul_bf16(const Matmul<float>&) {
  throw std::logic_error(bf16_missing());
}

#endif

}  // namespace ofer::kernels::cpu
