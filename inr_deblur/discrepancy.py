"""The noise that the weight of the restoration's prior is for, set by what a restoration leaves unexplained.

What the evidence tells (`evidence`) is right for a picture that is like others, but print has fewer slopes for its
power than leaves have. By the discrepancy principle (Morozov 1966) the weight is such that as much of the grey picture
is left unexplained as there is noise in it. That knows the picture, but turns on how well the noise is known, most
where the residual hardly changes with the weight. So the noise that the weight is for is the geometric mean of the two;
the part of the weight that is for the kernel's error stays.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from inr_deblur.evidence import Evidence, evidence, middle
from inr_deblur.region import most_telling
from inr_deblur.restore import restore

LEFT = 0.97  # of the noise's variance that the right weight leaves, as the latent image takes up some of it
OCTAVES, HALVINGS = 2.0, 4  # that the noise may be larger or smaller than the evidence's, and of that interval


def fitting_evidence(y: NDArray[np.float32], k: NDArray[np.float32], rounding: float = 0.0) -> Evidence:
    """The evidence of the grey picture y (H, W) and its kernel k (K, L), odd sides, sum 1, with the noise that fits.

    rounding: what a JPEG has left (`jpeg`), in units of y. Where there is some, or where noise is no part to speak of
    in what the kernel leaves unexplained, the evidence's own noise stays. Of a large picture the middle counts.
    """
    found = evidence(y, k, rounding)
    if rounding or not found.noise_shows or louder(found, -OCTAVES).weight == louder(found, OCTAVES).weight:
        return found
    y = middle(y, k.shape)
    top, left, height, width = most_telling(y, max(k.shape))
    part = y[top : top + height, left : left + width]
    low, high = -OCTAVES, OCTAVES
    for _ in range(HALVINGS):
        between = (low + high) / 2
        too_little = residual_power(part, k, louder(found, between).weight) < LEFT * found.noise
        low, high = (between, high) if too_little else (low, between)
    return louder(found, (low + high) / 4)


def louder(found: Evidence, octaves: float) -> Evidence:
    """The evidence with a noise that is so many octaves louder."""
    return found._replace(noise=found.noise * 2.0**octaves)


def residual_power(y: NDArray[np.float32], k: NDArray[np.float32], weight: float) -> float:
    """The mean square of clip(k (*) x) - y for the restoration x with this weight."""
    blurred = np.clip(fftconvolve(restore(y, k, weight), k, "valid"), 0, 1)
    return float(((blurred - y) ** 2).mean())
