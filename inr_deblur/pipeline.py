"""The whole job on arrays: picture in, latent image, kernel and an honest word out.

The kernel is sought on the grey picture, or the green one if it shows coloured lights, on its most telling region if it
is large; then the whole picture is restored with that kernel, all colours together, judged, and made likelier by its
own patches. A kernel that is doubtful or small is sought again among small ones, and that with which the picture is
clearer is taken (`second`). A pure function of picture, config and known kernel: the same bytes each time on one
machine's CPU.
"""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from inr_deblur import second
from inr_deblur.blind import Found, energies, find_another, find_kernels, search_work
from inr_deblur.colour import green, luminance, of_coloured_lights
from inr_deblur.config import LARGEST_KERNEL, SMALLEST_KERNEL, DeblurConfig, check
from inr_deblur.discrepancy import fitting_evidence
from inr_deblur.ensemble import MeanImage, combined, members
from inr_deblur.errors import InputError
from inr_deblur.evidence import evidence
from inr_deblur.jpeg import quantisation
from inr_deblur.kernels import cropped
from inr_deblur.latent import POINT, LatentImage, patches_work, restoration_work
from inr_deblur.noise import white_noise
from inr_deblur.outcome import Outcome, clearness, confidence, judge, sharp_share
from inr_deblur.programs import make_room
from inr_deblur.progress import Part, Progress, Repeated, Silent, Unforeseen
from inr_deblur.region import Region, check_region
from inr_deblur.restore import restore_within
from inr_deblur.search import Blurry
from inr_deblur.tiles import TiledImage, as_it_is_in_tiles, likelier_in_tiles, restore_in_tiles
from inr_deblur.watch import Look, StageTrace

DEFAULT = DeblurConfig()
SMALLEST_PICTURE = 16
FLAT = 1e-6  # range of values below which there is nothing to see
OFTEN = 0.3  # share of a second search that is announced, since most pictures need none
SHARE_OF_PICTURE = 4  # a kernel of unknown size is no longer than the picture's shorter side over this


@dataclass(frozen=True)
class DeblurResult:
    """What a fit gives back."""

    image: NDArray[np.float32]  # as the input: (H, W) or (H, W, 3), in [0, 1]
    kernel: NDArray[np.float32]  # (K, L), >= 0, sum 1; of NO_BLUR what was found and not used
    stages: tuple[StageTrace, ...]
    outcome: Outcome
    confidence: float  # in [0, 1], see `outcome.confidence`
    noise: float  # estimated standard deviation, in the picture's units
    seconds: float
    device: str
    config: DeblurConfig
    latent: LatentImage | TiledImage | MeanImage  # the generators that show the image
    region: Region | None  # (top, left, height, width) that the search for the kernel ended on
    uncertainty: NDArray[np.float32] | None = None  # (H, W), standard deviation over an ensemble's fits

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
    rounding: float | None = None,
    progress: Progress | None = None,
    look: Look | None = None,
) -> DeblurResult:
    """Remove an unknown blur, or a known one, from one picture.

    image: (H, W) or (H, W, 3) in [0, 1]. kernel: (K, L) as it is to be convolved with; it is normalised to sum 1, and
    None means blind. region: (top, left, height, width) in which the kernel is sought, None: anywhere. rounding:
    standard deviation, in units of the image, of what a JPEG has left in it; None reads it from the image, which shows
    it as it was stored, but not in another light. progress: told how far the fit is. look: shown each stage of the
    search as it ends, of an ensemble's first, but not those of further searches, for which a doubtful first one calls,
    or a small kernel.
    Raises InputError for a picture, a kernel, a region or a setting that can't be used.
    """
    check(config)
    make_room()
    if config.ensemble > 1:
        return _ensemble(image, config, kernel, region, rounding, progress or Silent(), look)
    picture = _measured(image, rounding)
    if region is not None:
        check_region(region, picture.y.shape)
        if np.ptp(_cut(picture.sought, region)) < FLAT:
            raise InputError("The region is constant: give one with edges in all directions.")
    progress = progress or Silent()
    if kernel is None:
        return _blind([picture], region, config, progress, look)[0]
    try:
        k = _checked_kernel(kernel, picture.y.shape)
        progress.start(_restoration_work(picture, config), "restoring")
        return _restored(picture, k, None, config, progress)
    finally:
        progress.finish()


