"""Simulated kernels and blur: mathematics that any kernel must obey, and what each kind promises."""

import numpy as np
import pytest
from scipy import signal

from inr_deblur.errors import InputError
from inr_deblur.simulate import (
    SHAKE_MODELS,
    blur,
    disk_kernel,
    gaussian_kernel,
    impulsive_path,
    kernel_of_path,
    line_kernel,
    random_shake_kernel,
    seen,
    smooth_path,
)

KERNELS = {
    "impulsive": lambda size: random_shake_kernel(size, 3),
    "smooth": lambda size: random_shake_kernel(size, 3, "smooth"),
    "line": lambda size: line_kernel(size, 20),
    "disk": disk_kernel,
    "gaussian": gaussian_kernel,
}


@pytest.mark.parametrize("size", [5, 12, 31])
@pytest.mark.parametrize("kind", KERNELS)
def test_kernels_are_normalised_and_fill_their_side(kind, size):
    kernel = KERNELS[kind](size)
    assert kernel.shape == (size, size) and kernel.dtype == np.float32
    assert kernel.min() >= 0 and kernel.sum() == pytest.approx(1, abs=1e-5)
    extent = max(np.ptp(np.nonzero(kernel)[axis]) for axis in (0, 1)) + 1
    assert extent == size


@pytest.mark.parametrize("model", SHAKE_MODELS)
def test_a_shake_follows_from_its_seed(model):
    np.testing.assert_array_equal(random_shake_kernel(15, 7, model), random_shake_kernel(15, 7, model))
    assert np.abs(random_shake_kernel(15, 7, model) - random_shake_kernel(15, 8, model)).max() > 0.01


def test_an_unknown_model_and_size_are_refused():
    with pytest.raises(InputError, match="impulsive, smooth"):
        random_shake_kernel(15, 0, "nervous")
    with pytest.raises(InputError, match="at least 1"):
        random_shake_kernel(0, 0)


def test_the_impulsive_particle_keeps_its_speed():
    path = impulsive_path(np.random.default_rng(0), steps=500)
    np.testing.assert_allclose(np.linalg.norm(np.diff(path, axis=0), axis=1), 1 / 500)


def test_the_smooth_path_has_its_covariance():
    paths = np.concatenate([smooth_path(np.random.default_rng(seed), 100).T for seed in range(3000)])
    for lag in (0, 10, 50):
        u = np.sqrt(3) * lag / 30
        assert (paths[:, 20] * paths[:, 20 + lag]).mean() == pytest.approx((1 + u) * np.exp(-u), abs=0.06)


def test_time_is_shared_among_the_nearest_pixels():
    kernel = kernel_of_path(np.array([[0.0, 0.0], [0.0, 4.0], [1.0, 1.0]]), 5)
    np.testing.assert_allclose(kernel[1:4, [0, 4]].sum(0), 1 / 3, atol=1e-6)  # the ends of the longer side
    np.testing.assert_allclose((kernel.sum(1) * np.arange(5)).sum(), (1.5 + 1.5 + 2.5) / 3, rtol=1e-6)


def test_a_level_line_is_uniform():
    np.testing.assert_allclose(line_kernel(9, 0)[4, 1:-1], 1 / 8, rtol=0.02)
    np.testing.assert_allclose(line_kernel(9, 90), line_kernel(9, 0).T, atol=1e-6)
    assert line_kernel(9, 45)[0, 8] > 0 and line_kernel(9, 45)[0, 0] == 0


def test_disk_and_gaussian_have_their_spread():
    place = np.arange(21) - 10
    assert (disk_kernel(21).sum(0) * place**2).sum() == pytest.approx(10.5**2 / 4, rel=0.01)
    assert (gaussian_kernel(21).sum(0) * place**2).sum() == pytest.approx(3.5**2, rel=0.05)


@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 3)])
def test_blur_is_a_true_valid_convolution(shape):
    sharp = np.random.default_rng(0).random(shape)
    kernel = random_shake_kernel(7, 1)[:, 1:]
    blurry = blur(sharp, kernel)
    assert blurry.shape[:2] == (14, 19) and blurry.dtype == np.float32
    assert blurry[2, 3, ...] == pytest.approx((sharp[2:9, 3:9].T * kernel[::-1, ::-1].T).sum((-1, -2)).T, abs=1e-6)
    channel = (slice(None), slice(None)) + (0,) * (len(shape) - 2)
    np.testing.assert_allclose(blurry[channel], signal.convolve2d(sharp[channel], kernel, mode="valid"), atol=1e-6)


@pytest.mark.parametrize("size", [4, 5])
def test_seen_is_the_frame_of_a_centred_delta(size):
    sharp = np.random.default_rng(0).random((12, 15)).astype(np.float32)
    delta = np.zeros((size, size))
    delta[size // 2, size // 2] = 1
    np.testing.assert_allclose(blur(sharp, delta), seen(sharp, delta), atol=1e-6)


def test_noise_has_its_level_and_its_seed():
    grey = np.full((200, 200), 0.5)
    noisy = blur(grey, np.ones((1, 1)), 0.02, seed=1)
    assert noisy.std() == pytest.approx(0.02, rel=0.02)
    np.testing.assert_array_equal(noisy, blur(grey, np.ones((1, 1)), 0.02, seed=1))
    assert blur(np.ones((9, 9)), np.ones((1, 1)), 0.1).max() <= 1


def test_a_picture_smaller_than_the_kernel_is_refused():
    with pytest.raises(InputError, match="too small"):
        blur(np.zeros((5, 20)), np.ones((7, 7)) / 49)
