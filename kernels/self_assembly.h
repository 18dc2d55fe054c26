// The self-assembly layer of the reconstruction U-Net: masked positions of a feature map are
// generated one after the other from the best known one, their surroundings and the one before.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// As the paper defines it. x, f, y [batch, channels, height, width]; hole [batch, height, width],
// non-zero where a position is masked. With S(a, b) = max(0, <a, b> / (|a| |b|)), for each masked
// position i in raster order:
//   p_k = the unmasked x_j of largest S(x_i, x_j) (the first of equals), S_known its similarity
//   p_s = mean of f over the 3 x 3 neighbours of i inside the map,       S_sym = S(x_i, p_s)
//   p_prev = what was generated at the masked position before,           S_prev = S(x_i, p_prev)
//   y_i = (S_sym p_s + S_known p_k + S_prev p_prev) / (S_sym + S_known + S_prev)
// S_prev = 0 for the first; if the sum is below 1e-8, y_i = p_k; with no unmasked position S_known
// = 0 and p_k = x_i. Unmasked positions keep x. A vector of length zero has similarity 0.
// Kept for the backward pass (or null): best [batch, positions] (flat position of p_k, -1 where
// there is none or the position is unmasked), weights [batch, positions, 3] (the three similarities,
// in the order sym, known, prev).
template <class T>
struct SelfAssemblyPaperArgs {
  const T* x;
  const T* f;
  const T* hole;
  T* y;
  std::int32_t* best;
  T* weights;
  Index batch, channels, height, width;
};

// dx, df from dy. The choice of p_k is constant; the similarities are differentiated, a clamped one
// (not positive) has no gradient.
template <class T>
struct SelfAssemblyPaperBackwardArgs {
  const T* dy;
  const T* x;
  const T* f;
  const T* hole;
  const T* y;
  const std::int32_t* best;
  const T* weights;
  T* dx;
  T* df;
  Index batch, channels, height, width;
};

// As the released code computes it (specification, section 4.5). n(a) = |a| + 1e-8, K the unmasked
// positions.
//   v(i) = max over k in K of <x_k, x_i> / n(x_k), ind(i) its first argmax
//   w(i) = max over all j of <x_j, f_i> / n(x_j)
//   r(i) = mean of x over the 3 x 3 neighbours of i inside the map
// For the m-th masked position i in raster order:
//   m = 0: g_0 = (x_ind + r) / 2,  a_0 = one at ind
//   m > 0: s = <x_i, g_{m-1}> / n(x_i),  q = s + v(i) + w(m)
//          g_m = (s / q) g_{m-1} + (v(i) / q) x_ind + (w(m) / q) r,  a_m = (s / q) a_{m-1}, and
//          v(i) / q added at ind; where |q| < 1e-8 the shares are 0, 1, 0
// y_i = sum_j a_m[j] x_j at a masked position, x_i at an unmasked one. With no unmasked position at
// all nothing can be assembled: y = x.
// The rows a_m are applied as the recurrence y_m = (s / q) y_{m-1} + (v / q) x_ind, which is the
// same sum. Kept for the backward pass (or null): best [batch, positions], shares [batch, positions, 2] (s / q,
// v / q; (0, 1) for m = 0).
template <class T>
struct SelfAssemblyReleasedArgs {
  const T* x;
  const T* f;
  const T* hole;
  T* y;
  std::int32_t* best;
  T* shares;
  Index batch, channels, height, width;
};

// dx from dy; the shares are constants here, as in the released layer, whose attention rows carry no
// gradient. f receives none.
template <class T>
struct SelfAssemblyReleasedBackwardArgs {
  const T* dy;
  const T* hole;
  const std::int32_t* best;
  const T* shares;
  T* dx;
  Index batch, channels, height, width;
};

}  // namespace ofer::kernels
