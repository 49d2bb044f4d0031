"""Where in a picture its kernel is sought: edges in all directions, nothing clipped."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from inr_deblur.blur import area_average
from inr_deblur.clipping import BLACK
from inr_deblur.errors import InputError

LARGEST_SIDE = 320  # samples; so a coarse scale sees more of the picture, in which fewer kernels are at home
KERNELS_WIDE = 4  # a region's side is at least this many kernels
WHOLE = 64  # pixels; a longer side is cut to one of few numbers of samples, so that few programs are compiled
CLIPPED = 0.99  # from which on a sample is white, or hardly tells more
SMALLEST_SIDE = 32  # pixels of a region that is given

Region = tuple[int, int, int, int]  # top, left, height, width


def parse_region(text: str) -> Region:
    """The region that a setting y,x,h,w names. Raises InputError for another form."""
    try:
        top, left, height, width = (int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"region={text} is not of the form y,x,h,w: give four whole numbers of pixels.") from error
    return top, left, height, width


def check_region(region: Region, shape: tuple[int, ...]) -> None:
    """Raise InputError unless the region lies in a picture of this shape and has some size."""
    top, left, height, width = region
    words = f"The region {','.join(map(str, region))} (y,x,h,w)"
    if min(height, width) < SMALLEST_SIDE:
        raise InputError(f"{words} is too small: give at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels.")
    if min(top, left) < 0 or top + height > shape[0] or left + width > shape[1]:
        raise InputError(f"{words} reaches beyond the picture, which is {shape[0]} high and {shape[1]} wide.")


def region_shape(shape: tuple[int, int], kernel_size: int, scale: int = 1) -> tuple[int, int]:
    """(height, width) in pixels of the region of a picture of this shape that a scale looks at."""
    most = _round(max(LARGEST_SIDE, -(-KERNELS_WIDE * kernel_size // scale)))
    height, width = (n if n <= WHOLE else scale * min(_round(n // scale), most) for n in shape)
    return height, width


def _round(n: int) -> int:
    """n less at most a sixteenth."""
    unit = 1 << max(0, (n // 16).bit_length() - 1)
    return n // unit * unit


def most_telling(y: NDArray[np.float32], kernel_size: int, scale: int = 1) -> Region:
    """(top, left, height, width) in pixels of the region of y (H, W) that tells most about a kernel of this size.

    As a scale's samples see it. The smaller eigenvalue of the mean structure tensor counts, so edges in one direction
    alone don't, less the share of clipped pixels.
    """
    shape = region_shape((y.shape[0], y.shape[1]), kernel_size, scale)
    if shape == y.shape:
        return 0, 0, *shape
    black, y = area_average((y <= BLACK).astype(np.float32), scale), area_average(y, scale)
    height, width = (n // scale for n in shape)
    down, right = np.gradient(y)
    weak = 1 / (1 + (np.hypot(down, right) / 0.1) ** 2)  # one strong edge must not outweigh many
    down, right = down * weak, right * weak
    dd, rr, dr, clipped = (
        uniform_filter(a.astype(np.float64), (height, width), mode="constant")  # type: ignore[arg-type]
        for a in (down**2, right**2, down * right, np.maximum(y >= CLIPPED, black))
    )
    smaller = (dd + rr) / 2 - np.sqrt(((dd - rr) / 2) ** 2 + dr**2)
    score = smaller * (1 - clipped) ** 2
    rows, columns = y.shape[0] - height + 1, y.shape[1] - width + 1
    inside = score[height // 2 : height // 2 + rows, width // 2 : width // 2 + columns]
    top, left = np.unravel_index(np.argmax(inside), inside.shape)
    return scale * int(top), scale * int(left), *shape
