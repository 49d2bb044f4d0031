"""The last fit of a kernel, with what noise leaves open of the image."""

import jax
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.honing import honed, steps_for
from inr_deblur.kernels import likeness, pruned
from inr_deblur.simulate import blur, line_kernel, random_shake_kernel

STEPS = 100, 300
LINE = line_kernel(15, 30).astype(np.float32)
SHAKE = random_shake_kernel(13, 3, "smooth").astype(np.float32)


@pytest.fixture(autouse=True)
def promotion():
    """Adam multiplies Python's floats and int32 counters."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def blurred(kernel: np.ndarray, noise: float) -> np.ndarray:
    return blur(data.camera()[60:240, 60:260] / 255, kernel, noise).astype(np.float32)


@pytest.mark.parametrize("noise", [0.002, 0.01])
@pytest.mark.parametrize("true", [LINE, SHAKE])
def test_a_rough_kernel_comes_nearer_to_the_true_one(true, noise):
    rough = np.asarray(gaussian_filter(true, 0.8), np.float32)
    found, losses = honed(blurred(true, noise), rough, noise, STEPS)
    assert 1 - likeness(pruned(found), true) < 0.8 * (1 - likeness(rough, true))
    assert found.min() >= 0 and found.sum() == pytest.approx(1, abs=1e-4)
    assert losses.shape == (sum(STEPS),) and np.isfinite(losses).all()


@pytest.mark.parametrize("noise", [0.002, 0.01])
def test_the_true_kernel_hardly_moves(noise):
    found, _ = honed(blurred(SHAKE, noise), SHAKE, noise, STEPS)
    assert likeness(pruned(found), SHAKE) > 0.97


def test_brightness_and_contrast_play_no_part():
    y = blurred(SHAKE, 0.005)
    one, other = (honed(gain * y + more, SHAKE, gain * 0.005, (5, 10))[0] for gain, more in ((1, 0), (0.4, 0.3)))
    assert likeness(one, other) > 0.999


def test_a_point_is_no_special_case():
    found, _ = honed(blurred(SHAKE, 0.005), np.ones((1, 1), np.float32), 0.005, (5, 10))
    assert np.isfinite(found).all()


def test_a_shorter_schedule_has_fewer_steps_but_some():
    for wide in (False, True):
        assert steps_for(wide, 0.5) == tuple(n // 2 for n in steps_for(wide))
        assert min(steps_for(wide, 1e-6)) == 2
