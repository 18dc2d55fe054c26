// Every case list: one row for each operation.
#pragma once

#include <tuple>

#include "tests/cases/accumulate.h"
#include "tests/cases/activation.h"
#include "tests/cases/attention.h"
#include "tests/cases/batch_norm.h"
#include "tests/cases/binary.h"
#include "tests/cases/conv2d.h"
#include "tests/cases/conv_transpose2d.h"
#include "tests/cases/copy.h"
#include "tests/cases/cross_entropy.h"
#include "tests/cases/exchange.h"
#include "tests/cases/gather_rows.h"
#include "tests/cases/grad_cam.h"
#include "tests/cases/image_planes.h"
#include "tests/cases/instance_norm.h"
#include "tests/cases/kernel_svdd.h"
#include "tests/cases/layer_norm.h"
#include "tests/cases/linear.h"
#include "tests/cases/linear_by_position.h"
#include "tests/cases/optimiser.h"
#include "tests/cases/patch_lists.h"
#include "tests/cases/patches.h"
#include "tests/cases/pixel_loss.h"
#include "tests/cases/pool2d.h"
#include "tests/cases/reduce.h"
#include "tests/cases/relativistic_loss.h"
#include "tests/cases/resize.h"
#include "tests/cases/select_top.h"
#include "tests/cases/self_assembly_paper.h"
#include "tests/cases/self_assembly_released.h"
#include "tests/cases/softmax.h"
#include "tests/cases/svdd_distance.h"
#include "tests/cases/unary.h"

namespace ofer::test {

using ForwardCases =
    std::tuple<LinearCase, LinearByPositionCase, Conv2dCase, ConvTranspose2dCase, LayerNormCase,
               InstanceNormCase, BatchNormCase, AttentionCase, ActivationCase, UnaryCase,
               BinaryCase, AccumulateCase, FillCase, SoftmaxCase, CopyCase, GatherRowsCase,
               PatchesCase, Pool2dCase, ResizeCase, ReduceCase, SvddDistanceCase, KernelSvddCase,
               KernelSvddConstantCase, SelfAssemblyPaperCase, SelfAssemblyReleasedCase,
               PixelLossCase, CrossEntropyCase, RelativisticLossCase, SgdCase, AdamCase,
               SelectTopCase, GradCamCase, PatchListsCase, ImagePlanesCase, ImportFlagsCase,
               ExportFloatsCase, ExportFlagsCase, ExportTopCase>;

using BackwardCases =
    std::tuple<LinearBackwardCase, LinearByPositionBackwardCase, Conv2dBackwardCase,
               ConvTranspose2dBackwardCase, LayerNormBackwardCase, InstanceNormBackwardCase,
               BatchNormBackwardCase, AttentionBackwardCase, ActivationBackwardCase,
               UnaryBackwardCase, SoftmaxBackwardCase, GatherRowsBackwardCase, Pool2dBackwardCase,
               ResizeBackwardCase, ReduceBackwardCase, SvddDistanceBackwardCase,
               KernelSvddBackwardCase, SelfAssemblyPaperBackwardCase,
               SelfAssemblyReleasedBackwardCase, PixelLossBackwardCase, CrossEntropyBackwardCase,
               RelativisticLossBackwardCase>;

// Calls visit.operator()<Case>() for every case type of the tuple.
template <class Tuple>
struct CaseTypes;
template <class... Case>
struct CaseTypes<std::tuple<Case...>> {
  template <class Visit>
  static void for_each(Visit visit) {
    (visit.template operator()<Case>(), ...);
  }
};

}  // namespace ofer::test
