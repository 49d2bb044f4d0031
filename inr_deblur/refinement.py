"""Whether a refinement has mended a kernel or spoilt it.

Counting edges sharpens a kernel that is nearly right, and can make a point of others, most of all where something in
the picture is sharp that is no part of the scene, as noise is and a JPEG's blocks are.
"""

from numpy.typing import NDArray

from inr_deblur.evidence import evidence
from inr_deblur.kernels import area, cropped, likeness, of_one_size, pruned
from inr_deblur.outcome import sparsity
from inr_deblur.region import most_telling
from inr_deblur.restore import restore_within

RELATED = 0.85  # kernels before and after are at least so alike
SHRUNK = 0.67  # of its area that a kernel keeps at least
SCALE = 4  # that is to see all of the part that is looked at: what the kernels were sought on is too small to tell


def spoilt(y: NDArray, noise: float, before: NDArray, after: NDArray) -> bool:
    """Whether the kernel `before` is to be kept: the two differ much, and the picture is clearer with it.

    y: (H, W) the picture; noise: its standard deviation; before, after: (K, K) and (L, L), odd, sum 1.
    """
    a, b = of_one_size([before, after])
    related = likeness(a, b) > RELATED and area(b) > SHRUNK * area(a)
    return not related and blurring(y, noise, before, after) > 1


def blurring(y: NDArray, noise: float, before: NDArray, after: NDArray) -> float:
    """`sparsity` of the picture restored with the kernel `after` over that with `before`: above 1 if it is less clear.

    Arguments as those of `spoilt`.
    """
    a, b = of_one_size([before, after])
    top, left, height, width = most_telling(y, a.shape[0], SCALE)
    y = y[top : top + height, left : left + width]
    kernels = [cropped(pruned(k)) for k in (a, b)]
    weight = max(evidence(y, k, noise).weight for k in kernels)  # one for both, as smoothing makes edges sparser, too
    first, second = (sparsity(restore_within(y, k, weight)) for k in kernels)
    return second / first
