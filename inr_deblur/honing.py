"""The last fit of a kernel: image and kernel together, by what is left when all images are taken into account.

The search's penalty (`losses.coupled`) takes what the picture leaves open of a slope for white noise, although a kernel
that lets some frequencies through badly leaves those open and no others; and in noise its fit, of values and slopes, is
a compromise. Near the end, where no wrong kernel is to be kept off any more, that costs detail: rounds or descents that
begin with the true kernel leave it. Here the fit is that of white noise in values and what is left open has a spectrum,
see `losses.stationary_prior`; a descent by that stays near the true kernel, also in noise. As the search's objective
it is not safe: from far off it ends with a point more often.

The descent is one in a harmonic image's coefficients and a kernel of free numbers (`generators`): first the image
alone, under a prior that is too strong and weakens, then both.
"""

import jax
import numpy as np
from numpy.typing import NDArray

from inr_deblur.coordinates import canvas_grid, kernel_grid, picture_grid
from inr_deblur.evidence import evidence
from inr_deblur.fit import Data, Generators, Weights, fit_stage, stack
from inr_deblur.generators import GridKernel, covering
from inr_deblur.kernels import cropped, pruned
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.region import most_telling, region_shape
from inr_deblur.restore import restore
from inr_deblur.search import support_for

SMALL, WIDE = (100, 400), (50, 200)  # steps of the image alone and of both, for a small kernel and for a wide one
SCALE = 2  # that is to see all of the part that is looked at: up to 640 pixels a side
CONTRAST = 0.2  # standard deviation that the picture is brought to
MARGIN = 3  # pixels that a kernel may grow on each side
OF_NOISE, LEAST = 2.0, 1e-6  # the prior's weight over the variance of the noise, and its least value
TOO_STRONG = 10.0  # times that weight, with which the image begins
EMPTY = 1e-3  # share of the largest entry that empty ones of a kernel begin with
IMAGE_RATE, KERNEL_RATE = 1e-3, 0.1


def honed(y: NDArray, k: NDArray, noise: float, steps: tuple[int, int]) -> tuple[NDArray, NDArray]:
    """The kernel (K, K), sum 1, that a descent from k makes of the grey picture y (H, W), and its losses.

    noise: its standard deviation in the units of y; steps: of the image alone and of both. K is one of few, as each is
    compiled anew.
    """
    k = cropped(pruned(k), MARGIN)
    window, side = np.float32(len(k)), max(support_for(len(k)), len(k))
    k = np.pad(k, (side - len(k)) // 2)
    top, left, height, width = most_telling(y, side, SCALE)
    y = y[top : top + height, left : left + width]
    mean, gain = y.mean(), CONTRAST / y.std()

    def seen(x: NDArray) -> NDArray[np.float32]:
        return ((x - mean) * gain + 0.5).astype(np.float32)

    offsets = kernel_grid((side, side))
    canvas = canvas_grid(picture_grid((height, width)), offsets)
    generators = Generators(covering(canvas, 1), GridKernel(side // 2))
    x = restore(y, k, evidence(y, k).weight)
    logits = np.log(k + EMPTY * k.max()).astype(np.float32)
    params = {"image": generators.image.showing(seen(x)), "kernel": {"params": {"values": logits}}}
    lam = max(LEAST, OF_NOISE * (gain * noise) ** 2)
    alone, both = steps
    weights = Weights(
        np.concatenate([lam * np.geomspace(TOO_STRONG, 1, alone), np.full(both, lam)]),
        IMAGE_RATE * np.concatenate([_falling(alone), _falling(both) / 2]),
        KERNEL_RATE * np.concatenate([np.zeros(alone), _falling(both)]),
    )
    none = np.float32(0)
    data = Data(seen(y), canvas, offsets, window, cross_scale=none, noise=none, bound=None)
    batch = stack([jax.tree.map(np.float32, (params, data, weights))])
    fitted = fit_stage(generators, OBJECTIVES["stationary"], 1, *batch)
    return fitted.kernel[0], fitted.losses[0]


def steps_for(wide: bool, factor: float = 1.0) -> tuple[int, int]:
    """Of the image alone and of both; factor: on their number."""
    alone, both = WIDE if wide else SMALL
    return max(2, round(alone * factor)), max(2, round(both * factor))


def honing_work(shape: tuple[int, int], size: int, steps: tuple[int, int]) -> float:
    """Cost in sample updates of a stage of the search, the unit of progress, for a picture of this shape."""
    height, width = region_shape(shape, support_for(size), SCALE)
    return float(sum(steps) * height * width)


def _falling(count: int) -> NDArray:
    """From one to a tenth, by half a period of a cosine."""
    return 0.55 + 0.45 * np.cos(np.pi * np.linspace(0, 1, count))
