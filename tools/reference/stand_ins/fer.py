"""ResNet-18 in torchvision's names; DAN and the released FER network on top of it."""
import torch
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
        else:
            self.downsample = None

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return self.relu(y)


class ResNet18(nn.Module):
    def __init__(self, widths, blocks, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        inputs = widths[0]
        for s, (width, count) in enumerate(zip(widths, blocks), start=1):
            stage = []
            for j in range(count):
                stage.append(BasicBlock(inputs, width, 2 if s > 1 and j == 0 else 1))
                inputs = width
            self.add_module(f"layer{s}", nn.Sequential(*stage))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(inputs, classes)

    def forward(self, x):
        for layer in list(self.children())[:-1]:
            x = layer(x)
        return self.fc(x.flatten(1))

    def features(self):
        """All but the pooling and the classifier, as one sequence."""
        return nn.Sequential(*list(self.children())[:-2])


def normed(inputs, outputs, kernel):
    padding = tuple(k // 2 for k in kernel)
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=padding),
                         nn.BatchNorm2d(outputs))


class SpatialAttention(nn.Module):
    """x times the sum over channels of relu(three convolutions of a 1 x 1 one)."""

    def __init__(self, width, inner):
        super().__init__()
        self.conv1x1 = normed(width, inner, (1, 1))
        self.conv_3x3 = normed(inner, width, (3, 3))
        self.conv_1x3 = normed(inner, width, (1, 3))
        self.conv_3x1 = normed(inner, width, (3, 1))
        self.relu = nn.ReLU()

    def forward(self, x):
        y = self.conv1x1(x)
        y = self.relu(self.conv_3x3(y) + self.conv_1x3(y) + self.conv_3x1(y))
        return x * y.sum(dim=1, keepdim=True)


class ChannelAttention(nn.Module):
    """The scales [N, C] of pooled features [N, C]."""

    def __init__(self, width, squeezed):
        super().__init__()
        self.attention = nn.Sequential(
            nn.Linear(width, squeezed), nn.BatchNorm1d(squeezed), nn.ReLU(inplace=True),
            nn.Linear(squeezed, width), nn.Sigmoid())

    def forward(self, pooled):
        return self.attention(pooled)


def pool(x):
    return x.mean(dim=(2, 3))


class Head(nn.Module):
    def __init__(self, spec):
        super().__init__()
        self.sa = SpatialAttention(spec.widths[3], spec.spatial_width)
        self.ca = ChannelAttention(spec.widths[3], spec.channel_width)


class ReleasedHead(Head):
    """Channels first: the spatial attention sees the scaled features."""

    def forward(self, x):
        return pool(self.sa(x * self.ca(pool(x))[:, :, None, None]))


class DanHead(Head):
    """As DAN has it, space first: the channels' scales are those of the attended features."""

    def forward(self, x):
        attended = pool(self.sa(x))
        return attended * self.ca(attended)


class Heads(nn.Module):
    """Features and heads; log-softmax over the heads, then their sum."""

    def __init__(self, spec, head):
        super().__init__()
        self.features = ResNet18(spec.widths, spec.blocks, 1).features()
        self.heads = spec.heads
        for k in range(spec.heads):
            self.add_module(f"cat_head{k}", head(spec))

    def fused(self, image):
        x = self.features(image)
        outputs = [getattr(self, f"cat_head{k}")(x) for k in range(self.heads)]
        return torch.stack(outputs).log_softmax(dim=0).sum(dim=0)


class Dan(Heads):
    def __init__(self, spec, classes):
        super().__init__(spec, DanHead)
        self.fc = nn.Linear(spec.widths[3], classes)
        self.bn = nn.BatchNorm1d(classes)

    def forward(self, image):
        return self.bn(self.fc(self.fused(image)))


class ReleasedFer(Heads):
    def __init__(self, config, classes):
        spec = config.recogniser
        super().__init__(spec, ReleasedHead)
        a, b, c, d = spec.latent_widths
        e, f = spec.joint_widths
        self.hh_layer = nn.Linear(config.latent_count * config.latent_width, a)
        self.hh_layer2 = nn.Linear(a, b)
        self.hh_batch1 = nn.BatchNorm1d(b)
        self.hh_layer3 = nn.Linear(b, c)
        self.hh_layer4 = nn.Linear(c, d)
        self.batch_norm1 = nn.BatchNorm1d(d)
        self.fc = nn.Linear(spec.widths[3] + d, e)
        self.fc2 = nn.Linear(e, f)
        self.batch_norm = nn.BatchNorm1d(f)
        self.fc4 = nn.Linear(f, classes)
        self.bn = nn.BatchNorm1d(classes)

    def forward(self, image, latent):
        """image [N, 3, R, R] normalised, latent [N, P * W] of the listed patches -> logits."""
        fused = self.fused(image)
        y = self.hh_batch1(self.hh_layer2(self.hh_layer(latent)))
        y = self.batch_norm1(self.hh_layer4(self.hh_layer3(y)))
        y = self.fc2(self.fc(torch.cat([fused, y], dim=1)))
        return self.bn(self.fc4(self.batch_norm(y)))
