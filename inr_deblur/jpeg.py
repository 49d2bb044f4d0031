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
BLOCKS = 4096  # that are looked at at most
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

    None are found unless the picture was a JPEG whose blocks start in one of its corners, as they do after a turn: one
    that was cut within a block, resized or taken to another light since is not recognised, nor are qualities above
    about 90. A drawing whose pixels were enlarged to small blocks can be taken for one.
    """
    y = np.asarray(y)
    found = (_steps(_coefficients(y[down:, right:])) for down, right in _corners(y.shape))
    return next((q for q in found if q.steps.any()), Quantisation(*np.zeros((2, BLOCK, BLOCK))))


def _corners(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """Where the first whole block can lie: (down, right)."""
    down, right = (n % BLOCK for n in shape)
    return sorted({(0, 0), (down, 0), (0, right), (down, right)})


def _steps(coefficients: NDArray[np.float64]) -> Quantisation:
    """Of the coefficients' sizes (blocks, 8, 8)."""
    steps, shares, telling = np.zeros((3, BLOCK, BLOCK))
    for place in list(np.ndindex(BLOCK, BLOCK))[1:]:
        c = coefficients[:, *place]
        telling[place] = (c > STEPS[0] / 2).sum()
        nearness = np.array([_nearness(c, float(step)) for step in STEPS])
        if nearness.max() > REGULAR:
            steps[place] = STEPS[nearness > AS_REGULAR * nearness.max()].max()
            shares[place] = (c > steps[place] / 2).mean()
    told = telling[steps > 0].sum() > MOSTLY * telling.sum()
    return Quantisation(steps * told, shares * told)


def _nearness(c: NDArray[np.float64], step: float) -> float:
    """How near to multiples of a step the coefficients lie that are not about zero: 1, on them; 0 if too few tell."""
    c = c[c > step / 2]
    once = (c < 1.5 * step).sum()
    return float(np.cos(2 * np.pi * c / step).mean()) if min(once, len(c) - once) > FEWEST else 0.0


def _coefficients(y: NDArray) -> NDArray[np.float64]:
    """Sizes of those of whole blocks without clipped pixels: (blocks, 8, 8)."""
    rows, columns = (n // BLOCK for n in y.shape)
    blocks = y[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK).swapaxes(1, 2)
    some = np.linspace(0, rows * columns - 1, min(rows * columns, BLOCKS)).astype(int)
    blocks = blocks[np.unravel_index(some, (rows, columns))] if len(some) else blocks.reshape(0, BLOCK, BLOCK)
    blocks = blocks[(blocks.min((1, 2)) > 0) & (blocks.max((1, 2)) < 1)]
    return np.abs(np.asarray(dctn(WHITE * blocks.astype(np.float64), axes=(1, 2), norm="ortho")))
