#!/usr/bin/env python3
"""Runs the twin in float64 and writes its inputs and every tap, in execution order, as F64."""
import argparse
import json

import numpy as np
import torch

import gradcam
import safetensors_io
from images import MASKS, from_source, random_inputs, random_masks
from pipeline import load
from taps import Taps


def read_inputs(path, config):
    """`input/vit_raw` and `input/unet`, or one `image` [N, 3, H, W] to be resized to both."""
    tensors, _ = safetensors_io.read(path)
    tensors = {name: torch.tensor(np.asarray(value, np.float64)) for name, value in tensors.items()}
    if "input/vit_raw" in tensors and "input/unet" in tensors:
        return tensors["input/vit_raw"], tensors["input/unet"], tensors.get("given/mask")
    if "image" not in tensors:
        raise SystemExit(f"{path}: needs 'image', or 'input/vit_raw' and 'input/unet'")
    return *from_source(tensors["image"], config), tensors.get("given/mask")


def run(model, vit_raw, image, mask, classes=(), tap=None):
    """All inputs and taps by name, as the Taps record that is given or a new one."""
    tap = Taps() if tap is None else tap
    tap("input/vit_raw", vit_raw)
    if mask is not None:
        tap("given/mask", mask)
    with torch.no_grad():
        model(vit_raw, image, mask, tap)
    for label in classes:
        maps = gradcam.maps(model.recogniser, tap["recognise/input"], tap["reconstruct/latent"],
                            label)
        for target, values in maps.items():
            for kind, value in zip(("gradient", "cam", "campp"), values):
                tap(f"gradcam/{label}/{target}/{kind}", value)
    return tap


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--model", required=True, help="weight file")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--images", help="safetensors file with the images")
    source.add_argument("--random", type=int, metavar="N", help="N random images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mask", default="detect", choices=(*MASKS, "mixed", "detect"),
                        help="which patches are covered; a `given/mask` in --images goes first")
    parser.add_argument("--backward", action="store_true", help="gradients and Grad-CAM maps too")
    parser.add_argument("--class", dest="classes", type=int, nargs="+", default=[0], metavar="C",
                        help="classes for --backward (default 0)")
    parser.add_argument("-o", "--output", required=True)
    arguments = parser.parse_args()

    model, metadata = load(arguments.model)
    labels = json.loads(metadata["labels"])
    if any(not 0 <= label < len(labels) for label in arguments.classes):
        parser.error(f"--class must be 0..{len(labels) - 1}")
    config, mask = model.config, None
    if arguments.images:
        vit_raw, image, mask = read_inputs(arguments.images, config)
    else:
        vit_raw, image = random_inputs(config, arguments.random, arguments.seed)
    if mask is not None:
        mask = mask > 0.5
    elif arguments.mask != "detect":
        mask = random_masks(arguments.mask, len(image), config.patches, arguments.seed)

    tap = run(model, vit_raw, image, mask, arguments.classes if arguments.backward else ())
    arrays = {name: value.to(torch.float64).numpy() for name, value in tap.items()}
    safetensors_io.write(arguments.output, arrays, {
        "kind": "taps", "weights_sha256": metadata["sha256"], "order": json.dumps(list(arrays)),
        "margins": json.dumps(tap.margins)})
    bad = [name for name, value in arrays.items() if not np.isfinite(value).all()]
    print(f"{arguments.output}: {len(arrays)} tensors, {len(image)} images")
    for name, value in tap.margins.items():
        print(f"  smallest margin, {name}: {value:.3g}")
    if bad:
        raise SystemExit(f"not finite: {', '.join(bad[:5])}")


if __name__ == "__main__":
    main()
