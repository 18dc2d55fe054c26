#include "ofer/reconstruction.h"

#include "engine/ops.h"

namespace ofer {
namespace {

void complete(Session& s, const Network& network, const Tensor& vit,
              const PatchSelection& selection, const Reconstruction& result) {
  const Workspace::Scope scope(s.workspace());
  const Autoencoder::Output out =
      network.autoencoder()(s, vit, selection, network.mean(), network.deviation());
  ops::copy_to(s, out.latent, result.latent);
  ops::copy_to(s, out.coarse, result.coarse);
}

// Only the images that have a covered patch go through, or, in the dense form, all; those that have
// none pass as they came.
void restore(Session& s, const Network& network, const UNet* unet, const Tensor& images,
             const PatchSelection& selection, const Reconstruction& result) {
  const Config& config = network.config();
  const std::int64_t n = selection.batch(), u = network.restored_size();
  const auto covered = static_cast<std::int64_t>(selection.covered_images().size());
  const Workspace::Scope scope(s.workspace());
  const auto take = [&](const Tensor& x) {
    if (selection.dense()) return x;
    const std::int64_t row = x.shape().product(1, x.rank());
    Shape shape = x.shape();
    shape[0] = covered;
    return ops::gather_rows(s, x.view({n, row}), selection.covered_index(), {}).view(shape);
  };
  const Tensor coarse = ops::resize(s, take(result.coarse), u, u);
  const Tensor image = take(images);
  const Tensor grid = take(selection.covered_mask())
                          .view({covered, 1, config.patch_rows(), config.patch_columns()});
  const Tensor hole = ops::resize_nearest(s, grid, u, u);
  const Tensor outside = ops::scale(s, hole, -1, 1);
  Tensor painted = coarse;
  bool paste = true;
  if (unet) {
    const Session::Path unet_path(s, "unet");
    painted = (*unet)(s, coarse, image, hole);
    painted = ops::clamp(s, ops::scale(s, painted, 0.5, 0.5), 0, 1);
    paste = config.unet->composite;
  }
  if (paste)
    painted = ops::add(s, ops::multiply(s, painted, hole), ops::multiply(s, image, outside));
  const std::int64_t row = 3 * u * u;
  const Tensor placed =
      selection.dense()
          ? ops::multiply(s, painted.view({n, row}), selection.covered_flag().view({n, 1}))
          : ops::gather_rows(s, painted.view({covered, row}), selection.covered_place(), {});
  const Tensor clean = ops::scale(s, selection.covered_flag().view({n, 1}), -1, 1);
  const Tensor kept = ops::multiply(s, images.view({n, row}), clean);
  ops::copy_to(s, ops::add(s, placed, kept), result.restored);
}

}  // namespace

Reconstruction allocate_reconstruction(Session& s, const Network& network, const Tensor& image,
                                       const PatchSelection& selection) {
  const Config& config = network.config();
  const std::int64_t n = selection.batch(), size = config.image_size;
  Reconstruction result;
  result.latent = s.allocate({n, selection.patches(), config.latent_width()});
  result.coarse = s.allocate({n, 3, size, size});
  result.restored = selection.covered_images().empty() ? image : s.allocate(image.shape());
  return result;
}

void reconstruct(Session& s, const Network& network, const UNet* unet, const Tensor& vit,
                 const Tensor& image, const PatchSelection& selection, Reconstruction& result) {
  complete(s, network, vit, selection, result);
  if (!selection.covered_images().empty()) restore(s, network, unet, image, selection, result);
  s.tap("restored", result.restored);
}

}  // namespace ofer
