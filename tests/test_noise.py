"""White noise of a picture from the picture alone; what a JPEG adds to it is in test_jpeg."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.noise import LOWEST, white_noise
from inr_deblur.simulate import blur, line_kernel

SMOOTH = gaussian_filter(np.random.default_rng(1).normal(size=(128, 160)), 4)
SMOOTH = 0.3 + 0.4 * (SMOOTH - SMOOTH.min()) / np.ptp(SMOOTH)


@given(st.integers(0, 10_000), st.sampled_from([0.01, 0.03, 0.05]))
def test_white_noise_on_a_smooth_picture_is_read(seed, level):
    noisy = SMOOTH + np.random.default_rng(seed).normal(0, level, SMOOTH.shape)
    assert white_noise(noisy) == pytest.approx(level, rel=0.15)


@pytest.mark.parametrize("level", [0.01, 0.03, 0.05])
def test_noise_of_a_blurry_photograph_is_read(level):
    y = blur(data.camera()[150:400, 150:400] / 255, line_kernel(15, 30), level)
    assert white_noise(y) == pytest.approx(level, rel=0.15)


def test_clipping_does_not_fool_it():
    x = SMOOTH.copy()
    x[:, 40:] += 1.0  # three quarters of it blown out
    clipped = np.clip(x + np.random.default_rng(0).normal(0, 0.03, x.shape), 0, 1)
    assert white_noise(clipped) == pytest.approx(0.03, rel=0.15)


def test_ramps_have_none_and_it_is_never_nothing():
    ramp = np.add.outer(np.linspace(0, 0.4, 64), np.linspace(0.1, 0.5, 50))
    assert white_noise(ramp) == LOWEST
    assert white_noise(np.where(ramp > 0.3, 1.0, 0.0)) >= LOWEST  # all of it clipped


@given(st.integers(3, 40), st.integers(3, 40))
def test_any_size_is_read(h, w):
    assert np.isfinite(white_noise(np.random.default_rng(0).random((h, w))))


def test_it_scales_and_ignores_what_is_smooth():
    noise = np.random.default_rng(0).normal(0, 0.01, (96, 96))
    flat = white_noise(0.5 + noise)
    assert white_noise(0.5 + 3 * noise) == pytest.approx(3 * flat)
    assert white_noise(0.5 + noise + np.linspace(-0.2, 0.2, 96)) == pytest.approx(flat)
