"""The self-assembly position by position, as a first PyTorch program has it."""
import torch.nn.functional as F


def assembly_loop(x, f, hole):
    """x, f [N, C, h, w], hole [N, h, w] bool with a position that is not covered in each image."""
    mean = F.avg_pool2d(f, 3, 1, 1, count_include_pad=False).flatten(2)
    y = x.flatten(2).clone()
    for flat, near, masked, out in zip(x.flatten(2), mean, hole.flatten(1), y):
        known, previous = flat[:, ~masked], None
        for i in masked.nonzero().flatten().tolist():
            v = flat[:, i]
            similar = F.cosine_similarity(v[:, None], known, dim=0).clamp_min(0)
            best = similar.argmax()
            s_known = similar[best]
            s_flip = F.cosine_similarity(v, near[:, i], dim=0).clamp_min(0)
            total, p = s_known + s_flip, s_known * known[:, best] + s_flip * near[:, i]
            if previous is not None:
                s_previous = F.cosine_similarity(v, previous, dim=0).clamp_min(0)
                total, p = total + s_previous, p + s_previous * previous
            out[:, i] = previous = p / total
    return y.view_as(x)
