"""Whether a refinement has mended a kernel or spoilt it.

Counting edges sharpens a kernel that is nearly right, and can make a point of others, most of all where something in
the picture is sharp that is no part of the scene, as noise is and a JPEG's blocks are.
"""

import numpy as np
from numpy.typing import NDArray

from inr_deblur.evidence import evidence
from inr_deblur.kernels import area, cropped, likeness, pruned
from inr_deblur.outcome import sparsity
from inr_deblur.region import most_telling
from inr_deblur.restore import restore_within

RELATED = 0.85  # kernels before and after are at least so alike
SHRUNK = 0.67  # of its area that a kernel keeps at least
UNCERTAIN = 1.02  # factor on `sparsity` by which a kernel may be wrong and seem clearer
SCALE = 4  # that is to see all of the part that is looked at: what the kernels were sought on is too small to tell


def spoilt(y: NDArray, noise: float, before: NDArray, after: NDArray, tolerance: float = np.inf) -> bool:
    """Whether the kernel `before` is to be kept: the picture is clearer with it, and the two differ much.

    Where they differ little it must be clearer by more than a factor, `tolerance`, on the mean slope of the restored
    picture over its root mean square. y: (H, W) the picture; noise: its standard deviation; before, after: (K, K) and
    (L, L), odd, sum 1.
    """
    side = max(before.shape[0], after.shape[0])
    a, b = (np.pad(k, (side - k.shape[0]) // 2) for k in (before, after))
    related = likeness(a, b) > RELATED and area(b) > SHRUNK * area(a)
    if related and np.isinf(tolerance):
        return False
    top, left, height, width = most_telling(y, side, SCALE)
    y = y[top : top + height, left : left + width]
    kernels = [cropped(pruned(k)) for k in (a, b)]
    weight = max(evidence(y, k, noise).weight for k in kernels)  # one for both, as smoothing makes edges sparser, too
    first, second = (sparsity(restore_within(y, k, weight)) for k in kernels)
    return second > first * (tolerance if related else 1.0)
