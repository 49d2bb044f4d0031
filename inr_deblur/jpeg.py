"""What a JPEG's quantisation has left in a picture, from the pixels alone: they may have been stored anew since.

A JPEG holds the discrete cosine transform of each block of 8 x 8 pixels, each coefficient rounded to a multiple of its
own step. The steps are found where coefficients lie on such a lattice, as in Fan and de Queiroz, Identification of
bitmap compression history: JPEG detection and quantizer estimation (IEEE TIP 2003).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import dctn

BLOCK = 8
WHITE = 255  # values of a pixel
BLOCKS = 4096  # that are looked at, about
FEWEST = 16  # coefficients of one step, and of more, below which it can't be told
STEPS = np.arange(3, 100)  # smaller ones drown in the rounding of pixels, and matter as little
REGULAR, AS_REGULAR = 0.45, 0.9  # how near to multiples coefficients lie at least, and as near as for the best step
MOSTLY = 0.6  # of the values that are not about zero, how many must belong to coefficients on a lattice


class Quantisation(NamedTuple):
    """How coefficients were rounded, (8, 8) by frequency down and right; all 0 where none of it can be told."""

    steps: NDArray[np.float64]  # in 255ths
    shares: NDArray[np.float64]  # of the blocks, in which the coefficient was not rounded to zero

    @property
    def noise(self) -> float:
        """Standard deviation in units of the picture: a step q rounds as noise of variance q^2 / 12 does.

        The mean over what was not rounded to zero, which is where the picture's content is.
        """
        return float(np.sqrt((self.shares * self.steps**2).sum() / max(self.shares.sum(), 1e-12) / 12) / WHITE)


def quantisation(y: ArrayLike) -> Quantisation:
    """The steps of the grey picture y (H, W) in [0, 1].

    None are found unless the picture was a JPEG with its blocks where it has them now: one that was cut within a block,
    resized or edited since is not recognised.
    """
    coefficients = np.abs(_coefficients(np.asarray(y, np.float64)))
    steps, shares, telling = np.zeros((3, BLOCK, BLOCK))
    for place in list(np.ndindex(BLOCK, BLOCK))[1:]:
        c = coefficients[:, *place]
        telling[place] = (c > STEPS[0] / 2).sum()
        nearness = np.array([_nearness(c, float(step)) for step in STEPS])
        if nearness.max() > REGULAR:
            steps[place] = STEPS[nearness > AS_REGULAR * nearness.max()].max()
            shares[place] = (c > steps[place] / 2).mean()
    if telling[steps > 0].sum() <= MOSTLY * telling.sum():
        return Quantisation(np.zeros_like(steps), np.zeros_like(shares))
    return Quantisation(steps, shares)


def _nearness(c: NDArray[np.float64], step: float) -> float:
    """How near to multiples of a step the coefficients lie that are not about zero: 1, on them; 0 if too few tell."""
    c = c[c > step / 2]
    once = (c < 1.5 * step).sum()
    return float(np.cos(2 * np.pi * c / step).mean()) if min(once, len(c) - once) > FEWEST else 0.0


def _coefficients(y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of whole blocks without clipped pixels: (blocks, 8, 8)."""
    rows, columns = (n // BLOCK for n in y.shape)
    blocks = y[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    blocks = blocks.reshape(-1, BLOCK, BLOCK)
    blocks = blocks[:: max(1, len(blocks) // BLOCKS)]
    blocks = blocks[(blocks.min((1, 2)) > 0) & (blocks.max((1, 2)) < 1)]
    return np.asarray(dctn(WHITE * blocks, axes=(1, 2), norm="ortho"))
