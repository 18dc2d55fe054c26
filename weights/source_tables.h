// The rows of weights/source_names.h: data only. Private to it.
//
// Letters: e, d block of the encoder, of the decoder; s, t stage of the residual network from 1,
// from 2; j block of stage s; h head; l level of the U-Net between the outermost, the innermost (n)
// and the third, which holds the self-assembly; k deep sphere, p its linear map; g kernel sphere.
#pragma once

#include "weights/source_names.h"

namespace ofer {

// A transformer in the names of MAE and timm.
inline constexpr NameRow kTimmEncoder[] = {
    {"patch", "patch_embed.proj"},
    {"class_token", "cls_token", NameRow::kTensor, NameForm::kUnwrapped},
    {"position", "pos_embed", NameRow::kTensor, NameForm::kUnwrapped},
    {"block{ee}.norm1", "blocks.{e}.norm1"},
    {"block{ee}.qkv", "blocks.{e}.attn.qkv"},
    {"block{ee}.projection", "blocks.{e}.attn.proj"},
    {"block{ee}.norm2", "blocks.{e}.norm2"},
    {"block{ee}.up", "blocks.{e}.mlp.fc1"},
    {"block{ee}.down", "blocks.{e}.mlp.fc2"},
    {"norm", "norm"},
};
inline constexpr NameRow kMaeDecoder[] = {
    {"embed", "decoder_embed"},
    {"mask_token", "mask_token", NameRow::kTensor, NameForm::kUnwrapped},
    {"position", "decoder_pos_embed", NameRow::kTensor, NameForm::kUnwrapped},
    {"block{dd}.norm1", "decoder_blocks.{d}.norm1"},
    {"block{dd}.qkv", "decoder_blocks.{d}.attn.qkv"},
    {"block{dd}.projection", "decoder_blocks.{d}.attn.proj"},
    {"block{dd}.norm2", "decoder_blocks.{d}.norm2"},
    {"block{dd}.up", "decoder_blocks.{d}.mlp.fc1"},
    {"block{dd}.down", "decoder_blocks.{d}.mlp.fc2"},
    {"norm", "decoder_norm"},
    {"predict", "decoder_pred"},
};

// The same in the names of Hugging Face's transformers.
inline constexpr NameRow kHuggingFaceEncoder[] = {
    {"patch", "embeddings.patch_embeddings.projection"},
    {"class_token", "embeddings.cls_token", NameRow::kTensor, NameForm::kUnwrapped},
    {"position", "embeddings.position_embeddings", NameRow::kTensor, NameForm::kUnwrapped},
    {"block{ee}.norm1", "encoder.layer.{e}.layernorm_before"},
    {"block{ee}.qkv", "encoder.layer.{e}.attention.attention.{query|key|value}", NameRow::kLayer,
     NameForm::kStacked},
    {"block{ee}.projection", "encoder.layer.{e}.attention.output.dense"},
    {"block{ee}.norm2", "encoder.layer.{e}.layernorm_after"},
    {"block{ee}.up", "encoder.layer.{e}.intermediate.dense"},
    {"block{ee}.down", "encoder.layer.{e}.output.dense"},
    {"norm", "layernorm"},
};
inline constexpr NameRow kHuggingFaceDecoder[] = {
    {"embed", "decoder_embed"},
    {"mask_token", "mask_token", NameRow::kTensor, NameForm::kUnwrapped},
    {"position", "decoder_pos_embed", NameRow::kTensor, NameForm::kUnwrapped},
    {"block{dd}.norm1", "decoder_layers.{d}.layernorm_before"},
    {"block{dd}.qkv", "decoder_layers.{d}.attention.attention.{query|key|value}", NameRow::kLayer,
     NameForm::kStacked},
    {"block{dd}.projection", "decoder_layers.{d}.attention.output.dense"},
    {"block{dd}.norm2", "decoder_layers.{d}.layernorm_after"},
    {"block{dd}.up", "decoder_layers.{d}.intermediate.dense"},
    {"block{dd}.down", "decoder_layers.{d}.output.dense"},
    {"norm", "decoder_norm"},
    {"predict", "decoder_pred"},
};

// The released U-Net: sequences inside sequences.
inline constexpr NameRow kReleasedUNet[] = {
    {"level0.in", "model.model.0"}, {"level0.out", "model.model.3"},
    {"level{l}.down", "{@l}.1"},    {"level{l}.down_norm", "{@l}.2"},
    {"level{l}.in", "{@l}.4"},      {"level{l}.in_norm", "{@l}.5"},
    {"level{l}.out", "{@l}.8"},     {"level{l}.out_norm", "{@l}.9"},
    {"level{l}.up", "{@l}.11"},     {"level{l}.up_norm", "{@l}.12"},
    {"level3.down", "{@3}.1"},      {"level3.down_norm", "{@3}.2"},
    {"level3.in", "{@3}.4"},        {"level3.in_norm", "{@3}.7"},
    {"level3.out", "{@3}.11"},      {"level3.out_norm", "{@3}.12"},
    {"level3.up", "{@3}.14"},       {"level3.up_norm", "{@3}.15"},
    {"level{n}.down", "{@n}.1"},    {"level{n}.up", "{@n}.3"},
    {"level{n}.up_norm", "{@n}.4"},
};

// ResNet-18 without its end: as torchvision names it, and as the sequence of its children.
inline constexpr NameRow kTorchvisionResNet[] = {
    {"stem.conv", "conv1", NameRow::kWeight},
    {"stem.bn", "bn1", NameRow::kBatchNorm},
    {"stage{s}.block{j}.conv1", "layer{s}.{j}.conv1", NameRow::kWeight},
    {"stage{s}.block{j}.bn1", "layer{s}.{j}.bn1", NameRow::kBatchNorm},
    {"stage{s}.block{j}.conv2", "layer{s}.{j}.conv2", NameRow::kWeight},
    {"stage{s}.block{j}.bn2", "layer{s}.{j}.bn2", NameRow::kBatchNorm},
    {"stage{t}.block0.shortcut.conv", "layer{t}.0.downsample.0", NameRow::kWeight},
    {"stage{t}.block0.shortcut.bn", "layer{t}.0.downsample.1", NameRow::kBatchNorm},
};
inline constexpr NameRow kSequenceResNet[] = {
    {"stem.conv", "features.0", NameRow::kWeight},
    {"stem.bn", "features.1", NameRow::kBatchNorm},
    {"stage{s}.block{j}.conv1", "features.{s+3}.{j}.conv1", NameRow::kWeight},
    {"stage{s}.block{j}.bn1", "features.{s+3}.{j}.bn1", NameRow::kBatchNorm},
    {"stage{s}.block{j}.conv2", "features.{s+3}.{j}.conv2", NameRow::kWeight},
    {"stage{s}.block{j}.bn2", "features.{s+3}.{j}.bn2", NameRow::kBatchNorm},
    {"stage{t}.block0.shortcut.conv", "features.{t+3}.0.downsample.0", NameRow::kWeight},
    {"stage{t}.block0.shortcut.bn", "features.{t+3}.0.downsample.1", NameRow::kBatchNorm},
};

// DAN's cross-attention heads, which the released FER network has too.
inline constexpr NameRow kAttentionHeads[] = {
    {"head{h}.channel.down", "cat_head{h}.ca.attention.0"},
    {"head{h}.channel.bn", "cat_head{h}.ca.attention.1", NameRow::kBatchNorm},
    {"head{h}.channel.up", "cat_head{h}.ca.attention.3"},
    {"head{h}.spatial.conv1x1", "cat_head{h}.sa.conv1x1.0"},
    {"head{h}.spatial.bn1x1", "cat_head{h}.sa.conv1x1.1", NameRow::kBatchNorm},
    {"head{h}.spatial.conv3x3", "cat_head{h}.sa.conv_3x3.0"},
    {"head{h}.spatial.bn3x3", "cat_head{h}.sa.conv_3x3.1", NameRow::kBatchNorm},
    {"head{h}.spatial.conv1x3", "cat_head{h}.sa.conv_1x3.0"},
    {"head{h}.spatial.bn1x3", "cat_head{h}.sa.conv_1x3.1", NameRow::kBatchNorm},
    {"head{h}.spatial.conv3x1", "cat_head{h}.sa.conv_3x1.0"},
    {"head{h}.spatial.bn3x1", "cat_head{h}.sa.conv_3x1.1", NameRow::kBatchNorm},
};

// Theirs puts the head features in front of the latent part, ours behind it.
inline constexpr NameRow kFerClassifier[] = {
    {"latent1", "hh_layer"},
    {"latent2", "hh_layer2"},
    {"latent_bn2", "hh_batch1", NameRow::kBatchNorm},
    {"latent3", "hh_layer3"},
    {"latent4", "hh_layer4"},
    {"latent_bn4", "batch_norm1", NameRow::kBatchNorm},
    {"joint1.weight", "fc.weight", NameRow::kTensor, NameForm::kRotated},
    {"joint1.bias", "fc.bias", NameRow::kTensor},
    {"joint2", "fc2"},
    {"joint_bn2", "batch_norm", NameRow::kBatchNorm},
    {"joint3", "fc4"},
    {"joint_bn3", "bn", NameRow::kBatchNorm},
};

// DAN knows no latent vectors and has one linear map: the others pass its result on.
inline constexpr NameRow kDanClassifier[] = {
    {"latent1", "", NameRow::kLayer, NameForm::kZero},
    {"latent2", "", NameRow::kLayer, NameForm::kZero},
    {"latent_bn2.weight", "", NameRow::kTensor, NameForm::kOne},
    {"latent_bn2.bias", "", NameRow::kTensor, NameForm::kZero},
    {"latent_bn2.mean", "", NameRow::kTensor, NameForm::kZero},
    {"latent_bn2.variance", "", NameRow::kTensor, NameForm::kUnitVariance},
    {"latent3", "", NameRow::kLayer, NameForm::kZero},
    {"latent4", "", NameRow::kLayer, NameForm::kZero},
    {"latent_bn4.weight", "", NameRow::kTensor, NameForm::kOne},
    {"latent_bn4.bias", "", NameRow::kTensor, NameForm::kZero},
    {"latent_bn4.mean", "", NameRow::kTensor, NameForm::kZero},
    {"latent_bn4.variance", "", NameRow::kTensor, NameForm::kUnitVariance},
    {"joint1.weight", "fc.weight", NameRow::kTensor, NameForm::kBehindZeros},
    {"joint1.bias", "fc.bias", NameRow::kTensor},
    {"joint2.weight", "", NameRow::kTensor, NameForm::kIdentity},
    {"joint2.bias", "", NameRow::kTensor, NameForm::kZero},
    {"joint_bn2.weight", "", NameRow::kTensor, NameForm::kOne},
    {"joint_bn2.bias", "", NameRow::kTensor, NameForm::kZero},
    {"joint_bn2.mean", "", NameRow::kTensor, NameForm::kZero},
    {"joint_bn2.variance", "", NameRow::kTensor, NameForm::kUnitVariance},
    {"joint3.weight", "", NameRow::kTensor, NameForm::kIdentity},
    {"joint3.bias", "", NameRow::kTensor, NameForm::kZero},
    {"joint_bn3", "bn", NameRow::kBatchNorm},
};

// Spheres: our own names.
inline constexpr NameRow kOneSphere[] = {
    {"sphere{k}.phi{p}", "phi{p}", NameRow::kWeight},
    {"sphere{k}.center", "center", NameRow::kTensor},
    {"sphere{k}.radius", "radius", NameRow::kTensor, NameForm::kUnwrapped},
    {"sphere{g}.support", "support", NameRow::kTensor},
    {"sphere{g}.alpha", "alpha", NameRow::kTensor},
    {"sphere{g}.radius", "radius", NameRow::kTensor, NameForm::kUnwrapped},
};
inline constexpr NameRow kSeveralSpheres[] = {
    {"sphere{k}.phi{p}", "sphere{k}.phi{p}", NameRow::kWeight},
    {"sphere{k}.center", "sphere{k}.center", NameRow::kTensor},
    {"sphere{k}.radius", "sphere{k}.radius", NameRow::kTensor, NameForm::kUnwrapped},
    {"sphere{g}.support", "sphere{g}.support", NameRow::kTensor},
    {"sphere{g}.alpha", "sphere{g}.alpha", NameRow::kTensor},
    {"sphere{g}.radius", "sphere{g}.radius", NameRow::kTensor, NameForm::kUnwrapped},
};

}  // namespace ofer
