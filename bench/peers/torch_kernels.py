#!/usr/bin/env python3
"""Times PyTorch on a GPU on the shapes of the operations' benchmark cases.

Prints JSON: {"torch": version, "cases": [{"operation", "case", "median_ms", "how"}]}. The names are
those of `ofer_bench_kernels --list`. A sample is one call between two events with the second-level
cache emptied before it, as on our side. --precision fp32 has TF32 off, tf32 has it on, bf16 has
tensors of that type, so both sides compute the same thing.
"""
import argparse
import json
import statistics

import torch
import torch.nn.functional as F

DTYPE = torch.float32
FLUSH = torch.empty(256 << 18, dtype=torch.float32, device="cuda")


def median_ms(call, samples=30):
    for _ in range(3):
        call()
    times = []
    for _ in range(samples):
        FLUSH.zero_()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        call()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end))
    return statistics.median(times)


def randn(*shape):
    return torch.randn(shape, device="cuda", dtype=DTYPE)


def attention(images, heads, width, tokens=197):
    q, k, v = (randn(images, heads, tokens, width) for _ in range(3))
    return lambda: F.scaled_dot_product_attention(q, k, v)


def layer_norm(rows, columns):
    x, weight, bias = randn(rows, columns), randn(columns), randn(columns)
    return lambda: F.layer_norm(x, (columns,), weight, bias)


def instance_norm(images, channels, side):
    x, weight, bias = randn(images, channels, side, side), randn(channels), randn(channels)
    return lambda: F.instance_norm(x, weight=weight, bias=bias)


def conv(images, channels, out, side, kernel, stride=1, pad=0, dilation=1):
    x, weight, bias = randn(images, channels, side, side), randn(out, channels, kernel, kernel), \
        randn(out)
    return lambda: F.conv2d(x, weight, bias, stride, pad, dilation)


def conv_transpose(images, channels, out, side, kernel, stride=1, pad=0):
    x, weight, bias = randn(images, channels, side, side), randn(channels, out, kernel, kernel), \
        randn(out)
    return lambda: F.conv_transpose2d(x, weight, bias, stride, pad)


def linear(rows, inputs, outputs):
    x, weight, bias = randn(rows, inputs), randn(outputs, inputs), randn(outputs)
    return lambda: F.linear(x, weight, bias)


def self_assembly_loop(images, channels, side):
    """The specification's section 4.4, position by position, as a first PyTorch program does it."""
    x, f = randn(images, channels, side, side), randn(images, channels, side, side)
    hole = torch.rand(images, side, side, device="cuda") < 1 / 3

    def call():
        mean = F.avg_pool2d(f, 3, 1, 1, count_include_pad=False)
        y = x.clone()
        for n in range(images):
            flat, near = x[n].reshape(channels, -1), mean[n].reshape(channels, -1)
            masked = hole[n].reshape(-1)
            known = flat[:, ~masked]
            previous, first = None, True
            for i in masked.nonzero().flatten().tolist():
                v = flat[:, i]
                similar = (F.cosine_similarity(v[:, None], known, dim=0)).clamp_min(0)
                best = similar.argmax()
                s_known, s_sym = similar[best], F.cosine_similarity(v, near[:, i], dim=0).clamp_min(0)
                s_prev = v.new_zeros(()) if first else \
                    F.cosine_similarity(v, previous, dim=0).clamp_min(0)
                total = s_known + s_sym + s_prev
                p = s_sym * near[:, i] + s_known * known[:, best]
                if not first:
                    p = p + s_prev * previous
                previous, first = p / total, False
                y[n].reshape(channels, -1)[:, i] = previous
        return y
    return call


