"""The last fit of a kernel: image and kernel together, by what is left when all images are taken into account.

The search's penalty (`losses.coupled`) takes what the picture leaves open of a slope for white noise, although a kernel
that lets some frequencies through badly leaves those open and no others; and in noise its fit, of values and slopes, is
a compromise. Near the end, where no wrong kernel is to be kept off any more, that costs detail: rounds or descents that
begin with the true kernel leave it. Here the fit is that of white noise in values, and what is left open has a
spectrum, see `stationary`; a descent by that stays near the true kernel, also in noise. As the search's objective it is
not safe: from far off it ends with a point more often.

The descent is one in a harmonic image's coefficients and a kernel of free numbers (`generators`): first the image
alone, under a prior that is too strong and weakens, then both. A second one, from a restoration with the kernel that
the first has found, goes further than more steps of the first.
"""

from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from inr_deblur.alternation import CONTRAST, SCALE, Corrected, with_margin
from inr_deblur.coordinates import canvas_grid, kernel_grid, picture_grid
from inr_deblur.evidence import evidence
from inr_deblur.fit import Data, Generators, Weights, fit_stage, stack
from inr_deblur.generators import GridKernel, covering
from inr_deblur.kernels import grid_for, pruned
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.region import most_telling, region_shape
from inr_deblur.restore import restore

STEPS_BY_CUBE = 3.84e10  # steps of a descent times the cube of the side of what it sees: more samples need fewer steps
DESCENTS = 2  # the second from a restoration with the kernel of the first, which takes it further
ONCE_ABOVE = 0.02  # noise, where the contrast is `CONTRAST`, above which a second one fits noise
FEWEST, MOST = 150, 1000  # steps of each
ALONE = 0.2  # share of them in which the kernel rests
LEAST = 5e-7  # of the noise's variance, where the contrast is `CONTRAST`
TOO_STRONG = 10.0  # times its weight, with which the prior begins
HAZE = 0.01  # of a kernel's mass, spread over where it may grow, as a softmax has no zeros
IMAGE_RATE, KERNEL_RATE = 1e-3, 3.125e-3


class Steps(NamedTuple):
    """Of one descent."""

    alone: int  # of the image
    both: int


def steps_for(shape: tuple[int, ...], size: int, factor: float = 1.0) -> Steps:
    """For a kernel of `size` pixels and a picture of this shape. factor: on their number."""
    height, width = region_shape((shape[0], shape[1]), size, SCALE)
    count = factor * min(max(STEPS_BY_CUBE / (height * width) ** 1.5, FEWEST), MOST)
    return Steps(max(2, round(ALONE * count)), max(2, round((1 - ALONE) * count)))


def honing_work(shape: tuple[int, ...], size: int, factor: float = 1.0) -> float:
    """Most it costs in sample updates of a stage of the search, the unit of progress; arguments as of `steps_for`."""
    height, width = region_shape((shape[0], shape[1]), size, SCALE)
    return float(DESCENTS * sum(steps_for(shape, size, factor)) * height * width)


def honed(y: NDArray, k: NDArray, noise: float, factor: float = 1.0) -> Corrected:
    """The kernel k (K, K), sum 1, after one or two descents in the most telling part of the grey picture y (H, W).

    noise: its standard deviation in the units of y; factor: on the number of steps. The losses are those of all steps.
    The kernel's side is one of few, as each is compiled anew.
    """
    k = with_margin(k)
    window, side = len(k), grid_for(len(k))
    steps = steps_for(y.shape, side, factor)
    top, left, height, width = most_telling(y, side, SCALE)
    y = y[top : top + height, left : left + width]
    mean, gain = y.mean(), CONTRAST / y.std()

    def seen(x: NDArray) -> NDArray[np.float32]:
        return ((x - mean) * gain + 0.5).astype(np.float32)

    offsets = kernel_grid((side, side))
    canvas = canvas_grid(picture_grid((height, width)), offsets)
    generators = Generators(covering(canvas, 1), GridKernel(side // 2))
    lam = max(LEAST, (gain * noise) ** 2)
    weights = Weights(
        np.concatenate([lam * np.geomspace(TOO_STRONG, 1, steps.alone), np.full(steps.both, lam)]),
        IMAGE_RATE * np.concatenate([_falling(steps.alone), _falling(steps.both) / 2]),
        KERNEL_RATE * np.concatenate([np.zeros(steps.alone), _falling(steps.both)]),
    )
    none = np.float32(0)
    data = Data(seen(y), canvas, offsets, np.float32(window), cross_scale=none, noise=none, bound=None)
    k, losses = np.pad(k, (side - window) // 2), []
    for _ in range(DESCENTS if gain * noise <= ONCE_ABOVE else 1):
        k = pruned(k)
        image = generators.image.showing(seen(restore(y, k, evidence(y, k).weight)))
        logits = np.log(k + HAZE / window**2).astype(np.float32)
        params = {"image": image, "kernel": {"params": {"values": logits}}}
        fitted = fit_stage(
            generators, OBJECTIVES["stationary"], 1, *stack([jax.tree.map(np.float32, (params, data, weights))])
        )
        k = fitted.kernel[0]
        losses.append(fitted.losses[0])
        if not np.isfinite(k).all():
            break
    return Corrected(k, np.concatenate(losses))


def _falling(count: int) -> NDArray:
    """From one to a tenth, by half a period of a cosine."""
    return 0.55 + 0.45 * np.cos(np.pi * np.linspace(0, 1, count))
