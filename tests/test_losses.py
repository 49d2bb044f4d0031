"""Data terms and priors against their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inr_deblur import losses
from inr_deblur.objectives import OBJECTIVES, Latent
from inr_deblur.stationary import stationary_prior

CANVASES = arrays(np.float32, (9, 11), elements=st.floats(0, 1, width=32))
RAMP = np.add.outer(3 * np.arange(9.0), 4 * np.arange(11.0)).astype(np.float32) / 100
STEP = np.where(np.arange(11) < 5, 0.25, 0.75)[None].repeat(9, 0).astype(np.float32)
BOX, DELTA = np.full((3, 3), 1 / 9, np.float32), np.zeros((3, 3), np.float32)
DELTA[1, 1] = 1

variational = jax.jit(losses.variational_prior)
fit, edges, sparse = map(jax.jit, (losses.whitened_fit, losses.saturating_prior, losses.sparse_prior))


def _gradients(x):
    return np.diff(x.astype(float), axis=0), np.diff(x.astype(float), axis=1)


def _penalty(g, rho):
    """h of Wipf and Zhang, equation 23, in double precision."""
    g = np.abs(g)
    q = np.sqrt(g**2 + 4 * rho)
    return (2 * g / (g + q) + np.log(2 * rho + g**2 + g * q)).mean()


@settings(max_examples=10)
@given(CANVASES, st.floats(1e-4, 0.1))
def test_the_variational_prior_is_the_published_formula(x, lam):
    power = float((BOX.astype(float) ** 2).sum())
    terms = sum(_penalty(g, lam / power) for g in _gradients(x))
    expected = lam * (terms + 2 * np.log(power))
    np.testing.assert_allclose(variational(x, BOX, np.float32(lam)), expected, rtol=1e-3, atol=1e-5 * lam)


def test_the_variational_prior_pulls_on_the_kernel_through_its_norm():
    x = np.random.default_rng(0).random((9, 11)).astype(np.float32)
    lam, step = np.float32(0.01), 1e-3
    draw = np.random.default_rng(1).dirichlet(np.ones(9)).reshape(3, 3).astype(np.float32)
    slope = np.asarray(jax.jit(jax.grad(losses.variational_prior, argnums=1))(x, draw, lam))
    np.testing.assert_allclose(slope / slope[0, 0], draw / draw[0, 0], rtol=1e-4)  # only |k| counts

    def value(power):
        return float(lam) * (sum(_penalty(g, float(lam) / power) for g in _gradients(x)) + 2 * np.log(power))

    power = float((draw.astype(float) ** 2).sum())
    by_power = (value(power + step) - value(power - step)) / (2 * step)
    np.testing.assert_allclose(slope, 2 * draw * by_power, rtol=1e-2)


def test_a_sharper_kernel_makes_the_variational_prior_more_concave():
    def concavity(kernel):
        small, middle, large = (
            float(variational(a * RAMP, kernel, np.float32(1e-3))) for a in np.asarray((1e-3, 0.5, 1), np.float32)
        )
        return (2 * middle - small - large) / (large - small)

    assert concavity(DELTA) > concavity(BOX) > 0


@settings(max_examples=10)
@given(CANVASES, st.floats(0, 0.05))
def test_the_fit_is_a_quadratic_form(r, noise):
    down, right = _gradients(r)
    t = (noise / losses.AS_STRONG) ** 2
    expected = ((down**2).mean() + (right**2).mean() + (0.1 + t) * (r.astype(float) ** 2).mean()) / (1 + t)
    np.testing.assert_allclose(fit(r, noise), expected, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(fit(-3 * r, noise), 9 * fit(r, noise), rtol=1e-4, atol=1e-9)


def test_the_fit_goes_from_slopes_to_values_as_the_noise_grows():
    fine, coarse = np.indices((9, 11)).sum(0).astype(np.float32) % 2, 0.1 * RAMP
    of_slopes, of_values = (float(fit(fine, noise) / fit(coarse, noise)) for noise in (0.0, 1.0))
    assert of_values == pytest.approx((fine**2).mean() / (coarse**2).mean(), rel=1e-3)
    assert of_slopes > 10 * of_values


def _phi(g):
    return losses.SCALE ** (1 - losses.POWER) / losses.POWER * g**losses.POWER


def test_priors_of_a_ramp_are_those_of_its_slope():
    assert edges(RAMP) == pytest.approx(0.05**2 / (0.05**2 + 0.015**2), rel=1e-3)
    assert sparse(RAMP, 1e-5) == pytest.approx(_phi(0.05) + losses.CURVATURE * _phi(1e-5), rel=1e-2)


def test_edges_are_counted_and_gradients_are_sparse():
    x = STEP[:, :10]
    assert edges(2 * x) == pytest.approx(float(edges(x)), rel=2e-3)  # whatever their height
    low = STEP / 2  # nothing outside [0, 1]
    assert sparse(2 * low, 1e-6) == pytest.approx(2**losses.POWER * float(sparse(low, 1e-6)), rel=1e-2)
    stairs = (STEP + np.roll(STEP, 3, 1)) / 2
    stairs[:, :3] = 0.25
    assert float(sparse(STEP)) < float(sparse(stairs))  # one step rather than two small ones


@pytest.mark.parametrize("beyond", [1.2, -0.2])
def test_values_outside_the_range_have_a_price(beyond):
    flat = np.full((9, 11), beyond, np.float32)
    assert float(sparse(flat)) - float(sparse(0 * flat)) == pytest.approx(losses.EXCESS * 0.2, rel=1e-4)


@pytest.mark.parametrize("prior", [edges, sparse])
def test_priors_of_a_constant_are_least_and_have_no_slope(prior):
    flat = np.full((9, 11), 0.4, np.float32)
    assert float(prior(flat)) < float(prior(RAMP))
    np.testing.assert_array_equal(jax.grad(prior)(flat), 0)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_an_objective_grows_with_its_residual_and_is_its_prior_without_one(name):
    objective = jax.jit(OBJECTIVES[name])
    x, k, zero, lam = jnp.asarray(STEP), jnp.asarray(BOX), jnp.zeros((7, 9), jnp.float32), np.float32(0.01)
    still = jnp.zeros(())
    priors = {
        "variational": variational(STEP, BOX, lam),
        "edges": 0.01 * edges(STEP),
        "sparse": 0.01 * sparse(STEP),
        "stationary": stationary_prior(jnp.asarray(STEP), jnp.asarray(BOX), jnp.asarray(lam)),
    }
    least = float(objective(Latent(x, k, zero, still), lam))
    np.testing.assert_allclose(least, priors[name], rtol=1e-4)
    assert float(objective(Latent(x, k, zero + 0.1, still), lam)) > least