def self_assembly_vectorised(images, channels, side):
    """The same with everything but the recurrence at once; the recurrence for all images together."""
    x, f = randn(images, channels, side, side), randn(images, channels, side, side)
    count = side * side // 3  # as many masked positions in each image, so that they batch
    order = torch.stack([torch.randperm(side * side, device="cuda")[:count].sort().values
                         for _ in range(images)])
    masked = torch.zeros(images, side * side, dtype=torch.bool, device="cuda")
    masked.scatter_(1, order, True)

    def call():
        near = F.avg_pool2d(f, 3, 1, 1, count_include_pad=False).flatten(2)
        flat = x.flatten(2)
        unit = F.normalize(flat, dim=1)
        query = unit.gather(2, order[:, None].expand(-1, channels, -1))
        similar = torch.bmm(query.transpose(1, 2), unit)
        s_known, best = similar.masked_fill(masked[:, None], -1).clamp_min(0).max(2)
        known = flat.gather(2, best[:, None].expand(-1, channels, -1))
        around = near.gather(2, order[:, None].expand(-1, channels, -1))
        s_sym = (query * F.normalize(around, dim=1)).sum(1).clamp_min(0)
        base = s_sym[:, None] * around + s_known[:, None] * known
        weight = s_sym + s_known
        out = torch.empty_like(base)
        previous = base[:, :, 0] / weight[:, 0, None]
        out[:, :, 0] = previous
        for m in range(1, count):
            s_prev = (query[:, :, m] * F.normalize(previous, dim=1)).sum(1).clamp_min(0)
            previous = (base[:, :, m] + s_prev[:, None] * previous) / (weight[:, m] + s_prev)[:, None]
            out[:, :, m] = previous
        return flat.scatter(2, order[:, None].expand(-1, channels, -1), out)
    return call


CASES = [
    ("attention", "encoder, 1 image", lambda: attention(1, 12, 64), "scaled_dot_product_attention"),
    ("attention", "encoder, 16 images", lambda: attention(16, 12, 64),
     "scaled_dot_product_attention"),
    ("attention", "decoder, 16 images", lambda: attention(16, 16, 32),
     "scaled_dot_product_attention"),
    ("layer_norm", "encoder, 1 image", lambda: layer_norm(197, 768), "layer_norm"),
    ("layer_norm", "encoder, 16 images", lambda: layer_norm(16 * 197, 768), "layer_norm"),
    ("instance_norm", "unet level 1, 4 images", lambda: instance_norm(4, 256, 128),
     "instance_norm"),
    ("conv2d", "unet level 0, 1 image", lambda: conv(1, 12, 128, 256, 3, 1, 1), "cuDNN"),
    ("conv2d", "unet level 2 down, 4 images", lambda: conv(4, 256, 256, 128, 4, 2, 3, 2), "cuDNN"),
    ("conv_transpose2d", "unet level 3 up, 4 images",
     lambda: conv_transpose(4, 256, 256, 32, 4, 2, 1), "cuDNN"),
    ("conv_transpose2d", "unet level 0 out, 4 images",
     lambda: conv_transpose(4, 128, 3, 256, 3, 1, 1), "cuDNN"),
    ("linear", "qkv, 1 image", lambda: linear(197, 768, 2304), "cuBLAS"),
    ("linear", "qkv, 16 images", lambda: linear(16 * 197, 768, 2304), "cuBLAS"),
    ("self_assembly_paper", "4 images", lambda: self_assembly_loop(4, 512, 32), "loop"),
    ("self_assembly_paper", "4 images", lambda: self_assembly_vectorised(4, 512, 32),
     "vectorised"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    precision = parser.parse_args().precision
    global DTYPE
    DTYPE = torch.bfloat16 if precision == "bf16" else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    torch.manual_seed(1)
    cases = []
    with torch.no_grad():
        for operation, name, make, how in CASES:
            if how == "loop" and precision != "fp32":
                continue  # a hundred thousand small calls, in any precision
            samples = 5 if how == "loop" else 30
            cases.append({"operation": operation, "case": name, "how": how,
                          "median_ms": round(median_ms(make(), samples), 5)})
    print(json.dumps({"torch": torch.__version__, "cudnn": torch.backends.cudnn.version(),
                      "precision": precision,
                      "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
