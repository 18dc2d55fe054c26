// Layer, instance and batch normalisation. Variances are taken in two passes (mean first); the
// statistics that are kept have the type Wide<T>.
#pragma once

#include "kernels/types.h"
#include "kernels/wide.h"

namespace ofer::kernels {

// Layer norm over the last axis:
//   y[r, c] = (x[r, c] - mean_r) rstd_r weight[c] + bias[c],  rstd = 1 / sqrt(var + eps),
// var divided by `columns`. mean, rstd [rows] (or null) are kept for the backward pass.
template <class T>
struct LayerNormArgs {
  const T* x;
  const T* weight;
  const T* bias;
  T* y;
  Wide<T>* mean;
  Wide<T>* rstd;
  Index rows, columns;
  double eps;
};

// dx, dweight, dbias; each may be null, each is overwritten.
template <class T>
struct LayerNormBackwardArgs {
  const T* dy;
  const T* x;
  const T* weight;
  const Wide<T>* mean;
  const Wide<T>* rstd;
  T* dx;
  T* dweight;
  T* dbias;
  Index rows, columns;
};

// Instance norm over the positions of each image's channel, then an activation:
//   y[n, c, i] = act((x[n, c, i] - mean_nc) rstd_nc weight[c] + bias[c]).
// x, y [batch, channels, positions] (y may be x); mean, rstd [batch, channels] or null.
template <class T>
struct InstanceNormArgs {
  const T* x;
  const T* weight;
  const T* bias;
  T* y;
  Wide<T>* mean;
  Wide<T>* rstd;
  Index batch, channels, positions;
  double eps;
  Activation activation;
  double slope;
};

// dy is with respect to the norm's output before the activation.
template <class T>
struct InstanceNormBackwardArgs {
  const T* dy;
  const T* x;
  const T* weight;
  const Wide<T>* mean;
  const Wide<T>* rstd;
  T* dx;
  T* dweight;
  T* dbias;
  Index batch, channels, positions;
};

// Batch norm over batch and positions of each channel, x [batch, channels, positions].
// `training`: statistics of this batch (var divided by the count), kept in mean and rstd [channels],
//   and the running ones moved: running += momentum (statistic - running), the variance unbiased.
// otherwise: the running statistics are used, and copied to mean and rstd where these are not null.
template <class T>
struct BatchNormArgs {
  const T* x;
  const T* weight;
  const T* bias;
  T* running_mean;
  T* running_variance;
  T* y;
  Wide<T>* mean;
  Wide<T>* rstd;
  Index batch, channels, positions;
  double eps;
  double momentum;
  bool training;
};

// With `training`, mean and rstd are those the forward pass kept and their own dependence on x is
// differentiated; otherwise they are the running ones (rstd = 1 / sqrt(variance + eps)), constants.
template <class T>
struct BatchNormBackwardArgs {
  const T* dy;
  const T* x;
  const T* weight;
  const Wide<T>* mean;
  const Wide<T>* rstd;
  T* dx;
  T* dweight;
  T* dbias;
  Index batch, channels, positions;
  bool training;
};

}  // namespace ofer::kernels
