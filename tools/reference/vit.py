"""The ViT encoder in MAE's layout, and its transformer block.

Tokens of a batch are packed: [T, D] holds for each image its class token, then its visible patches
in raster order, image after image; `lengths` holds the number of tokens of each image.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from layers import Conv, LayerNorm, Linear, parameter


def sincos_position(width, grid):
    """Fixed 2-D sine-cosine position embedding [grid^2 + 1, width]; row 0 (class token) is zero.

    The first half of the channels encodes the column, the second half the row; each half is
    sin(c w_i), then cos(c w_i), with w_i = 1 / 10000^(i / (width / 4)).
    """
    quarter = width // 4
    frequency = 1.0 / 10000.0 ** (np.arange(quarter) / quarter)

    def encode(coordinate):
        angle = coordinate.reshape(-1, 1) * frequency
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)

    row, column = np.meshgrid(np.arange(grid), np.arange(grid), indexing="ij")
    patches = np.concatenate([encode(column.astype(float)), encode(row.astype(float))], axis=1)
    return np.concatenate([np.zeros((1, patches.shape[1])), patches])


def attention(q, k, v):
    """softmax(q k^T / sqrt(head width)) v for [..., tokens, head width]."""
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    return torch.softmax(scores, dim=-1) @ v


class Block(nn.Module):
    """Pre-norm transformer block: x += attention(norm1(x)); x += mlp(norm2(x))."""

    def __init__(self, width, heads, mlp_width):
        super().__init__()
        self.heads = heads
        self.norm1 = LayerNorm(width)
        self.qkv = Linear(width, 3 * width)
        self.projection = Linear(width, width)
        self.norm2 = LayerNorm(width)
        self.up = Linear(width, mlp_width)
        self.down = Linear(mlp_width, width)

    def attend(self, x, lengths):
        """Each image's tokens among themselves; x [T, D]."""
        def one_length(rows, images):
            # [images * t, 3 D] -> q, k, v [images, heads, t, head width]
            parts = rows.view(images, -1, 3, self.heads, x.shape[1] // self.heads)
            q, k, v = parts.permute(2, 0, 3, 1, 4)
            return attention(q, k, v).transpose(1, 2).reshape(-1, x.shape[1])

        qkv = self.qkv(x)
        if len(set(lengths)) == 1:
            mixed = one_length(qkv, len(lengths))
        else:
            mixed = torch.cat([one_length(rows, 1) for rows in qkv.split(lengths)])
        return self.projection(mixed)

    def forward(self, x, lengths, tap, name):
        """`tap(name, value)` is told both branches, before the residual is added, and the sum."""
        branch = self.attend(self.norm1(x), lengths)
        tap(f"{name}/attention", branch)
        x = x + branch
        branch = self.down(F.gelu(self.up(self.norm2(x))))
        tap(f"{name}/mlp", branch)
        x = x + branch
        tap(name, x)
        return x


class Encoder(nn.Module):
    def __init__(self, size, patch, patches):
        super().__init__()
        self.depth = size.depth
        self.patch = Conv(3, size.width, patch, stride=patch)
        self.class_token = parameter(size.width)
        self.position = parameter(patches + 1, size.width)
        for k in range(size.depth):
            self.add_module(f"block{k:02d}", Block(size.width, size.heads, size.mlp_width))
        self.norm = LayerNorm(size.width)

    def forward(self, image, visible, tap, prefix):
        """image [N, 3, S, S] normalised; visible [N, L] bool.

        Returns (taps, lengths): the packed outputs "block00", ..., "norm" [T, D] by name.
        """
        tokens = self.patch(image).flatten(2).transpose(1, 2) + self.position[1:]
        first = (self.class_token + self.position[0]).view(1, -1)
        rows = [torch.cat([first, t[seen]]) for t, seen in zip(tokens, visible)]
        lengths = [len(r) for r in rows]
        x = torch.cat(rows)
        tap(f"{prefix}/embed", x)
        outputs = {}
        for k in range(self.depth):
            name = f"block{k:02d}"
            x = outputs[name] = getattr(self, name)(x, lengths, tap, f"{prefix}/{name}")
        outputs["norm"] = self.norm(x)
        tap(f"{prefix}/norm", outputs["norm"])
        return outputs, lengths
