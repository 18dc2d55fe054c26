"""What PyTorch has for an operation's case: the same function of the same tensors.

The names are those of `ofer bench kernels --list`, the shapes those of tests/cases/.
"""
import dataclasses

import torch
import torch.nn.functional as F

import twin  # noqa: F401  (finds the reference's modules)
import self_assembly
from assembly_loop import assembly_loop

TOKENS = 197


class Tensors:
    """A case's inputs, floating ones in one type, on one device."""

    def __init__(self, arrays, device, dtype):
        self.arrays, self.device, self.dtype = arrays, device, dtype

    def __call__(self, name, *shape):
        value = torch.from_numpy(self.arrays[f"in/{name}"].copy()).to(self.device)
        value = value.to(self.dtype) if value.is_floating_point() else value.long()
        return value.view(shape) if shape else value

    def expected(self, name):
        return torch.from_numpy(self.arrays[f"out/{name}"].copy()).double()


@dataclasses.dataclass
class Call:
    """`ways`: how -> function of `arguments`; the first is the plain one, which torch.compile and
    another order of memory are tried on."""
    ways: dict
    arguments: tuple
    result: str = "y"
    uncompiled: str = ""  # why torch.compile is not tried
    channels_last: bool = False
    in_place: bool = False


def plain(function, *arguments, **more):
    return Call({"eager": function}, arguments, **more)


def attention(t, images, heads, width):
    def parts(qkv):
        return qkv.view(images, TOKENS, 3, heads, width).permute(2, 0, 3, 1, 4)

    def packed(y):
        return y.transpose(1, 2).reshape(-1, heads * width)

    def eager(qkv):
        q, k, v = parts(qkv)
        return packed(torch.softmax(q @ k.transpose(-1, -2) * width ** -0.5, dim=-1) @ v)

    def fused(qkv):
        return packed(F.scaled_dot_product_attention(*parts(qkv)))

    return Call({"eager": eager, "scaled_dot_product_attention": fused},
                (t("qkv", images * TOKENS, 3 * heads * width),))


def linear(t, rows, inputs, outputs, gelu=False, residual=False):
    arguments = (t("x", rows, inputs), t("weight", outputs, inputs), t("bias", outputs))
    if residual:
        return plain(lambda x, w, b, y: y + F.linear(x, w, b), *arguments, t("y", rows, outputs))
    if gelu:
        return plain(lambda x, w, b: F.gelu(F.linear(x, w, b)), *arguments)
    return plain(F.linear, *arguments)


def conv(t, images, inputs, outputs, side, kernel, stride=1, pad=0, dilation=1, slope=None):
    def call(x, w, b):
        x = x if slope is None else F.leaky_relu(x, slope)
        return F.conv2d(x, w, b, stride, pad, dilation)

    return plain(call, t("x", images, inputs, side, side),
                 t("weight", outputs, inputs, kernel, kernel), t("bias", outputs),
                 channels_last=True)


def conv_transpose(t, images, inputs, outputs, side, kernel, stride=1, pad=0):
    return plain(lambda x, w, b: F.conv_transpose2d(F.relu(x), w, b, stride, pad),
                 t("x", images, inputs, side, side), t("weight", inputs, outputs, kernel, kernel),
                 t("bias", outputs), channels_last=True)


def layer_norm(t, rows, columns):
    return plain(lambda x, w, b: F.layer_norm(x, (columns,), w, b, 1e-6), t("x", rows, columns),
                 t("weight"), t("bias"))


def instance_norm(t, images, channels, side):
    return plain(lambda x, w, b: F.instance_norm(x, weight=w, bias=b, eps=1e-5),
                 t("x", images, channels, side, side), t("weight"), t("bias"), result="x")


def batch_norm(t, training):
    return plain(lambda x, m, v, w, b: F.batch_norm(x, m, v, w, b, training, 0.1, 1e-5),
                 t("x", 16, 64, 56, 56), t("running_mean"), t("running_variance"), t("weight"),
                 t("bias"), in_place=training)


