"""Kernels as arrays: where their mass lies, what of it is noise, how they are cut and moved. numpy, (K, L), sum 1."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.fft import irfft2, rfft2

ISLANDS = 0.02  # share of the mass below which a piece is noise, unless none has more
MOST_NOISE = 0.1  # share of a kernel's mass that a threshold may cut
SUPPORTS = (9, 13, 19, 27, 35, 43, 55, 69, 81, 95, 107, 121, 135, 149, 163)  # few: each is compiled anew

Kernel = NDArray[np.floating]


def centroid(k: Kernel, threshold: float = 0.05) -> tuple[float, float]:
    """Centre of mass (down, right) off the middle entry, of the entries above `threshold` of the largest."""
    k = np.where(k < threshold * k.max(), 0, k)
    down, right = (np.arange(n) - n // 2 for n in k.shape)
    return float((k.sum(1) * down).sum() / k.sum()), float((k.sum(0) * right).sum() / k.sum())


def support_box(k: Kernel) -> tuple[tuple[float, float], int]:
    """The box around the entries above zero: its middle (down, right) off the middle entry, and its longer side."""
    boxes = [np.flatnonzero((k > 0).any(axis)) for axis in (1, 0)]
    down, right = ((box[0] + box[-1]) / 2 - n // 2 for box, n in zip(boxes, k.shape, strict=True))
    return (float(down), float(right)), int(max(box[-1] - box[0] + 1 for box in boxes))


def pruned(k: Kernel, threshold: float = 0.03) -> NDArray[np.float32]:
    """The kernel without what is below `threshold` of its largest entry, and without islands of little mass.

    The threshold is lower where it would cost more than `MOST_NOISE` of the mass: that is the faint part of a path on
    which a camera rested somewhere.
    """
    ascending = np.sort(k, axis=None)
    faint = ascending[np.searchsorted(np.cumsum(ascending, dtype=np.float64), MOST_NOISE * k.sum(dtype=np.float64))]
    k = np.where(k < min(threshold * ascending[-1], faint), 0, k).astype(np.float64)
    labels, _ = cast("tuple[NDArray, int]", ndimage.label(k > 0, structure=np.ones((3, 3))))
    masses = np.bincount(labels.ravel(), k.ravel())
    large = masses >= ISLANDS * k.sum()
    if large.any():
        k[~large[labels]] = 0
    return (k / k.sum()).astype(np.float32)


def cropped(k: Kernel, margin: int = 1) -> NDArray[np.float32]:
    """The smallest odd square about the centre of mass, to the next entry, that keeps all mass, and a margin.

    Moved by whole entries: the restored picture moves the other way, less than a kernel's width.
    """
    k = np.asarray(k, np.float32)
    down, right = (int(round(c)) for c in centroid(k, 0.0))
    rows, columns = (np.flatnonzero(k.any(axis)) for axis in (1, 0))
    middle = k.shape[0] // 2 + down, k.shape[1] // 2 + right
    reach = margin + max(max(m - found[0], found[-1] - m) for m, found in zip(middle, (rows, columns), strict=True))
    padded = np.pad(k, reach)
    return padded[middle[0] : middle[0] + 2 * reach + 1, middle[1] : middle[1] + 2 * reach + 1]


def of_one_size(kernels: Sequence[Kernel], least: int = 1) -> NDArray[np.float32]:
    """Square kernels of odd sides, with zeros around the smaller ones: (n, K, K), K at least `least`, which is odd."""
    side = max(least, *(len(k) for k in kernels))
    return np.stack([np.pad(k, (side - len(k)) // 2) for k in kernels]).astype(np.float32)


def support_for(length: float) -> int:
    """The smallest of the `SUPPORTS` of at least `length` samples, or the largest there is."""
    return next((support for support in SUPPORTS if support >= length), SUPPORTS[-1])


def grid_for(side: int) -> int:
    """The smallest of the `SUPPORTS` of at least `side` samples, or `side` itself if it exceeds them all."""
    return max(support_for(side), side)


def likeness(a: Kernel, b: Kernel) -> float:
    """Largest normalised cross-correlation over all shifts by whole entries, at most 1."""
    size = [n + m - 1 for n, m in zip(a.shape, b.shape, strict=True)]
    first, second = (np.asarray(rfft2(k, size)) for k in (a, b))
    products = np.asarray(irfft2(first * np.conj(second), size))
    return float(products.max() / np.sqrt((a * a).sum() * (b * b).sum()))


def area(k: Kernel) -> float:
    """(sum k)^2 / sum k^2: 1 for a point, the number of entries for a flat kernel."""
    return float(k.sum() ** 2 / (k * k).sum())


def border_share(k: Kernel) -> float:
    """Share of the mass in the outermost entries; along an axis of one entry there are none."""
    inner = tuple(slice(1, -1) if n > 1 else slice(None) for n in k.shape)
    return float(1 - k[inner].sum() / k.sum())


def largest_piece(k: Kernel) -> float:
    """Share of the mass in the largest piece, see `without_islands`."""
    return float(without_islands(k).sum() / k.sum())


def without_islands(k: Kernel) -> Kernel:
    """The largest piece of the kernel alone, its entries as they were; what touches, also at a corner, is one piece."""
    labels, _ = cast("tuple[NDArray, int]", ndimage.label(k > 0, structure=np.ones((3, 3))))
    masses = np.bincount(labels.ravel(), k.ravel())
    return np.where(labels == 1 + masses[1:].argmax(), k, 0)