def deblur_many(
    images: Sequence[NDArray], config: DeblurConfig = DEFAULT, *, progress: Progress | None = None
) -> list[DeblurResult]:
    """Remove an unknown blur from each of several pictures, each with a kernel of its own, on all devices there are.

    images: as many as fit into memory together, each as in `deblur`; the kernels of those that have one shape are
    sought as one batch. A processor needs as long for that as for one after another; it is meant for graphics cards,
    and was not timed on one. A search is that of `deblur` but for rounding, for the kernels' grid, which is as wide as
    the batch's widest kernel needs, for starts that go on because others' do, which can spare a kernel a doubt, and for
    its end, which is where all kernels of the batch are wide enough to be corrected: else none is sought again from
    other sizes, nor doubted for it (`NOT_SETTLED`). Further searches among small kernels are each picture's own.
    Rounding alone can send a search another way, as it can on another machine. The order of the pictures plays no part.
    Raises InputError for the first picture or setting that can't be used, before any work is done.
    """
    check(config)
    if config.ensemble > 1:
        raise InputError(f"ensemble={config.ensemble} is for one picture at a time: leave it at 1, or call deblur.")
    make_room()
    pictures = []
    for number, image in enumerate(images, 1):
        try:
            pictures.append(_measured(image))
            where_sought(pictures[-1].grey.shape, None, config)
        except InputError as error:
            raise InputError(f"Picture {number} of {len(images)}: {error}") from error
    return _blind(pictures, None, config, progress or Silent())


def _ensemble(
    image: NDArray,
    config: DeblurConfig,
    kernel: NDArray | None,
    region: Region | None,
    rounding: float | None,
    progress: Progress,
    look: Look | None,
) -> DeblurResult:
    """The mean of several fits, see `ensemble`; arguments as those of `deblur`."""
    y = _checked_picture(image)
    told = Repeated(progress, config.ensemble)
    fits = []
    try:
        for picture, one in members(y, config):
            fit = deblur(picture, one, kernel=kernel, region=region, rounding=rounding, progress=told, look=look)
            fits.append(fit)
            look = None
    finally:
        progress.finish()
    return replace(combined(y, fits), config=config)


class _Picture(NamedTuple):
    """A picture that can be restored."""

    y: NDArray[np.float32]  # (H, W) or (H, W, 3)
    grey: NDArray[np.float32]  # (H, W)
    sought: NDArray[np.float32]  # (H, W) that the kernel is sought on
    lights: bool  # whether white is a bound in that
    noise: float  # standard deviation of grey
    sought_noise: float  # of sought
    rounding: float  # that of a JPEG's, which is no more
    seconds: float  # that it took to find out


def _measured(image: NDArray, rounding: float | None = None) -> _Picture:
    """The picture and its noise; rounding: as in `deblur`. Raises InputError for what can't be used."""
    began = time.perf_counter()
    y = _checked_picture(image)
    if rounding is not None and not 0 <= rounding < 1:
        raise InputError(f"rounding={rounding} is out of range: give a standard deviation below 1, or None.")
    grey = luminance(y)
    rounding = quantisation(grey).noise if rounding is None else rounding
    sought, lights = (green(y), True) if of_coloured_lights(y) else (grey, False)
    noise = max(white_noise(grey), rounding)
    sought_noise = max(white_noise(sought), rounding) if lights else noise
    return _Picture(y, grey, sought, lights, noise, sought_noise, rounding, time.perf_counter() - began)


class _Blur(NamedTuple):
    """What was found of a picture's blur."""

    found: Found
    window: Region  # where
    seconds: float  # of the search, in a batch of pictures each one's share


