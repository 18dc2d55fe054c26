"""Grad-CAM and Grad-CAM++ maps of the recogniser's features."""
import torch

from taps import Taps


def scaled(x):
    """relu, then min-max to [0, 1] for each image; all 0 where an image's map is constant."""
    x = torch.relu(x)
    low, high = x.amin(dim=(1, 2), keepdim=True), x.amax(dim=(1, 2), keepdim=True)
    span = high - low
    return torch.where(span > 0, (x - low) / torch.where(span > 0, span, torch.ones_like(span)),
                       torch.zeros_like(x))


def grad_cam(features, gradient):
    """A and g [N, C, h, w] -> [N, h, w] in [0, 1]; weights are means of g over positions."""
    weight = gradient.mean(dim=(2, 3), keepdim=True)
    return scaled((weight * features).sum(dim=1))


def grad_cam_plus_plus(features, gradient):
    """alpha = g^2 / (2 g^2 + sum(A) g^3), 0 where undefined; weights are sums of alpha relu(g)."""
    total = features.sum(dim=(2, 3), keepdim=True)
    square = gradient ** 2
    denominator = 2.0 * square + total * square * gradient
    alpha = torch.where(denominator == 0, torch.zeros_like(square),
                        square / torch.where(denominator == 0, torch.ones_like(square),
                                             denominator))
    weight = (alpha * torch.relu(gradient)).sum(dim=(2, 3), keepdim=True)
    return scaled((weight * features).sum(dim=1))


def targets(spec):
    """Names of the features that maps are made of: the last residual block and each head."""
    return [f"stage4/block{spec.blocks[3] - 1}"] + [f"head{k}/spatial" for k in range(spec.heads)]


def maps(recogniser, image, latent, label):
    """Everything for one class: image as `recognise/input`, latent as `reconstruct/latent`.

    Returns {target: (gradient, cam, campp)}; gradients are those of logit[label] summed over the
    batch, so each image's own.
    """
    tap = Taps()
    with torch.enable_grad():
        logits = recogniser(image.detach().requires_grad_(True), latent.detach(), tap)
        names = targets(recogniser.spec)
        features = [tap[f"recognise/{name}"] for name in names]
        gradients = torch.autograd.grad(logits[:, label].sum(), features)
    return {name: (g, grad_cam(a.detach(), g), grad_cam_plus_plus(a.detach(), g))
            for name, a, g in zip(names, features, gradients)}
