"""Mild blur taken out in a fraction of a second: one Gaussian, found on the sharpest edges, undone by a polynomial.

Delbracio, Garcia-Dorado, Choi, Kelly, Milanfar, Polyblur: Removing mild blur by polynomial reblurring (IEEE TCI 2021).
The blur is a Gaussian with three parameters, K its operator. A picture has an edge in every direction, sharp before the
blur, so the largest slope f along a direction tells the standard deviation along it,

    sigma^2 = c^2 / f^2 - sigma_b^2                                                          (section III)

and p(K) y with p(t) = a3 t^3 + a2 t^2 + a1 t + a0 nearly undoes it, without ever dividing by what the blur took:
p(1) = 1, p'(1) = -1, p''(1) = alpha, p(0) = beta                                            (section IV).

Pictures are (H, W) or (H, W, 3) float32 in [0, 1], standard deviations in pixels, angles in radians from the rows,
anticlockwise.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.interpolate import CubicSpline

from inr_deblur.colour import luminance

C, SIGMA_B = 89.8 / 255, 0.764  # fitted by the paper's authors on sharp pictures
LEAST, LARGEST = 0.3, 4.0  # standard deviations that are taken out, pixels
SHARP = 0.75  # pixels: up to here a picture counts as sharp (free sharp photographs read up to 0.71)
ALPHA, BETA = 6.0, 1.0  # how strongly middle and high frequencies are raised
TAILS = 1e-4  # share of the darkest and of the brightest values that the range leaves out
MEASURED, LOOKED_AT = 6, 60  # directions: slopes are taken in some, their minimum is sought in more


class Bell(NamedTuple):
    """A Gaussian blur."""

    along: float  # standard deviation along `angle`, the largest
    across: float
    angle: float

    def covariance(self) -> NDArray[np.float64]:
        """(2, 2), rows (down, right)."""
        axis = np.array([-np.sin(self.angle), np.cos(self.angle)])
        other = np.array([axis[1], -axis[0]])
        return self.along**2 * np.outer(axis, axis) + self.across**2 * np.outer(other, other)

    def kernel(self) -> NDArray[np.float32]:
        """(K, K), odd, sum 1, three standard deviations to each side."""
        reach = max(1, int(np.ceil(3 * self.along)))
        down, right = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        inverse = np.linalg.inv(self.covariance() + 1e-6 * np.eye(2))
        square = inverse[0, 0] * down**2 + 2 * inverse[0, 1] * down * right + inverse[1, 1] * right**2
        bell = np.exp(-square / 2)
        return (bell / bell.sum()).astype(np.float32)


def polyblur(y: NDArray) -> tuple[NDArray[np.float32], Bell | None]:
    """The picture y without its blur, in [0, 1], and the blur; where none was found, y itself and None."""
    bell = estimate(luminance(y))
    if bell.along <= SHARP:
        return y, None
    channels = y[..., None] if y.ndim == 2 else y
    restored = np.stack([without_halos(c, reblurred(c, bell)) for c in np.moveaxis(channels, 2, 0)], -1)
    return np.clip(restored, 0, 1).reshape(y.shape), bell


def estimate(grey: NDArray) -> Bell:
    """The Gaussian of a grey picture (H, W), from the largest slopes by direction."""
    low, high = np.quantile(grey, (TAILS, 1 - TAILS))
    stretched = np.clip((grey - low) / max(high - low, 1e-6), 0, 1)
    down, right = np.gradient(stretched)
    angles = np.pi * np.arange(MEASURED) / MEASURED
    steepest = [float(np.abs(np.cos(a) * right - np.sin(a) * down).max()) for a in angles]
    around = CubicSpline(np.append(angles, np.pi), [*steepest, steepest[0]], bc_type="periodic")
    fine = np.pi * np.arange(LOOKED_AT) / LOOKED_AT
    flattest = float(fine[np.argmin(around(fine))])
    along, across = (_deviation(float(around((flattest + turn) % np.pi))) for turn in (0, np.pi / 2))
    return Bell(along, min(across, along), flattest)


def _deviation(slope: float) -> float:
    return float(np.clip(np.sqrt(max(C**2 / max(slope, 1e-6) ** 2 - SIGMA_B**2, 0)), LEAST, LARGEST))


def reblurred(y: NDArray, bell: Bell) -> NDArray[np.float32]:
    """p(K) y for one channel (H, W), by FFT, mirrored at the border."""
    coefficients = (ALPHA / 2 - BETA + 2, 3 * BETA - ALPHA - 6, 5 - 3 * BETA + ALPHA / 2, BETA)
    reach = int(np.ceil(9 * bell.along))  # three kernels in a row
    reach = min(reach, *y.shape)
    padded = np.pad(y, reach, "symmetric")
    size = [int(fft.next_fast_len(n, real=True) or n) for n in padded.shape]
    down, right = 2 * np.pi * np.fft.fftfreq(size[0])[:, None], 2 * np.pi * np.fft.rfftfreq(size[1])
    spread = bell.covariance()
    square = spread[0, 0] * down**2 + 2 * spread[0, 1] * down * right + spread[1, 1] * right**2
    transfer = np.polyval(coefficients, np.exp(-square / 2)).astype(np.float32)
    spectrum = np.asarray(fft.rfft2(padded, size))
    result = np.asarray(fft.irfft2(spectrum * transfer, size))
    return result[reach : reach + y.shape[0], reach : reach + y.shape[1]]


def without_halos(y: NDArray, x: NDArray) -> NDArray[np.float32]:
    """x, but y where the slopes of x run against those of y: z y + (1 - z) x, z = m / (m + |grad y|^2) (section V)."""
    before, after = np.gradient(y), np.gradient(x)
    against = np.maximum(-(before[0] * after[0] + before[1] * after[1]), 0)
    z = against / (against + before[0] ** 2 + before[1] ** 2 + 1e-12)
    return z * y + (1 - z) * x
