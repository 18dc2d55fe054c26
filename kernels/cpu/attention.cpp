// Multi-head self-attention on the CPU. One work item is a block of queries of one head of one
// image; its scores live in the worker's scratch and nowhere else.
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/operations.h"
#include "kernels/cpu/sums.h"
#include "kernels/cpu/vector_math.h"

namespace ofer::kernels::cpu::OFER_CPU_VARIANT {

namespace {

// Queries of one block: with 197 keys the scores take 50 KB and stay in the second-level cache.
constexpr Index kQueryBlock = 64;

template <class T>
T largest(const T* x, Index count) {
  T result = x[0];
  for (Index i = 1; i < count; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

// One head of one image inside the packed rows.
template <class T>
struct Head {
  const T* q;
  const T* k;
  const T* v;
  Index begin;               // first row of the image
  Index tokens, width, row;  // row: distance between tokens in qkv

  Head(const T* qkv, const Segments& segments, Index heads, Index head_width, Index image,
       Index head) {
    begin = segments.offsets[image * segments.stride];
    tokens = segments.offsets[image * segments.stride + 1] - begin;
    width = head_width;
    row = 3 * heads * width;
    q = qkv + begin * row + head * width;
    k = q + heads * width;
    v = k + heads * width;
  }
};

// c[rows, tokens] = a[rows, width] b[tokens, width]^T
template <class T>
void scores(const T* a, Index lda, Index rows, const T* b, Index ldb, Index tokens, Index width,
            T* c) {
  Matmul<T> product;
  product.transpose_b = true;
  product.m = rows;
  product.n = tokens;
  product.k = width;
  product.a = a;
  product.lda = lda;
  product.b = b;
  product.ldb = ldb;
  product.c = c;
  product.ldc = tokens;
  matmul(product);
}

}  // namespace

template <class T>
void attention(const AttentionArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index blocks = (args.segments.longest + kQueryBlock - 1) / kQueryBlock;
  const Index rows = args.segments.rows();
  const T scale = static_cast<T>(args.scale);
  cpu.parallel_for(args.segments.count * args.heads * blocks, 1, [&](Index first, Index last,
                                                                     int worker) {
    for (Index item = first; item < last; ++item) {
      const Index head = item / blocks % args.heads, image = item / blocks / args.heads;
      const Head<T> h(args.qkv, args.segments, args.heads, args.head_width, image, head);
      const Index begin = item % blocks * kQueryBlock;
      const Index end = begin + kQueryBlock < h.tokens ? begin + kQueryBlock : h.tokens;
      if (begin >= end) continue;
      T* p = cpu.scratch<T>(worker, 0, (end - begin) * h.tokens);
      scores(h.q + begin * h.row, h.row, end - begin, h.k, h.row, h.tokens, h.width, p);
      const Index out_row = args.heads * h.width;
      const Index first_row = h.begin;
      for (Index i = 0; i < end - begin; ++i) {
        T* row = p + i * h.tokens;
        const T top = largest(row, h.tokens);
        for (Index j = 0; j < h.tokens; ++j) row[j] = (row[j] - top) * scale;
        exp_array(row, h.tokens);
        const double total = lane_sum<T>(h.tokens, [=](Index j) { return row[j]; });
        const T inverse = static_cast<T>(1 / total);
        for (Index j = 0; j < h.tokens; ++j) row[j] *= inverse;
        if (args.logsumexp)
          args.logsumexp[head * rows + first_row + begin + i] =
              static_cast<T>(static_cast<double>(top * scale) + log_of(total));
      }
      Matmul<T> product;
      product.m = end - begin;
      product.n = h.width;
      product.k = h.tokens;
      product.a = p;
      product.lda = h.tokens;
      product.b = h.v;
      product.ldb = h.row;
      product.c = args.y + (first_row + begin) * out_row + head * h.width;
      product.ldc = out_row;
      matmul(product);
    }
  });
}

// With P the attention weights and O their product with V (the forward's y):
//   dV = P^T dO,  dP = dO V^T,  dS = P (dP - rowsum(dO O)),  dQ = scale dS K,  dK = scale dS^T Q.
// P is computed again from logsumexp. One item is one head of one image: its query blocks add up
// into dK and dV in order.
template <class T>
void attention_backward(const AttentionBackwardArgs<T>& args, Stream& stream) {
  CpuStream& cpu = cpu_stream(stream);
  const Index rows = args.segments.rows();
  const T scale = static_cast<T>(args.scale);
  cpu.parallel_for(args.segments.count * args.heads, 1, [&](Index first, Index last, int worker) {
    for (Index item = first; item < last; ++item) {
      const Index head = item % args.heads, image = item / args.heads;
      const Head<T> h(args.qkv, args.segments, args.heads, args.head_width, image, head);
      if (h.tokens == 0) continue;
      const Index out_row = args.heads * h.width;
      const Index first_row = h.begin;
      T* dq = args.dqkv + first_row * h.row + head * h.width;
      T* dk = dq + args.heads * h.width;
      T* dv = dk + args.heads * h.width;
      T* p = cpu.scratch<T>(worker, 0, kQueryBlock * h.tokens);
      T* ds = cpu.scratch<T>(worker, 1, kQueryBlock * h.tokens);
      for (Index begin = 0; begin < h.tokens; begin += kQueryBlock) {
        const Index count = h.tokens - begin < kQueryBlock ? h.tokens - begin : kQueryBlock;
        const T* dy = args.dy + (first_row + begin) * out_row + head * h.width;
        const T* y = args.y + (first_row + begin) * out_row + head * h.width;
        scores(h.q + begin * h.row, h.row, count, h.k, h.row, h.tokens, h.width, p);
        scores(dy, out_row, count, h.v, h.row, h.tokens, h.width, ds);
        for (Index i = 0; i < count; ++i) {
          T* pi = p + i * h.tokens;
          T* dsi = ds + i * h.tokens;
          const T lse = args.logsumexp[head * rows + first_row + begin + i];
          for (Index j = 0; j < h.tokens; ++j) pi[j] = pi[j] * scale - lse;
          exp_array(pi, h.tokens);
          const T delta = static_cast<T>(dot(dy + i * out_row, y + i * out_row, h.width));
          for (Index j = 0; j < h.tokens; ++j) dsi[j] = scale * pi[j] * (dsi[j] - delta);
        }
        Matmul<T> product;
        product.m = count;
        product.n = h.width;
        product.k = h.tokens;
        product.a = ds;
        product.lda = h.tokens;
        product.b = h.k;
        product.ldb = h.row;
        product.c = dq + begin * h.row;
        product.ldc = h.row;
        matmul(product);
        Matmul<T> back;
        back.transpose_a = true;
        back.m = h.tokens;
        back.n = h.width;
        back.k = count;
        back.lda = h.tokens;
        back.ldc = h.row;
        back.beta = begin == 0 ? T(0) : T(1);
        back.a = ds;
        back.b = h.q + begin * h.row;
        back.ldb = h.row;
        back.c = dk;
        matmul(back);
        back.a = p;
        back.b = dy;
        back.ldb = out_row;
        back.c = dv;
        matmul(back);
      }
    }
  });
}

OFER_INSTANTIATE(attention, AttentionArgs)
OFER_INSTANTIATE(attention_backward, AttentionBackwardArgs)

}  // namespace ofer::kernels::cpu::OFER_CPU_VARIANT
