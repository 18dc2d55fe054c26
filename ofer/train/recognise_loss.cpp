#include "ofer/train/recognise_loss.h"

#include "engine/ops.h"
#include "ofer/recogniser_input.h"

namespace ofer {

Tensor recognise_loss(Session& s, const Network& network, const RecogniseBatch& batch) {
  const Tensor seen = recogniser_input(s, network, batch.raw, batch.restored, batch.covered_flag);
  const Recogniser::Output out = network.recogniser()(s, seen, batch.latent, batch.latent_rows);
  return ops::cross_entropy(s, out.logits, batch.label, batch.class_weight);
}

}  // namespace ofer
