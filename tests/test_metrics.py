"""Scores against brute force, scikit-image and the published figures."""

import csv
import os
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from scipy import ndimage
from skimage import data, metrics
from skimage.color import rgb2ycbcr

from inr_deblur.errors import InputError
from inr_deblur.metrics import (
    SSIM_WINDOW,
    aligned_scores,
    box_decimate,
    error_ratio,
    kernel_similarity,
    luma_studio,
    shifted_window,
    squared_errors,
    ssim,
)

CAMERA = data.camera().astype(np.float64) / 255


@pytest.mark.parametrize(
    ("shape", "crop", "shifts"),
    [
        ((23, 31), 4, np.arange(-3, 3.1, 0.25)),
        ((23, 30), 4, np.arange(-4, 4.1, 0.5)),
        ((40, 21), 3, np.arange(-2.6, 2.7, 0.65)),
        ((21, 21), 2, np.zeros(1)),
    ],
)
def test_squared_errors_equal_brute_force(shape, crop, shifts):
    draw = np.random.default_rng(0)
    estimate, target = draw.random(shape), draw.random((shape[0] - 2 * crop, shape[1] - 2 * crop))
    found = squared_errors(estimate, target, crop, shifts)
    for i, down in enumerate(shifts):
        for j, right in enumerate(shifts):
            window = shifted_window(estimate, target.shape, (crop + down, crop + right))
            assert found[i, j] == pytest.approx(((window - target) ** 2).sum(), rel=1e-11)


def test_shifted_window_is_bilinear():
    picture = np.random.default_rng(1).random((12, 14))
    rows, columns = np.mgrid[0:5, 0:6]
    expected = ndimage.map_coordinates(picture, [rows + 3.25, columns + 4.5], order=1)
    np.testing.assert_allclose(shifted_window(picture, (5, 6), (3.25, 4.5)), expected, atol=1e-14)


@pytest.mark.parametrize("shift", [(0, 0), (3, -7), (-10, 10), (10, 10)])
def test_whole_shift_is_found_and_costs_nothing(shift):
    truth = CAMERA[100:200, 200:320]
    estimate = CAMERA[100 - shift[0] : 200 - shift[0], 200 - shift[1] : 320 - shift[1]]
    scores = aligned_scores(estimate, truth)
    assert scores.shift == shift
    assert scores.psnr == np.inf and scores.ssd == 0 and scores.ssim == pytest.approx(1)


def test_quarter_pixel_shift_is_found():
    estimate = CAMERA[60:180, 60:180]
    truth = np.pad(shifted_window(estimate, (90, 90), (15 + 1.25, 15 - 2.75)), 15)
    assert aligned_scores(estimate, truth).shift == (1.25, -2.75)


def test_psnr_and_ssim_are_those_of_scikit_image():
    truth = CAMERA[150:330, 150:350]
    estimate = np.clip(truth + np.random.default_rng(2).normal(0, 0.02, truth.shape), 0, 1)
    scores = aligned_scores(estimate, truth)
    window = (slice(15, -15), slice(15, -15))
    assert scores.shift == (0, 0)
    assert scores.psnr == pytest.approx(metrics.peak_signal_noise_ratio(truth[window], estimate[window], data_range=1))
    assert scores.ssd == pytest.approx(((truth - estimate)[window] ** 2).sum())
    assert scores.ssim == pytest.approx(scikit_ssim(truth[window], estimate[window]))


def scikit_ssim(a, b):
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    return metrics.structural_similarity(a, b, **options)


def test_ssim_of_a_large_picture_is_decimated():
    blurred = ndimage.gaussian_filter(CAMERA, 2)
    halves = [x.reshape(256, 2, 256, 2).mean((1, 3)) for x in (CAMERA, blurred)]
    assert ssim(CAMERA, blurred) == pytest.approx(scikit_ssim(*halves))
    assert ssim(CAMERA, blurred, decimate=False) == pytest.approx(scikit_ssim(CAMERA, blurred))
    assert ssim(CAMERA[:300, :383], blurred[:300, :383]) == ssim(
        CAMERA[:300, :383], blurred[:300, :383], decimate=False
    )


