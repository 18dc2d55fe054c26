// The operations: every computation of the engine goes through one of these.
//
// Each checks shapes, element types and device, takes its result from the session's workspace,
// calls the backend's kernel and, when the session's tape follows one of the inputs, records its
// backward step. So inference, class activation maps and training are one code path.
//
// Shapes are in the comments; N is the batch. Element type: the session's (float or double), masks
// included. Errors: kBadArgument for shapes that do not fit, kUnsupported for an operation the
// backend lacks. Formulas stand in kernels/NAME.h.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>

#include "engine/ragged.h"
#include "engine/session.h"
#include "engine/tensor.h"
#include "kernels/types.h"

namespace ofer {
struct ImageView;
}

namespace ofer::ops {

using kernels::Activation;

// --- linear maps: engine/ops_linear.cpp ---

struct LinearEnd {
  Activation activation = Activation::kNone;
  double slope = 0;
  Tensor residual = {};  // added behind the activation; may be overwritten by the result
  const Ragged* rows = nullptr;  // the images of a packed batch
};

// x [..., in], weight [out, in], bias [out] or undefined -> [..., out].
Tensor linear(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const LinearEnd& end = {});

// x [N, L, in], weight [L, out, in] -> [N, L, out].
Tensor linear_by_position(Session& session, const Tensor& x, const Tensor& weight);

// --- convolutions: engine/ops_conv.cpp ---

struct Conv2d {
  int stride_h = 1, stride_w = 1;
  int pad_h = 0, pad_w = 0;
  int dilation_h = 1, dilation_w = 1;
  Activation in_activation = Activation::kNone;  // of x, in front of the convolution
  double in_slope = 0;

