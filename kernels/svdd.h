// Distances of support vector data description.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// Deep SVDD: d[n, l] = || f[n, l, :] - c ||^2, c = center[:] or, by position, center[l, :].
// feature [batch, positions, width], distance [batch, positions].
template <class T>
struct SvddDistanceArgs {
  const T* feature;
  const T* center;
  T* distance;
  Index batch, positions, width;
  bool by_position;
};

// dfeature = 2 ddistance (f - c). The centre is fixed, so it has no gradient.
template <class T>
struct SvddDistanceBackwardArgs {
  const T* ddistance;
  const T* feature;
  const T* center;
  T* dfeature;
  Index batch, positions, width;
  bool by_position;
};

// Kernel SVDD with K(a, b) = exp(-gamma ||a - b||^2):
//   d[n, l] = 1 - 2 sum_j alpha_j K(z[n, l], x_j) + sum_jk alpha_j alpha_k K(x_j, x_k).
// z [batch, positions, width], support [S, width], alpha [S], constant [1] = the last sum; by
// position each has a leading axis of `positions`.
template <class T>
struct KernelSvddArgs {
  const T* z;
  const T* support;
  const T* alpha;
  const T* constant;
  T* distance;
  Index batch, positions, width, supports;
  double gamma;
  bool by_position;
};

// dz = ddistance 4 gamma sum_j alpha_j K(z, x_j) (z - x_j).
template <class T>
struct KernelSvddBackwardArgs {
  const T* ddistance;
  const T* z;
  const T* support;
  const T* alpha;
  T* dz;
  Index batch, positions, width, supports;
  double gamma;
  bool by_position;
};

// The constant of a kernel SVDD: sum_jk alpha_j alpha_k K(x_j, x_k), for `sets` sets of support
// vectors. support [sets, S, width], alpha [sets, S], constant [sets].
template <class T>
struct KernelSvddConstantArgs {
  const T* support;
  const T* alpha;
  T* constant;
  Index sets, width, supports;
  double gamma;
};

}  // namespace ofer::kernels
