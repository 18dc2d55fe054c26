// Multi-head self-attention over the tokens of each image of a packed batch.
#pragma once

#include "kernels/types.h"
#include "kernels/wide.h"

namespace ofer::kernels {

// For each image s (the rows that it uses, kernels/types.h) and head h, with q, k, v
// [tokens, head_width]:
//   y = softmax(scale q k^T) v.
// qkv [rows, 3, heads, head_width], y [rows, heads, head_width]. Images may have different numbers
// of tokens, none included; rows that an image has room for but does not use stay as they are.
// `logsumexp` [heads, rows] (or null) is kept for the backward pass: the log of each query's sum of
// exponentials, the scale included.
template <class T>
struct AttentionArgs {
  const T* qkv;
  T* y;
  Wide<T>* logsumexp;
  Segments segments;
  Index heads, head_width;
  double scale;
};

// dqkv [rows, 3, heads, head_width] from dy; overwritten where rows are used.
template <class T>
struct AttentionBackwardArgs {
  const T* dy;
  const T* qkv;
  const T* y;
  const Wide<T>* logsumexp;
  T* dqkv;
  Segments segments;
  Index heads, head_width;
  double scale;
};

}  // namespace ofer::kernels
