// The table of operations that a backend fills in: one row for each, in one place.
#pragma once

#include "kernels/attention.h"
#include "kernels/conv2d.h"
#include "kernels/copy.h"
#include "kernels/exchange.h"
#include "kernels/grad_cam.h"
#include "kernels/image_planes.h"
#include "kernels/linear.h"
#include "kernels/loss.h"
#include "kernels/norm.h"
#include "kernels/optimiser.h"
#include "kernels/patch_lists.h"
#include "kernels/patches.h"
#include "kernels/pointwise.h"
#include "kernels/pool2d.h"
#include "kernels/reduce.h"
#include "kernels/resize.h"
#include "kernels/select_top.h"
#include "kernels/self_assembly.h"
#include "kernels/softmax.h"
#include "kernels/stream.h"
#include "kernels/svdd.h"

// X(name, arguments): an operation's name is its function's name in every backend.
#define OFER_OPERATIONS(X)                                        \
  X(linear, LinearArgs)                                           \
  X(linear_backward, LinearBackwardArgs)                          \
  X(linear_by_position, LinearByPositionArgs)                     \
  X(linear_by_position_backward, LinearByPositionBackwardArgs)    \
  X(conv2d, Conv2dArgs)                                           \
  X(conv2d_backward, Conv2dBackwardArgs)                          \
  X(conv_transpose2d, ConvTranspose2dArgs)                        \
  X(conv_transpose2d_backward, ConvTranspose2dBackwardArgs)       \
  X(layer_norm, LayerNormArgs)                                    \
  X(layer_norm_backward, LayerNormBackwardArgs)                   \
  X(instance_norm, InstanceNormArgs)                              \
  X(instance_norm_backward, InstanceNormBackwardArgs)             \
  X(batch_norm, BatchNormArgs)                                    \
  X(batch_norm_backward, BatchNormBackwardArgs)                   \
  X(attention, AttentionArgs)                                     \
  X(attention_backward, AttentionBackwardArgs)                    \
  X(activation, ActivationArgs)                                   \
  X(activation_backward, ActivationBackwardArgs)                  \
  X(unary, UnaryArgs)                                             \
  X(unary_backward, UnaryBackwardArgs)                            \
  X(binary, BinaryArgs)                                           \
  X(accumulate, AccumulateArgs)                                   \
  X(fill, FillArgs)                                               \
  X(softmax, SoftmaxArgs)                                         \
  X(softmax_backward, SoftmaxBackwardArgs)                        \
  X(copy, CopyArgs)                                               \
  X(gather_rows, GatherRowsArgs)                                  \
  X(gather_rows_backward, GatherRowsBackwardArgs)                 \
  X(patches, PatchesArgs)                                         \
  X(pool2d, Pool2dArgs)                                           \
  X(pool2d_backward, Pool2dBackwardArgs)                          \
  X(resize, ResizeArgs)                                           \
  X(resize_backward, ResizeBackwardArgs)                          \
  X(reduce, ReduceArgs)                                           \
  X(reduce_backward, ReduceBackwardArgs)                          \
  X(svdd_distance, SvddDistanceArgs)                              \
  X(svdd_distance_backward, SvddDistanceBackwardArgs)             \
  X(kernel_svdd, KernelSvddArgs)                                  \
  X(kernel_svdd_backward, KernelSvddBackwardArgs)                 \
  X(kernel_svdd_constant, KernelSvddConstantArgs)                 \
  X(self_assembly_paper, SelfAssemblyPaperArgs)                   \
  X(self_assembly_paper_backward, SelfAssemblyPaperBackwardArgs)  \
  X(self_assembly_released, SelfAssemblyReleasedArgs)             \
  X(self_assembly_released_backward, SelfAssemblyReleasedBackwardArgs) \
  X(pixel_loss, PixelLossArgs)                                    \
  X(pixel_loss_backward, PixelLossBackwardArgs)                   \
  X(cross_entropy, CrossEntropyArgs)                              \
  X(cross_entropy_backward, CrossEntropyBackwardArgs)             \
  X(relativistic_loss, RelativisticLossArgs)                      \
  X(relativistic_loss_backward, RelativisticLossBackwardArgs)     \
  X(sgd, SgdArgs)                                                 \
  X(adam, AdamArgs)                                               \
  X(select_top, SelectTopArgs)                                    \
  X(grad_cam, GradCamArgs)                                        \
  X(patch_lists, PatchListsArgs)                                  \
  X(image_planes, ImagePlanesArgs)                                \
  X(import_flags, ImportFlagsArgs)                                \
  X(export_floats, ExportFloatsArgs)                              \
  X(export_flags, ExportFlagsArgs)                                \
  X(export_top, ExportTopArgs)

namespace ofer::kernels {

// One function pointer per operation for elements of type T; null where the backend has none.
template <class T>
struct Table {
#define OFER_ROW(name, Args) void (*name)(const Args<T>&, Stream&) = nullptr;
  OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
};

}  // namespace ofer::kernels