def _blind(
    pictures: Sequence[_Picture],
    region: Region | None,
    config: DeblurConfig,
    progress: Progress,
    look: Look | None = None,
) -> list[DeblurResult]:
    """Kernels and restorations of pictures. region, look: as in `deblur`, of each of them."""
    began = time.perf_counter()
    places = [where_sought(picture.grey.shape, region, config) for picture in pictures]
    batches: dict[tuple[int, ...], list[int]] = {}
    for i, (bound, (_, _, *shape)) in enumerate(places):
        batches.setdefault((bound, *shape), []).append(i)
    work = sum(search_work(window[2:], bound, config) + _second_work(bound, window, config) for bound, window in places)
    results: dict[int, DeblurResult] = {}
    try:
        progress.start(work + sum(_restoration_work(picture, config) for picture in pictures), "deblurring")
        for (bound, *_), batch in batches.items():
            founds = find_kernels(_blurry([(pictures[i], places[i][1]) for i in batch]), bound, config, progress, look)
            seconds = (time.perf_counter() - began) / len(batch)
            for i, found in zip(batch, founds, strict=True):
                blur = _Blur(found, _within(places[i][1], found.region), seconds)
                first = _restored(pictures[i], cropped(found.kernel), blur, config, progress)
                results[i] = _reconsidered(pictures[i], first, found, *places[i], config, progress)
            began = time.perf_counter()
    finally:
        progress.finish()
    return [results[i] for i in range(len(pictures))]


def _restored(
    picture: _Picture, k: NDArray[np.float32], blur: _Blur | None, config: DeblurConfig, progress: Progress
) -> DeblurResult:
    """The result for a kernel. blur: how the kernel was found, None: it was given."""
    began = time.perf_counter()
    y, grey, noise, rounding = picture.y, picture.grey, picture.noise, picture.rounding
    # of coloured lights even the true kernel leaves a misfit
    estimated = (evidence if picture.lights else fitting_evidence)(grey, k, rounding)
    weight = estimated.weight
    latent, trace = restore_in_tiles(config.generator.image_chosen, y, k, weight, config, progress)
    stages = [*(blur.found.stages if blur else ()), trace]
    misfit = latent.residual(grey) / noise
    restored = np.clip(latent.render(y.shape[:2]), 0, 1)
    outcome, clear, patches_left = Outcome.RESTORED, 1.0, _patches_work(picture, config)
    if blur:
        seen = _cut(grey, blur.window)
        clear = clearness(k, restore_within(seen, POINT, weight), _cut(luminance(restored), blur.window))
        loud = noise / max(float(seen.std()), FLAT)
        outcome = judge(k, blur.found.limit, misfit, grey, noise, clear, picture.lights, loud, blur.found.settled)
    if outcome is Outcome.NO_BLUR:
        restored, latent = y, as_it_is_in_tiles(y)  # what is sharp stays as it was: a restoration could only smooth it
        clear = sharp_share(grey, noise)
        if patches_left:
            progress.advance(patches_left, "patches")
    elif patches_left:
        latent, last = likelier_in_tiles(latent, y, estimated.unexplained, progress)
        restored = np.clip(latent.render(y.shape[:2]), 0, 1)
        stages.append(last)
    return DeblurResult(
        restored,
        k,
        tuple(stages),
        outcome,
        confidence(outcome, k, clear),
        noise,
        time.perf_counter() - began + picture.seconds + (blur.seconds if blur else 0),
        jax.default_backend(),
        config,
        latent,
        blur.window if blur else None,
    )


def _reconsidered(
    picture: _Picture,
    first: DeblurResult,
    earlier: Found,
    bound: int,
    window: Region,
    config: DeblurConfig,
    progress: Progress,
) -> DeblurResult:
    """The result after further searches among small kernels, if the first one's is doubtful or small.

    earlier: what the first search has found; bound, window: as from `where_sought`.
    """
    best, blurry, part = first, _blurry([(picture, window)]), Part(progress, _second_work(bound, window, config))
    y, noise, weighed = blurry.pictures[0], blurry.noises[0], partial(energies, blurry, config)
    known = first.kernel if second.known_in_detail(first.outcome, first.kernel) else None
    for size in second.sizes(bound, first.outcome, first.kernel, config):
        began, found = time.perf_counter(), None
        told = Unforeseen(part, search_work(window[2:], size, config))
        with suppress(InputError):  # all of its starts diverged, which is no reason to give up the first search
            found = find_another(blurry, size, config, told, known)
        if found and not second.preferable(y, noise, weighed, best.kernel, found):
            found = None
        best = replace(best, seconds=best.seconds + time.perf_counter() - began)
        if found:
            # it may be the first kernel in better detail, which had that search's room, and has its doubt
            found = replace(found, limit=earlier.limit, settled=earlier.settled and found.settled)
            blur = _Blur(found, _within(window, found.region), best.seconds - picture.seconds)
            other = _restored(picture, cropped(found.kernel), blur, config, Silent())
            best = replace(best, seconds=other.seconds) if best.outcome.ok and not other.outcome.ok else other
    part.finish()
    return best


