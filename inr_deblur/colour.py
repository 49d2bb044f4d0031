"""The grey pictures of a colour picture: what it is judged by, and what its kernel is sought on."""

import numpy as np
from numpy.typing import NDArray

from inr_deblur.clipping import clipped

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, full range
LIGHTS = 0.05  # of the pixels, that are clipped in another colour but not in green


def luminance(y: NDArray) -> NDArray[np.float32]:
    """(H, W) or (H, W, 3) -> (H, W)."""
    return np.asarray(y if y.ndim == 2 else y @ np.array(LUMA, np.float32), np.float32)


def of_coloured_lights(y: NDArray) -> bool:
    """Whether many pixels of a picture (H, W) or (H, W, 3) are clipped in one colour and not in green.

    Then its luminance mixes clipped values with others, which no convolution makes, and there is more light than the
    values tell. White paper is clipped in all colours alike, and is as white as it seems.
    """
    if y.ndim == 2:
        return False
    ends = clipped(y).white | clipped(y).black
    return bool(ends.any(2).mean() - ends[..., 1].mean() >= LIGHTS)


def green(y: NDArray) -> NDArray[np.float32]:
    """(H, W, 3) -> (H, W): most of the luminance, and the colour with the least noise in cameras."""
    return np.asarray(y[..., 1], np.float32)
