"""The PyTorch twin of tools/reference/ as somebody in a hurry would run it: float32, eager.

The twin is written to be read and to judge, not to be fast. What a plain PyTorch program would do
better is exchanged here, so that the comparison is with PyTorch and not with the twin's style:
the self-assembly for a whole batch at once, PyTorch's own instance and batch norm, and matrices of
the resizing made once.
"""
import functools
import pathlib
import sys

import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "reference"))

import layers  # noqa: E402
import pipeline  # noqa: E402
import resize  # noqa: E402


def instance_norm(self, x):
    if x.shape[2] * x.shape[3] == 1:  # PyTorch refuses a single position
        return self.bias.view(1, -1, 1, 1).expand_as(x)
    return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=layers.INSTANCE_NORM_EPS)


def batch_norm(self, x):
    return F.batch_norm(x, self.mean, self.variance, self.weight, self.bias,
                        eps=layers.BATCH_NORM_EPS)


def load(path):
    """(model, metadata) in float32."""
    layers.InstanceNorm.forward = instance_norm
    layers.BatchNorm.forward = batch_norm
    resize.weights = functools.lru_cache(maxsize=None)(resize.weights)
    return pipeline.load(path, dtype=torch.float32, vectorised=True)
