// Checkpoints as others publish them, in memory: their names and shapes, written down from the
// specification and from nothing of ours, and numbers that a name and an index fix.
#pragma once

#include <array>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/support/random.h"
#include "weights/convert_source.h"

namespace ofer::test {

class Published final : public ConvertSource {
 public:
  explicit Published(std::string name) : name_(std::move(name)) {}

  void add(const std::string& name, Shape shape, const char* dtype = "F32") {
    tensors_.push_back({name, shape, dtype, std::string_view(dtype).starts_with('F')});
  }
  void layer(const std::string& name, Shape weight, std::int64_t bias) {
    add(name + ".weight", weight);
    add(name + ".bias", {bias});
  }
  void norm(const std::string& name, std::int64_t width) { layer(name, {width}, width); }
  void batch_norm(const std::string& name, std::int64_t width) {
    norm(name, width);
    add(name + ".running_mean", {width});
    add(name + ".running_var", {width});
    add(name + ".num_batches_tracked", {}, "I64");
  }
  void conv(const std::string& name, Shape weight) { layer(name, weight, weight[0]); }

  void drop(const std::string& name) {
    std::erase_if(tensors_, [&](const CheckpointTensor& tensor) { return tensor.name == name; });
  }
  void reshape(const std::string& name, Shape shape) {
    for (CheckpointTensor& tensor : tensors_)
      if (tensor.name == name) tensor.shape = shape;
  }
  void say(const std::string& name, double number) { numbers_[name] = number; }
  // Element `index` of a tensor is to be `value`.
  void plant(const std::string& name, std::int64_t index, double value) {
    planted_[name][index] = value;
  }

  // A float.
  double value(const std::string& name, std::int64_t index) const {
    if (const auto found = planted_.find(name); found != planted_.end())
      if (const auto at = found->second.find(index); at != found->second.end()) return at->second;
    Random random(seed_of(name, static_cast<std::uint64_t>(index)));
    const bool positive = name.ends_with("running_var") || name.ends_with("radius");
    return static_cast<float>(positive ? random.between(0.5, 1.5) : random.between(-0.2, 0.2));
  }
  int reads() const { return reads_; }

