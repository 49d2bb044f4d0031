"""scikit-image's deconvolutions with a kernel that is known, to compare with.

Pictures are (H, W) or (H, W, 3) float32 in [0, 1], kernels (K, L) with odd sides and sum 1. Both methods take the
picture for periodic or dark around; here it fades to black over a kernel's width first, and is cut again, which rings
less than a mirrored border.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inr_deblur.errors import InputError

ROUNDS = 30  # of Richardson and Lucy; more of them raise the noise
BALANCE, BALANCE_OF_NOISE = 0.02, 2.0  # of Wiener and Hunt: weight of smoothness, the second times the noise
Picture = NDArray


def wiener(y: Picture, kernel: NDArray[np.float32], noise: float) -> Picture:
    """Wiener and Hunt's filter with a Laplacian prior. noise: standard deviation."""
    balance = max(BALANCE, BALANCE_OF_NOISE * noise)
    return _by_channel(lambda c: _restoration().wiener(c, kernel, balance, clip=False), y, kernel)


def richardson_lucy(y: Picture, kernel: NDArray[np.float32]) -> Picture:
    """Richardson and Lucy's iteration, `ROUNDS` of it."""
    # it starts from 1/2 everywhere and divides by what it predicts, which is positive
    return _by_channel(lambda c: _restoration().richardson_lucy(c, kernel, ROUNDS, filter_epsilon=1e-6), y, kernel)


def _by_channel(filtered: Callable[[Picture], NDArray], y: Picture, kernel: NDArray) -> Picture:
    """The filter applied to every channel, with a border that fades."""
    reach = [min(k, n) for k, n in zip(kernel.shape, y.shape, strict=False)]
    around = [(r, r) for r in reach]
    channels = np.moveaxis(np.atleast_3d(y), 2, 0)
    results = [filtered(np.pad(c, around, "linear_ramp")) for c in channels]
    inside = np.s_[reach[0] : reach[0] + y.shape[0], reach[1] : reach[1] + y.shape[1]]
    return np.clip(np.stack([r[inside] for r in results], -1), 0, 1).astype(np.float32).reshape(y.shape)


def _restoration() -> Any:
    try:
        from skimage import restoration
    except ImportError as error:
        raise InputError("This method needs scikit-image: pip install 'inr_deblur[experiments]'.") from error
    return restoration