def gather_rows(t):
    return plain(lambda x, index, fill: torch.where((index < 0)[:, None], fill,
                                                    x.index_select(0, index.clamp_min(0))),
                 t("x", 16 * 100, 512), t("index"), t("fill"))


def patches(t):
    return plain(lambda x: x.view(16, 3, 14, 16, 14, 16).permute(0, 2, 4, 1, 3, 5).reshape(-1, 768),
                 t("x", 16, 3, 224, 224))


def resize(t, inputs, outputs):
    return plain(lambda x: F.interpolate(x, size=(outputs, outputs), mode="bilinear",
                                         antialias=True), t("x", 16, 3, inputs, inputs))


def kernel_svdd(t):
    def call(z, support, alpha, constant):
        square = torch.cdist(z.flatten(0, 1), support) ** 2
        return constant + 1 - 2 * (torch.exp(-1e-3 * square) @ alpha)

    return plain(call, t("z", 16, 196, 768), t("support", 256, 768), t("alpha"), t("constant"),
                 result="distance")


def assembly(t, variant):
    arguments = (t("x", 4, 512, 32, 32), t("f", 4, 512, 32, 32), t("hole", 4, 32, 32) > 0)
    ways = {"vectorised": lambda x, f, hole: self_assembly.vectorised(variant, x, f, hole)}
    if variant == "paper" and t.dtype == torch.float32:
        ways["loop"] = assembly_loop
    return Call(ways, arguments, uncompiled="it would unroll the loop over the covered positions")


def optimiser(t, kind, state, **settings):
    """One step from the given state; further calls go on from there."""
    def way(**how):
        made = []

        def step():
            if not made:
                parameter = torch.nn.Parameter(t("parameter"))
                parameter.grad = t("gradient")
                made.extend([kind([parameter], **settings, **how), parameter])
                made[0].state[parameter] = {name: t(own) for name, own in state.items()}
                if kind is torch.optim.Adam:
                    made[0].state[parameter]["step"] = torch.tensor(
                        2.0, device=t.device if how.get("fused") else "cpu")
            made[0].step()
            return made[1].detach()
        return step

    return Call({"eager": way(foreach=False), "fused": way(fused=True)}, (), "parameter",
                uncompiled="a step is PyTorch's own loop")


