"""The twin's names (docs/model.md) of the published tensors: what conversion has to come to."""
import re

import torch

BATCH_NORM = {"running_mean": "mean", "running_var": "variance"}
BLOCK = (("attn.qkv", "qkv"), ("attn.proj", "projection"), ("mlp.fc1", "up"), ("mlp.fc2", "down"))
HEAD = (("ca.attention.0.", "channel.down."), ("ca.attention.1.", "channel.bn."),
        ("ca.attention.3.", "channel.up."),
        *((f"sa.{theirs}.{k}.", f"spatial.{kind}{size}.")
          for theirs, size in (("conv1x1", "1x1"), ("conv_3x3", "3x3"), ("conv_1x3", "1x3"),
                               ("conv_3x1", "3x1"))
          for k, kind in enumerate(("conv", "bn"))))
CLASSIFIER = {"hh_layer": "latent1", "hh_layer2": "latent2", "hh_batch1": "latent_bn2",
              "hh_layer3": "latent3", "hh_layer4": "latent4", "batch_norm1": "latent_bn4",
              "fc": "joint1", "fc2": "joint2", "batch_norm": "joint_bn2", "fc4": "joint3",
              "bn": "joint_bn3"}


def replaced(name, pairs):
    for theirs, ours in pairs:
        name = name.replace(theirs, ours)
    return name


def encoder(state, prefix="mae.encoder."):
    """Tensors of a ViT encoder in timm's names."""
    named = {"cls_token": "class_token", "pos_embed": "position"}
    arrays = {}
    for name, value in state.items():
        if name in named:
            arrays[prefix + named[name]] = value.squeeze(0).squeeze(0)
            continue
        name = re.sub(r"^blocks\.(\d+)\.", lambda m: f"block{int(m[1]):02d}.", name)
        arrays[prefix + replaced(name, (("patch_embed.proj", "patch"), *BLOCK))] = value
    return arrays


def mae(state):
    ours = {"mask_token": "mask_token", "decoder_pos_embed": "position",
            "decoder_embed": "embed", "decoder_norm": "norm", "decoder_pred": "predict"}
    arrays = encoder({name: value for name, value in state.items()
                      if name != "mask_token" and not name.startswith("decoder_")})
    for name, value in state.items():
        block = re.match(r"decoder_blocks\.(\d+)\.(.*)", name)
        first, _, rest = name.partition(".")
        if block:
            arrays[f"mae.decoder.block{int(block[1]):02d}.{replaced(block[2], BLOCK)}"] = value
        elif first in ours:
            value = value.squeeze(0).squeeze(0) if not rest else value
            arrays[f"mae.decoder.{ours[first]}" + (f".{rest}" if rest else "")] = value
    return arrays


def unet(state, levels):
    order = ("down", "down_norm", "in", "in_norm", "out", "out_norm", "up", "up_norm")
    usual = dict(zip((1, 2, 4, 5, 8, 9, 11, 12), order))
    third = dict(zip((1, 2, 4, 7, 11, 12, 14, 15), order))
    innermost = {1: "down", 3: "up", 4: "up_norm"}
    arrays = {}
    for name, value in state.items():
        *nest, place, part = name.split(".")
        # model.model.PLACE is level 0; each ".K.model" more is one level deeper.
        level = (len(nest) - 2) // 2
        table = {0: {0: "in", 3: "out"}, 3: third, levels: innermost}.get(level, usual)
        arrays[f"unet.level{level}.{table[int(place)]}.{part}"] = value
    return arrays


def residual(name):
    """A name inside `features`, or in torchvision's ResNet."""
    name = re.sub(r"^layer(\d)\.(\d+)\.", r"stage\1.block\2.", name)
    name = re.sub(r"^features\.([4-7])\.(\d+)\.",
                  lambda m: f"stage{int(m[1]) - 3}.block{m[2]}.", name)
    name = re.sub(r"^(features\.0|conv1)\.", "stem.conv.", name)
    name = re.sub(r"^(features\.1|bn1)\.", "stem.bn.", name)
    return replaced(name, (("downsample.0.", "shortcut.conv."), ("downsample.1.", "shortcut.bn.")))


def recogniser(state, features):
    """`features`: how many head features stand in front of the latent part in `fc`."""
    arrays = {}
    for name, value in state.items():
        path, _, part = name.rpartition(".")
        if part == "num_batches_tracked":
            continue
        name = f"{path}.{BATCH_NORM.get(part, part)}"
        if path in CLASSIFIER:
            if name == "fc.weight":  # ours has the latent part in front
                value = torch.roll(value, -features, dims=1)
            name = f"classifier.{CLASSIFIER[path]}.{name.rpartition('.')[2]}"
        elif path.startswith("cat_head"):
            name = replaced(re.sub(r"^cat_head(\d+)\.", r"head\1.", name), HEAD)
        else:
            name = residual(name)
        arrays[f"recogniser.{name}"] = value
    return arrays
