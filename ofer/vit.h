// The vision transformer in the masked autoencoder's layout: encoder and decoder.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/function_ref.h"
#include "layers/linear.h"
#include "layers/norm.h"
#include "layers/transformer_block.h"
#include "ofer/patch_selection.h"
#include "weights/config.h"

namespace ofer {

// Sees an encoder's tokens [rows, D] behind block `block`, or, for `block` = depth, behind the final
// norm. What it wants to keep it must copy: the next block reuses the memory.
using BlockObserver = FunctionRef<void(int block, const Tensor& tokens)>;

// Patch embedding, class token, positions, blocks, final norm.
class VitEncoder {
 public:
  VitEncoder(const layers::Parameters& p, const EncoderConfig& config, int patch);

  int depth() const { return static_cast<int>(blocks_.size()); }

  // images [N, 3, S, S] normalised -> packed tokens [visible rows, D]: of every patch
  // (`selection.all()`, all_patches) or of the visible ones. Runs blocks [0, blocks) and, with
  // blocks = depth, the final norm. Taps: embed, block00/attention, block00/mlp, block00, ..., norm.
  Tensor operator()(Session& s, const Tensor& images, const PatchSelection& selection,
                    bool all_patches, int blocks, BlockObserver observe = {}) const;

 private:
  Tensor embed(Session& s, const Tensor& images, const PatchSelection& selection,
               bool all_patches) const;

  int patch_;
  layers::Linear patch_embedding_;  // the convolution's weight as [D, 3 p p]
  Tensor class_token_, position_;
  std::vector<layers::TransformerBlock> blocks_;
  layers::LayerNorm norm_;
};

// Linear map to the decoder's width, mask tokens, positions, blocks, norm, prediction of pixels.
class VitDecoder {
 public:
  VitDecoder(const layers::Parameters& p, const DecoderConfig& config);

  struct Output {
    Tensor latent;      // [N, L, E] behind the norm, class token dropped
    Tensor prediction;  // [N, L, p p 3]
  };

  // encoded: packed tokens of the visible patches [rows, D].
  // Taps: embed, block00/attention, ..., norm, predict.
  Output operator()(Session& s, const Tensor& encoded, const PatchSelection& selection) const;

 private:
  layers::Linear embed_, predict_;
  Tensor mask_token_, position_;
  std::vector<layers::TransformerBlock> blocks_;
  layers::LayerNorm norm_;
};

}  // namespace ofer