  const std::string& name() const override { return name_; }
  const std::vector<CheckpointTensor>& tensors() const override { return tensors_; }
  const CheckpointTensor* find(std::string_view name) const override {
    for (const CheckpointTensor& tensor : tensors_)
      if (tensor.name == name) return &tensor;
    return nullptr;
  }
  std::optional<double> number(std::string_view name) const override {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  void read(const CheckpointTensor& tensor, std::int64_t first,
            std::span<double> out) const override {
    ++reads_;
    require(first >= 0 && first + static_cast<std::int64_t>(out.size()) <= tensor.shape.elements(),
            ErrorCode::kInternal, tensor.name, ": read outside");
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = value(tensor.name, first + static_cast<std::int64_t>(i));
  }

 private:
  std::string name_;
  std::vector<CheckpointTensor> tensors_;
  std::map<std::string, double, std::less<>> numbers_;
  std::map<std::string, std::map<std::int64_t, double>, std::less<>> planted_;
  mutable int reads_ = 0;
};

struct VitSize {
  std::int64_t width, depth, mlp, patch, patches;
  std::int64_t decoder_width = 0, decoder_depth = 0, decoder_mlp = 0;
};

inline void add_timm_blocks(Published& p, const std::string& blocks, std::int64_t depth,
                            std::int64_t width, std::int64_t mlp) {
  for (std::int64_t i = 0; i < depth; ++i) {
    const std::string block = blocks + "." + std::to_string(i) + ".";
    p.norm(block + "norm1", width);
    p.layer(block + "attn.qkv", {3 * width, width}, 3 * width);
    p.layer(block + "attn.proj", {width, width}, width);
    p.norm(block + "norm2", width);
    p.layer(block + "mlp.fc1", {mlp, width}, mlp);
    p.layer(block + "mlp.fc2", {width, mlp}, width);
  }
}

inline Published timm_encoder(const VitSize& v, const std::string& name = "vit.pth") {
  Published p(name);
  p.add("cls_token", {1, 1, v.width});
  p.add("pos_embed", {1, v.patches + 1, v.width});
  p.layer("patch_embed.proj", {v.width, 3, v.patch, v.patch}, v.width);
  add_timm_blocks(p, "blocks", v.depth, v.width, v.mlp);
  p.norm("norm", v.width);
  return p;
}

inline Published mae(const VitSize& v) {
  Published p = timm_encoder(v, "mae.pth");
  p.layer("decoder_embed", {v.decoder_width, v.width}, v.decoder_width);
  p.add("mask_token", {1, 1, v.decoder_width});
  p.add("decoder_pos_embed", {1, v.patches + 1, v.decoder_width});
  add_timm_blocks(p, "decoder_blocks", v.decoder_depth, v.decoder_width, v.decoder_mlp);
  p.norm("decoder_norm", v.decoder_width);
  const std::int64_t pixels = v.patch * v.patch * 3;
  p.layer("decoder_pred", {pixels, v.decoder_width}, pixels);
  return p;
}

inline void add_hugging_face_layers(Published& p, const std::string& layers, std::int64_t depth,
                                    std::int64_t width, std::int64_t mlp) {
  for (std::int64_t i = 0; i < depth; ++i) {
    const std::string layer = layers + "." + std::to_string(i) + ".";
    p.norm(layer + "layernorm_before", width);
    for (const char* part : {"query", "key", "value"})
      p.layer(layer + "attention.attention." + part, {width, width}, width);
    p.layer(layer + "attention.output.dense", {width, width}, width);
    p.norm(layer + "layernorm_after", width);
    p.layer(layer + "intermediate.dense", {mlp, width}, mlp);
    p.layer(layer + "output.dense", {width, mlp}, width);
  }
}

// `prefix`: "" of ViTModel, "vit." of the models around it.
inline Published hugging_face_encoder(const VitSize& v, const std::string& prefix) {
  Published p("vit.safetensors");
  p.add(prefix + "embeddings.cls_token", {1, 1, v.width});
  p.add(prefix + "embeddings.position_embeddings", {1, v.patches + 1, v.width});
  p.layer(prefix + "embeddings.patch_embeddings.projection", {v.width, 3, v.patch, v.patch},
          v.width);
  add_hugging_face_layers(p, prefix + "encoder.layer", v.depth, v.width, v.mlp);
  p.norm(prefix + "layernorm", v.width);
  return p;
}

inline Published hugging_face_mae(const VitSize& v) {
  Published p = hugging_face_encoder(v, "vit.");
  p.layer("decoder.decoder_embed", {v.decoder_width, v.width}, v.decoder_width);
  p.add("decoder.mask_token", {1, 1, v.decoder_width});
  p.add("decoder.decoder_pos_embed", {1, v.patches + 1, v.decoder_width});
  add_hugging_face_layers(p, "decoder.decoder_layers", v.decoder_depth, v.decoder_width,
                          v.decoder_mlp);
  p.norm("decoder.decoder_norm", v.decoder_width);
  const std::int64_t pixels = v.patch * v.patch * 3;
  p.layer("decoder.decoder_pred", {pixels, v.decoder_width}, pixels);
  return p;
}

// The nest of sequences, from the outside in.
inline Published released_unet(int levels, std::int64_t g) {
  Published p("unet.pth");
  p.conv("model.model.0", {2 * g, 12, 3, 3});
  p.layer("model.model.3", {2 * g, 3, 3, 3}, 3);
  std::string at = "model.model.1.model.";
  for (int level = 1; level <= levels; ++level) {
    const std::int64_t in = level == 1 ? 2 * g : level == 2 ? 4 * g : 8 * g;
    const auto name = [&](int number) { return at + std::to_string(number); };
    p.conv(name(1), {in, in, 4, 4});
    if (level == levels) {
      p.layer(name(3), {8 * g, 8 * g, 4, 4}, 8 * g);
      p.norm(name(4), 8 * g);
      break;
    }
    const bool third = level == 3;
    const std::int64_t convolved = level == 1 ? 4 * g : third ? 16 * g : 8 * g;
    const std::int64_t passed = third ? 8 * g : convolved;
    // From below, and of the skip all or, down to the third, the first half of what goes in.
    const std::int64_t below = level == 1 ? 2 * g : level == 2 ? 4 * g : 8 * g;
    const std::int64_t next_in = level == 1 ? 4 * g : 8 * g;
    const std::int64_t joined = below + (level + 1 <= 3 ? next_in / 2 : next_in);
    const std::int64_t up = level == 1 ? g : level == 2 ? 2 * g : third ? 4 * g : 8 * g;
    p.norm(name(2), in);
    p.conv(name(4), {convolved, in, 3, 3});
    p.norm(name(third ? 7 : 5), passed);
    p.layer(name(third ? 11 : 8), {joined, up, 3, 3}, up);
    p.norm(name(third ? 12 : 9), up);
    p.layer(name(third ? 14 : 11), {up, up, 4, 4}, up);
    p.norm(name(third ? 15 : 12), up);
    at += third ? "8.model." : "6.model.";
  }
  return p;
}

struct FerSize {
  std::array<std::int64_t, 4> widths = {64, 128, 256, 512};
  int blocks = 2, heads = 4;
  std::int64_t channel = 32, spatial = 256, latents = 39936;
  std::array<std::int64_t, 4> hidden = {10000, 5000, 1024, 256};
  std::array<std::int64_t, 2> joint = {256, 128};
  std::int64_t classes = 7;
};

// stem, bn: "conv1", "bn1"; stage: "layer" + 1, or "features." + 4.
inline void add_resnet(Published& p, const FerSize& f, const std::string& stem,
                       const std::string& bn, const std::string& stage, int first) {
  p.add(stem + ".weight", {f.widths[0], 3, 7, 7});
  p.batch_norm(bn, f.widths[0]);
  std::int64_t in = f.widths[0];
  for (int s = 0; s < 4; ++s)
    for (int j = 0; j < f.blocks; ++j) {
      const std::int64_t out = f.widths[static_cast<std::size_t>(s)];
      const std::string block = stage + std::to_string(first + s) + "." + std::to_string(j) + ".";
      p.add(block + "conv1.weight", {out, in, 3, 3});
      p.batch_norm(block + "bn1", out);
      p.add(block + "conv2.weight", {out, out, 3, 3});
      p.batch_norm(block + "bn2", out);
      if (s > 0 && j == 0) {
        p.add(block + "downsample.0.weight", {out, in, 1, 1});
        p.batch_norm(block + "downsample.1", out);
      }
      in = out;
    }
}

inline Published resnet18(const FerSize& f = {}) {
  Published p("resnet18.pth");
  add_resnet(p, f, "conv1", "bn1", "layer", 1);
  p.layer("fc", {1000, f.widths[3]}, 1000);
  return p;
}

inline void add_heads(Published& p, const FerSize& f) {
  const std::int64_t c = f.widths[3], s = f.spatial;
  for (int k = 0; k < f.heads; ++k) {
    const std::string head = "cat_head" + std::to_string(k) + ".";
    p.conv(head + "sa.conv1x1.0", {s, c, 1, 1});
    p.batch_norm(head + "sa.conv1x1.1", s);
    p.conv(head + "sa.conv_3x3.0", {c, s, 3, 3});
    p.batch_norm(head + "sa.conv_3x3.1", c);
    p.conv(head + "sa.conv_1x3.0", {c, s, 1, 3});
    p.batch_norm(head + "sa.conv_1x3.1", c);
    p.conv(head + "sa.conv_3x1.0", {c, s, 3, 1});
    p.batch_norm(head + "sa.conv_3x1.1", c);
    p.layer(head + "ca.attention.0", {f.channel, c}, f.channel);
    p.batch_norm(head + "ca.attention.1", f.channel);
    p.layer(head + "ca.attention.3", {c, f.channel}, c);
  }
}

inline Published released_fer(const FerSize& f = {}) {
  Published p("fer.pth");
  add_resnet(p, f, "features.0", "features.1", "features.", 4);
  add_heads(p, f);
  p.layer("hh_layer", {f.hidden[0], f.latents}, f.hidden[0]);
  p.layer("hh_layer2", {f.hidden[1], f.hidden[0]}, f.hidden[1]);
  p.batch_norm("hh_batch1", f.hidden[1]);
  p.layer("hh_layer3", {f.hidden[2], f.hidden[1]}, f.hidden[2]);
  p.layer("hh_layer4", {f.hidden[3], f.hidden[2]}, f.hidden[3]);
  p.batch_norm("batch_norm1", f.hidden[3]);
  p.layer("fc", {f.joint[0], f.widths[3] + f.hidden[3]}, f.joint[0]);
  p.layer("fc2", {f.joint[1], f.joint[0]}, f.joint[1]);
  p.batch_norm("batch_norm", f.joint[1]);
  p.layer("fc4", {f.classes, f.joint[1]}, f.classes);
  p.batch_norm("bn", f.classes);
  return p;
}

inline Published dan(const FerSize& f = {}) {
  Published p("dan.pth");
  add_resnet(p, f, "features.0", "features.1", "features.", 4);
  add_heads(p, f);
  p.layer("fc", {f.classes, f.widths[3]}, f.classes);
  p.batch_norm("bn", f.classes);
  return p;
}

// One deep sphere: phi's maps of these widths, from latents of width z.
inline Published deep_sphere(std::int64_t z, const std::vector<std::int64_t>& widths) {
  Published p("svdd.safetensors");
  for (std::size_t i = 0; i < widths.size(); ++i)
    p.add("phi" + std::to_string(i) + ".weight", {widths[i], i == 0 ? z : widths[i - 1]});
  p.add("center", {widths.back()});
  p.add("radius", {});
  return p;
}

}  // namespace ofer::test
