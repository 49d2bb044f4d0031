"""The forward model: y = k (*) x, a true convolution (the kernel is flipped), valid part only.

What lies outside the picture is unknown, so x lives on a canvas of (H + K - 1, W + L - 1) samples for a picture of
(H, W) and a kernel of (K, L), and y[i] = sum_j k[j] x[i + K - 1 - j].
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.ndimage import gaussian_filter


def convolve_valid(x: Array, k: Array) -> Array:
    """Valid convolution by FFT. x: (..., H + K - 1, W + L - 1), k: (..., K, L) -> (..., H, W)."""
    size = fast_size(x.shape[-2:])
    y = jnp.fft.irfft2(jnp.fft.rfft2(x, size) * jnp.fft.rfft2(k, size), size)
    return y[..., k.shape[-2] - 1 : x.shape[-2], k.shape[-1] - 1 : x.shape[-1]]


def fast_size(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The next larger sizes whose Fourier transform is quick."""
    return tuple(int(next_fast_len(int(n), real=True) or n) for n in shape)


class Frame(NamedTuple):
    """Where a picture lies in the array that is transformed, whose first corner holds the canvas."""

    size: tuple[int, ...]  # of the transform, (rows, columns), at least the canvas
    inside: tuple[tuple[int, int], ...]  # `np.pad` widths that put y where the circular k (*) x is the valid one
    kernel: NDArray[np.float32]  # of this size, k in the first corner


def framed(shape: tuple[int, ...], k: NDArray) -> Frame:
    """The frame of a picture of shape (H, W) for the kernel k (K, L); the canvas is (H + K - 1, W + L - 1)."""
    size = fast_size(tuple(n + m - 1 for n, m in zip(shape, k.shape, strict=True)))
    inside = tuple((n - 1, s - m - n + 1) for n, m, s in zip(k.shape, shape, size, strict=True))
    beyond = [(0, s - n) for n, s in zip(k.shape, size, strict=True)]
    return Frame(size, inside, np.pad(np.asarray(k, np.float32), beyond))


def area_average(y: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Means of factor x factor blocks; what does not fill a block is left out. (..., H, W) -> (..., H // f, W // f)."""
    h, w = y.shape[-2] // factor, y.shape[-1] // factor
    blocks = y[..., : h * factor, : w * factor].reshape(*y.shape[:-2], h, factor, w, factor)
    return blocks.mean((-3, -1), dtype=np.float32)


def smoothed(y: NDArray[np.float32], width: float) -> NDArray[np.float32]:
    """y (H, W) without its fine detail, by a Gaussian of this standard deviation in pixels.

    Before a picture is made smaller: only what is free of aliases is still a convolution at a coarse scale. Means of
    blocks alone leave so much of them that the true kernel is not the one that explains the picture best.
    """
    return np.asarray(gaussian_filter(y, width, mode="reflect"), np.float32) if width else y


def quieter(smoothing: float, factor: int) -> float:
    """The share of white noise, of what block means leave, that is left if the picture is `smoothed` before.

    smoothing: in blocks; factor: pixels along a block's side.
    """
    reach = 8 * factor
    response = gaussian_filter(np.eye(1, 2 * reach + 1, reach)[0], smoothing * factor) if smoothing else np.ones(1)
    return float(factor * (np.convolve(response, np.ones(factor) / factor) ** 2).sum())
