"""The last rounds of variational Bayes, at the noise that a picture has."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.kernels import likeness, pruned
from inr_deblur.losses import coupled
from inr_deblur.polish import (
    OF_SMALL,
    OF_SMALL_IN_NOISE,
    OF_WIDE,
    OF_WIDE_IN_NOISE,
    PASSED,
    _alone,
    _inverse_variance,
    _open,
    _shrunk,
    polished,
)
from inr_deblur.simulate import blur, line_kernel, random_shake_kernel

TRUE = random_shake_kernel(11, 3, "impulsive").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(TRUE, 0.8), np.float32)
Y, PAGE = (blur(sharp[:190, :300] / 255, TRUE, 0.001).astype(np.float32) for sharp in (data.coins(), data.page()))
WEIGHTS = np.random.default_rng(0).lognormal(3, 3, (2, 32, 48)).astype(np.float32)


@pytest.mark.parametrize("y", [Y, PAGE])
def test_a_small_kernel_comes_much_nearer_to_the_true_one_where_there_is_little_noise(y):
    found = pruned(polished(y, ROUGH, 0.001, OF_SMALL).kernel)
    assert 1 - likeness(found, TRUE) < 0.3 * (1 - likeness(ROUGH, TRUE))


def test_a_line_is_mended_in_a_noisy_picture():
    line = line_kernel(15, 30).astype(np.float32)
    rough = np.asarray(gaussian_filter(line, 0.8), np.float32)
    y = blur(data.camera()[60:300, 60:300] / 255, line, 0.01).astype(np.float32)
    assert likeness(pruned(polished(y, rough, 0.01, OF_SMALL_IN_NOISE).kernel), line) > likeness(rough, line)


@pytest.mark.parametrize("how", [OF_SMALL, OF_WIDE])
def test_a_kernel_is_not_negative_and_sums_to_one_and_each_round_is_told(how):
    kernel, losses = polished(Y, ROUGH, 0.001, how._replace(rounds=3))
    assert kernel.min() >= 0 and kernel.sum() == pytest.approx(1, abs=1e-4)
    assert len(losses) == 3 and np.isfinite(losses).all()


@pytest.mark.parametrize("how", [OF_SMALL, OF_WIDE])
def test_brightness_and_contrast_play_no_part(how):
    one, other = (polished(gain * Y, ROUGH, gain * 0.001, how._replace(rounds=4)) for gain in (1, 0.4))
    assert likeness(one.kernel, other.kernel) > 0.995  # but for rounding, which many steps amplify


def test_a_point_stays_a_point():
    sharp = (data.camera()[60:300, 60:300] / 255).astype(np.float32)
    found = pruned(polished(sharp, np.ones((1, 1), np.float32), 0.001, OF_SMALL._replace(rounds=4)).kernel)
    assert found.max() > 0.9


def test_a_wide_kernel_comes_nearer_to_the_true_one_where_there_is_little_noise():
    wide = random_shake_kernel(41, 5, "smooth").astype(np.float32)
    rough = np.asarray(gaussian_filter(wide, 1.2), np.float32)
    y = blur(data.camera()[:340, 60:440] / 255, wide, 0.001).astype(np.float32)
    found = pruned(polished(y, rough, 0.001, OF_WIDE).kernel)
    assert 1 - likeness(found, wide) < 0.5 * (1 - likeness(rough, wide))


def test_a_wide_kernel_gets_no_worse_in_a_noisy_picture():
    wide = random_shake_kernel(41, 5, "smooth").astype(np.float32)
    rough = np.asarray(gaussian_filter(wide, 1.2), np.float32)
    y = blur(data.camera()[:340, 60:440] / 255, wide, 0.008).astype(np.float32)
    found = pruned(polished(y, rough, 0.008, OF_WIDE_IN_NOISE).kernel)
    assert likeness(found, wide) > likeness(rough, wide)


SLOPES, RHOS = st.floats(-1, 1), st.floats(1e-5, 1e-2)
PRIORS = st.sampled_from([(0.0, 0.0), (1.0, 1e-5), (1.0, 1e-3), (0.5, 1e-4)])


@given(SLOPES, RHOS, PRIORS)
def test_inverse_variances_solve_their_equation(slope, rho, prior):
    a, b = prior
    w = float(_inverse_variance(jnp.float32(slope**2), jnp.float32(rho), a, b))
    alone = 1 / (1 / rho + w)
    assert w * (b + (slope**2 + alone) / 2 + 1e-12) == pytest.approx(a + 0.5, rel=1e-4)


@given(st.floats(1e-3, 1), RHOS)
def test_without_a_prior_they_are_the_search_s(slope, rho):
    """h'(g) = 2 w g."""
    wanted = float(jax.grad(lambda g: coupled(g[None], jnp.float32(rho)))(jnp.float32(slope))) / (2 * slope)
    assert float(_inverse_variance(jnp.float32(slope**2), jnp.float32(rho), 0, 0)) == pytest.approx(wanted, rel=1e-3)


@given(SLOPES, RHOS)
def test_shrinking_finds_the_lowest_point_of_the_penalty_and_the_distance(slope, rho):
    """The best of all values on a fine grid."""

    def cost(g):
        penalty = np.array([float(coupled(jnp.full(1, value), jnp.float32(rho))) for value in g])
        return 0.5 * (g - slope) ** 2 + 0.5 * rho * penalty

    found = float(_shrunk(jnp.float32(slope), jnp.float32(rho), 0, 0))
    assert cost(np.array([found]))[0] <= cost(np.linspace(0, slope, 41)).min() + 0.01 * rho
    assert found * slope >= 0 and abs(found) <= abs(slope) + 1e-6


def test_of_a_point_nothing_is_more_open_at_one_frequency_than_at_another():
    """It lets all through alike, and neighbours tell nothing of each other."""
    w, everywhere, lam = jnp.asarray(WEIGHTS), jnp.ones((32, 48)), jnp.float32(1e-4)
    point = jnp.zeros((32, 48)).at[3, 5].set(1)
    np.testing.assert_allclose(_open(w, everywhere, point, lam), _alone(w, everywhere, point, lam), rtol=1e-3)


def test_more_is_open_of_frequencies_that_pass_badly():
    w, everywhere, lam = jnp.asarray(WEIGHTS), jnp.ones((32, 48)), jnp.float32(1e-4)
    k = jnp.asarray(np.pad(ROUGH, [(0, 32 - len(ROUGH)), (0, 48 - len(ROUGH))]))
    power = np.maximum(np.abs(np.fft.rfft2(k)) ** 2, PASSED[0])
    found = np.asarray(_open(w, everywhere, k, lam))
    wanted = np.array([(1 / (p + 1e-4 * WEIGHTS)).sum() for p in power.ravel()]).reshape(power.shape)
    np.testing.assert_allclose(found, wanted, rtol=5e-3)
    assert found.ravel()[power.argmin()] > found.ravel()[power.argmax()]
