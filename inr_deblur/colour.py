"""The grey picture that a colour picture's kernel is sought on."""

import numpy as np
from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, full range


def luminance(y: NDArray) -> NDArray[np.float32]:
    """(H, W) or (H, W, 3) -> (H, W)."""
    return np.asarray(y if y.ndim == 2 else y @ np.array(LUMA, np.float32), np.float32)
