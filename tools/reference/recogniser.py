"""Stage 3: ResNet-18 features, cross-attention heads, chosen latent vectors, classifier.

Structure "layers" keeps batch norms, parallel convolutions and the classifier's chain; "folded"
is the same function after the algebra of folding.py.
"""
import torch
import torch.nn.functional as F
from torch import nn

from layers import BatchNorm, Conv, Linear, parameter
from resize import resize
from taps import margin_of


class Normed(nn.Module):
    """Convolution and batch norm (`.conv`, `.bn`), or one folded convolution (`.conv`)."""

    def __init__(self, folded, *args, **kwargs):
        super().__init__()
        self.conv = Conv(*args, **kwargs, bias=folded)
        self.bn = None if folded else BatchNorm(args[1])

    def forward(self, x):
        x = self.conv(x)
        return self.bn(x) if self.bn else x


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride, folded):
        super().__init__()
        self.conv1 = Conv(inputs, outputs, 3, stride=stride, padding=1, bias=folded)
        self.bn1 = nn.Identity() if folded else BatchNorm(outputs)
        self.conv2 = Conv(outputs, outputs, 3, padding=1, bias=folded)
        self.bn2 = nn.Identity() if folded else BatchNorm(outputs)
        has_shortcut = stride != 1 or inputs != outputs
        self.shortcut = Normed(folded, inputs, outputs, 1, stride=stride) if has_shortcut else None

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (self.shortcut(x) if self.shortcut else x))


class Channel(nn.Module):
    """Channel attention of pooled features [N, C]: sigmoid(up(relu(bn(down(.)))))."""

    def __init__(self, width, squeezed, folded):
        super().__init__()
        self.down = Linear(width, squeezed)
        self.bn = nn.Identity() if folded else BatchNorm(squeezed)
        self.up = Linear(squeezed, width)

    def forward(self, pooled):
        return torch.sigmoid(self.up(F.relu(self.bn(self.down(pooled)))))


class Spatial(nn.Module):
    """relu of three parallel convolutions (folded: one) behind a 1 x 1; [N, C, h, w]."""

    def __init__(self, width, inner, folded):
        super().__init__()
        self.folded = folded
        self.conv1x1 = Conv(width, inner, 1)
        self.conv3x3 = Conv(inner, width, 3, padding=1)
        if not folded:
            self.bn1x1 = BatchNorm(inner)
            self.bn3x3 = BatchNorm(width)
            self.conv1x3 = Conv(inner, width, (1, 3), padding=(0, 1))
            self.bn1x3 = BatchNorm(width)
            self.conv3x1 = Conv(inner, width, (3, 1), padding=(1, 0))
            self.bn3x1 = BatchNorm(width)

    def forward(self, x):
        if self.folded:
            return F.relu(self.conv3x3(self.conv1x1(x)))
        y = self.bn1x1(self.conv1x1(x))
        return F.relu(self.bn3x3(self.conv3x3(y)) + self.bn1x3(self.conv1x3(y))
                      + self.bn3x1(self.conv3x1(y)))


class Head(nn.Module):
    def __init__(self, width, squeezed, inner, folded, order):
        super().__init__()
        self.order = order
        self.channel = Channel(width, squeezed, folded)
        self.spatial = Spatial(width, inner, folded)

    def forward(self, x, tap, name):
        """x [N, C, h, w] -> (output [N, C], map [N, h, w])."""
        def scales(pooled):
            scale = self.channel(pooled)
            tap(f"{name}/channel", scale)
            return scale

        if self.order == "channel_first":
            x = x * scales(x.mean(dim=(2, 3)))[:, :, None, None]
        spatial = self.spatial(x)
        tap(f"{name}/spatial", spatial)
        attention = spatial.sum(dim=1)
        tap(f"{name}/map", attention)
        output = (x * attention[:, None]).mean(dim=(2, 3))
        if self.order == "spatial_first":
            output = output * scales(output)
        tap(f"{name}/output", output)
        return output, attention