def test_odd_boxes_are_centred():
    picture = np.arange(49.0).reshape(7, 7)
    np.testing.assert_allclose(box_decimate(picture, 3)[1, 1], picture[2:5, 2:5].mean())


def test_luma_is_that_of_scikit_image():
    rgb = data.astronaut()[:50, :50] / 255
    np.testing.assert_allclose(luma_studio(rgb), rgb2ycbcr(rgb)[..., 0] / 255, atol=1e-4)
    assert luma_studio(np.ones((1, 1, 3)))[0, 0] == pytest.approx(235 / 255)


def test_kernel_similarity():
    kernel = np.random.default_rng(3).random((9, 12)) ** 4
    assert kernel_similarity(kernel, kernel) == pytest.approx(1)
    assert kernel_similarity(np.pad(kernel, [(0, 5), (3, 1)]), 2 * kernel) == pytest.approx(1)
    assert kernel_similarity(kernel, kernel[::-1, ::-1]) < 0.99
    delta = np.zeros((3, 3))
    delta[0, 2] = 1
    assert kernel_similarity(delta, kernel, step=1) == pytest.approx(kernel.max() / np.linalg.norm(kernel))
    halfway = np.array([[0, 0, 0], [0, 0.5, 0.5], [0, 0, 0]])
    assert kernel_similarity(halfway, delta) == pytest.approx(1)
    assert kernel_similarity(halfway, delta, step=1) == pytest.approx(np.sqrt(0.5))
    with pytest.raises(InputError, match="without any mass"):
        kernel_similarity(kernel, np.zeros((3, 3)))


def test_error_ratio():
    truth = CAMERA[:80, :80]
    near, far = (aligned_scores(truth + error, truth, radius=0).ssd for error in (0.01, 0.02))
    assert error_ratio(far, near) == pytest.approx(4)
    assert error_ratio(far, 0) == np.inf


@pytest.mark.parametrize(
    ("estimate", "truth", "options", "words"),
    [
        (CAMERA, CAMERA[1:], {}, "of one size"),
        (np.zeros((60, 60, 3)), np.zeros((60, 60, 3)), {}, "grey"),
        (CAMERA, CAMERA, {"radius": 16}, "needs a crop"),
        (CAMERA[: 30 + SSIM_WINDOW - 1], CAMERA[: 30 + SSIM_WINDOW - 1], {}, "too small"),
    ],
)
def test_what_cannot_be_scored_is_refused(estimate, truth, options, words):
    with pytest.raises(InputError, match=words):
        aligned_scores(estimate, truth, **options)


def published(name):
    """A folder of published pictures, where the environment names one."""
    folder = Path(os.environ.get("INR_DEBLUR_DATA", "")) / name
    if "INR_DEBLUR_DATA" not in os.environ or not folder.is_dir():
        pytest.skip(f"set INR_DEBLUR_DATA to a folder that holds {name}/")
    return folder


def read(path):
    return iio.imread(path) / 255


def test_blurry_scores_of_levin():
    """The figures were taken from pictures before they were rounded to 8 bit, hence the tolerance."""
    folder = published("levin")
    with open(folder / "peers.csv") as file:
        for row in csv.DictReader(file):
            scores = aligned_scores(*(read(folder / kind / f"{row['name']}.png") for kind in ("blurry", "sharp")))
            assert scores.psnr == pytest.approx(float(row["blurry_psnr"]), abs=5e-3)
            assert scores.ssim == pytest.approx(float(row["blurry_ssim"]), abs=1e-3)


def test_blurry_scores_of_lai():
    """To the last digit where the best shift lies within the radius: the figures were searched up to 10.75 px."""
    folder = published("lai")
    with open(folder / "blurry_input.csv") as file:
        for row in csv.DictReader(file):
            blurry = luma_studio(read(folder / "blurry" / f"{row['name']}.png"))
            truth = luma_studio(read(folder / "sharp" / f"{row['name'].split('_kernel')[0]}.png"))
            scores = aligned_scores(blurry, truth)
            inside = max(abs(s) for s in scores.shift) < 9.75
            assert scores.psnr == pytest.approx(float(row["psnr"]), abs=6e-5 if inside else 0.07)
            assert scores.ssim == pytest.approx(float(row["ssim"]), abs=6e-5 if inside else 0.013)