CALLS = {
    ("linear", "qkv, 1 image"): lambda t: linear(t, 197, 768, 2304),
    ("linear", "qkv, 16 images"): lambda t: linear(t, 16 * 197, 768, 2304),
    ("linear", "mlp up, 16 images"): lambda t: linear(t, 16 * 197, 768, 3072, gelu=True),
    ("linear", "mlp down, 16 images"): lambda t: linear(t, 16 * 197, 3072, 768, residual=True),
    ("linear", "mlp down, half an image"): lambda t: linear(t, 99, 3072, 768, residual=True),
    ("linear", "classifier, 16 images"): lambda t: linear(t, 16, 39936, 7),
    ("linear_by_position", "phi, 16 images"): lambda t: plain(
        lambda x, w: torch.einsum("nli,loi->nlo", x, w), t("x", 16, 196, 768),
        t("weight", 196, 32, 768)),
    ("conv2d", "unet level 0, 1 image"): lambda t: conv(t, 1, 12, 128, 256, 3, 1, 1),
    ("conv2d", "unet level 2 down, 4 images"):
        lambda t: conv(t, 4, 256, 256, 128, 4, 2, 3, 2, slope=0.2),
    ("conv2d", "resnet stem, 16 images"): lambda t: conv(t, 16, 3, 64, 224, 7, 2, 3),
    ("conv2d", "resnet stage 2, 16 images"): lambda t: conv(t, 16, 128, 128, 28, 3, 1, 1),
    ("conv_transpose2d", "unet level 3 up, 4 images"):
        lambda t: conv_transpose(t, 4, 256, 256, 32, 4, 2, 1),
    ("conv_transpose2d", "unet level 0 out, 4 images"):
        lambda t: conv_transpose(t, 4, 128, 3, 256, 3, 1, 1),
    ("layer_norm", "encoder, 1 image"): lambda t: layer_norm(t, 197, 768),
    ("layer_norm", "encoder, 16 images"): lambda t: layer_norm(t, 16 * 197, 768),
    ("instance_norm", "unet level 1, 4 images"): lambda t: instance_norm(t, 4, 256, 128),
    ("instance_norm", "unet level 7, 4 images"): lambda t: instance_norm(t, 4, 512, 2),
    ("batch_norm", "resnet stage 1, 16 images"): lambda t: batch_norm(t, False),
    ("batch_norm", "training, resnet stage 1, 16 images"): lambda t: batch_norm(t, True),
    ("attention", "encoder, 1 image"): lambda t: attention(t, 1, 12, 64),
    ("attention", "encoder, 16 images"): lambda t: attention(t, 16, 12, 64),
    ("attention", "decoder, 16 images"): lambda t: attention(t, 16, 16, 32),
    ("activation", "gelu, 16 images"): lambda t: plain(F.gelu, t("x")),
    ("activation", "relu, 16 images"): lambda t: plain(F.relu, t("x")),
    ("unary", "clamp, 16 images"): lambda t: plain(lambda x: x.clamp(0, 1), t("x")),
    ("binary", "residual, 16 images"): lambda t: plain(
        lambda a, b: a.add_(b), t("a"), t("b"), result="a", in_place=True),
    ("binary", "channel scale, 16 images"): lambda t: plain(
        lambda a, b: a * b[:, :, None], t("a", 16, 512, 49), t("b", 16, 512)),
    ("accumulate", "gradient of 10 M parameters"): lambda t: plain(
        lambda x, y: y.add_(x), t("x"), t("y"), in_place=True),
    ("softmax", "197 x 197, 12 heads, 16 images"): lambda t: plain(
        lambda x: x.softmax(-1), t("x", 16, 12, 197, 197)),
    ("softmax", "over four heads, 16 images"): lambda t: plain(
        lambda x: x.log_softmax(1), t("x", 16, 4, 512)),
    ("gather_rows", "decoder tokens, 16 images"): gather_rows,
    ("patches", "16 images"): patches,
    ("pool2d", "resnet stem, 16 images"): lambda t: plain(
        lambda x: F.max_pool2d(x, 3, 2, 1), t("x", 16, 64, 112, 112)),
    ("resize", "224 to 256, 16 images"): lambda t: resize(t, 224, 256),
    ("resize", "256 to 224, 16 images"): lambda t: resize(t, 256, 224),
    ("reduce", "global average, 16 images"): lambda t: plain(
        lambda x: x.mean(-1), t("x", 16, 512, 49)),
    ("reduce", "sum over channels, 16 images"): lambda t: plain(
        lambda x: x.sum(1), t("x", 16, 512, 49)),
    ("svdd_distance", "16 images"): lambda t: plain(
        lambda feature, center: ((feature - center) ** 2).sum(2), t("feature", 16, 196, 768),
        t("center", 196, 768), result="distance"),
    ("kernel_svdd", "16 images"): kernel_svdd,
    ("self_assembly_paper", "4 images"): lambda t: assembly(t, "paper"),
    ("self_assembly_released", "4 images"): lambda t: assembly(t, "released"),
    ("pixel_loss", "16 images"): lambda t: plain(F.l1_loss, t("x"), t("target"), result="loss"),
    ("cross_entropy", "256 images"): lambda t: plain(
        F.cross_entropy, t("x", 256, 7), t("target"), result="loss"),
    ("sgd", "10 M parameters"): lambda t: optimiser(
        t, torch.optim.SGD, {"momentum_buffer": "velocity"}, lr=0.1, momentum=0.9,
        weight_decay=1e-4),
    ("adam", "10 M parameters"): lambda t: optimiser(
        t, torch.optim.Adam, {"exp_avg": "first", "exp_avg_sq": "second"}, lr=1e-3),
}
