"""Sharp pictures that are free to use, cut to one size: what the experiments on photographs blur themselves."""

import numpy as np
from devset import TEXTURES, Picture, lively_crop, source_picture

__all__ = ["PHOTOGRAPHS", "Picture", "photograph"]

PHOTOGRAPHS = ("astronaut", "camera", "china", "coffee", "chelsea", "flower", "motorcycle", "grace_hopper")


def photograph(name: str, side: int) -> Picture:
    """A lively part of the photograph, (side, side, 3) in [0, 1]; always the same."""
    texture = next(kind for kind, choices in TEXTURES.items() if name in [source for _, source in choices])
    return lively_crop(source_picture(texture, name), side, np.random.default_rng(0))