class ClassifierChain(nn.Module):
    """The chain of linear maps and batch norms; no non-linearity anywhere."""

    def __init__(self, latent, features, latent_widths, joint_widths, classes):
        super().__init__()
        a, b, c, d = latent_widths
        self.latent1 = Linear(latent, a)
        self.latent2 = Linear(a, b)
        self.latent_bn2 = BatchNorm(b)
        self.latent3 = Linear(b, c)
        self.latent4 = Linear(c, d)
        self.latent_bn4 = BatchNorm(d)
        self.joint1 = Linear(d + features, joint_widths[0])
        self.joint2 = Linear(joint_widths[0], joint_widths[1])
        self.joint_bn2 = BatchNorm(joint_widths[1])
        self.joint3 = Linear(joint_widths[1], classes)
        self.joint_bn3 = BatchNorm(classes)

    def forward(self, latent, features):
        x = self.latent_bn2(self.latent2(self.latent1(latent)))
        x = self.latent_bn4(self.latent4(self.latent3(x)))
        x = self.joint_bn2(self.joint2(self.joint1(torch.cat([x, features], dim=1))))
        return self.joint_bn3(self.joint3(x))


class Weight(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.weight = parameter(outputs, inputs)


class ClassifierFolded(nn.Module):
    """logits = A latent + B features + b."""

    def __init__(self, latent, features, classes):
        super().__init__()
        self.latent = Weight(latent, classes)
        self.features = Weight(features, classes)
        self.bias = parameter(classes)

    def forward(self, latent, features):
        return latent @ self.latent.weight.T + features @ self.features.weight.T + self.bias


class Recogniser(nn.Module):
    def __init__(self, config, classes):
        super().__init__()
        spec = config.recogniser
        folded = spec.structure == "folded"
        self.spec, self.grid = spec, config.grid
        self.stem = Normed(folded, 3, spec.widths[0], 7, stride=2, padding=3)
        inputs = spec.widths[0]
        for i, (width, blocks) in enumerate(zip(spec.widths, spec.blocks), start=1):
            stage = nn.Module()
            for j in range(blocks):
                stride = 2 if i > 1 and j == 0 else 1
                stage.add_module(f"block{j}", ResidualBlock(inputs, width, stride, folded))
                inputs = width
            self.add_module(f"stage{i}", stage)
        for k in range(spec.heads):
            self.add_module(f"head{k}", Head(inputs, spec.channel_width, spec.spatial_width,
                                             folded, spec.head_order))
        latent = config.latent_count * config.latent_width
        self.classifier = ClassifierFolded(latent, inputs, classes) if folded else \
            ClassifierChain(latent, inputs, spec.latent_widths, spec.joint_widths, classes)

    def features(self, x, tap):
        """x [N, 3, R, R] normalised -> [N, C, h, w]."""
        x = F.max_pool2d(F.relu(self.stem(x)), 3, stride=2, padding=1)
        tap("recognise/stem", x)
        for i, blocks in enumerate(self.spec.blocks, start=1):
            for j in range(blocks):
                x = self.get_submodule(f"stage{i}.block{j}")(x)
                tap(f"recognise/stage{i}/block{j}", x)
        return x

    def choose(self, latent, attention_grid, tap):
        """latent [N, L, W] -> [N, P * W], what the classifier sees."""
        if self.spec.latent_selection == "fixed":
            return latent[:, self.spec.latent_patches].flatten(1)
        flat = attention_grid.flatten(1)
        kept = flat.shape[1] // 2
        ranked = torch.sort(flat, dim=1, descending=True, stable=True)
        if margin_of(tap) and kept:
            gap = ranked.values[:, kept - 1] - ranked.values[:, kept]
            tap.margin("chosen or not, gap / largest", (gap / ranked.values[:, 0]).min())
        chosen = torch.zeros_like(flat).scatter(1, ranked.indices[:, :kept], 1.0)
        return (latent * chosen[:, :, None]).flatten(1)

    def forward(self, x, latent, tap):
        """x [N, 3, R, R] normalised, latent [N, L, W] -> logits [N, classes]."""
        x = self.features(x, tap)
        heads = [getattr(self, f"head{k}")(x, tap, f"recognise/head{k}")
                 for k in range(self.spec.heads)]
        outputs = torch.stack([output for output, _ in heads], dim=1)
        fused = torch.log_softmax(outputs, dim=1).sum(dim=1)
        tap("recognise/fused", fused)
        attention = torch.stack([attention for _, attention in heads]).mean(dim=0)
        tap("recognise/attention", attention)
        attention_grid = resize(attention, self.grid, self.grid)
        tap("recognise/attention_grid", attention_grid)
        chosen = self.choose(latent, attention_grid, tap)
        tap("recognise/latent", chosen)
        logits = self.classifier(chosen, fused)
        tap("recognise/logits", logits)
        tap("recognise/probabilities", torch.softmax(logits, dim=1))
        return logits
