"""Spheres among the latents of a stand-in's encoder, under our own names."""
import numpy as np
from torch import nn

import make_weights
from detector import Detector
from layers import tensor_table
from pipeline import LatentOfer
from vit import Encoder

from . import twin_names


class Detecting(nn.Module):
    """The twin's encoders and detector, all that make_weights.place_spheres looks at."""

    normalise = LatentOfer.normalise

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.mae = nn.Module()
        self.mae.encoder = Encoder(config.encoder, config.patch_size, config.patches)
        self.detector = Detector(config)


def place(config, encoder, seed):
    """Arrays by name; `encoder` is the one that the detector looks through.

    One sphere has plain names ("center"), several are told apart ("sphere0.center").
    """
    twin = Detecting(config)
    prefix = "detector.encoder." if config.detector.encoder else "mae.encoder."
    given = twin_names.encoder(encoder.state_dict(), prefix)
    arrays = {}
    for name, shape in tensor_table(twin).items():
        if name in given:
            arrays[name] = given[name].numpy()
        elif name.startswith("detector.sphere"):
            arrays[name] = make_weights.draw(twin, name, shape, seed).astype(np.float32)
        else:  # the autoencoder's encoder where the detector has its own: not looked at
            arrays[name] = np.zeros(shape, np.float32)
    make_weights.place_spheres(config, twin, arrays, seed)
    for k, sphere in enumerate(config.detector.spheres):  # what no shape tells
        number = "gamma" if sphere.kind == "kernel" else "slope"
        arrays[f"detector.sphere{k}.{number}"] = np.array([getattr(sphere, number)])
    plain = "detector.sphere0." if len(config.detector.spheres) == 1 else "detector."
    return {name.removeprefix(plain): value for name, value in arrays.items()
            if name.startswith("detector.sphere")}
