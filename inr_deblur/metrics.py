"""How good a result is, by the protocol of the published tables.

Pictures are (H, W) arrays in [0, 1], grey or the studio luma of a colour picture; estimate and truth live on the same
frame. A blind method cannot know the absolute position (a shifted picture and an oppositely shifted kernel give the
same blur), so every score is taken at the best shift of the estimate against the cropped truth.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage
from scipy.fft import irfft2, next_fast_len, rfft2

from inr_deblur.errors import InputError

Array = NDArray[np.float64]

SSIM_WINDOW, SSIM_SIGMA, SSIM_C1, SSIM_C2 = 11, 1.5, 0.01**2, 0.03**2
DECIMATION_SIDE = 256  # pictures are decimated to about this side before SSIM


class Scores(NamedTuple):
    """An estimate's quality at its best alignment."""

    psnr: float  # dB, for a peak of 1; inf for equal pictures
    ssim: float  # at most 1
    shift: tuple[float, float]  # pixels (down, right) by which the estimate lies off the truth
    ssd: float  # sum of squared errors over the cropped frame


def aligned_scores(
    estimate: ArrayLike,
    truth: ArrayLike,
    *,
    crop: int = 15,
    radius: int = 10,
    step: float = 0.25,
    decimate: bool = True,
) -> Scores:
    """PSNR and SSIM at the shift, bilinear, that has the least squared error.

    estimate, truth: (H, W) in [0, 1]. crop: pixels left out on each side of the truth, so that the shifted estimate
    always covers it. radius, step: the shifts tried on each axis, in pixels. decimate: see `ssim`.
    Raises InputError for shapes that differ, for colour and for pictures too small for the crop.
    """
    estimate, truth = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    if estimate.shape != truth.shape or truth.ndim != 2:
        raise InputError(f"Scores compare two grey pictures of one size, not {estimate.shape} and {truth.shape}.")
    if crop < radius:
        raise InputError(f"A shift of {radius} px needs a crop of at least as much, not {crop}.")
    if min(truth.shape) < 2 * crop + SSIM_WINDOW:
        raise InputError(f"A picture of {truth.shape} is too small to be scored with a crop of {crop} px.")
    target = truth[crop : truth.shape[0] - crop, crop : truth.shape[1] - crop]
    shifts = np.arange(-radius, radius + step / 2, step)
    errors = squared_errors(estimate, target, crop, shifts)
    i, j = np.unravel_index(np.argmin(errors), errors.shape)
    shift = (float(shifts[i]), float(shifts[j]))
    aligned = shifted_window(estimate, target.shape, (crop + shift[0], crop + shift[1]))
    ssd = float(((aligned - target) ** 2).sum())
    psnr = 10 * math.log10(target.size / ssd) if ssd > 0 else math.inf
    return Scores(psnr, ssim(aligned, target, decimate=decimate), shift, ssd)


def shifted_window(picture: Array, shape: tuple[int, ...], corner: tuple[float, float]) -> Array:
    """The window of `shape` whose first pixel lies at the real-valued `corner` of the picture, bilinear."""
    window = picture
    for axis, (start, length) in enumerate(zip(corner, shape, strict=True)):
        first = math.floor(start)
        part = start - first
        here = window.take(np.arange(first, first + length), axis)
        if part > 0:
            here = (1 - part) * here + part * window.take(np.arange(first + 1, first + length + 1), axis)
        window = here
    return window


