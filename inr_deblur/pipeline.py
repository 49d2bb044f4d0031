"""The whole job on arrays: picture in, latent image, kernel and an honest word out.

The kernel is sought on the grey picture, on its most telling region if it is large; then the whole picture is restored
with that kernel, all colours together. A pure function of picture, config and known kernel: the same bytes each time on
one machine's CPU.
"""

import time
from dataclasses import dataclass

import jax
import numpy as np
from numpy.typing import NDArray

from inr_deblur.blind import Found, StageTrace, find_kernel, search_work
from inr_deblur.colour import luminance
from inr_deblur.config import LARGEST_KERNEL, SMALLEST_KERNEL, DeblurConfig, check
from inr_deblur.errors import InputError
from inr_deblur.evidence import evidence
from inr_deblur.kernels import cropped
from inr_deblur.latent import LatentImage, restoration_work
from inr_deblur.noise import noise_level
from inr_deblur.outcome import Outcome, confidence, judge
from inr_deblur.progress import Progress, Silent
from inr_deblur.region import Region, check_region, most_telling
from inr_deblur.tiles import TiledImage, restore_in_tiles

DEFAULT = DeblurConfig()
SMALLEST_PICTURE = 16
SHARE_OF_PICTURE = 4  # a kernel of unknown size is no longer than the picture's shorter side over this


@dataclass(frozen=True)
class DeblurResult:
    """What a fit gives back."""

    image: NDArray[np.float32]  # as the input: (H, W) or (H, W, 3), in [0, 1]
    kernel: NDArray[np.float32]  # (K, L), >= 0, sum 1
    stages: tuple[StageTrace, ...]
    outcome: Outcome
    confidence: float  # in [0, 1], see `outcome.confidence`
    noise: float  # estimated standard deviation, in the picture's units
    seconds: float
    device: str
    config: DeblurConfig
    latent: LatentImage | TiledImage  # the generators that were fitted
    region: Region | None  # (top, left, height, width) the kernel was sought on

    def render(self, scale: float = 1.0) -> NDArray[np.float32]:
        """The latent image on a grid `scale` times finer: (round(H scale), round(W scale)[, 3]), in [0, 1]."""
        if not 0 < scale <= 16:
            raise InputError(f"scale={scale} is out of range: give a number above 0, up to 16.")
        return np.clip(self.latent.render(self.image.shape[:2], scale), 0, 1)


def deblur(
    image: NDArray,
    config: DeblurConfig = DEFAULT,
    *,
    kernel: NDArray | None = None,
    region: Region | None = None,
    progress: Progress | None = None,
) -> DeblurResult:
    """Remove an unknown blur, or a known one, from one picture.

    image: (H, W) or (H, W, 3) in [0, 1]. kernel: (K, L) as it is to be convolved with; it is normalised to sum 1, and
    None means blind. region: (top, left, height, width) in which the kernel is sought, None: anywhere. progress: told
    how far the fit is. Raises InputError for a picture, a kernel, a region or a setting that can't be used.
    """
    began = time.perf_counter()
    check(config)
    y = _checked_picture(image)
    if region is not None:
        check_region(region, y.shape)
    progress = progress or Silent()
    generator = _image_generator(config)
    grey = luminance(y)
    noise = noise_level(grey)
    ahead = restoration_work(generator, y.shape, config)
    found: Found | None = None
    window = None
    try:
        if kernel is None:
            bound, window = _where(grey, region, config)
            progress.start(search_work(window[2:], bound, config) + ahead, "deblurring")
            found = find_kernel(np.ascontiguousarray(_cut(grey, window)), bound, generator, noise, config, progress)
            k = cropped(found.kernel)
        else:
            k = _checked_kernel(kernel, y.shape)
            progress.start(ahead, "restoring")
        latent, trace = restore_in_tiles(generator, y, k, evidence(grey, k).weight, config, progress)
    finally:
        progress.finish()
    misfit = latent.residual(grey) / noise
    outcome = Outcome.RESTORED if found is None else judge(k, found.limit, misfit, grey)
    # what is sharp stays as it was: a restoration could only smooth it
    restored = y if outcome is Outcome.NO_BLUR else np.clip(latent.render(y.shape[:2]), 0, 1)
    return DeblurResult(
        restored,
        k,
        (*(found.stages if found else ()), trace),
        outcome,
        confidence(outcome, k),
        noise,
        time.perf_counter() - began,
        jax.default_backend(),
        config,
        latent,
        window,
    )