def _second_work(bound: int, window: Region, config: DeblurConfig) -> float:
    """What is announced for further searches among small kernels: a share of one, or nothing if there can't be one."""
    possible = second.possible(bound, second.SMALLER, config)
    return OFTEN * search_work(window[2:], second.SMALLER, config) if possible else 0.0


def deconvolve(
    image: NDArray, kernel: NDArray, config: DeblurConfig = DEFAULT, *, progress: Progress | None = None
) -> DeblurResult:
    """`deblur` with a kernel that is known: the non-blind restoration."""
    return deblur(image, config, kernel=kernel, progress=progress)


def _restoration_work(picture: _Picture, config: DeblurConfig) -> float:
    restoration = restoration_work(config.generator.image_chosen, picture.y.shape, config)
    return restoration + _patches_work(picture, config)


def _patches_work(picture: _Picture, config: DeblurConfig) -> float:
    """0 where a restoration is not made likelier by its patches, as one that is fitted step by step is not."""
    harmonic = config.generator.image_chosen == "harmonic"
    return patches_work(picture.y.shape) if config.loss.patches and harmonic else 0.0


def where_sought(shape: tuple[int, ...], region: Region | None, config: DeblurConfig) -> tuple[int, Region]:
    """The kernel's bound in pixels, and the region to seek it in; shape: the picture's, (H, W).

    Half the region's shorter side at most. Raises InputError for a told size that is larger than the region.
    """
    region = region or (0, 0, shape[0], shape[1])
    shorter = min(region[2:])
    if config.kernel.size == "auto":
        return min(max(SMALLEST_KERNEL, shorter // SHARE_OF_PICTURE), LARGEST_KERNEL), region
    size = int(config.kernel.size)
    if size > shorter:
        place = "picture" if region == (0, 0, *shape) else "region"
        raise InputError(
            f"kernel.size={size} is larger than the {place} of {region[2]} x {region[3]}: "
            f"give at most {shorter // 2} pixels, or auto."
        )
    return min(size, shorter // 2), region


def _within(region: Region, part: Region) -> Region:
    """A region's part, with its place in the picture."""
    return region[0] + part[0], region[1] + part[1], *part[2:]


def _blurry(places: Sequence[tuple[_Picture, Region]]) -> Blurry:
    """What kernels are sought on: of each picture its region."""
    cuts = np.stack([_cut(picture.sought, region) for picture, region in places])
    return Blurry(cuts, [picture.sought_noise for picture, _ in places], [picture.lights for picture, _ in places])


def _cut(picture: NDArray, region: Region) -> NDArray:
    top, left, height, width = region
    return picture[top : top + height, left : left + width]


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
    if np.ptp(y) < FLAT:
        raise InputError("The picture is constant: there is nothing in it to deblur.")
    return np.ascontiguousarray(y, np.float32)


def _checked_kernel(kernel: NDArray, shape: tuple[int, ...]) -> NDArray[np.float32]:
    k = np.asarray(kernel)
    if k.ndim != 2 or not k.size or not np.issubdtype(k.dtype, np.number) or not np.isfinite(k).all():
        raise InputError(f"A kernel is a (K, L) array of finite numbers, not {k.shape} of {k.dtype}.")
    k = k.astype(np.float64)  # a sum of half floats overflows
    if k.min() < 0 or k.sum() <= 0:
        raise InputError("A kernel's entries are not negative and not all zero.")
    if any(n > m for n, m in zip(k.shape, shape, strict=False)):
        raise InputError(f"The kernel of {k.shape} is larger than the picture of {shape[:2]}: crop its empty margins.")
    odd = np.pad(k / k.sum(), [(0, 1 - n % 2) for n in k.shape])  # the origin stays at K // 2
    return odd.astype(np.float32)
