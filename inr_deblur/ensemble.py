"""Several fits of one picture as one result: their mean, and how far they lie apart at each pixel.

A parametric bootstrap: fit 0 sees the picture as it is, fit i sees

    y_i = clip(y + n_i, 0, 1),    n_i white and Gaussian, of the white noise estimated for each colour of y

but where y is white, and has a seed of its own. Efron and Tibshirani, An Introduction to the Bootstrap (1993). A blind
fit is known but for a shift, so the fits' continuous images are rendered where they lie on the reference's, the fit
whose kernel is most like the others'. What all the fits get wrong alike is not in the uncertainty. Pictures are (H, W)
or (H, W, 3) in [0, 1].
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inr_deblur.clipping import white
from inr_deblur.colour import luminance
from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid
from inr_deblur.kernels import likeness
from inr_deblur.latent import LatentImage
from inr_deblur.light import AS_STORED, Curve
from inr_deblur.noise import white_noise
from inr_deblur.outcome import Outcome
from inr_deblur.registration import shift_between
from inr_deblur.tiles import TiledImage, as_it_is_in_tiles

if TYPE_CHECKING:
    from inr_deblur.pipeline import DeblurResult

Shift = tuple[float, float]  # (down, right), pixels


@dataclass(frozen=True)
class MeanImage:
    """The mean of the fits' latent images, each clipped to [0, 1] and read at its own shift."""

    latents: tuple[LatentImage | TiledImage, ...]
    shifts: tuple[Shift, ...]

    def render(self, shape: tuple[int, ...], scale: float = 1.0) -> NDArray[np.float32]:
        """Values on the picture's frame, `scale` times finer: (H', W') or (H', W', 3)."""
        pictures = (moved(latent, shape, d, scale) for latent, d in zip(self.latents, self.shifts, strict=True))
        return mean_and_deviation(pictures)[0]


def members(y: NDArray[np.float32], config: DeblurConfig) -> Iterator[tuple[NDArray[np.float32], DeblurConfig]]:
    """The picture and the settings of each fit of the ensemble."""
    levels = np.array([white_noise(channel) for channel in np.moveaxis(np.atleast_3d(y), 2, 0)])
    for i in range(config.ensemble):
        one = replace(config, ensemble=1, seed=(config.seed + i) % 2**32)
        if i == 0:
            yield y, one
            continue
        noise = np.random.default_rng([config.seed, i]).normal(size=y.shape) * (levels if y.ndim == 3 else levels[0])
        noisy = np.where(white(y), y, np.clip(y + noise, 0, 1))  # noise would make values of bounds
        yield noisy.astype(np.float32), one


def combined(y: NDArray[np.float32], fits: "Sequence[DeblurResult]") -> "DeblurResult":
    """The fits of the picture y, at least two, as one result.

    Outcome, kernel, stages and region are the reference's, and its confidence, times the mean likeness of the others'
    kernels to its own. A fit that went wrong counts in the mean as much as the others. The picture is y itself, to
    the last bit, if no blur was found by the reference.
    """
    best, alike = reference([fit.kernel for fit in fits])
    chosen = fits[best]
    sharp = chosen.outcome is Outcome.NO_BLUR
    shifts = tuple(_shift(fit, chosen) for fit in fits)
    mean, uncertainty = mean_and_deviation(_seen(fit, d) for fit, d in zip(fits, shifts, strict=True))
    return replace(
        chosen,
        image=y if sharp else mean,
        confidence=chosen.confidence * alike,
        noise=fits[0].noise,
        seconds=sum(fit.seconds for fit in fits),
        latent=as_it_is_in_tiles(y) if sharp else MeanImage(tuple(fit.latent for fit in fits), shifts),  # type: ignore[arg-type]
        uncertainty=uncertainty,
    )


def reference(kernels: Sequence[NDArray[np.floating]]) -> tuple[int, float]:
    """Which kernel is most like the others, the first of equals, and the mean of their likeness to it, at most 1."""
    alike = np.zeros((len(kernels), len(kernels)))
    for i, j in combinations(range(len(kernels)), 2):
        alike[i, j] = alike[j, i] = min(1.0, likeness(kernels[i], kernels[j]))
    means = alike.sum(1) / (len(kernels) - 1)
    best = int(np.argmax(np.round(means, 6)))  # equal but for rounding is equal
    return best, float(means[best])


def mean_and_deviation(
    pictures: Iterable[NDArray[np.float32]],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The mean of the pictures, and the (H, W) standard deviation over them, root mean square over the colours.

    One picture at a time is held; Welford, Note on a method for calculating corrected sums of squares (1962). The
    deviation has n - 1 below its sum, and is 0 for a single picture.
    """
    count, mean, squares = 0, np.zeros(()), np.zeros(())
    for count, picture in enumerate(pictures, 1):
        away = picture - mean
        mean = mean + away / count
        squares = squares + away * (picture - mean)
    variance = np.atleast_3d(squares).mean(2) / max(1, count - 1)
    return mean.astype(np.float32), np.sqrt(variance).astype(np.float32)


def moved(
    latent: LatentImage | TiledImage, shape: tuple[int, ...], shift: Shift, scale: float = 1.0
) -> NDArray[np.float32]:
    """The latent image at p + shift for all positions p of the frame, `scale` times finer, clipped to [0, 1]."""
    places = [((np.arange(max(1, round(n * scale))) + 0.5) / scale - 0.5) for n in shape[:2]]
    return np.clip(latent.on(Grid(*((p + d).astype(np.float32) for p, d in zip(places, shift, strict=True)))), 0, 1)


def in_stored_values(uncertainty: NDArray[np.float32], mean: NDArray[np.float32], light: Curve) -> NDArray[np.float32]:
    """The (H, W) uncertainty of a mean in light, in units of the stored values.

    Half of what lies between the stored values of mean + uncertainty and mean - uncertainty, both clipped to [0, 1].
    """
    if light is AS_STORED:
        return uncertainty
    each = uncertainty if mean.ndim == 2 else uncertainty[..., None]
    high, low = (light.to_stored(np.clip(value, 0, 1)) for value in (mean + each, mean - each))
    return np.sqrt(np.mean(np.atleast_3d((high - low) / 2) ** 2, 2))


def _shift(fit: "DeblurResult", chosen: "DeblurResult") -> Shift:
    """Where the reference's first pixel lies in the fit. Only blind fits that found a blur are shifted."""
    if fit is chosen or fit.region is None or chosen.region is None or fit.outcome is Outcome.NO_BLUR:
        return 0.0, 0.0
    top, left, height, width = chosen.region  # the picture's most telling part
    greys = (luminance(result.image)[top : top + height, left : left + width] for result in (fit, chosen))
    return shift_between(*greys)


def _seen(fit: "DeblurResult", shift: Shift) -> NDArray[np.float32]:
    """What the fit adds to the mean."""
    return fit.image if shift == (0.0, 0.0) else moved(fit.latent, fit.image.shape, shift)  # type: ignore[arg-type]
