// Pre-norm transformer block: x += attention(norm(x)), x += mlp(norm(x)).
#pragma once

#include "engine/ragged.h"
#include "layers/linear.h"
#include "layers/norm.h"

namespace ofer::layers {

struct TransformerBlock {
  LayerNorm norm1, norm2;
  Linear qkv, projection, up, down;
  int heads = 1;

  TransformerBlock(const Parameters& p, int head_count)
      : norm1(p.child("norm1")),
        norm2(p.child("norm2")),
        qkv(p.child("qkv")),
        projection(p.child("projection")),
        up(p.child("up")),
        down(p.child("down")),
        heads(head_count) {}

  // x [rows, D] packed -> [rows, D]. Without a tape the result takes x's memory. `grid`: taps are
  // shown as [images, tokens, D] (every image has the same number of tokens).
  Tensor operator()(Session& s, const Tensor& x, const Ragged& rows, bool grid) const;
};

// The shape a packed tensor [rows, C] is shown to taps in.
inline Shape shown(const Tensor& x, const Ragged& rows, bool grid) {
  return grid ? Shape{rows.count, rows.longest, x.size(-1)} : x.shape();
}

}  // namespace ofer::layers
