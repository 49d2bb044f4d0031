"""The grey pictures of a colour picture: what it is judged by, and what its kernel is sought on."""

import numpy as np
from numpy.typing import NDArray

from inr_deblur.clipping import white

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, full range
NOT_WHITE, LIGHTS = 0.9, 0.05  # of green where another colour is white, share of such pixels


def luminance(y: NDArray) -> NDArray[np.float32]:
    """(H, W) or (H, W, 3) -> (H, W)."""
    return np.asarray(y if y.ndim == 2 else y @ np.array(LUMA, np.float32), np.float32)


def of_coloured_lights(y: NDArray) -> bool:
    """Whether a good part of a picture (H, W) or (H, W, 3) is white in some colour and not nearly so in green.

    Then there is more light than the values tell, and the luminance mixes clipped values with others, which no
    convolution makes. White paper is white in all colours, and is as white as it seems.
    """
    if y.ndim == 2 or np.ptp(green(y)) == 0:
        return False
    return bool((white(y).any(2) & (green(y) < NOT_WHITE)).mean() >= LIGHTS)


def green(y: NDArray) -> NDArray[np.float32]:
    """(H, W, 3) -> (H, W): most of the luminance, and the colour with the least noise in cameras."""
    return np.asarray(y[..., 1], np.float32)
