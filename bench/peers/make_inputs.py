#!/usr/bin/env python3
"""The inputs of every timed stage, by one run of the twin; both sides read this one file.

Half of each image's patches are covered, as one connected piece (lower, upper, left or right half:
a different one for each image). The whole pipeline is given no mask: it detects. The metadata
"operations" lists the single operations to time.
"""
import argparse
import json

import torch

import twin  # noqa: F401  (finds the reference's modules)
import safetensors_io
from images import random_inputs
from taps import Taps
from unet import hole_pixels


def half_masks(count, grid):
    """[count, grid^2] bool."""
    masks = torch.zeros(count, grid, grid, dtype=torch.bool)
    half = grid // 2
    for n, mask in enumerate(masks):
        halves = (mask[grid - half:], mask[:half], mask[:, :half], mask[:, grid - half:])
        halves[n % len(halves)].fill_(True)
    return masks.flatten(1)


def linears(prefix, width, mlp_width, rows):
    for name, inputs in (("qkv", width), ("projection", width), ("up", width), ("down", mlp_width)):
        yield {"name": f"{prefix.split('.')[1]} {name}", "kind": "linear",
               "weight": f"{prefix}.block00.{name}", "gelu": name == "up", "input": [rows, inputs]}


def convolutions(model, batch, size):
    """Every convolution of the U-Net, in order."""
    def entry(i, part, side, name, kind):
        layer = getattr(model.unet, f"level{i}")._modules[part]
        inputs = layer.weight.shape[0 if kind == "conv_transpose" else 1]
        return {"name": f"L{i} {name} {inputs}->{layer.bias.shape[0]} @{side}", "kind": kind,
                "weight": f"unet.level{i}.{part}", "input": [batch, inputs, side, side],
                "stride": layer.stride, "pad": layer.padding,
                "dilation": getattr(layer, "dilation", 1)}

    levels = model.config.unet.levels
    yield entry(0, "in", size, "conv3", "conv")
    for i in range(1, levels + 1):
        yield entry(i, "down", size >> (i - 1), "down", "conv")
        if i < levels:
            yield entry(i, "in", size >> i, "conv3", "conv")
    for i in range(levels, 0, -1):
        if i < levels:
            yield entry(i, "out", size >> i, "convT3", "conv_transpose")
        yield entry(i, "up", size >> i, "up", "conv_transpose")
    yield entry(0, "out", size, "convT3", "conv_transpose")


def operations(model, batch):
    config = model.config
    rows = batch * (config.patches + 1)
    result = []
    for prefix, size in (("mae.encoder", config.encoder), ("mae.decoder", config.decoder)):
        part = prefix.split(".")[1]
        result += linears(prefix, size.width, size.mlp_width, rows)
        result.append({"name": f"{part} attention", "kind": "attention", "heads": size.heads,
                       "input": [rows, 3 * size.width]})
    return result + (list(convolutions(model, batch, config.unet_size)) if config.unet else [])


def make(model, batch, seed):
    config = model.config
    vit_raw, image = (x.float() for x in random_inputs(config, batch, seed))
    mask = half_masks(batch, config.grid)
    arrays = {"vit_raw": vit_raw, "image": image, "vit": model.normalise(vit_raw), "mask": mask}
    if config.unet:
        plain = model.unet.assemble

        def spy(variant, x, f, hole, margin=None):
            arrays.update({"assembly/x": x, "assembly/f": f, "assembly/hole": hole})
            return plain(variant, x, f, hole)

        model.unet.assemble = spy
    taps = Taps()
    model(vit_raw, image, mask, taps)
    arrays["decoder/tokens"] = taps["reconstruct/encoder/norm"]
    arrays["recogniser/image"] = taps["recognise/input"]
    arrays["recogniser/latent"] = taps["reconstruct/latent"]
    if config.unet:
        model.unet.assemble = plain
        size = config.unet_size
        arrays["unet/coarse"] = twin.resize.resize(taps["reconstruct/coarse"], size, size)
        arrays["unet/image"] = image
        arrays["unet/hole"] = hole_pixels(mask, size)
    taps = Taps()
    model(vit_raw, image, None, taps)
    arrays["pipeline/mask"] = taps["detect/mask"]
    if "reconstruct/unet/hole" in taps:
        arrays["pipeline/hole"] = taps["reconstruct/unet/hole"]
    return {name: value.float().contiguous().numpy() for name, value in arrays.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-m", "--weights", required=True, help="weight file")
    parser.add_argument("--batch", type=int, default=1, help="images in a batch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", required=True, help="file to write")
    arguments = parser.parse_args()
    with torch.inference_mode():
        model, _ = twin.load(arguments.weights)
        arrays = make(model, arguments.batch, arguments.seed)
    safetensors_io.write(arguments.output, arrays,
                         {"operations": json.dumps(operations(model, arguments.batch))})


if __name__ == "__main__":
    main()
