// Losses: each gives one number, and its gradient with respect to its input.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

enum class PixelLoss : std::uint8_t { kL1, kMeanSquare };

// loss[0] = mean of w |x - t| or of w (x - t)^2, `weight` (or null: all 1) of the same shape; the
// mean divides by `count`, or, with a weight, by the sum of the weights (0 when that is 0).
template <class T>
struct PixelLossArgs {
  const T* x;
  const T* target;
  const T* weight;
  T* loss;
  Index count;
  PixelLoss function;
};

// dx = dloss[0] d loss / d x. At x = t the L1's derivative is 0.
template <class T>
struct PixelLossBackwardArgs {
  const T* dloss;
  const T* x;
  const T* target;
  const T* weight;
  T* dx;
  Index count;
  PixelLoss function;
};

// loss[0] = sum_n w_{t_n} (-log softmax(x_n)[t_n]) / sum_n w_{t_n}, x [rows, classes], target [rows],
// class_weight [classes] or null (all 1). `log_probability` [rows, classes] is kept.
template <class T>
struct CrossEntropyArgs {
  const T* x;
  const std::int32_t* target;
  const T* class_weight;
  T* loss;
  T* log_probability;
  Index rows, classes;
};

template <class T>
struct CrossEntropyBackwardArgs {
  const T* dloss;
  const std::int32_t* target;
  const T* class_weight;
  const T* log_probability;
  T* dx;
  Index rows, classes;
};

// Relativistic average least squares, real, fake [count] (may differ in length):
//   loss[0] = (mean (real - mean(fake) - margin)^2 + mean (fake - mean(real) + margin)^2) / 2
// with margin 1 for the discriminator and -1 for the generator.
template <class T>
struct RelativisticLossArgs {
  const T* real;
  const T* fake;
  T* loss;
  Index real_count, fake_count;
  double margin;
};

template <class T>
struct RelativisticLossBackwardArgs {
  const T* dloss;
  const T* real;
  const T* fake;
  T* dreal;
  T* dfake;
  Index real_count, fake_count;
  double margin;
};

}  // namespace ofer::kernels
