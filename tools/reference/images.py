"""Random images and masks for tests."""
import numpy as np
import torch

from resize import resize

SOURCE_SCALE = 1.3  # random source images are this much larger than the model's
MASKS = ("none", "one", "half", "all-but-one", "all")


def as_float32(array):
    """Rounded to float32, so that the engine and the twin read the same numbers; float64."""
    return torch.as_tensor(array).to(torch.float32).to(torch.float64)


def random_images(count, size, seed):
    """[count, 3, size, size] in [0, 1]: low-frequency noise, some detail, a few hard edges."""
    generator = np.random.default_rng(seed)
    images = torch.zeros(count, 3, size, size, dtype=torch.float64)
    for cells, amplitude in ((2, 0.35), (4, 0.25), (9, 0.18), (23, 0.08)):
        noise = torch.tensor(generator.normal(size=(count, 3, cells, cells)))
        images += amplitude * resize(noise, size, size)
    images += 0.02 * torch.tensor(generator.normal(size=(count, 3, size, size)))
    for image in images:  # a plain rectangle on each: what a covered face looks like
        top, left = generator.integers(0, size // 2, 2)
        height, width = generator.integers(size // 4, size // 2 + 1, 2)
        colour = torch.tensor(generator.normal(0.0, 0.4, (3, 1, 1)))
        image[:, top:top + height, left:left + width] = colour
    return (0.5 + images).clamp(0.0, 1.0)


def from_source(image, config):
    """One source [N, 3, H, W] to both sizes; without a U-Net the second is the first."""
    vit = as_float32(resize(image, config.image_size, config.image_size))
    if not config.unet:
        return vit, vit
    return vit, as_float32(resize(image, config.unet_size, config.unet_size))


def random_inputs(config, count, seed):
    """`input/vit_raw` and `input/unet` of random sources, as a camera's larger image gives them."""
    size = int(SOURCE_SCALE * max(config.image_size, config.unet_size))
    return from_source(random_images(count, size, seed), config)


def random_mask(kind, patches, generator):
    """[patches] bool with 0, 1, floor(L / 2), L - 1 or L patches covered."""
    count = {"none": 0, "one": 1, "half": patches // 2, "all-but-one": patches - 1,
             "all": patches}[kind]
    mask = torch.zeros(patches, dtype=torch.bool)
    mask[torch.as_tensor(generator.permutation(patches)[:count].copy())] = True
    return mask


def random_masks(kind, count, patches, seed):
    """[count, patches] bool; "mixed" goes through all the kinds, image by image."""
    generator = np.random.default_rng([seed, 1])
    kinds = [MASKS[n % len(MASKS)] if kind == "mixed" else kind for n in range(count)]
    return torch.stack([random_mask(k, patches, generator) for k in kinds])
