"""Lights that are brighter than white: a clipped pixel bounds what the kernel may make of it, and tells no more.

    y = min(k (*) x, 1),  so of a white pixel only  k (*) x >= 1  is known

A residual k (*) x - y on the right side of the bound is none. Taken at face value, clipped lamps and their streaks are
no convolution of anything, and mislead a kernel more than all the rest of a night picture tells it.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import area_average, smoothed

NEAR = 0.5 / 255  # this near to 1 a pixel counts as clipped
BLACK = 1e-6  # up to which a pixel counts as clipped: in linear light the darkest stored values are hardly more
SHARE = 0.03  # of what a block's mean is made of, from which on it is a bound


def white(y: NDArray, scale: int = 1, smoothing: float = 0.0) -> NDArray[np.bool_]:
    """Where a picture is clipped (..., H, W), or the block means of a grey one: (H // scale, W // scale).

    smoothing: what the picture was `blur.smoothed` by before, in blocks, which spreads clipped values.
    """
    clipped = y >= 1 - NEAR
    if scale == 1 and not smoothing:
        return clipped
    return area_average(smoothed(clipped.astype(np.float32), smoothing * scale), scale) >= SHARE


def one_sided(residual: Array, bound: NDArray[np.bool_] | Array | None) -> Array:
    """The residual k (*) x - y without what is beyond a bound. bound: where y is one, of its shape, None: nowhere."""
    return residual if bound is None else jnp.where(bound, jnp.minimum(residual, 0), residual)


def brightened(y: Array, made: Array, bound: NDArray[np.bool_] | Array | None) -> Array:
    """The picture y as bright as a model makes it, k (*) x, where it is a bound."""
    return y if bound is None else jnp.where(bound, jnp.maximum(y, made), y)
