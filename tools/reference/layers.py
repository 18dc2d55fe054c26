"""Small layers whose parameter names are those of docs/model.md.

A layer is declared with shapes only (torch's "meta" device, no memory); `install` puts the values
of a weight file in. So a model of 500 M parameters costs nothing until it is loaded.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

BATCH_NORM_EPS = 1e-5
BATCH_NORM_MOMENTUM = 0.1
INSTANCE_NORM_EPS = 1e-5
LAYER_NORM_EPS = 1e-6


def parameter(*shape):
    return nn.Parameter(torch.empty(shape, device="meta"))


def statistic(*shape):
    """The value of a buffer: loaded like a parameter, but never trained by gradients."""
    return torch.empty(shape, device="meta")


class Linear(nn.Module):
    """y = x W^T + b, W [out, in]."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = parameter(outputs, inputs)
        self.bias = parameter(outputs)

    def forward(self, x):
        return F.linear(x, self.weight, self.bias)


class Conv(nn.Module):
    """Convolution, weight [out, in, kh, kw]."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0, dilation=1, bias=True):
        super().__init__()
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        self.weight = parameter(outputs, inputs, height, width)
        if bias:
            self.bias = parameter(outputs)
        else:
            self.register_parameter("bias", None)
        self.stride, self.padding, self.dilation = stride, padding, dilation

    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation)


class ConvTransposed(nn.Module):
    """Transposed convolution, weight [in, out, k, k]."""

    def __init__(self, inputs, outputs, kernel, stride, padding):
        super().__init__()
        self.weight = parameter(inputs, outputs, kernel, kernel)
        self.bias = parameter(outputs)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return F.conv_transpose2d(x, self.weight, self.bias, self.stride, self.padding)


class LayerNorm(nn.Module):
    """Over the last axis."""

    def __init__(self, width):
        super().__init__()
        self.weight = parameter(width)
        self.bias = parameter(width)

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, LAYER_NORM_EPS)


class InstanceNorm(nn.Module):
    """Over the positions of each image and channel; a single position gives the bias."""

    def __init__(self, width):
        super().__init__()
        self.weight = parameter(width)
        self.bias = parameter(width)

    def forward(self, x):
        mean = x.mean(dim=(2, 3), keepdim=True)
        centred = x - mean
        variance = (centred * centred).mean(dim=(2, 3), keepdim=True)
        scale = self.weight.view(1, -1, 1, 1) / torch.sqrt(variance + INSTANCE_NORM_EPS)
        return centred * scale + self.bias.view(1, -1, 1, 1)


class BatchNorm(nn.Module):
    """Along axis 1: (x - mean) / sqrt(variance + eps) * weight + bias.

    Behind train() with the statistics of the batch; the running ones then move towards them.
    """

    def __init__(self, width):
        super().__init__()
        self.eval()
        self.weight = parameter(width)
        self.bias = parameter(width)
        self.register_buffer("mean", statistic(width))
        self.register_buffer("variance", statistic(width))

    def forward(self, x):
        if self.training:
            return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias, True,
                                BATCH_NORM_MOMENTUM, BATCH_NORM_EPS)
        scale = self.weight / torch.sqrt(self.variance + BATCH_NORM_EPS)
        shift = self.bias - self.mean * scale
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return x * scale.view(shape) + shift.view(shape)


def tensor_table(model):
    """Name -> shape of every tensor of the model, in order of declaration."""
    return {name: tuple(value.shape) for name, value in model.state_dict(keep_vars=True).items()}


def install(model, arrays, dtype):
    """Gives the model the arrays of a weight file, as `dtype`. Names and shapes must all agree."""
    table = tensor_table(model)
    missing = [name for name in table if name not in arrays]
    unknown = [name for name in arrays if name not in table]
    if missing or unknown:
        raise ValueError(f"weights do not fit: missing {missing[:3]}, unknown {unknown[:3]}")
    for name, shape in table.items():
        if tuple(arrays[name].shape) != shape:
            raise ValueError(f"'{name}' has shape {tuple(arrays[name].shape)}, expected {shape}")
        path, _, leaf = name.rpartition(".")
        owner = model.get_submodule(path)
        value = torch.tensor(np.asarray(arrays[name]), dtype=dtype)
        if leaf in owner._parameters:
            owner._parameters[leaf] = nn.Parameter(value, requires_grad=False)
        else:
            owner._buffers[leaf] = value
    return model
