"""Clipped pixels: white or black by the range of the values, which bounds what the kernel may make of them.

    y = clip(k (*) x),  so of a white pixel only  k (*) x >= 1  is known, of a black one  k (*) x <= 0

A residual k (*) x - y on the right side of the bound is none. Taken at face value, clipped lamps and their streaks are
no convolution of anything, and mislead a kernel more than all the rest of a night picture tells it.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import area_average

NEAR = 0.5 / 255  # this near to 0 or 1 a pixel counts as clipped
SHARE = 0.03  # of a block's pixels, from which on its mean is one of clipped values


class Clipped(NamedTuple):
    """Where values are clipped; numpy, or JAX within a compiled program."""

    white: Any  # (..., H, W) bool
    black: Any  # (..., H, W) bool


def clipped(y: NDArray, scale: int = 1) -> Clipped:
    """Of a picture's block means, see `blur.area_average`. y: (..., H, W) -> (..., H // scale, W // scale)."""
    ends = y >= 1 - NEAR, y <= NEAR
    if scale == 1:
        return Clipped(*ends)
    return Clipped(*(area_average(end.astype(np.float32), scale) >= SHARE for end in ends))


def one_sided(residual: Array, at: Clipped | None) -> Array:
    """The residual k (*) x - y without what is beyond a bound; where both are within a block nothing is left."""
    if at is None:
        return residual
    r = jnp.where(at.white, jnp.minimum(residual, 0), residual)
    return jnp.where(at.black, jnp.maximum(r, 0), r)


def unclipped(y: Array, made: Array, at: Clipped | None) -> Array:
    """The picture y with what a model makes of it, k (*) x, where that is beyond a bound."""
    if at is None:
        return y
    y = jnp.where(at.white, jnp.maximum(y, made), y)
    return jnp.where(at.black, jnp.minimum(y, made), y)
