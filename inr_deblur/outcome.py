"""What came out of a fit, in sentences with a remedy."""

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from inr_deblur.kernels import border_share

DELTA = 0.9  # share of the mass in the central 3 x 3 entries that makes a kernel a point
TRUNCATED = 0.04  # share of the mass in the outermost entries of the support
MISFIT = 2.5  # residual over noise that no fitted picture has
SHARP = 0.35  # mean |first difference| over two-pixel differences, above which a picture has pixel-sharp edges


class Outcome(Enum):
    """How a fit ended; the value is the sentence that a user reads."""

    RECOVERED = "The blur was found and taken out."
    RESTORED = "The picture was restored with the kernel that was given."
    NO_BLUR = "No blur was found: the picture is as sharp as its pixels allow, and it comes back nearly as it was."
    KERNEL_COLLAPSED = (
        "The kernel collapsed to a point although the picture is blurred: try another seed, or a larger kernel.size."
    )
    KERNEL_TRUNCATED = (
        "The kernel reaches the border of its support, so a part of it may be missing: raise kernel.size."
    )
    NOT_FITTED = (
        "The picture is not explained by one kernel for all of it, so the result is doubtful: "
        "give a region that moved as one, or another seed."
    )
    DOUBTFUL = (
        "The starts of the search disagree about the kernel, so the result is doubtful: "
        "look at the kernel, and try another seed or more starts (schedule.starts)."
    )

    @property
    def ok(self) -> bool:
        return self in (Outcome.RECOVERED, Outcome.RESTORED, Outcome.NO_BLUR)


def point_share(k: NDArray) -> float:
    """Share of the kernel's mass in the 3 x 3 entries around its centre of mass's entry."""
    i, j = (int(round(float((k.sum(1 - a) * np.arange(k.shape[a])).sum() / k.sum()))) for a in (0, 1))
    return float(k[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].sum() / k.sum())


def sharpness(y: NDArray) -> float:
    """Mean |y(i) - y(i+1)| over mean |y(i) - y(i+2)|: near 1/2 for smooth edges, larger for sharp ones and noise."""
    one = np.abs(np.diff(y, axis=0)).mean() + np.abs(np.diff(y, axis=1)).mean()
    two = np.abs(y[2:] - y[:-2]).mean() + np.abs(y[:, 2:] - y[:, :-2]).mean()
    return float(one / max(two, 1e-12))


def judge(kernel: NDArray, raw: NDArray, misfit: float, blurry: NDArray) -> Outcome:
    """The outcome of a blind fit.

    kernel: the final kernel; raw: the kernel on the whole support of the search; misfit: rms residual over the noise's
    standard deviation; blurry: (H, W) the picture.
    """
    if point_share(kernel) > DELTA:
        return Outcome.NO_BLUR if sharpness(blurry) > SHARP else Outcome.KERNEL_COLLAPSED
    if border_share(raw) > TRUNCATED:
        return Outcome.KERNEL_TRUNCATED
    if misfit > MISFIT:
        return Outcome.NOT_FITTED
    return Outcome.RECOVERED
