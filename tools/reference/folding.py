"""The algebra of conversion: tensors of structure "layers" to those of structure "folded".

All in float64. A batch norm behind y = W x + b is an affine map per output row, so it goes into W
and b; parallel convolutions add up; the classifier's chain is one affine map.
"""
import numpy as np

from layers import BATCH_NORM_EPS


def affine(tensors, name):
    """Scale and shift of the batch norm `name`."""
    weight, bias, mean, variance = (tensors[f"{name}.{part}"].astype(np.float64)
                                    for part in ("weight", "bias", "mean", "variance"))
    scale = weight / np.sqrt(variance + BATCH_NORM_EPS)
    return scale, bias - mean * scale


def fold_norm(tensors, layer, norm):
    """(weight, bias) of `layer` with the batch norm `norm` behind it."""
    weight = tensors[f"{layer}.weight"].astype(np.float64)
    bias = tensors.get(f"{layer}.bias", np.zeros(len(weight))).astype(np.float64)
    scale, shift = affine(tensors, norm)
    return weight * scale.reshape(-1, *[1] * (weight.ndim - 1)), bias * scale + shift


def fold_spatial(tensors, name):
    """Three parallel convolutions as one 3 x 3."""
    weight, bias = fold_norm(tensors, f"{name}.conv3x3", f"{name}.bn3x3")
    wide, wide_bias = fold_norm(tensors, f"{name}.conv1x3", f"{name}.bn1x3")
    tall, tall_bias = fold_norm(tensors, f"{name}.conv3x1", f"{name}.bn3x1")
    weight[:, :, 1:2, :] += wide
    weight[:, :, :, 1:2] += tall
    return weight, bias + wide_bias + tall_bias


def fold_classifier(tensors, name="recogniser.classifier"):
    """(latent [classes, P W], features [classes, C], bias [classes]), from the logits back."""
    linear = lambda layer: tuple(tensors[f"{name}.{layer}.{part}"].astype(np.float64)
                                 for part in ("weight", "bias"))
    scale, bias = affine(tensors, f"{name}.joint_bn3")
    matrix = np.diag(scale)

    def through_linear(matrix, bias, layer):
        weight, shift = linear(layer)
        return matrix @ weight, bias + matrix @ shift

    def through_norm(matrix, bias, norm):
        scale, shift = affine(tensors, f"{name}.{norm}")
        return matrix * scale, bias + matrix @ shift

    matrix, bias = through_linear(matrix, bias, "joint3")
    matrix, bias = through_norm(matrix, bias, "joint_bn2")
    matrix, bias = through_linear(matrix, bias, "joint2")
    matrix, bias = through_linear(matrix, bias, "joint1")
    latent_width = len(tensors[f"{name}.latent4.bias"])
    matrix, features = matrix[:, :latent_width], matrix[:, latent_width:]
    matrix, bias = through_norm(matrix, bias, "latent_bn4")
    matrix, bias = through_linear(matrix, bias, "latent4")
    matrix, bias = through_linear(matrix, bias, "latent3")
    matrix, bias = through_norm(matrix, bias, "latent_bn2")
    matrix, bias = through_linear(matrix, bias, "latent2")
    matrix, bias = through_linear(matrix, bias, "latent1")
    return matrix, features, bias


def fold(tensors):
    """All tensors of a model, the recogniser's folded (float64), the others as they were."""
    folded = {name: value for name, value in tensors.items()
              if not name.startswith("recogniser.")}

    def put(layer, weight, bias):
        folded[f"{layer}.weight"], folded[f"{layer}.bias"] = weight, bias

    for name in tensors:
        layer = name.removesuffix(".weight")
        if not name.startswith("recogniser.") or layer == name:
            continue
        path, _, leaf = layer.rpartition(".")
        if leaf in ("conv", "conv1", "conv2"):
            put(layer, *fold_norm(tensors, layer, f"{path}.{leaf.replace('conv', 'bn')}"))
        elif path.endswith(".channel") and leaf == "down":
            put(layer, *fold_norm(tensors, layer, f"{path}.bn"))
        elif path.endswith(".channel") and leaf == "up":
            put(layer, tensors[name], tensors[f"{layer}.bias"])
        elif leaf == "conv1x1":
            put(layer, *fold_norm(tensors, layer, f"{path}.bn1x1"))
        elif leaf == "conv3x3":
            put(layer, *fold_spatial(tensors, path))
    classifier = "recogniser.classifier"
    (folded[f"{classifier}.latent.weight"], folded[f"{classifier}.features.weight"],
     folded[f"{classifier}.bias"]) = fold_classifier(tensors)
    return folded
