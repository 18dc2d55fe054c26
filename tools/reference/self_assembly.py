"""Self-assembly: each masked position of a feature map is rebuilt from the unmasked ones.

X and F are [C, h, w]: the map and its horizontally flipped twin; `hole` [h, w] is True where
masked. Positions run in raster order. Two variants: "paper" (the published formula) and "released"
(what the authors' code computes). Each stands here twice: one image position by position (the
judge), and a whole batch at once (for benchmarks; the same result, tested by selftest.py).
"""
import torch
import torch.nn.functional as F

TINY = 1e-8  # a sum of shares below this has no direction


def neighbourhood_mean(x):
    """Mean over the 3 x 3 neighbourhood, only positions inside the map counted; [..., h, w]."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def similarity(a, b):
    """Cosine of the rows of a [.., C] with b [C], negative ones clamped to 0; 0 for zero norms."""
    norms = a.norm(dim=-1) * b.norm()
    nonzero = torch.where(norms > 0, norms, torch.ones_like(norms))
    return torch.where(norms > 0, torch.clamp(a @ b / nonzero, min=0.0), torch.zeros_like(norms))


def first_largest(values):
    """Index of the largest value, the lowest index among equals."""
    return int((values == values.max()).nonzero()[0])


def report_gap(values, margin):
    """Tells `margin` how far the best match is ahead of the second, relative to the best."""
    if margin and len(values) > 1:
        best, second = torch.topk(values, 2).values
        margin("best match, gap to the second / best", (best - second) / (best.abs() + TINY))


def paper(x, f, hole, margin=None):
    """One image, position by position -> [C, h, w].

    With no unmasked position S_known = 0 and p_known, used only where all shares vanish, is X_i.
    """
    channels, height, width = x.shape
    mean_of_flipped = neighbourhood_mean(f[None])[0].reshape(channels, -1).T
    source, masked = x.reshape(channels, -1).T, hole.reshape(-1)
    known = source[~masked]
    output = source.clone()
    previous = None
    for i in masked.nonzero()[:, 0].tolist():
        query = source[i]
        p_known, s_known = query, x.new_zeros(())
        if len(known):
            matches = similarity(known, query)
            best = first_largest(matches)
            p_known, s_known = known[best], matches[best]
            report_gap(matches, margin)
        p_flip = mean_of_flipped[i]
        s_flip = similarity(p_flip, query)
        p_previous = torch.zeros_like(query) if previous is None else previous
        s_previous = similarity(p_previous, query)
        total = s_flip + s_known + s_previous
        if total < TINY:
            value = p_known
        else:
            value = (s_flip * p_flip + s_known * p_known + s_previous * p_previous) / total
        output[i] = previous = value
    return output.T.reshape(channels, height, width)


def released(x, f, hole, margin=None):
    """One image, position by position -> [C, h, w].

    The shares of the flipped map and of the mean weigh in the denominators, but the output is
    attention over X alone, and carries no gradient through its shares. Beyond the authors' code: with no unmasked position there is nothing to
    assemble from and X passes as it is; with a denominator below TINY all attention goes to the
    best known match.
    """
    if hole.all():
        return x.clone()
    channels, height, width = x.shape
    source, masked = x.reshape(channels, -1).T, hole.reshape(-1)
    flipped = f.reshape(channels, -1).T
    mean = neighbourhood_mean(x[None])[0].reshape(channels, -1).T
    unit = source / (source.norm(dim=1, keepdim=True) + TINY)
    known = (~masked).nonzero()[:, 0]
    attention = x.new_zeros(len(source), len(source))
    attention[known, known] = 1.0
    previous = None  # (generated value, attention row) of the masked position before
    for m, i in enumerate(masked.nonzero()[:, 0].tolist()):
        query = source[i]
        matches = unit[known] @ query
        report_gap(matches, margin)
        best = first_largest(matches)
        v, p_known = matches[best], source[known[best]]
        one_at_match = x.new_zeros(len(source))
        one_at_match[known[best]] = 1.0
        if previous is None:
            previous = 0.5 * p_known + 0.5 * mean[i], one_at_match
        else:
            s = unit[i] @ previous[0]
            w = (unit @ flipped[m]).max()  # at raster position m, the running count
            q = s + v + w
            shares = torch.stack([s, v, w]) / q
            if margin:
                margin("denominator / sum of magnitudes",
                       q.abs() / (s.abs() + v.abs() + w.abs() + TINY))
            if q.abs() < TINY:
                shares = x.new_tensor([0.0, 1.0, 0.0])
            previous = (shares[0] * previous[0] + shares[1] * p_known + shares[2] * mean[i],
                        shares[0] * previous[1] + shares[1] * one_at_match)
        attention[i] = previous[1]
    return (attention.detach() @ source).T.reshape(channels, height, width)


def loop(variant, x, f, hole, margin=None):
    """x, f [M, C, h, w], hole [M, h, w] bool -> [M, C, h, w], image by image."""
    one = {"paper": paper, "released": released}[variant]
    return torch.stack([one(*image, margin) for image in zip(x, f, hole)])


def _rows(x):
    return x.flatten(2).transpose(1, 2)  # [M, C, h, w] -> [M, h * w, C]


def _best_known(unit_known, queries, masked):
    """For each query row the largest product with an unmasked row: values and indices [M, P]."""
    products = queries @ unit_known.transpose(1, 2)
    return products.masked_fill(masked[:, None, :], float("-inf")).max(dim=2)


def _masked_first(masked):
    """Indices [M, P] with the masked positions in front, in raster order; and how many."""
    order = torch.sort((~masked).to(torch.uint8), dim=1, stable=True).indices
    return order, masked.sum(dim=1)


def _take(rows, index):
    return torch.gather(rows, 1, index[:, :, None].expand(-1, -1, rows.shape[2]))


def _put_back(source, order, count, made):
    """Source rows with `made` at the masked positions."""
    output = source.clone()
    for image, n in enumerate(count.tolist()):
        output[image, order[image, :n]] = made[image, :n]
    return output


def _unit_or_zero(rows):
    norm = rows.norm(dim=-1, keepdim=True)
    return torch.where(norm > 0, rows / norm.clamp(min=1e-300 if rows.dtype == torch.float64
                                                   else 1e-37), torch.zeros_like(rows))


def paper_batch(x, f, masked):
    source, unit = _rows(x), _unit_or_zero(_rows(x))
    order, count = _masked_first(masked)
    steps = int(count.max())
    order = order[:, :steps]
    queries = _take(unit, order)
    p_flip = _take(_rows(neighbourhood_mean(f)), order)
    s_flip = (queries * _unit_or_zero(p_flip)).sum(dim=2, keepdim=True).clamp(min=0.0)
    s_known, best = _best_known(unit, queries, masked)
    s_known = s_known.clamp(min=0.0)[:, :, None]
    # Where every similarity is clamped to 0 the lowest unmasked index is the best match.
    lowest = masked.to(torch.uint8).argmin(dim=1, keepdim=True)
    best = torch.where(s_known[:, :, 0] > 0, best, lowest.expand_as(best))
    some_known = (~masked).any(dim=1).view(-1, 1, 1)
    p_known = torch.where(some_known, _take(source, best), _take(source, order))
    s_known = s_known * some_known
    fixed, weight = s_flip * p_flip + s_known * p_known, s_flip + s_known
    made = torch.empty_like(p_known)
    previous = torch.zeros_like(p_known[:, 0])
    for m in range(steps):
        s = (queries[:, m] * _unit_or_zero(previous)).sum(dim=1, keepdim=True).clamp(min=0.0)
        total = weight[:, m] + s
        value = (fixed[:, m] + s * previous) / total.clamp(min=TINY)
        made[:, m] = previous = torch.where(total < TINY, p_known[:, m], value)
    return _put_back(source, order, count, made)


def released_batch(x, f, masked):
    source = _rows(x)
    unit = source / (source.norm(dim=2, keepdim=True) + TINY)
    order, count = _masked_first(masked)
    steps = int(count.max())
    order = order[:, :steps]
    queries, directions = _take(source, order), _take(unit, order)
    mean = _take(_rows(neighbourhood_mean(x)), order)
    v, best = _best_known(unit, queries, masked)
    p_known, v = _take(source, best), v[:, :, None]
    w = (_rows(f)[:, :steps] @ unit.transpose(1, 2)).max(dim=2, keepdim=True).values
    made = torch.empty_like(p_known)
    generated, attended = 0.5 * p_known[:, 0] + 0.5 * mean[:, 0], p_known[:, 0]
    made[:, 0] = attended
    for m in range(1, steps):
        s = (directions[:, m] * generated).sum(dim=1, keepdim=True)
        shares = torch.cat([s, v[:, m], w[:, m]], dim=1)
        q = shares.sum(dim=1, keepdim=True)
        alone = x.new_tensor([0.0, 1.0, 0.0])
        shares = torch.where(q.abs() < TINY, alone, shares / q).detach()
        s, known, r = shares[:, 0:1], shares[:, 1:2], shares[:, 2:3]
        generated = s * generated + known * p_known[:, m] + r * mean[:, m]
        # The attention row obeys the same recurrence, so its product with X is carried along.
        made[:, m] = attended = s * attended + known * p_known[:, m]
    return torch.where(masked.all(dim=1).view(-1, 1, 1), source,
                       _put_back(source, order, count, made))


def vectorised(variant, x, f, hole, margin=None):
    """As `loop`, all images of the batch at once; `margin` is not told."""
    if not hole.any():
        return x.clone()
    one = {"paper": paper_batch, "released": released_batch}[variant]
    return one(x, f, hole.flatten(1)).transpose(1, 2).reshape(x.shape)
