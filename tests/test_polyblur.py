"""Mild blur found and taken out by a polynomial."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.polyblur import ALPHA, BETA, Bell, estimate, polyblur, reblurred, without_halos
from inr_deblur.simulate import blur


@pytest.fixture(scope="module")
def sharp():
    return (data.camera()[:256, :256] / 255).astype(np.float32)


def error(a, b):
    return float(np.sqrt(((a - b)[8:-8, 8:-8] ** 2).mean()))


@pytest.mark.parametrize("sigma", [1, 1.5, 2, 3])
def test_a_gaussian_is_found_and_the_picture_gains(sharp, sigma):
    blurry = gaussian_filter(sharp, sigma)
    restored, bell = polyblur(blurry)
    assert bell and bell.along == pytest.approx(sigma, rel=0.5)
    assert error(restored, sharp) < 0.9 * error(blurry, sharp)
    assert restored.dtype == np.float32 and restored.shape == sharp.shape


def test_a_sharp_picture_comes_back_as_it_is(sharp):
    restored, bell = polyblur(sharp)
    assert bell is None
    assert restored is sharp


@pytest.mark.parametrize("angle", [0, 30, 90, 135])
def test_direction_of_a_long_blur(angle):
    discs = (np.hypot(*np.mgrid[-128:128, -128:128]) % 32 < 16).astype(np.float32)
    true = Bell(3.0, 1.0, np.radians(angle))
    found = estimate(blur(discs, true.kernel()))
    turned = (np.degrees(found.angle) - angle + 90) % 180 - 90
    assert abs(turned) < 15
    assert found.along > 1.5 * found.across


def test_kernel_has_the_moments_of_its_bell():
    bell = Bell(3.0, 1.5, 0.7)
    kernel = bell.kernel()
    down, right = np.mgrid[: kernel.shape[0], : kernel.shape[1]] - kernel.shape[0] // 2
    found = [[(kernel * a * b).sum() for b in (down, right)] for a in (down, right)]
    np.testing.assert_allclose(found, bell.covariance(), rtol=0.05, atol=0.05)
    assert kernel.sum() == pytest.approx(1, abs=1e-6)


def test_colours_share_one_bell(sharp):
    blurry = gaussian_filter(np.stack([sharp, sharp, sharp], -1), (1.5, 1.5, 0))
    restored, bell = polyblur(blurry)
    alone, same = polyblur(blurry[..., 0])
    np.testing.assert_allclose(restored[..., 1], alone, atol=1e-4)
    assert bell and same and bell.along == pytest.approx(same.along, rel=1e-3)


def test_polynomial_is_the_inverse_to_first_order():
    p = np.poly1d([ALPHA / 2 - BETA + 2, 3 * BETA - ALPHA - 6, 5 - 3 * BETA + ALPHA / 2, BETA])
    assert (p(1), p.deriv()(1), p.deriv(2)(1), p(0)) == pytest.approx((1, -1, ALPHA, BETA))


def test_a_constant_and_a_wave_pass_as_the_polynomial_says():
    bell = Bell(2.0, 2.0, 0.0)
    wave = (0.5 + 0.1 * np.cos(2 * np.pi * np.arange(256) / 16) * np.ones((256, 1))).astype(np.float32)
    t = np.exp(-((2 * np.pi / 16 * 2.0) ** 2) / 2)
    p = np.polyval((ALPHA / 2 - BETA + 2, 3 * BETA - ALPHA - 6, 5 - 3 * BETA + ALPHA / 2, BETA), t)
    np.testing.assert_allclose(reblurred(wave, bell)[:, 64:192], 0.5 + p * (wave - 0.5)[:, 64:192], atol=2e-3)


def test_where_slopes_turn_round_the_input_stays():
    y = np.tile(np.linspace(0, 1, 32, dtype=np.float32), (32, 1))
    np.testing.assert_allclose(without_halos(y, 2 * y), 2 * y)
    mixed = without_halos(y, np.float32(1) - 3 * y)
    np.testing.assert_allclose(mixed, 0.75 * y + 0.25 * (1 - 3 * y), atol=1e-5)
