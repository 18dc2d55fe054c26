"""Random weights for the stand-ins: they stress the numerics and mean nothing.

Weights are scaled by fan-in so that activations stay of order 1, batch norms' statistics lie away
from 0 and 1. Each tensor's numbers depend on the seed, its network and its name alone. All are
float32 numbers.
"""
import math
import zlib

import numpy as np
import torch
from torch import nn

from vit import sincos_position

from .fer import Heads
from .unet import ReleasedUNet

NORMS = (nn.LayerNorm, nn.InstanceNorm2d, nn.BatchNorm1d, nn.BatchNorm2d)


def gain_of(network, path, module):
    """Standard deviation of a weight, relative to 1 / sqrt(fan-in)."""
    if isinstance(network, ReleasedUNet):
        return 0.5 if path == "model.model.3" else 1.4
    if path.endswith("qkv"):
        return 1.4  # attention that is not flat
    if isinstance(network, Heads) and path == "fc":
        return 0.5  # log-softmax over the heads is far below 0
    if path.endswith("conv2"):
        return 0.5  # residual branch: the sum over many blocks stays of order 1
    return 1.0


def fan_in(module):
    shape = module.weight.shape
    if isinstance(module, nn.ConvTranspose2d):
        return shape[0] * math.prod(shape[2:]) // math.prod(module.stride)
    return math.prod(shape[1:])


def draw_norm(module, part, shape, generator):
    if part == "weight":
        return generator.uniform(0.5, 1.5, shape) * np.where(generator.random(shape) < 0.15, -1, 1)
    if part == "running_var":
        return generator.uniform(0.5, 1.5, shape)
    # Biases as large as what they are added to: an instance norm over the four positions of the
    # U-Net's deep levels then hands on less of the roundings that it magnifies.
    return generator.normal(0.0, 1.0 if isinstance(module, nn.InstanceNorm2d) else 0.5, shape)


def draw_tensor(network, path, part, shape, generator):
    module = network.get_submodule(path)
    if part == "num_batches_tracked":
        return np.array(1000)
    if part.endswith("pos_embed"):
        grid = math.isqrt(shape[1] - 1)
        return sincos_position(shape[2], grid) + generator.normal(0.0, 0.1, shape)
    if isinstance(module, NORMS):
        value = draw_norm(module, part, shape, generator)
    elif part == "weight":
        # In single precision at once: the largest matrix has 400 million numbers.
        value = generator.standard_normal(shape, dtype=np.float32)
        value *= np.float32(gain_of(network, path, module) / math.sqrt(fan_in(module)))
    else:  # biases, class and mask token
        value = generator.normal(0.0, 0.3, shape)
    if isinstance(network, Heads) and part in ("weight", "bias") \
            and path.endswith(("conv_3x3.1", "conv_1x3.1", "conv_3x1.1")):
        value *= 2.0 / len(value)  # the attention map sums over all channels
    return value


def fill(network, label, seed):
    """Fills `network` with the numbers of `seed`; `label` tells networks apart."""
    for name, tensor in network.state_dict().items():
        path, _, part = name.rpartition(".")
        generator = np.random.default_rng([seed, zlib.crc32(f"{label}/{name}".encode())])
        value = draw_tensor(network, path, part, tuple(tensor.shape), generator)
        # By way of float32, whatever the network computes in.
        if tensor.is_floating_point():
            value = np.asarray(value, np.float32)
        tensor.copy_(torch.from_numpy(np.asarray(value)).view(tensor.shape))
    return network.eval()
