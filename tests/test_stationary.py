"""The prior that knows what a kernel leaves open of an image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur import stationary
from inr_deblur.losses import variational_prior
from inr_deblur.simulate import disk_kernel, line_kernel, random_shake_kernel
from inr_deblur.stationary import _power, stationary_prior

LINE = line_kernel(9, 30).astype(np.float32)
X = (0.5 + 0.1 * np.random.default_rng(0).laplace(size=(40, 50)).cumsum(1) / 7).astype(np.float32)


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 7, 12]))
def test_powers_are_those_of_the_fourier_transform(seed, side):
    k = np.random.default_rng(seed).random((side, 5)).astype(np.float32)
    down, right = stationary._DOWN[3], stationary._RIGHT[7]
    wave = np.exp(-2j * np.pi * np.add.outer(down * np.arange(side), right * np.arange(5)))
    np.testing.assert_allclose(
        np.asarray(_power(jnp.asarray(k)))[3, 7], abs((k * wave).sum()) ** 2, rtol=1e-3, atol=1e-4
    )


def test_where_nothing_depends_on_the_frequency_it_is_the_coupled_penalty(monkeypatch):
    """Up to a constant."""
    monkeypatch.setattr(stationary, "SHAPE", 0.0)
    monkeypatch.setattr(stationary, "RATE", 0.0)
    monkeypatch.setattr(stationary, "ROUNDED", 0.0)
    monkeypatch.setattr(stationary, "_LAPLACIAN", np.full_like(stationary._LAPLACIAN, 2))
    point, lam = jnp.ones((1, 1)), jnp.float32(1e-3)
    ours, theirs = (
        (prior(jnp.asarray(X), point, lam) - prior(jnp.asarray(0.3 * X), point, lam)) / lam
        for prior in (stationary_prior, variational_prior)
    )
    assert float(ours) == pytest.approx(float(theirs), abs=0.03) and float(theirs) > 1


@pytest.mark.parametrize("slope", [0.0, 0.003, 0.05, 0.5])
def test_it_is_the_least_over_the_precisions(slope):
    """That of a ramp, whose slopes are all alike."""
    lam, a, b = 1e-4, stationary.SHAPE, stationary.RATE
    ratio = np.asarray(_power(jnp.asarray(LINE))) / (lam * stationary._LAPLACIAN / 2 + stationary.ROUNDED**2)
    w = np.geomspace(0.1, 1e8, 4000)[:, None, None]
    logs = np.log(ratio + w).mean((1, 2))

    def least(g: float) -> float:
        values = w[:, 0, 0] * (g * g + 2 * b) - (2 * a + 1) * np.log(w[:, 0, 0]) + logs
        return float(values.min())

    ramp = jnp.asarray(slope * np.arange(30, dtype=np.float32)[:, None] * np.ones(20, np.float32))
    found = stationary_prior(ramp, jnp.asarray(LINE), jnp.float32(lam)) / lam
    assert float(found) == pytest.approx(least(slope) + least(0.0), abs=0.03)


@pytest.mark.parametrize("which", [0, 1])
def test_slopes_are_those_of_the_value(which):
    """By the image and by the kernel."""
    values, lam = [jnp.asarray(X), jnp.asarray(LINE)], jnp.float32(1e-3)
    move = np.random.default_rng(1).normal(size=values[which].shape).astype(np.float32) * 2e-3
    gradient = jax.grad(stationary_prior, which)(values[0], values[1], lam)

    def at(share: float) -> float:
        x, k = (value + share * move if i == which else value for i, value in enumerate(values))
        return float(stationary_prior(x, k, lam) / lam)

    assert at(0.5) - at(-0.5) == pytest.approx(float((gradient * move).sum() / lam), rel=0.1, abs=2e-3)


def test_a_kernel_that_lets_less_through_has_the_larger_variance_left_open():
    """So its slopes are penalised less: an edge tells it from one that lets all through."""
    x, lam = jnp.asarray(X), jnp.float32(1e-3)

    def edges(k: np.ndarray) -> float:
        more, less = (stationary_prior(share * x, jnp.asarray(k, jnp.float32), lam) for share in (4, 1))
        return float((more - less) / lam)

    assert edges(disk_kernel(9)) < edges(line_kernel(5, 0)) < edges(np.ones((1, 1)))


@given(st.integers(0, 50))
def test_it_is_finite_for_any_kernel_and_flat_images(seed):
    k = jnp.asarray(random_shake_kernel(15, seed, "smooth").astype(np.float32))
    for x in (jnp.zeros((20, 20)), jnp.asarray(np.eye(20, dtype=np.float32) * 3)):
        value, slope = jax.value_and_grad(stationary_prior, 1)(x, k, jnp.float32(1e-6))
        assert np.isfinite(float(value)) and np.isfinite(np.asarray(slope)).all()
