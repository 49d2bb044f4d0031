"""How strong the restoration's prior has to be, from the picture and its kernel.

A photograph's power spectrum falls as S / |w|^2, so a blurry one's is

    |Y(w)|^2  ~  S (|K(w)|^2 + e) / |w|^2 + n                                                                 (1)

with white noise of variance n, and e the kernel's relative error: all that behaves like a picture yet is not explained
by the kernel, such as a blur that varies or a camera's own processing. The three are those of largest likelihood where
Fourier coefficients are independent and normal. Where |K| is small they are told apart: at high frequencies by n, at
middle ones by e, which a noise estimate from high frequencies alone would miss. In a JPEG there is nothing at high
frequencies, so n may be given a floor: the noise that rounding has left at the others.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.fft import fft2, ifft2
from scipy.optimize import minimize

from inr_deblur.noise import LOWEST

LARGEST_SIDE = 1024  # pixels of the picture's middle that are looked at
SAMPLES = 20000  # Fourier coefficients that are looked at, about
LOWEST_FREQUENCY = 0.03  # cycles a pixel; below it a picture is not like any other
BOUNDS = [(1e-8, 1.0), (LOWEST**2, 0.1), (1e-8, 0.1)]  # of S, n and e
WEIGHT_OF_NOISE, WEIGHT_OF_ERROR = 0.75, 2.0  # of n over the root of S, and of e times the contrast
LARGEST_ERROR = 7e-4  # that counts: more smoothing does not mend a wrong kernel
LARGEST_WEIGHT = 0.05
HIGHEST = 8.0  # |w|^2, that of differences from pixel to pixel


class Evidence(NamedTuple):
    """The parameters of (1), and what sets their scale."""

    signal: float  # S, squared units of the picture
    noise: float  # n, squared units of the picture
    error: float  # e, without unit
    contrast: float  # standard deviation of y, units of the picture

    @property
    def weight(self) -> float:
        """The weight of `restore`'s prior: the noise's variance over the size of gradients, and the kernel's error."""
        noise = WEIGHT_OF_NOISE * self.noise / self.signal**0.5
        return min(noise + WEIGHT_OF_ERROR * min(self.error, LARGEST_ERROR) * self.contrast, LARGEST_WEIGHT)

    @property
    def unexplained(self) -> float:
        """The variance of white noise that this weight is for, the kernel's error taken for some: squared units."""
        return self.weight * self.signal**0.5 / WEIGHT_OF_NOISE

    @property
    def noise_shows(self) -> bool:
        """Whether anywhere in the spectrum of what the kernel leaves unexplained white noise is the stronger part."""
        return self.signal * self.error < HIGHEST * self.noise


def evidence(y: ArrayLike, k: ArrayLike, least_noise: float = 0.0) -> Evidence:
    """What the grey picture y (H, W) and its kernel k (K, L), sum 1, tell about signal, noise and error.

    least_noise: standard deviation that noise has at least, in units of y, such as what a JPEG leaves (`jpeg`).
    """
    y, k = middle(np.asarray(y, np.float64), np.shape(k)), np.asarray(k, np.float64)
    window = np.outer(*(np.hanning(n + 2)[1:-1] for n in y.shape))
    window /= np.sqrt((window**2).mean())
    power = np.abs(_fft(window * (y - (y * window**2).mean()))) ** 2 / y.size
    frequencies = [np.fft.fftfreq(n) for n in y.shape]
    laplacian = np.add.outer(*(4 * np.sin(np.pi * f) ** 2 for f in frequencies))
    laplacian[0, 0] = laplacian[0, 1]
    leak = np.abs(_fft(window)) ** 2  # the window smooths spectra, and fills the zeros of |K|
    leak = _fft(leak / leak.sum())
    blurred, plain = (
        np.maximum(ifft2(_fft(a) * leak).real, 1e-12)  # type: ignore[union-attr]
        for a in (np.abs(_fft(k, y.shape)) ** 2 / laplacian, 1 / laplacian)
    )
    counted = np.hypot(*np.meshgrid(*frequencies, indexing="ij")) > LOWEST_FREQUENCY
    power, blurred, plain = (a[counted][:: max(1, a.size // SAMPLES)] for a in (power, blurred, plain))

    def surprise(logarithms: NDArray) -> float:
        signal, noise, error = np.exp(logarithms)
        expected = signal * (blurred + error * plain) + noise
        return float((np.log(expected) + power / expected).mean() + error)  # nothing to tell: the kernel is right

    limits = np.log(BOUNDS)
    start = np.log([1e-2, 1e-5, 1e-4])
    found = minimize(surprise, start, method="Nelder-Mead", bounds=limits, options={"maxiter": 300})
    signal, noise, error = (float(v) for v in np.exp(found.x))
    return Evidence(signal, max(noise, least_noise**2), error, float(y.std()))


def _fft(a: NDArray, shape: tuple[int, ...] | None = None) -> NDArray:
    return np.asarray(fft2(a, shape))


def middle(y: NDArray, least: tuple[int, ...]) -> NDArray:
    """The middle of y (H, W), of at most `LARGEST_SIDE` a side, no smaller than the kernel, whose shape is `least`."""
    sides = [min(n, max(LARGEST_SIDE, m)) for n, m in zip(y.shape, least, strict=True)]
    return y[tuple(slice((n - s) // 2, (n - s) // 2 + s) for n, s in zip(y.shape, sides, strict=True))]
