"""The last fit of a kernel, with what noise leaves open of the image."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.honing import DESCENTS, FEWEST, MOST, STEPS_BY_CUBE, honed, honing_work, steps_for
from inr_deblur.kernels import likeness, pruned
from inr_deblur.simulate import blur, line_kernel, random_shake_kernel

LINE = line_kernel(15, 30).astype(np.float32)
SHAKE = random_shake_kernel(13, 3, "smooth").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(SHAKE, 0.8), np.float32)


def blurred(kernel: np.ndarray, noise: float) -> np.ndarray:
    return blur(data.camera()[60:240, 60:260] / 255, kernel, noise).astype(np.float32)


@pytest.mark.parametrize("noise", [0.002, 0.01])
@pytest.mark.parametrize("true", [LINE, SHAKE])
def test_a_rough_kernel_comes_nearer_to_the_true_one(true, noise):
    rough = np.asarray(gaussian_filter(true, 0.8), np.float32)
    found, losses = honed(blurred(true, noise), rough, noise, 0.5)
    assert 1 - likeness(pruned(found), true) < 0.8 * (1 - likeness(rough, true))
    assert found.min() >= 0 and found.sum() == pytest.approx(1, abs=1e-4)
    assert losses.shape == (DESCENTS * MOST / 2,) and np.isfinite(losses).all()


@pytest.mark.parametrize(("noise", "least"), [(0.002, 0.98), (0.01, 0.95)])
def test_the_true_kernel_hardly_moves(noise, least):
    found, _ = honed(blurred(SHAKE, noise), SHAKE, noise, 0.5)
    assert likeness(pruned(found), SHAKE) > least


def test_there_is_a_second_descent_where_noise_is_not_loud():
    for noise, rounds in ((0.005, DESCENTS), (0.05, 1)):
        assert len(honed(blurred(LINE, noise), LINE, noise, 0.02).losses) == rounds * MOST * 0.02


def test_brightness_and_contrast_play_no_part():
    y = blurred(SHAKE, 0.005)
    one, other = (honed(gain * y + more, ROUGH, gain * 0.005, 0.03) for gain, more in ((1, 0), (0.4, 0.3)))
    far = 0.05 * abs(one.losses).max()  # what it begins with is hardly the same: a restoration has values from 0 on
    np.testing.assert_allclose(one.losses, other.losses, atol=far)


def test_a_point_and_a_kernel_that_is_larger_than_the_picture_are_no_special_cases():
    tiny, y = random_shake_kernel(41, 1, "smooth").astype(np.float32), blurred(SHAKE, 0.005)
    for picture, kernel in ((y, np.ones((1, 1), np.float32)), (y[:40, :24], tiny)):
        found, losses = honed(picture, kernel, 0.005, 0.01)
        assert np.isfinite(found).all() and np.isfinite(losses).all()


def test_what_a_wide_kernel_begins_with_is_hardly_hazy():
    """So two steps of the kernel leave its mass where it was, in as many entries."""
    wide = random_shake_kernel(121, 1, "smooth").astype(np.float32)
    found, _ = honed(blurred(SHAKE, 0.005), wide, 0.005, 1e-6)
    assert np.sort(found, axis=None)[-np.count_nonzero(pruned(wide)) :].sum() > 0.95


@pytest.mark.parametrize("side", [400, 496])
def test_steps_fall_with_the_cube_of_the_side(side):
    assert sum(steps_for((side, side), 31)) == pytest.approx(STEPS_BY_CUBE / side**3, abs=1)


@pytest.mark.parametrize("shape", [(100, 100), (255, 255), (800, 1000), (3000, 4000)])
def test_a_large_picture_has_fewer_steps_that_cost_no_more_than_they_have_to(shape):
    steps = sum(steps_for(shape, 31))
    assert FEWEST <= steps <= MOST
    assert honing_work(shape, 31) <= DESCENTS * max(STEPS_BY_CUBE ** (2 / 3) * MOST ** (1 / 3), FEWEST * 640 * 640)
    assert steps_for(shape, 31, 0.5).both == pytest.approx(steps_for(shape, 31).both / 2, abs=1)
    assert min(steps_for(shape, 31, 1e-6)) == 2
