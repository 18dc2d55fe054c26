// The naive oracle: every forward operation of kernels/table.h, straight from the formula in its
// header, one scalar after the other. It shares nothing with any backend. R is double, or Measured
// (double with the rounding noise that the computation would collect).
#pragma once

#include <cmath>

#include "kernels/table.h"
#include "tests/support/measured.h"

#define OFER_ORACLE_OPERATIONS(X)                           \
  X(linear, LinearArgs)                                     \
  X(linear_by_position, LinearByPositionArgs)               \
  X(conv2d, Conv2dArgs)                                     \
  X(conv_transpose2d, ConvTranspose2dArgs)                  \
  X(layer_norm, LayerNormArgs)                              \
  X(instance_norm, InstanceNormArgs)                        \
  X(batch_norm, BatchNormArgs)                              \
  X(attention, AttentionArgs)                               \
  X(activation, ActivationArgs)                             \
  X(unary, UnaryArgs)                                       \
  X(binary, BinaryArgs)                                     \
  X(accumulate, AccumulateArgs)                             \
  X(fill, FillArgs)                                         \
  X(softmax, SoftmaxArgs)                                   \
  X(copy, CopyArgs)                                         \
  X(gather_rows, GatherRowsArgs)                            \
  X(patches, PatchesArgs)                                   \
  X(pool2d, Pool2dArgs)                                     \
  X(resize, ResizeArgs)                                     \
  X(reduce, ReduceArgs)                                     \
  X(svdd_distance, SvddDistanceArgs)                        \
  X(kernel_svdd, KernelSvddArgs)                            \
  X(kernel_svdd_constant, KernelSvddConstantArgs)           \
  X(self_assembly_paper, SelfAssemblyPaperArgs)             \
  X(self_assembly_released, SelfAssemblyReleasedArgs)       \
  X(self_assembly_released_given, SelfAssemblyReleasedArgs) \
  X(pixel_loss, PixelLossArgs)                              \
  X(cross_entropy, CrossEntropyArgs)                        \
  X(relativistic_loss, RelativisticLossArgs)                \
  X(sgd, SgdArgs)                                           \
  X(adam, AdamArgs)                                         \
  X(select_top, SelectTopArgs)                              \
  X(grad_cam, GradCamArgs)                                  \
  X(patch_lists, PatchListsArgs)                            \
  X(image_planes, ImagePlanesArgs)                          \
  X(import_flags, ImportFlagsArgs)                          \
  X(export_floats, ExportFloatsArgs)                        \
  X(export_flags, ExportFlagsArgs)                          \
  X(export_top, ExportTopArgs)

namespace ofer::oracle {

using kernels::Activation;
using kernels::Index;

#define OFER_ROW(name, Args) \
  template <class R>         \
  void name(const kernels::Args<R>&);
OFER_ORACLE_OPERATIONS(OFER_ROW)
#undef OFER_ROW

// f(v) of one number.
template <class R>
R activate(R v, Activation activation, double slope);

}  // namespace ofer::oracle

// Ends an oracle file, once for each of its operations.
#define OFER_ORACLE(name, Args)                             \
  template void name<double>(const kernels::Args<double>&); \
  template void name<test::Measured>(const kernels::Args<test::Measured>&);
