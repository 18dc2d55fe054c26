"""Antialiased bilinear resizing in floating point, with the windows and weights of Pillow.

Output pixel i covers the source around (i + 0.5) * scale, scale = in / out, by a triangle whose
half width is max(scale, 1); weights are cut at the border and normalised. Columns, then rows.
"""
import numpy as np
import torch


def weights(inputs, outputs):
    """The matrix [outputs, inputs] of one axis."""
    scale = inputs / outputs
    support = max(scale, 1.0)
    matrix = np.zeros((outputs, inputs))
    for i in range(outputs):
        center = (i + 0.5) * scale
        first = max(int(center - support + 0.5), 0)
        last = min(int(center + support + 0.5), inputs)
        at = np.arange(first, last)
        row = np.maximum(1.0 - np.abs((at - center + 0.5) / support), 0.0)
        matrix[i, first:last] = row / row.sum()
    return matrix


def resize(image, height, width):
    """[..., H, W] -> [..., height, width]."""
    columns = torch.tensor(weights(image.shape[-1], width), dtype=image.dtype)
    rows = torch.tensor(weights(image.shape[-2], height), dtype=image.dtype)
    return rows @ (image @ columns.T)
