#!/usr/bin/env python3
"""Parameter counts of the parts of "base" in structure "layers", against the published ones."""
import pathlib
from math import prod

from config import read_config
from layers import tensor_table
from pipeline import LatentOfer

BASE = pathlib.Path(__file__).parent / "configs" / "base.json"
PUBLISHED_UNET = 86_479_363
PARTS = ("mae.encoder", "mae.decoder", "detector", "unet", "recogniser.stem", "recogniser.stage",
         "recogniser.head", "recogniser.classifier.latent", "recogniser.classifier.joint",
         "recogniser")


def counts():
    """Part -> trainable parameters; batch-norm statistics and spheres' buffers are not counted."""
    table = tensor_table(LatentOfer(read_config(BASE).with_structure("layers")))
    trained = {name: prod(shape) for name, shape in table.items()
               if not name.endswith((".mean", ".variance", ".center", ".radius"))}
    return {part: sum(count for name, count in trained.items() if name.startswith(part))
            for part in PARTS}


def main():
    for part, count in counts().items():
        print(f"{part:30s} {count:12,d}")
    print(f"{'published U-Net':30s} {PUBLISHED_UNET:12,d}")
    print("published recogniser: about 474.7 M, 454.8 M of them in the latent branch")


if __name__ == "__main__":
    main()
