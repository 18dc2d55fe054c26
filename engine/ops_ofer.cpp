#include "engine/ops_support.h"

namespace ofer::ops {

Tensor svdd_distance(Session& session, const Tensor& feature, const Tensor& center) {
  check_input(session, feature, "svdd_distance", "feature");
  check_input(session, center, "svdd_distance", "center");
  check_rank(feature, 3, 3, "svdd_distance", "feature");
  const bool by_position = center.rank() == 2;
  check_shape(center,
              by_position ? Shape{feature.size(1), feature.size(2)} : Shape{feature.size(2)},
              "svdd_distance", "center");
  Tensor distance = session.allocate({feature.size(0), feature.size(1)});
  dispatch(feature.dtype(), [&]<class T>() {
    kernels::SvddDistanceArgs<T> args{feature.data<T>(), center.data<T>(), distance.data<T>(),
                                      feature.size(0),   feature.size(1),  feature.size(2),
                                      by_position};
    OFER_CALL(session, svdd_distance, args);
  });
  if (Tape* tape = follows(session, {&feature}))
    tape->record(distance, [=](Session& s, const Tensor& ddistance) {
      const Tensor dfeature = s.allocate(feature.shape());
      dispatch(ddistance.dtype(), [&]<class T>() {
        kernels::SvddDistanceBackwardArgs<T> args{
            ddistance.data<T>(), feature.data<T>(), center.data<T>(), dfeature.data<T>(),
            feature.size(0),     feature.size(1),   feature.size(2),  by_position};
        OFER_CALL(s, svdd_distance_backward, args);
      });
      s.tape()->add_gradient(s, feature, dfeature);
    });
  return distance;
}

namespace {

// support [S, Z] with alpha [S], or one set for each position in front.
void check_support(Session& session, const Tensor& support, const Tensor& alpha) {
  check_input(session, support, "kernel_svdd", "support");
  check_input(session, alpha, "kernel_svdd", "alpha");
  check_rank(support, 2, 3, "kernel_svdd", "support");
  check_shape(alpha,
              support.rank() == 3 ? Shape{support.size(0), support.size(1)}
                                  : Shape{support.size(0)},
              "kernel_svdd", "alpha");
}

}  // namespace

Tensor kernel_svdd_constant(Session& session, const Tensor& support, const Tensor& alpha,
                            double gamma) {
  check_support(session, support, alpha);
  const std::int64_t sets = support.rank() == 3 ? support.size(0) : 1;
  Tensor constant = session.allocate({sets});
  dispatch(support.dtype(), [&]<class T>() {
    kernels::KernelSvddConstantArgs<T> args{support.data<T>(), alpha.data<T>(),
                                            constant.data<T>(), sets,
                                            support.size(-1),  support.size(-2),
                                            gamma};
    OFER_CALL(session, kernel_svdd_constant, args);
  });
  return constant;
}

Tensor kernel_svdd(Session& session, const Tensor& z, const Tensor& support, const Tensor& alpha,
                   const Tensor& constant, double gamma) {
  check_input(session, z, "kernel_svdd", "z");
  check_rank(z, 3, 3, "kernel_svdd", "z");
  check_support(session, support, alpha);
  check_input(session, constant, "kernel_svdd", "constant");
  const bool by_position = support.rank() == 3;
  const std::int64_t supports = support.size(-2), width = z.size(2), positions = z.size(1);
  check_shape(support, by_position ? Shape{positions, supports, width} : Shape{supports, width},
              "kernel_svdd", "support");
  check_shape(constant, {by_position ? positions : 1}, "kernel_svdd", "constant");
  Tensor distance = session.allocate({z.size(0), positions});
  dispatch(z.dtype(), [&]<class T>() {
    kernels::KernelSvddArgs<T> args{z.data<T>(),        support.data<T>(),  alpha.data<T>(),
                                    constant.data<T>(), distance.data<T>(), z.size(0),
                                    positions,          width,              supports,
                                    gamma,              by_position};
    OFER_CALL(session, kernel_svdd, args);
  });
  if (Tape* tape = follows(session, {&z}))
    tape->record(distance, [=](Session& s, const Tensor& ddistance) {
      const Tensor dz = s.allocate(z.shape());
      dispatch(ddistance.dtype(), [&]<class T>() {
        kernels::KernelSvddBackwardArgs<T> args{
            ddistance.data<T>(), z.data<T>(), support.data<T>(), alpha.data<T>(), dz.data<T>(),
            z.size(0),           positions,   width,             supports,        gamma,
            by_position};
        OFER_CALL(s, kernel_svdd_backward, args);
      });
      s.tape()->add_gradient(s, z, dz);
    });
  return distance;
}

Tensor self_assembly(Session& session, const Tensor& x, const Tensor& f, const Tensor& hole,
                     SelfAssembly variant) {
  const char* name = "self_assembly";
  check_input(session, x, name, "x");
  check_input(session, f, name, "f");
  check_input(session, hole, name, "hole");
  check_rank(x, 4, 4, name, "x");
  check_shape(f, x.shape(), name, "f");
  const std::int64_t batch = x.size(0), channels = x.size(1), height = x.size(2),
                     width = x.size(3);
  check_shape(hole, {batch, height, width}, name, "hole");
  Tensor y = session.allocate(x.shape());
  Tape* tape = follows(session, {&x, &f});
  const std::int64_t positions = height * width;
  const Tensor best = tape ? session.allocate({batch, positions}, DType::kI32) : Tensor{};

  if (variant == SelfAssembly::kPaper) {
    const Tensor weights = tape ? session.allocate({batch, positions, 3}) : Tensor{};
    dispatch(x.dtype(), [&]<class T>() {
      kernels::SelfAssemblyPaperArgs<T> args{x.data<T>(),
                                             f.data<T>(),
                                             hole.data<T>(),
                                             y.data<T>(),
                                             best.data<std::int32_t>(),
                                             weights.data<T>(),
                                             batch,
                                             channels,
                                             height,
                                             width};
      OFER_CALL(session, self_assembly_paper, args);
    });
    if (tape)
      tape->record(y, [=](Session& s, const Tensor& dy) {
        const Tensor dx = s.allocate(x.shape());
        const Tensor df = s.allocate(f.shape());
        dispatch(dy.dtype(), [&]<class T>() {
          kernels::SelfAssemblyPaperBackwardArgs<T> args{dy.data<T>(),
                                                         x.data<T>(),
                                                         f.data<T>(),
                                                         hole.data<T>(),
                                                         y.data<T>(),
                                                         best.data<std::int32_t>(),
                                                         weights.data<T>(),
                                                         dx.data<T>(),
                                                         df.data<T>(),
                                                         batch,
                                                         channels,
                                                         height,
                                                         width};
          OFER_CALL(s, self_assembly_paper_backward, args);
        });
        s.tape()->add_gradient(s, x, dx);
        s.tape()->add_gradient(s, f, df);
      });
    return y;
  }

  const Tensor shares = tape ? session.allocate({batch, positions, 2}) : Tensor{};
  dispatch(x.dtype(), [&]<class T>() {
    kernels::SelfAssemblyReleasedArgs<T> args{x.data<T>(),
                                              f.data<T>(),
                                              hole.data<T>(),
                                              y.data<T>(),
                                              best.data<std::int32_t>(),
                                              shares.data<T>(),
                                              batch,
                                              channels,
                                              height,
                                              width};
    OFER_CALL(session, self_assembly_released, args);
  });
  if (tape)
    tape->record(y, [=](Session& s, const Tensor& dy) {
      const Tensor dx = s.allocate(x.shape());
      dispatch(dy.dtype(), [&]<class T>() {
        kernels::SelfAssemblyReleasedBackwardArgs<T> args{
            dy.data<T>(), hole.data<T>(), best.data<std::int32_t>(), shares.data<T>(),
            dx.data<T>(), batch,          channels,                  height,
            width};
        OFER_CALL(s, self_assembly_released_backward, args);
      });
      s.tape()->add_gradient(s, x, dx);
    });
  return y;
}

Tensor grad_cam(Session& session, const Tensor& features, const Tensor& gradients,
                bool plus_plus) {
  check_input(session, features, "grad_cam", "features");
  check_input(session, gradients, "grad_cam", "gradients");
  check_rank(features, 4, 4, "grad_cam", "features");
  check_shape(gradients, features.shape(), "grad_cam", "gradients");
  Tensor map = session.allocate({features.size(0), features.size(2), features.size(3)});
  dispatch(features.dtype(), [&]<class T>() {
    kernels::GradCamArgs<T> args{features.data<T>(), gradients.data<T>(), map.data<T>(),
                                 features.size(0),   features.size(1),
                                 features.size(2) * features.size(3), plus_plus};
    OFER_CALL(session, grad_cam, args);
  });
  return map;
}

PatchLists patch_lists(Session& session, const Tensor& covered) {
  check_input(session, covered, "patch_lists", "covered");
  check_rank(covered, 2, 2, "patch_lists", "covered");
  const std::int64_t images = covered.size(0), patches = covered.size(1);
  require(images * (patches + 1) < (std::int64_t{1} << 31), ErrorCode::kBadArgument,
          "patch_lists: a batch of ", images, " images is too large");
  PatchLists lists;
  lists.used = session.allocate({images, 2}, DType::kI32);
  lists.token_source = session.allocate({images * (patches + 1)}, DType::kI32);
  lists.grid_source = session.allocate({images * (patches + 1)}, DType::kI32);
  lists.patch_source = session.allocate({images * patches}, DType::kI32);
  lists.any = session.allocate({images});
  dispatch(covered.dtype(), [&]<class T>() {
    kernels::PatchListsArgs<T> args{covered.data<T>(),
                                    lists.used.data<std::int32_t>(),
                                    lists.token_source.data<std::int32_t>(),
                                    lists.grid_source.data<std::int32_t>(),
                                    lists.patch_source.data<std::int32_t>(),
                                    lists.any.data<T>(),
                                    images,
                                    patches};
    OFER_CALL(session, patch_lists, args);
  });
  return lists;
}

}  // namespace ofer::ops
