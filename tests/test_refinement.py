"""Whether counting edges has spoilt a kernel."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.kernels import area, likeness
from inr_deblur.refinement import RELATED, SHRUNK, spoilt
from inr_deblur.simulate import blur, gaussian_kernel, line_kernel, random_shake_kernel

TRUE = random_shake_kernel(19, 3, "impulsive").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(TRUE, 0.8))
POINT = np.pad(np.ones((1, 1), np.float32), 9)
OTHER = np.pad(line_kernel(15, 130), 2).astype(np.float32)


def blurry(name, noise):
    return blur(getattr(data, name)()[:300, :300] / 255, TRUE, noise).astype(np.float32)


Y = blurry("camera", 0.005)


@pytest.mark.parametrize("name", ["camera", "coins", "page"])
@pytest.mark.parametrize("noise", [0.0025, 0.01])
def test_a_point_is_no_refinement_of_a_kernel_that_is_about_right(name, noise):
    assert spoilt(blurry(name, noise), noise, ROUGH, POINT)


@pytest.mark.parametrize("before", [OTHER, np.pad(gaussian_kernel(13), 3).astype(np.float32)])
def test_the_right_kernel_is_taken_whatever_was_before(before):
    assert not spoilt(Y, 0.005, before, TRUE)


def test_a_leap_to_a_wrong_kernel_is_not_made():
    assert likeness(TRUE, OTHER) < RELATED
    assert spoilt(Y, 0.005, TRUE, OTHER)


def test_a_kernel_that_changes_little_is_not_looked_at():
    nearly = np.asarray(gaussian_filter(TRUE, 0.3))
    assert likeness(nearly, TRUE) > RELATED and area(nearly) > SHRUNK * area(TRUE)
    assert not spoilt(np.zeros((0, 0), np.float32), 0.0, TRUE, nearly)


def test_kernels_on_grids_of_different_sizes_are_compared():
    assert spoilt(Y, 0.005, np.pad(ROUGH, 4), POINT) and spoilt(Y, 0.005, ROUGH, np.pad(POINT, 4))
