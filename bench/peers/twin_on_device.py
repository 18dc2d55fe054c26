"""The twin on one device in one type, with what it makes anew in each call made once."""
import torch
import torch.nn.functional as F

import twin
import pipeline
import recogniser
import vit
from resize import weights

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16}


MADE = {}  # a dictionary, which torch.compile sees through


def axis(inputs, outputs, device, dtype):
    key = "axis", inputs, outputs, str(device), dtype
    if key not in MADE:
        MADE[key] = torch.tensor(weights(inputs, outputs), device=device, dtype=dtype)
    return MADE[key]


def resize(image, height, width):
    columns = axis(int(image.shape[-1]), width, image.device, image.dtype)
    rows = axis(int(image.shape[-2]), height, image.device, image.dtype)
    return rows @ (image @ columns.T)


def constant(values, device, dtype):
    key = "constant", values, str(device), dtype
    if key not in MADE:
        MADE[key] = torch.tensor(values, device=device, dtype=dtype).view(1, -1, 1, 1)
    return MADE[key]


class Pipeline(pipeline.LatentOfer):
    def normalise(self, image):
        mean, std = (constant(tuple(v), image.device, image.dtype)
                     for v in (self.config.mean, self.config.std))
        return (image - mean) / std

    def denormalise(self, image):
        mean, std = (constant(tuple(v), image.device, image.dtype)
                     for v in (self.config.mean, self.config.std))
        return image * std + mean


def load(path, device, precision):
    if hasattr(F, "scaled_dot_product_attention"):
        vit.attention = F.scaled_dot_product_attention
    pipeline.LatentOfer = Pipeline
    pipeline.resize = recogniser.resize = resize
    if device == "cuda":
        torch.set_default_device("cuda")  # where the twin makes its constants
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    model, _ = twin.load(path)
    return model.to(device, DTYPES[precision])
