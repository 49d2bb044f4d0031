"""Restoration with a kernel that is known: in place, unflipped, honest at the border."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift
from scipy.signal import fftconvolve

from inr_deblur.losses import CURVATURE, EXCESS, POWER, SCALE
from inr_deblur.restore import _restore, restore
from inr_deblur.simulate import blur, seen

KERNEL = np.zeros((7, 9), np.float32)  # an L: neither symmetric nor centred
KERNEL[1, 2:8] = 1
KERNEL[1:6, 2] = 1
KERNEL /= KERNEL.sum()
BLOBS = [gaussian_filter(np.random.default_rng(seed).normal(size=(60, 70)), 3) > 0 for seed in range(3)]
SHARP = np.where(np.stack(BLOBS, -1), 0.8, 0.2).astype(np.float32)


def _psnr(a, b):
    return float(-10 * np.log10(((a - b) ** 2).mean()))


def _energy(x, y, k, weight):
    """What `restore` minimises, for a picture in which nothing is clipped."""
    slope = np.stack([np.diff(x, axis=0)[:, :-1], np.diff(x, axis=1)[:-1]])
    bend = np.stack([d for g in slope for d in (np.diff(g, axis=0)[:, :-1], np.diff(g, axis=1)[:-1])])
    fit = 0.5 * ((fftconvolve(x, k, mode="valid") - y) ** 2).sum()
    edges, curves = ((SCALE ** (1 - POWER) / POWER * np.linalg.norm(g, axis=0) ** POWER).sum() for g in (slope, bend))
    return float(fit + weight * (edges + CURVATURE * curves + EXCESS * np.maximum(x - 1, 0).sum()))


@pytest.fixture(scope="module")
def blurry():
    return blur(SHARP, KERNEL, 0.002)


@pytest.fixture(scope="module")
def restored(blurry):
    """The canvas of the first channel."""
    return restore(blurry[..., 0], KERNEL, 1e-3)


def test_a_delta_kernel_and_hardly_any_prior_give_the_picture_back():
    y = SHARP[:54, :62, 0]
    delta = np.zeros((7, 9), np.float32)
    delta[3, 4] = 1
    x = restore(y, delta, 1e-6)
    assert x.shape == (60, 70) and x.dtype == np.float32
    np.testing.assert_allclose(x[3:-3, 4:-4], y, atol=2e-3)


def test_sizes_that_differ_a_little_share_a_program():
    restore(SHARP[:54, :62, 0], KERNEL, 1e-3)
    programs = _restore._cache_size()  # type: ignore[attr-defined]
    for height, width, kernel in ((53, 63, KERNEL), (52, 60, KERNEL[1:-1, 1:-1])):
        assert restore(SHARP[:height, :width, 0], kernel, 1e-3).shape == tuple(
            n + m - 1 for n, m in zip((height, width), kernel.shape, strict=True)
        )
    assert _restore._cache_size() == programs  # type: ignore[attr-defined]


def test_a_picture_gains_many_decibels_in_its_place(blurry, restored):
    assert restored.shape == SHARP.shape[:2]
    before, after = (
        _psnr(blurry[..., 0], seen(SHARP, KERNEL)[..., 0]),
        _psnr(restored[3:-3, 4:-4], seen(SHARP, KERNEL)[..., 0]),
    )
    assert after > before + 10
    for move in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        assert _psnr(shift(restored, move, order=1)[3:-3, 4:-4], seen(SHARP, KERNEL)[..., 0]) < after - 5


def test_the_flipped_kernel_is_not_the_kernel(blurry, restored):
    flipped = restore(blurry[..., 0], KERNEL[::-1, ::-1].copy(), 1e-3)
    truth = seen(SHARP, KERNEL)[..., 0]
    assert _psnr(flipped[3:-3, 4:-4], truth) < _psnr(restored[3:-3, 4:-4], truth) - 10


def test_what_the_picture_saw_beyond_its_border_is_restored_too(restored):
    truth, inner = SHARP[..., 0], np.zeros(SHARP.shape[:2], bool)
    inner[3:-3, 4:-4] = True
    rim = inner.copy()
    rim[6:-6, 8:-8] = False
    assert _psnr(restored[rim], truth[rim]) > 20  # no ringing from the border
    assert np.ptp(restored) < 1.2  # nothing runs away where little is known


def test_the_blurred_solution_explains_the_picture(blurry, restored):
    residual = fftconvolve(restored, KERNEL, mode="valid") - blurry[..., 0]
    assert np.sqrt((residual**2).mean()) < 0.01


def test_the_energy_is_far_lower_than_where_it_began_and_rises_all_around(blurry, restored):
    y = blurry[..., 0]
    start = np.pad(y, ((3, 3), (4, 4)), "edge")
    least = _energy(restored, y, KERNEL, 1e-3)
    assert least < 0.2 * _energy(start, y, KERNEL, 1e-3)
    assert least < 1.15 * _energy(SHARP[..., 0], y, KERNEL, 1e-3)
    draw = np.random.default_rng(0)
    for size in (0.003, 0.03):
        assert least < _energy(restored + draw.normal(0, size, restored.shape), y, KERNEL, 1e-3)


def test_equal_channels_are_restored_as_one_grey_picture(blurry, restored):
    three = restore(np.repeat(blurry[..., :1], 3, 2), KERNEL, 1e-3)
    assert three.shape == (60, 70, 3)
    np.testing.assert_allclose(three, np.repeat(restored[..., None], 3, 2), atol=2e-3)


def test_more_weight_is_smoother(blurry, restored):
    strong = restore(blurry[..., 0], KERNEL, 0.02)
    assert np.abs(np.diff(strong, axis=0)).sum() < 0.95 * np.abs(np.diff(restored, axis=0)).sum()


def test_colours_keep_to_themselves(blurry):
    x = restore(blurry, KERNEL, 1e-3)
    for c in range(3):
        assert (
            _psnr(x[3:-3, 4:-4, c], seen(SHARP, KERNEL)[..., c])
            > _psnr(blurry[..., c], seen(SHARP, KERNEL)[..., c]) + 8
        )


def _lamps(seed=0):
    """A dim picture with a few small lamps much brighter than white."""
    draw = np.random.default_rng(seed)
    x = 0.5 * SHARP[..., 0]
    for _ in range(8):
        i, j = draw.integers(8, 50, 2)
        x[i : i + 2, j : j + 2] = draw.uniform(3, 8)
    return x


def test_a_clipped_streak_tells_of_its_lamp():
    x = _lamps()
    y = np.clip(fftconvolve(x, KERNEL, mode="valid"), 0, 1)
    assert 0.02 < (y >= 1).mean() < 0.4
    truth = np.clip(seen(x, KERNEL), 0, 1)
    one_sided = restore(y, KERNEL, 1e-4)
    at_face_value = restore(0.98 * y, KERNEL, 1e-4) / 0.98  # nothing counts as clipped
    assert one_sided.max() > 1.5
    gained, plain = (_psnr(np.clip(a[3:-3, 4:-4], 0, 1), truth) for a in (one_sided, at_face_value))
    assert gained > plain + 5


def test_the_clip_at_black_is_one_sided_as_well():
    x = SHARP[..., 0] - 0.2  # black and grey
    y = blur(x, KERNEL, 0.01)
    restored = restore(y, KERNEL, 1e-3)
    assert _psnr(restored[3:-3, 4:-4], seen(x, KERNEL)) > _psnr(y, seen(x, KERNEL)) + 8


def test_shadows_in_linear_light_are_values_and_no_bound():
    x = 0.0004 + 0.001 * SHARP[..., 0]  # less than half of an 8-bit step
    y = blur(x, KERNEL)
    restored = restore(y, KERNEL, 1e-9)
    assert _psnr(restored[3:-3, 4:-4], seen(x, KERNEL)) > _psnr(y, seen(x, KERNEL)) + 3


def test_white_paper_stays_white_and_nothing_is_darker_than_black():
    x = np.where(SHARP[..., 0] > 0.5, 1, 0).astype(np.float32)
    y = blur(x, KERNEL, 0.01)
    restored = restore(y, KERNEL, 1e-3)
    assert restored.max() < 1.05 and restored.min() > -0.05
    assert _psnr(restored[3:-3, 4:-4], seen(x, KERNEL)) > 25