  static Conv2d square(int stride, int pad, int dilation = 1) {
    return {stride, stride, pad, pad, dilation, dilation, Activation::kNone, 0};
  }
  Conv2d after(Activation activation, double slope = 0) const {
    Conv2d result = *this;
    result.in_activation = activation;
    result.in_slope = slope;
    return result;
  }
};

// x [N, C, H, W], weight [O, C, kh, kw], bias [O] or undefined -> [N, O, P, Q],
// P = (H + 2 pad - dilation (kh - 1) - 1) / stride + 1.
Tensor conv2d(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2d& options);

// x [N, C, H, W], weight [C, O, kh, kw] -> [N, O, P, Q],
// P = (H - 1) stride - 2 pad + dilation (kh - 1) + 1.
Tensor conv_transpose2d(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                        const Conv2d& options);

// --- normalisation: engine/ops_norm.cpp ---

// x [..., C], weight, bias [C].
Tensor layer_norm(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  double eps);

// x [N, C, ...], weight, bias [C]; statistics of each image's channel. With `in_place` the result
// takes x's memory, unless a tape records.
Tensor instance_norm(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                     double eps, bool in_place = false);

// x [N, C, ...] or [N, C]. Inference: running statistics. Training: those of the batch, and the
// running ones move by `momentum`.
struct BatchNorm {
  Tensor weight, bias, mean, variance;
  double eps = 1e-5;
  double momentum = 0.1;
  bool training = false;
};
Tensor batch_norm(Session& session, const Tensor& x, const BatchNorm& norm);

// --- attention: engine/ops_attention.cpp ---

// qkv [rows, 3 C] (q, then k, then v; in each, head by head), packed by `rows` -> [rows, C].
Tensor attention(Session& session, const Tensor& qkv, const Ragged& rows, int heads);

// --- pointwise: engine/ops_pointwise.cpp ---

Tensor activation(Session& session, const Tensor& x, Activation function, double slope = 0);
Tensor gelu(Session& session, const Tensor& x);
Tensor relu(Session& session, const Tensor& x);
Tensor leaky_relu(Session& session, const Tensor& x, double slope);
Tensor sigmoid(Session& session, const Tensor& x);

Tensor scale(Session& session, const Tensor& x, double factor, double offset = 0);
Tensor clamp(Session& session, const Tensor& x, double low, double high);
Tensor square(Session& session, const Tensor& x);
Tensor square_root(Session& session, const Tensor& x);
Tensor logarithm(Session& session, const Tensor& x);
Tensor exponential(Session& session, const Tensor& x);
// 1 where x > threshold, else 0; no gradient.
Tensor greater(Session& session, const Tensor& x, double threshold);

// Broadcasting as everywhere: axes are matched from the last; an extent of 1 is repeated.
Tensor add(Session& session, const Tensor& a, const Tensor& b);
Tensor subtract(Session& session, const Tensor& a, const Tensor& b);
Tensor multiply(Session& session, const Tensor& a, const Tensor& b);
Tensor divide(Session& session, const Tensor& a, const Tensor& b);

// Softmax and log-softmax along `axis` (negative: from the end).
Tensor softmax(Session& session, const Tensor& x, int axis);
Tensor log_softmax(Session& session, const Tensor& x, int axis);

// y += x in place; not recorded.
void accumulate(Session& session, const Tensor& x, const Tensor& y);
// A tensor full of `value`.
Tensor full(Session& session, const Shape& shape, double value);

// --- moving elements: engine/ops_move.cpp ---

Tensor concatenate(Session& session, std::span<const Tensor> parts, int axis);
Tensor concatenate(Session& session, std::initializer_list<Tensor> parts, int axis);
// y = x, element by element (same number of them); not recorded.
void copy_to(Session& session, const Tensor& x, const Tensor& y);
// Elements [first, first + count) of `axis`.
Tensor slice(Session& session, const Tensor& x, int axis, std::int64_t first, std::int64_t count);
// The order along `axis` reversed.
Tensor flip(Session& session, const Tensor& x, int axis);
// Axes in a new order.
Tensor permute(Session& session, const Tensor& x, std::initializer_list<int> order);

// y[r] = x[index[r]], or `fill` (or zeros, undefined) where index[r] < 0. x [R, W], fill [W],
// index i32 [rows] on the session's device -> [rows, W].
Tensor gather_rows(Session& session, const Tensor& x, const Tensor& index, const Tensor& fill);
// The opposite: y[index[r]] = sum of x[r], rows nobody names are zero. -> [rows, W].
Tensor scatter_rows(Session& session, const Tensor& x, const Tensor& index, std::int64_t rows);

// Images [N, C, R p, S p] to patches [N, R S, p p C] in raster order, and back.
Tensor to_patches(Session& session, const Tensor& images, int patch, bool channels_first);
Tensor from_patches(Session& session, const Tensor& patches, int channels, int rows, int columns,
                    int patch, bool channels_first);

// --- pooling and reductions: engine/ops_reduce.cpp; resizing: engine/ops_resize.cpp ---

struct Pool2d {
  int kernel = 2, stride = 2, pad = 0;
};
// x [N, C, H, W]. The average counts the zeros of the padding.
Tensor average_pool(Session& session, const Tensor& x, const Pool2d& options);
Tensor max_pool(Session& session, const Tensor& x, const Pool2d& options);

// Antialiased bilinear (Pillow's), x [N, C, H, W] -> [N, C, height, width].
Tensor resize(Session& session, const Tensor& x, std::int64_t height, std::int64_t width);

// Each output pixel takes input pixel floor(i * in / out). x [N, C, H, W].
Tensor resize_nearest(Session& session, const Tensor& x, std::int64_t height, std::int64_t width);

// 1 for the `count` largest elements of each row of x [rows, length] (of equals the first), else 0;
// not recorded.
Tensor select_top(Session& session, const Tensor& x, std::int64_t count);

// Along `axis`, which goes away.
Tensor sum(Session& session, const Tensor& x, int axis);
Tensor mean(Session& session, const Tensor& x, int axis);
Tensor maximum(Session& session, const Tensor& x, int axis);
Tensor minimum(Session& session, const Tensor& x, int axis);

// --- the method's own: engine/ops_ofer.cpp ---

// feature [N, L, F], center [F] or, by position, [L, F] -> [N, L].
Tensor svdd_distance(Session& session, const Tensor& feature, const Tensor& center);

// z [N, L, Z], support [S, Z], alpha [S] or, by position, [L, S, Z], [L, S] -> [N, L]. `constant` is
// what kernel_svdd_constant gave for the same support vectors.
Tensor kernel_svdd(Session& session, const Tensor& z, const Tensor& support, const Tensor& alpha,
                   const Tensor& constant, double gamma);
// The part of that distance that does not depend on z: [1], or by position [L]. Quadratic in the
// number of support vectors, so it is computed once for a model; not recorded.
Tensor kernel_svdd_constant(Session& session, const Tensor& support, const Tensor& alpha,
                            double gamma);

enum class SelfAssembly { kPaper, kReleased };
// x, f [N, C, H, W], hole [N, H, W] (non-zero: masked) -> [N, C, H, W].
Tensor self_assembly(Session& session, const Tensor& x, const Tensor& f, const Tensor& hole,
                     SelfAssembly variant);

// features, gradients [N, C, H, W] -> [N, H, W] in [0, 1]; not recorded.
Tensor grad_cam(Session& session, const Tensor& features, const Tensor& gradients, bool plus_plus);

// Index lists of the patches that are visible, made on the device; what each is stands in
// kernels/patch_lists.h. covered [N, L], > 0 where covered. Not recorded.
struct PatchLists {
  Tensor used;          // i32 [N, 2]
  Tensor token_source;  // i32 [N (L + 1)]
  Tensor grid_source;   // i32 [N (L + 1)]
  Tensor patch_source;  // i32 [N L]
  Tensor any;           // [N]
};
PatchLists patch_lists(Session& session, const Tensor& covered);

// --- a caller's memory on the session's device, nothing recorded: engine/ops_exchange.cpp ---

// A picture at another size, as planes of numbers in [0, 1]: y [3, height, width], equal to
// image_to_planes (engine/image_resize.h) but for rounding. A picture of floats that are not all
// finite is not refused: what becomes NaN is 0, what becomes infinite is clamped. On a GPU floats
// must lie at multiples of 4 bytes (kBadArgument).
void image_planes(Session& session, const ImageView& picture, const Tensor& y);
Tensor image_planes(Session& session, const ImageView& picture, std::int64_t height,
                    std::int64_t width);

// y = 1 where the flag is not 0, else 0: as many flags as y has elements.
void import_flags(Session& session, const std::uint8_t* from, const Tensor& y);
// x in a type that does not depend on the session's: floats; 1 where x > 0, else 0 (NaN included);
// the position of the largest of each row of x [rows, length], of equals the lowest, NaN below
// every number. Nothing while the pass is counted.
void export_floats(Session& session, const Tensor& x, float* to);
void export_flags(Session& session, const Tensor& x, std::uint8_t* to);
void export_top(Session& session, const Tensor& x, std::int32_t* to);

// --- losses, each [1]: engine/ops_loss.cpp ---

// Means over all elements; with `weight` (same shape) weighted ones.
Tensor l1_loss(Session& session, const Tensor& x, const Tensor& target, const Tensor& weight = {});
Tensor mean_square_loss(Session& session, const Tensor& x, const Tensor& target,
                        const Tensor& weight = {});
// x [N, classes] logits, target i32 [N], class_weight [classes] or undefined.
Tensor cross_entropy(Session& session, const Tensor& x, const Tensor& target,
                     const Tensor& class_weight = {});
// Relativistic average least squares; margin 1 for the discriminator, -1 for the generator.
Tensor relativistic_loss(Session& session, const Tensor& real, const Tensor& fake, double margin);

// --- optimisers, in place and not recorded: engine/ops_optimiser.cpp; formulas in
// kernels/optimiser.h. Parameter, gradient and state have one shape ---

struct Sgd {
  double rate = 0.1, momentum = 0, weight_decay = 0;
  double gradient_scale = 1;  // of the gradient as given: clipping, or a mean over several batches
  bool nesterov = false;
};
// `velocity` starts as zeros; undefined without momentum.
void sgd_step(Session& session, const Tensor& parameter, const Tensor& gradient,
              const Tensor& velocity, const Sgd& options);

struct Adam {
  double rate = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  double gradient_scale = 1;
  bool decoupled = false;  // AdamW
};
// Step number `step` counts from 1; `first` and `second` start as zeros.
void adam_step(Session& session, const Tensor& parameter, const Tensor& gradient,
               const Tensor& first, const Tensor& second, std::int64_t step, const Adam& options);

}  // namespace ofer::ops
