#include "ofer/train/recognise_loss.h"

#include "engine/ops.h"
#include "ofer/recogniser_input.h"

namespace ofer {

Tensor recognise_loss(Session& s, const Network& network, const RecogniseBatch& batch) {
  const Tensor seen = recogniser_input(s, network, batch.raw, batch.restored, batch.covered_flag);
  const Recogniser::Output out = network.recogniser()(s, seen, batch.latent, batch.latent_rows);
  const Tensor loss = ops::cross_entropy(s, out.logits, batch.label, batch.class_weight);
  if (batch.smoothing == 0) return loss;
  const Tensor logs = ops::log_softmax(s, out.logits, 1);
  const Tensor mean = ops::mean(s, logs.view({1, logs.elements()}), 1);
  return ops::add(s, ops::scale(s, loss, 1 - batch.smoothing),
                  ops::scale(s, mean, -batch.smoothing));
}

}  // namespace ofer
