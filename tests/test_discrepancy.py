"""The weight of the restoration's prior: between what the evidence tells and what leaves the noise unexplained."""

import numpy as np
import pytest
from skimage import data

from inr_deblur.discrepancy import OCTAVES, fitting_evidence, residual_power
from inr_deblur.evidence import LARGEST_WEIGHT, evidence
from inr_deblur.metrics import aligned_scores
from inr_deblur.restore import restore_within
from inr_deblur.simulate import blur, line_kernel, seen

KERNEL = line_kernel(13, 30)
NOISE = 0.005


def photograph() -> np.ndarray:
    return (data.camera()[100:268, 100:268] / 255).astype(np.float32)


def rectangles() -> np.ndarray:
    """Few slopes and steep ones."""
    rng, x = np.random.default_rng(0), np.full((168, 168), 0.5, np.float32)
    for top, left, value in zip(rng.integers(0, 150, 60), rng.integers(0, 150, 60), rng.random(60), strict=True):
        x[top : top + 18, left : left + 12] = value
    return x


@pytest.mark.parametrize("sharp", [photograph(), rectangles()])
def test_more_weight_leaves_more_unexplained(sharp):
    y = blur(sharp, KERNEL, NOISE)
    left = [residual_power(y, KERNEL, weight) for weight in (1e-5, 1e-4, 1e-3)]
    assert left == sorted(left) and left[0] < NOISE**2 < left[-1]


@pytest.mark.parametrize("sharp", [photograph(), rectangles()])
def test_a_restoration_is_no_worse_than_with_the_evidence_alone(sharp):
    y = blur(sharp, KERNEL, NOISE)
    weights = fitting_evidence(y, KERNEL).weight, evidence(y, KERNEL).weight
    fitting, told = (aligned_scores(restore_within(y, KERNEL, weight), seen(sharp, KERNEL)).psnr for weight in weights)
    assert fitting > told - 0.1
    assert abs(np.log2(weights[0] / weights[1])) <= OCTAVES / 2


def test_a_picture_with_few_slopes_for_its_power_bears_more_weight_and_gains_by_it():
    sharp, kernel = (data.brick()[172:340, 172:340] / 255).astype(np.float32), line_kernel(9, 60)
    y, truth = blur(sharp, kernel, 0.003), seen(sharp, kernel)
    weights = fitting_evidence(y, kernel).weight, evidence(y, kernel).weight
    fitting, told = (aligned_scores(restore_within(y, kernel, weight), truth).psnr for weight in weights)
    assert weights[0] > 1.2 * weights[1] and fitting > told + 0.5


def test_where_noise_is_not_what_is_left_the_evidence_speaks_alone():
    y = blur(photograph(), KERNEL, NOISE)
    assert fitting_evidence(y, KERNEL, 0.01).weight == evidence(y, KERNEL, 0.01).weight  # a JPEG's rounding
    mixed = np.where(np.arange(y.shape[1]) < 78, y, seen(photograph(), KERNEL)).astype(np.float32)
    assert not evidence(mixed, KERNEL).noise_shows
    assert fitting_evidence(mixed, KERNEL).weight == evidence(mixed, KERNEL).weight


def test_texture_in_noise_bears_less_weight_and_gains_by_it():
    sharp = (data.camera()[50:450, 50:450] / 255).astype(np.float32)
    y, truth = blur(sharp, KERNEL, 0.01), seen(sharp, KERNEL)
    weights = fitting_evidence(y, KERNEL).weight, evidence(y, KERNEL).weight
    fitting, told = (aligned_scores(restore_within(y, KERNEL, weight), truth).psnr for weight in weights)
    assert weights[0] < 0.9 * weights[1] and fitting > told + 0.1


def test_the_largest_weight_stays():
    y = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    assert fitting_evidence(y, np.full((15, 15), 1 / 225, np.float32)).weight == LARGEST_WEIGHT
