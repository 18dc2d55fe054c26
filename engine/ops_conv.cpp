#include <limits>

#include "engine/ops_support.h"

namespace ofer::ops {

namespace {

void check_options(const Conv2d& o, const char* name) {
  require(o.stride_h > 0 && o.stride_w > 0 && o.dilation_h > 0 && o.dilation_w > 0 && o.pad_h >= 0 &&
              o.pad_w >= 0,
          ErrorCode::kBadArgument, name, ": strides and dilations must be positive, paddings not "
          "negative");
}

void check_convolution(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const Conv2d& options, int in_axis, const char* name) {
  check_options(options, name);
  check_input(session, x, name, "x");
  check_input(session, weight, name, "weight");
  check_rank(x, 4, 4, name, "x");
  check_rank(weight, 4, 4, name, "weight");
  require(weight.size(in_axis) == x.size(1), ErrorCode::kBadArgument, name, ": x has shape ",
          x.shape(), ", the weight ", weight.shape());
  if (bias.defined()) {
    check_input(session, bias, name, "bias");
    check_shape(bias, {weight.size(1 - in_axis)}, name, "bias");
  }
}

// The activation in front, as a tensor of its own: what the backward pass has to see.
Tensor activated(Session& session, const Tensor& x, const Conv2d& options) {
  return options.in_activation == Activation::kNone
             ? x
             : activation(session, x, options.in_activation, options.in_slope);
}

kernels::ConvGeometry geometry_of(const Tensor& x, const Tensor& weight, const Tensor& y,
                                  const Conv2d& o) {
  kernels::ConvGeometry g{};
  g.batch = x.size(0);
  g.in_channels = x.size(1);
  g.in_height = x.size(2);
  g.in_width = x.size(3);
  g.out_channels = y.size(1);
  g.out_height = y.size(2);
  g.out_width = y.size(3);
  g.kernel_h = weight.size(2);
  g.kernel_w = weight.size(3);
  g.stride_h = o.stride_h;
  g.stride_w = o.stride_w;
  g.pad_h = o.pad_h;
  g.pad_w = o.pad_w;
  g.dilation_h = o.dilation_h;
  g.dilation_w = o.dilation_w;
  return g;
}

void differentiate(Session& s, const kernels::ConvGeometry& g, const Tensor& dy, const Tensor& x,
                   const Tensor& weight, const Tensor& bias, bool transposed) {
  const Tensor dx = gradient_for(s, x);
  const Tensor dweight = gradient_for(s, weight);
  const Tensor dbias = gradient_for(s, bias);
  dispatch(dy.dtype(), [&]<class T>() {
    const kernels::Conv2dBackwardArgs<T> args{g,
                                              dy.data<T>(),
                                              x.data<T>(),
                                              weight.data<T>(),
                                              dx.data<T>(),
                                              dweight.data<T>(),
                                              dbias.data<T>()};
    if (transposed)
      OFER_CALL(s, conv_transpose2d_backward, args);
    else
      OFER_CALL(s, conv2d_backward, args);
  });
  if (dx.defined()) s.tape()->add_gradient(s, x, dx);
  if (dweight.defined()) s.tape()->add_gradient(s, weight, dweight);
  if (dbias.defined()) s.tape()->add_gradient(s, bias, dbias);
}

// Either of the two, all checked.
Tensor convolve(Session& session, const Tensor& x_in, const Tensor& weight, const Tensor& bias,
                const Conv2d& options, const Shape& result, bool transposed) {
  Tensor x = x_in;
  Activation in_activation = options.in_activation;
  Tape* tape = follows(session, {&x_in, &weight, &bias});
  if (tape) {
    x = activated(session, x_in, options);
    in_activation = Activation::kNone;
  }
  Tensor y = session.allocate(result);
  const kernels::ConvGeometry g = geometry_of(x, weight, y, options);
  dispatch(x.dtype(), [&]<class T>() {
    const kernels::Conv2dArgs<T> args{
        g,           x.data<T>(),   weight.data<T>(), bias.data<T>(),
        y.data<T>(), in_activation, options.in_slope};
    if (transposed)
      OFER_CALL(session, conv_transpose2d, args);
    else
      OFER_CALL(session, conv2d, args);
  });
  if (tape)
    tape->record(y, [x, weight, bias, g, transposed](Session& s, const Tensor& dy) {
      differentiate(s, g, dy, x, weight, bias, transposed);
    });
  return y;
}

}  // namespace

Tensor conv2d(Session& session, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Conv2d& options) {
  check_convolution(session, x, weight, bias, options, 1, "conv2d");
  const std::int64_t height =
      x.size(2) + 2 * options.pad_h - options.dilation_h * (weight.size(2) - 1) - 1;
  const std::int64_t width =
      x.size(3) + 2 * options.pad_w - options.dilation_w * (weight.size(3) - 1) - 1;
  require(height >= 0 && width >= 0, ErrorCode::kBadArgument, "conv2d: the kernel ",
          weight.shape(), " is larger than the padded map ", x.shape());
  return convolve(session, x, weight, bias, options,
                  {x.size(0), weight.size(0), height / options.stride_h + 1,
                   width / options.stride_w + 1},
                  false);
}

Tensor conv_transpose2d(Session& session, const Tensor& x, const Tensor& weight,
                        const Tensor& bias, const Conv2d& options) {
  check_convolution(session, x, weight, bias, options, 0, "conv_transpose2d");
  const std::int64_t height = (x.size(2) - 1) * options.stride_h - 2 * options.pad_h +
                              options.dilation_h * (weight.size(2) - 1) + 1;
  const std::int64_t width = (x.size(3) - 1) * options.stride_w - 2 * options.pad_w +
                             options.dilation_w * (weight.size(3) - 1) + 1;
  require(height > 0 && width > 0, ErrorCode::kBadArgument, "conv_transpose2d: a map of ",
          x.shape(), " leaves nothing with this padding");
  return convolve(session, x, weight, bias, options,
                  {x.size(0), weight.size(1), height, width}, true);
}

}  // namespace ofer::ops
