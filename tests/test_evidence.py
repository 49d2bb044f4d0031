"""How strong the prior has to be: by the noise, by the kernel's error, never without reason."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.evidence import LARGEST_WEIGHT, Evidence, evidence
from inr_deblur.noise import LOWEST
from inr_deblur.simulate import blur, line_kernel

KERNEL = line_kernel(13, 30)
CANVAS = (data.camera()[:268, 60:328] / 255).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.003, 0.01, 0.03, 0.05])
def test_the_noise_that_was_added_is_found(sigma):
    found = evidence(blur(CANVAS, KERNEL, sigma), KERNEL)
    assert found.noise == pytest.approx(sigma**2, rel=0.5)


def test_more_noise_asks_for_more_weight():
    weights = [evidence(blur(CANVAS, KERNEL, s), KERNEL).weight for s in (0.002, 0.01, 0.03, 0.05)]
    assert all(b > 1.5 * a for a, b in zip(weights, weights[1:], strict=False))
    assert 0 < weights[0] < 5e-4 and weights[-1] <= LARGEST_WEIGHT


def test_noise_that_the_spectrum_does_not_show_asks_for_weight_and_less_than_it_shows_changes_nothing():
    y = blur(CANVAS, KERNEL, 0.003)
    plain, more, less = (evidence(y, KERNEL, level) for level in (0.0, 0.01, 0.001))
    assert more.noise == 0.01**2 and more.weight > 2 * plain.weight
    assert less == plain


def test_a_wrong_kernel_shows_as_error_not_as_noise():
    y = blur(CANVAS, KERNEL, 0.002)
    right, wrong = evidence(y, KERNEL), evidence(y, line_kernel(13, 60))
    assert wrong.error > 5 * right.error
    assert right.weight < wrong.weight < 1e-3  # smoothing does not mend it


def test_a_kernel_that_explains_all_frequencies_is_taken_as_right():
    delta = np.zeros((5, 5), np.float32)
    delta[2, 2] = 1
    assert evidence(CANVAS, delta).error < 1e-6


@pytest.mark.parametrize("picture", [np.zeros((16, 20)), np.eye(16), np.ones((40, 1200)) * np.linspace(0, 1, 1200)])
def test_odd_pictures_have_a_weight_too(picture):
    found = evidence(picture, line_kernel(9, 0))
    assert np.isfinite(found.weight) and 0 < found.weight <= LARGEST_WEIGHT
    assert found.noise >= 0.99 * LOWEST**2


def test_noise_shows_where_the_kernel_explains_the_rest():
    """A second blur in a part of the picture is not explained."""
    y = blur(CANVAS, KERNEL, 0.002)
    other = y.copy()
    other[:, 128:] = gaussian_filter(y, 4)[:, 128:]
    assert evidence(y, KERNEL).noise_shows and not evidence(other, KERNEL).noise_shows


def test_the_weight_is_for_the_noise_and_for_the_kernels_error():
    right = Evidence(signal=1e-2, noise=1e-5, error=0.0, contrast=0.2)
    assert right.unexplained == pytest.approx(1e-5)
    assert right._replace(error=1e-4).unexplained > right._replace(error=5e-5).unexplained > right.unexplained