def deconvolve(
    image: NDArray, kernel: NDArray, config: DeblurConfig = DEFAULT, *, progress: Progress | None = None
) -> DeblurResult:
    """`deblur` with a kernel that is known: the non-blind restoration."""
    return deblur(image, config, kernel=kernel, progress=progress)


def _where(picture: NDArray[np.float32], region: Region | None, config: DeblurConfig) -> tuple[int, Region]:
    """The kernel's bound, and the most telling part of the region to seek it in."""
    region = region or (0, 0, *picture.shape)
    grey = _cut(picture, region)
    if config.kernel.size == "auto":
        bound = min(max(SMALLEST_KERNEL, min(grey.shape) // SHARE_OF_PICTURE), LARGEST_KERNEL)
    else:
        bound = min(int(config.kernel.size), min(grey.shape) // 2)
    top, left, height, width = most_telling(grey, bound)
    return bound, (region[0] + top, region[1] + left, height, width)


def _cut(picture: NDArray, region: Region) -> NDArray:
    top, left, height, width = region
    return picture[top : top + height, left : left + width]


def _image_generator(config: DeblurConfig) -> str:
    """auto: the harmonic form. It reaches what the deep SIREN does at a small part of the arithmetic, on any device."""
    return "harmonic" if config.generator.image == "auto" else config.generator.image


def _checked_picture(image: NDArray) -> NDArray[np.float32]:
    y = np.asarray(image)
    if y.ndim not in (2, 3) or (y.ndim == 3 and y.shape[2] != 3):
        raise InputError(f"A picture is an array of (H, W) or (H, W, 3), not {y.shape}.")
    if min(y.shape[:2]) < SMALLEST_PICTURE:
        raise InputError(f"A picture of {y.shape[0]} x {y.shape[1]} is too small: give at least 16 x 16 pixels.")
    if not np.issubdtype(y.dtype, np.floating):
        raise InputError(f"A picture is given in [0, 1] as floating-point numbers, not {y.dtype}: divide by its white.")
    if not np.isfinite(y).all():
        raise InputError("The picture has values that are not finite: replace them before deblurring.")
    if y.min() < 0 or y.max() > 1:
        raise InputError(f"The picture's values go from {y.min():.3g} to {y.max():.3g}: scale them to [0, 1].")
    if y.max() - y.min() < 1e-6:
        raise InputError("The picture is constant: there is nothing in it to deblur.")
    return np.ascontiguousarray(y, np.float32)


def _checked_kernel(kernel: NDArray, shape: tuple[int, ...]) -> NDArray[np.float32]:
    k = np.asarray(kernel)
    if k.ndim != 2 or not k.size or not np.issubdtype(k.dtype, np.number) or not np.isfinite(k).all():
        raise InputError(f"A kernel is a (K, L) array of finite numbers, not {k.shape} of {k.dtype}.")
    if k.min() < 0 or k.sum() <= 0:
        raise InputError("A kernel's entries are not negative and not all zero.")
    if any(n > m for n, m in zip(k.shape, shape, strict=False)):
        raise InputError(f"The kernel of {k.shape} is larger than the picture of {shape[:2]}: crop its empty margins.")
    odd = np.pad(k / k.sum(), [(0, 1 - n % 2) for n in k.shape])  # the origin stays at K // 2
    return odd.astype(np.float32)
