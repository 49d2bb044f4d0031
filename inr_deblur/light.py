"""Stored values and the light that they stand for.

A lens or a moving camera adds up light, so a blur is a convolution of linear light; most files store a power of it. A
curve maps [0, 1] onto [0, 1], stored values to light and back:

- `srgb`: the curve of IEC 61966-2-1, that nearly all cameras and screens follow;
- `gamma:G`: light = stored ** G;
- `linear`: stored values are light (microscopes, camera raw), or are to be treated so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inr_deblur.config import one_of
from inr_deblur.errors import InputError

NAMES = ("auto", "linear", "srgb", "gamma:2.2")
LEAST_GAMMA, LARGEST_GAMMA = 0.2, 5.0
STEP = 0.5 / 255  # over which a curve's slope is read
Map = Callable[[NDArray], NDArray]


class Curve(NamedTuple):
    """The way from stored values to light and back, on arrays in [0, 1]; keeps their type."""

    to_light: Map
    to_stored: Map


def curve(light: str) -> Curve:
    """The curve that a setting names. Raises InputError for another name, or a power out of its range."""
    if light.startswith("gamma:"):
        return _power(light)
    one_of("light", light, NAMES)
    return {"auto": AS_STORED, "linear": AS_STORED, "srgb": SRGB}[light]


def in_light(deviation: float, stored: NDArray, light: Curve) -> float:
    """What a small deviation of the stored values, (H, W) in [0, 1], is in their light: the root mean square."""
    high, low = (light.to_light(np.clip(stored + d, 0, 1)) for d in (STEP, -STEP))
    rise = np.clip(stored + STEP, 0, 1) - np.clip(stored - STEP, 0, 1)
    return deviation * float(np.sqrt((((high - low) / rise) ** 2).mean()))


def _power(light: str) -> Curve:
    try:
        gamma = float(light.partition(":")[2])
    except ValueError:
        gamma = 0.0
    if not LEAST_GAMMA <= gamma <= LARGEST_GAMMA:
        raise InputError(f"light={light} is out of range: give gamma:G with G from {LEAST_GAMMA} to {LARGEST_GAMMA}.")
    return Curve(lambda v: v ** v.dtype.type(gamma), lambda v: v ** v.dtype.type(1 / gamma))


def _srgb_to_light(stored: NDArray) -> NDArray:
    return np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4).astype(stored.dtype)


def _light_to_srgb(light: NDArray) -> NDArray:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(light.dtype)


SRGB = Curve(_srgb_to_light, _light_to_srgb)
AS_STORED = Curve(lambda v: v, lambda v: v)
