"""Self-assembly as the released code computes it, for one image."""
import torch
import torch.nn.functional as F
from torch import nn

TINY = 1e-8


def mean_around(x):
    """Mean over the 3 x 3 neighbourhood, positions outside the map not counted; x [C, h, w]."""
    ones = torch.ones(1, 1, 3, 3, dtype=x.dtype)
    return (F.conv2d(x[:, None], ones, padding=1)
            / F.conv2d(torch.ones_like(x[:1, None]), ones, padding=1))[:, 0]


def assemble(x, flipped, hole, margins):
    """x and flipped [C, h, w], hole [h, w] bool -> [C, h, w].

    With u_j = x_j / (|x_j| + 1e-8), v = max over known j of <u_j, x_i>, reached at k, and w the
    largest <u_j, flipped> over all j at the place whose number is how many masked positions came
    before i: the m-th masked position generates
    g_m = (s g_(m-1) + v x_k + w r_i) / (s + v + w), s = <u_i, g_(m-1)>, r the mean around i,
    and attends to a_m = (s a_(m-1) + v e_k) / (s + v + w). Its output is the sum of a_m[j] x_j.
    Where nothing is known, x passes.
    """
    place, masked = x.flatten(1), hole.flatten().nonzero()[:, 0].tolist()
    known = (~hole).flatten().nonzero()[:, 0]
    if not len(known) or not masked:
        return x.clone()
    unit = place / (place.norm(dim=0) + TINY)
    match = unit[:, known].T @ place
    best = match.argmax(dim=0)
    mirrored = (unit.T @ flipped.flatten(1)).amax(dim=0)
    around = mean_around(x).flatten(1)
    if len(known) > 1:
        first, second = match[:, masked].topk(2, dim=0).values
        margins.append(((first - second) / (first.abs() + TINY)).min())
    attention = torch.zeros(place.shape[1], len(known), dtype=x.dtype)
    attention[known, torch.arange(len(known))] = 1.0
    made = row = None
    for m, i in enumerate(masked):
        k, v, w = best[i], match[best[i], i], mirrored[m]
        at_best = F.one_hot(k, len(known)).to(x.dtype)
        if m == 0:
            made, row = (place[:, known[k]] + around[:, i]) / 2.0, at_best
        else:
            s = unit[:, i] @ made
            total = s + v + w
            margins.append(total.abs() / (s.abs() + v.abs() + w.abs() + TINY))
            if total.abs() < TINY:  # no shares: the best match alone
                s, v, w, total = (torch.tensor(t, dtype=x.dtype) for t in (0.0, 1.0, 0.0, 1.0))
            made = (s * made + v * place[:, known[k]] + w * around[:, i]) / total
            row = (s * row + v * at_best) / total
        attention[i] = row
    return (place[:, known] @ attention.T).view_as(x)


class SelfAssembly(nn.Module):
    """16g channels to 8g. `set_hole` comes before a pass; `margin` tells how clear it was."""

    def set_hole(self, hole):
        """hole [M, 1, U, U] -> `hole` [M, 1, U / 8, U / 8] bool."""
        share = hole.to(torch.float64)
        for _ in range(3):
            share = F.avg_pool2d(share, 4, stride=2, padding=1)
        self.hole = share > 5.0 / 16.0

    def forward(self, x):
        margins = []
        made = torch.stack([assemble(*image.chunk(2), hole[0], margins)
                            for image, hole in zip(x, self.hole)])
        self.margin = float(torch.stack(margins).min()) if margins else float("inf")
        return made
