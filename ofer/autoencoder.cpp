#include "ofer/autoencoder.h"

namespace ofer {

Autoencoder::Autoencoder(const layers::Parameters& p, const Config& config)
    : encoder_(p.child("encoder"), config.encoder, config.patch_size),
      decoder_(p.child("decoder"), config.decoder),
      patch_(config.patch_size),
      rows_(config.patch_rows()),
      columns_(config.patch_columns()),
      norm_pix_loss_(config.decoder.norm_pix_loss),
      encoder_latents_(config.recogniser.latent_source == LatentSource::kEncoderNorm) {}

// A prediction of standardised patches is scaled and shifted by what the visible patches have on
// average, since a covered one's own mean and deviation are unknown.
Tensor Autoencoder::undo_patch_normalisation(Session& s, const Tensor& prediction,
                                             const Tensor& images,
                                             const PatchSelection& selection) const {
  const std::int64_t n = selection.batch(), patches = selection.patches();
  const Tensor values = ops::to_patches(s, images, patch_, false);
  const auto length = static_cast<double>(values.size(2));
  const Tensor means = ops::mean(s, values, 2);
  const Tensor centred = ops::subtract(s, values, means.view({n, patches, 1}));
  const Tensor squares = ops::sum(s, ops::square(s, centred), 2);
  const Tensor deviations = ops::square_root(s, ops::scale(s, squares, 1 / (length - 1), 1e-6));

  // 1 for a visible patch: one row of ones, taken wherever a patch has a token.
  const Tensor ones = ops::full(s, {selection.visible().rows(), 1}, 1);
  const Tensor visible =
      ops::gather_rows(s, ones, selection.patch_source(), {}).view({n, patches});
  const Tensor count = ops::sum(s, visible, 1);
  const Tensor divisor = ops::clamp(s, count, 1, static_cast<double>(patches));
  const auto average = [&](const Tensor& x) {
    const Tensor total = ops::sum(s, ops::multiply(s, x, visible), 1);
    return ops::divide(s, total, divisor).view({n, 1, 1});
  };
  // With no visible patch both averages are 0: mean 0 is right, the deviation becomes 1.
  const Tensor none = ops::scale(s, ops::greater(s, count, 0), -1, 1).view({n, 1, 1});
  const Tensor deviation = ops::add(s, average(deviations), none);
  return ops::add(s, ops::multiply(s, prediction, deviation), average(means));
}

Autoencoder::Decoded Autoencoder::decode(Session& s, const Tensor& images,
                                         const PatchSelection& selection) const {
  Decoded decoded;
  {
    const Session::Path path(s, "encoder");
    decoded.encoded = encoder_(s, images, selection, false, encoder_.depth());
  }
  const Session::Path path(s, "decoder");
  decoded.out = decoder_(s, decoded.encoded, selection);
  return decoded;
}

Tensor Autoencoder::predict(Session& s, const Tensor& images,
                            const PatchSelection& selection) const {
  return decode(s, images, selection).out.prediction;
}

Autoencoder::Output Autoencoder::operator()(Session& s, const Tensor& images,
                                            const PatchSelection& selection, const Tensor& mean,
                                            const Tensor& deviation) const {
  const Decoded decoded = decode(s, images, selection);
  Output output;
  output.latent = decoded.out.latent;
  if (encoder_latents_)
    output.latent = ops::gather_rows(s, decoded.encoded, selection.patch_source(), {})
                        .view({selection.batch(), selection.patches(), decoded.encoded.size(1)});
  s.tap("latent", output.latent);

  Tensor prediction = decoded.out.prediction;
  if (norm_pix_loss_)
    prediction = undo_patch_normalisation(s, prediction, images, selection);
  Tensor coarse = ops::from_patches(s, prediction, 3, rows_, columns_, patch_, false);
  coarse = ops::add(s, ops::multiply(s, coarse, deviation), mean);
  output.coarse = ops::clamp(s, coarse, 0, 1);
  s.tap("coarse", output.coarse);
  return output;
}

}  // namespace ofer
