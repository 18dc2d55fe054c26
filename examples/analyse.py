#!/usr/bin/env python3
"""analyse.py LIBRARY WEIGHTS PICTURE...: the library from Python, by ctypes alone.

LIBRARY is the path of libofer.so. Pictures and results are NumPy arrays; nothing is copied on the
way to or from the library. Needs numpy, and Pillow to read pictures (python3-numpy, python3-pil).
"""
import ctypes
import sys
from ctypes import (Structure, byref, c_char, c_char_p, c_float, c_int32, c_size_t,
                    c_ssize_t, c_uint64, c_void_p, sizeof)

import numpy as np


class Sized(Structure):
    """A struct of ofer.h: begins with its own size; fields are zero unless given."""

    def __init__(self, **fields):
        super().__init__(size=sizeof(self), **fields)


class Error(Sized):
    _fields_ = [("size", c_size_t), ("status", c_int32), ("text", c_char * 1012)]


class ModelInfo(Sized):
    _fields_ = [("size", c_size_t)] + [(name, c_int32) for name in (
        "classes", "patch_rows", "patch_columns", "patches", "image_size", "restored_size",
        "latent_width", "grad_cam_layers", "has_detector", "has_unet", "all_latents",
        "trained")] + [("weights", c_uint64)]


class Image(Sized):
    _fields_ = [("size", c_size_t), ("data", c_void_p), ("width", c_int32), ("height", c_int32),
                ("format", c_int32), ("layout", c_int32), ("type", c_int32), ("memory", c_int32),
                ("row_stride", c_ssize_t), ("plane_stride", c_ssize_t)]


class Values(Structure):
    """ofer_floats, ofer_bytes, ofer_ints: where an array lies."""
    _fields_ = [("data", c_void_p), ("count", c_size_t)]

    @classmethod
    def of(cls, array):
        return cls(array.ctypes.data, array.size)


class Results(Sized):
    _fields_ = [("size", c_size_t), ("memory", c_int32), ("reserved", c_int32)] + [(name, Values) for name in (
        "labels", "probabilities", "distances", "masks", "chosen", "coarse", "restored",
        "attention", "grad_cam", "latents")]


class Ofer:
    """A model and one session of it."""

    def __init__(self, library, weights):
        self.lib = ctypes.CDLL(library)
        self.lib.ofer_model_label.restype = c_char_p
        self.lib.ofer_session_error.restype = c_char_p
        for name in ("ofer_model_free", "ofer_session_free"):
            getattr(self.lib, name).restype = None
        self.model, self.session = c_void_p(), c_void_p()
        error = Error()
        if self.lib.ofer_model_load(weights.encode(), None, byref(self.model), byref(error)):
            raise RuntimeError(error.text.decode())
        if self.lib.ofer_session_create(self.model, None, byref(self.session), byref(error)):
            raise RuntimeError(error.text.decode())
        self.info = ModelInfo()
        self.lib.ofer_model_get_info(self.model, byref(self.info))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lib.ofer_session_free(self.session)
        self.lib.ofer_model_free(self.model)

    def labels(self):
        return [self.lib.ofer_model_label(self.model, c_int32(i)).decode()
                for i in range(self.info.classes)]

    def analyse(self, pictures):
        """pictures: arrays [height, width, 3] of uint8, of any sizes. Rows may have steps of their
        own (a slice of a larger picture); a pixel's three values lie side by side."""
        images = (Image * len(pictures))()
        for image, picture in zip(images, pictures):
            if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
                raise ValueError("a picture is [height, width, 3] of uint8")
            if picture.strides[1:] != (3, 1):
                raise ValueError("a picture's pixels must lie side by side")
            image.__init__(data=picture.ctypes.data, width=picture.shape[1],
                           height=picture.shape[0], row_stride=picture.strides[0])
        n, info = len(pictures), self.info
        out = {
            "labels": np.empty(n, np.int32),
            "probabilities": np.empty((n, info.classes), np.float32),
            "masks": np.empty((n, info.patch_rows, info.patch_columns), np.uint8),
            "restored": np.empty((n, 3, info.restored_size, info.restored_size), np.float32),
        }
        results = Results(**{name: Values.of(array) for name, array in out.items()})
        if self.lib.ofer_analyse(self.session, images, c_size_t(n), None, byref(results)):
            raise RuntimeError(self.lib.ofer_session_error(self.session).decode())
        return out


def main(arguments):
    if len(arguments) < 3:
        sys.exit("usage: analyse.py LIBRARY WEIGHTS PICTURE...")
    from PIL import Image as Picture
    library, weights, *files = arguments
    pictures = [np.ascontiguousarray(Picture.open(file).convert("RGB")) for file in files]
    with Ofer(library, weights) as ofer:
        labels = ofer.labels()
        out = ofer.analyse(pictures)
    for file, label, probabilities, mask in zip(files, out["labels"], out["probabilities"],
                                                out["masks"]):
        print(f"{file}: {labels[label]}, {100 * probabilities[label]:.0f} %; "
              f"{int(mask.sum())} of {mask.size} patches covered")


if __name__ == "__main__":
    main(sys.argv[1:])
