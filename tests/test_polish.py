"""The last rounds in the search's own objective, at the noise that a picture has."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.kernels import likeness, pruned
from inr_deblur.losses import coupled
from inr_deblur.polish import OF_SMALL, OF_SMALL_IN_NOISE, _shrunk, polished
from inr_deblur.simulate import blur, line_kernel, random_shake_kernel

TRUE = random_shake_kernel(11, 3, "impulsive").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(TRUE, 0.8), np.float32)
Y, PAGE = (blur(sharp[:190, :300] / 255, TRUE, 0.001).astype(np.float32) for sharp in (data.coins(), data.page()))


@pytest.mark.parametrize("y", [Y, PAGE])
def test_a_small_kernel_comes_much_nearer_to_the_true_one_where_there_is_little_noise(y):
    found = pruned(polished(y, ROUGH, 0.001, OF_SMALL).kernel)
    assert 1 - likeness(found, TRUE) < 0.3 * (1 - likeness(ROUGH, TRUE))


def test_a_line_is_mended_in_a_noisy_picture():
    line = line_kernel(15, 30).astype(np.float32)
    rough = np.asarray(gaussian_filter(line, 0.8), np.float32)
    y = blur(data.camera()[60:300, 60:300] / 255, line, 0.01).astype(np.float32)
    assert likeness(pruned(polished(y, rough, 0.01, OF_SMALL_IN_NOISE).kernel), line) > likeness(rough, line)


def test_a_kernel_is_not_negative_and_sums_to_one_and_each_round_is_told():
    kernel, losses = polished(Y, ROUGH, 0.001, OF_SMALL._replace(rounds=3))
    assert kernel.min() >= 0 and kernel.sum() == pytest.approx(1, abs=1e-4)
    assert len(losses) == 3 and np.isfinite(losses).all()


def test_brightness_and_contrast_play_no_part():
    one, other = (polished(gain * Y, ROUGH, gain * 0.001, OF_SMALL._replace(rounds=4)) for gain in (1, 0.4))
    assert likeness(one.kernel, other.kernel) > 0.995  # but for rounding, which many steps amplify


def test_a_point_stays_a_point():
    sharp = (data.camera()[60:300, 60:300] / 255).astype(np.float32)
    found = pruned(polished(sharp, np.ones((1, 1), np.float32), 0.001, OF_SMALL._replace(rounds=4)).kernel)
    assert found.max() > 0.9


@given(st.floats(-1, 1), st.floats(1e-5, 1e-2), st.floats(0.01, 0.6))
def test_shrinking_finds_the_lowest_point_of_the_penalty_and_the_distance(slope, rho, share):
    """The best of all values on a fine grid, where the sum is convex: the penalty bends by 1 / rho at most."""

    def cost(g):
        penalty = np.array([float(coupled(jnp.full(1, value), jnp.float32(rho))) for value in g])
        return 0.5 * (g - slope) ** 2 + share * rho * penalty

    found = float(_shrunk(jnp.float32(slope), jnp.float32(share * rho), jnp.float32(rho)))
    assert cost(np.array([found]))[0] <= cost(np.linspace(0, slope, 41)).min() + 0.01 * rho
    assert found * slope >= 0 and abs(found) <= abs(slope) + 1e-6
