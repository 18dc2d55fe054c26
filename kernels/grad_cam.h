// Class activation maps from a feature map and the gradient of a class with respect to it.
#pragma once

#include "kernels/types.h"

namespace ofer::kernels {

// a, g [batch, channels, positions] -> map [batch, positions], scaled to [0, 1] per image (all 0
// where the map is constant).
//   Grad-CAM:    w_k = mean over positions of g_k,            map = relu(sum_k w_k a_k)
//   Grad-CAM++:  alpha = g^2 / (2 g^2 + (sum over positions of a_k) g^3), 0 where the denominator
//                is 0;  w_k = sum over positions of alpha relu(g),  map as above
template <class T>
struct GradCamArgs {
  const T* a;
  const T* g;
  T* map;
  Index batch, channels, positions;
  bool plus_plus;
};

}  // namespace ofer::kernels