def squared_errors(estimate: Array, target: Array, crop: int, shifts: Array) -> Array:
    """Squared error of the estimate for every pair of shifts, without forming a shifted picture.

    sum (e_s - t)^2 = sum e_s^2 - 2 sum e_s t + sum t^2, where e_s, a shift by s = b + f (b whole, 0 <= f < 1), is
    (1 - f) e_b + f e_(b+1) on each axis. So the cross term interpolates the correlations at whole shifts, and the
    energy is a quadratic form in the windows' products with their neighbours, which box sums give.

    estimate: (H, W); target: (H - 2 crop, W - 2 crop); shifts: (n,) within +-crop. Returns (n, n): down, right.
    """
    mean = target.mean()  # against cancellation
    e, t = np.pad(estimate - mean, 1), target - mean  # a ring of zeros, which only a weight of zero meets
    reach = math.ceil(np.abs(shifts).max())
    first = crop + 1 - reach  # position in e of the window of the whole shift -reach
    whole = 2 * reach + 1
    base = np.floor(shifts).astype(int) + reach
    part = shifts - np.floor(shifts)

    def table(here: Array, there: Array) -> Array:
        """Weights `here` at the whole shift below and `there` at the one above it: (n, whole)."""
        weights = np.zeros((len(shifts), whole + 1))
        weights[np.arange(len(shifts)), base] = here
        weights[np.arange(len(shifts)), base + 1] += there
        return weights[:, :whole]

    def energy(down: int, right: int) -> Array:
        """Sum over each whole-shift window of e[i, j] e[i + down, j + right]: (whole, whole)."""
        h, w = t.shape[0] + whole - 1, t.shape[1] + whole - 1
        product = e[first : first + h, first : first + w] * e[first + down :, first + right :][:h, :w]
        total = np.pad(product.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        rows = total[t.shape[0] :] - total[:whole]
        return rows[:, t.shape[1] :] - rows[:, :whole]

    linear, square, mixed = table(1 - part, part), table((1 - part) ** 2, part**2), table(part * (1 - part), 0 * part)
    correlations = correlate(e, t)[first : first + whole, first : first + whole]
    diagonal = energy(1, 1) + np.roll(
        energy(1, -1), -1, axis=1
    )  # the right neighbour of the row below, and of this row
    energies = (
        square @ energy(0, 0) @ square.T
        + 2 * square @ energy(0, 1) @ mixed.T
        + 2 * mixed @ energy(1, 0) @ square.T
        + 2 * mixed @ diagonal @ mixed.T
    )
    return energies - 2 * linear @ correlations @ linear.T + (t * t).sum()


def correlate(picture: Array, window: Array) -> Array:
    """Inner products of the window with the picture at every position, by FFT.

    out[m, n] = sum_ij picture[m + i, n + j] window[i, j].
    picture: (H, W); window: (h, w), no larger. Returns (H - h + 1, W - w + 1).
    """
    size = tuple(next_fast_len(n, real=True) for n in picture.shape)
    spectrum = np.asarray(rfft2(picture, size)) * np.conj(np.asarray(rfft2(window, size)))
    return np.asarray(irfft2(spectrum, size))[
        : picture.shape[0] - window.shape[0] + 1, : picture.shape[1] - window.shape[1] + 1
    ]


def ssim(first: ArrayLike, second: ArrayLike, *, decimate: bool = True) -> float:
    """Mean structural similarity of two (H, W) pictures in [0, 1] over the windows that lie inside them.

    Wang, Bovik, Sheikh, Simoncelli, Image quality assessment (IEEE TIP 2004): a Gaussian window of 11 x 11 with sigma
    1.5, K = 0.01 and 0.03, population covariances. decimate: first averages boxes of f x f and keeps every f-th pixel,
    f = max(1, round(min(H, W) / 256)), as the authors' program does; without it the value is scikit-image's.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    factor = max(1, math.floor(min(a.shape) / DECIMATION_SIDE + 0.5)) if decimate else 1
    if factor > 1:
        a, b = box_decimate(a, factor), box_decimate(b, factor)
    half = SSIM_WINDOW // 2

    def local(x: Array) -> Array:
        return ndimage.gaussian_filter(x, SSIM_SIGMA, radius=half)[half:-half, half:-half]

    mean_a, mean_b = local(a), local(b)
    var_a, var_b = local(a * a) - mean_a**2, local(b * b) - mean_b**2
    covariance = local(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + SSIM_C1) / (mean_a**2 + mean_b**2 + SSIM_C1)
    return float((luminance * (2 * covariance + SSIM_C2) / (var_a + var_b + SSIM_C2)).mean())


def box_decimate(picture: Array, factor: int) -> Array:
    """Every `factor`-th pixel of the picture's averages over boxes, mirrored at the border, as MATLAB's imfilter."""
    origin = 0 if factor % 2 else -1  # an even box reaches one pixel further down and right
    return ndimage.uniform_filter(picture, factor, mode="reflect", origin=origin)[::factor, ::factor]


def luma_studio(rgb: ArrayLike) -> Array:
    """Luma of MATLAB's rgb2ycbcr, studio range [16, 235] / 255 (ITU-R BT.601). rgb: (H, W, 3) in [0, 1] -> (H, W)."""
    return (16 + np.asarray(rgb, np.float64) @ np.array([65.481, 128.553, 24.966])) / 255


def kernel_similarity(estimate: ArrayLike, truth: ArrayLike, *, step: float = 0.25) -> float:
    """Largest normalised cross-correlation of two kernels over all shifts: 1 for equal ones, however placed.

    Hu and Yang, Good regions to deblur (ECCV 2012), who try whole shifts (step=1). As with pictures nobody can know the
    absolute position, so the truth is moved, bilinear, by multiples of `step` pixels: half a pixel off costs a thin
    kernel up to 0.2. The kernels' sizes may differ; raises InputError for one of zeros.
    """
    a, b = np.asarray(estimate, np.float64), np.asarray(truth, np.float64)
    if not (a.any() and b.any()):
        raise InputError("A kernel without any mass resembles none: give one with entries above zero.")
    around = np.pad(a, [(n, n) for n in b.shape])
    largest = 0.0
    for down, right in itertools.product(np.arange(0, 1, step), repeat=2):
        moved = shifted_window(np.pad(b, 1), (b.shape[0] + 1, b.shape[1] + 1), (1 - down, 1 - right))
        largest = max(largest, correlate(around, moved).max() / np.linalg.norm(moved))
    return float(largest / np.linalg.norm(a))


def error_ratio(blind: float, known: float) -> float:
    """Summed squared error of the blind result over that with the true kernel, one engine (Levin et al., 2009)."""
    return blind / known if known > 0 else math.inf
