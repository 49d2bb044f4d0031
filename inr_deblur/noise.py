"""How noisy a picture is, from the picture alone."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.ndimage import correlate1d

from inr_deblur.jpeg import quantisation

BLOCK = 16
LOWEST = 0.5 / 255 / 3  # of a picture without noise: rounding to 8 bit


def noise_level(y: ArrayLike) -> float:
    """Standard deviation of the noise in a grey picture y (H, W), in its units: `white_noise` or, if more, a JPEG's.

    In a JPEG, noise and content of high frequencies are rounded to zero, where `white_noise` looks; at those that are
    left the rounding counts (`jpeg`).
    """
    return max(white_noise(y), quantisation(y).noise)


def white_noise(y: ArrayLike) -> float:
    """Standard deviation of white noise in a grey picture y (H, W), in its units, at least `LOWEST`.

    The second difference along both axes, [1 -2 1]' [1 -2 1] / 6, takes smooth content out and keeps the variance of
    white noise. Its mean square is taken in blocks of 16 to 31 pixels a side, those with more than 2 % of clipped
    pixels dropped; the median block counts (a blurred picture has little of its own at these frequencies). Immerkaer,
    Fast noise variance estimation (CVIU 1996), made robust.
    """
    y = np.asarray(y, np.float64)
    second = np.array([1.0, -2.0, 1.0]) / np.sqrt(6)
    high = correlate1d(correlate1d(y, second, axis=0), second, axis=1)[1:-1, 1:-1]
    clipped = (y[1:-1, 1:-1] <= 0) | (y[1:-1, 1:-1] >= 1)
    energy, share = _blocks(high**2), _blocks(clipped.astype(np.float64))
    kept = energy[share <= 0.02] if (share <= 0.02).any() else energy
    return max(float(np.sqrt(np.median(kept))), LOWEST)


def _blocks(a: np.ndarray) -> np.ndarray:
    """Means of equal blocks of 16 to 31 samples a side, flattened; of a smaller picture there is one."""
    h, w = (max(1, n // BLOCK) for n in a.shape)
    rows, columns = a.shape[0] // h, a.shape[1] // w
    return a[: h * rows, : w * columns].reshape(h, rows, w, columns).mean((1, 3)).ravel()
