"""The prior that knows what a kernel leaves open of an image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial.polynomial import polyder, polyval

from inr_deblur import stationary
from inr_deblur.losses import variational_prior
from inr_deblur.simulate import disk_kernel, line_kernel, random_shake_kernel
from inr_deblur.stationary import RATE, ROUNDED, SHAPE, power, stationary_prior

LINE = line_kernel(9, 30).astype(np.float32)
X = (0.5 + 0.1 * np.random.default_rng(0).laplace(size=(40, 50)).cumsum(1) / 7).astype(np.float32)
LAM = jnp.float32(1e-4)
PRECISIONS = np.geomspace(1e-3, 1e7, 4000)


def ramp(slope: float) -> jax.Array:
    """Its slopes are all alike, those across are zero."""
    return jnp.asarray(slope * np.arange(30, dtype=np.float32)[:, None] * np.ones(4, np.float32))


def of_slope(slope: float, k: np.ndarray) -> float:
    """The penalty of a slope over that of none."""
    one, none = (stationary_prior(ramp(g), jnp.asarray(k), LAM) for g in (slope, 0))
    return float((one - none) / LAM)


def by_the_formula(slope: float, k: np.ndarray, count: int = 256) -> tuple[float, float]:
    """The least value, with the Fourier transform's own frequencies, and the w where it is."""
    frequencies = np.fft.fftfreq(count)
    laplacian = np.add.outer(*(4 * np.sin(np.pi * f) ** 2 for f in (frequencies, frequencies)))
    ratio = abs(np.fft.fft2(k, (count, count))) ** 2 / (float(LAM) * laplacian + ROUNDED**2)
    logs = np.array([np.log(ratio + w).mean() for w in PRECISIONS[::10]])
    logs = np.interp(np.log(PRECISIONS), np.log(PRECISIONS[::10]), logs)
    values = PRECISIONS * (slope**2 + 2 * RATE) - (2 * SHAPE + 1) * np.log(PRECISIONS) + logs
    return float(values.min()), float(PRECISIONS[values.argmin()])


@given(st.integers(0, 10**6), st.sampled_from([1, 2, 7, 40]))
def test_powers_are_those_of_the_fourier_transform(seed, side):
    k = np.random.default_rng(seed).random((side, 5)).astype(np.float32)
    down, right = 3.5 / 32, 7.5 / 32
    wave = np.exp(-2j * np.pi * np.add.outer(down * np.arange(side), right * np.arange(5)))
    found = np.asarray(power(jnp.asarray(k), 32))[3, 7]
    np.testing.assert_allclose(found, abs((k * wave).sum()) ** 2, rtol=1e-3, atol=1e-3)


def test_where_nothing_depends_on_the_frequency_it_is_the_coupled_penalty(monkeypatch):
    """Up to a constant."""
    monkeypatch.setattr(stationary, "SHAPE", 0.0)
    monkeypatch.setattr(stationary, "RATE", 1e-9)
    monkeypatch.setattr(stationary, "ROUNDED", 0.0)
    monkeypatch.setattr(stationary, "_laplacian", lambda count: np.ones((count, count // 2), np.float32))
    point, lam = jnp.ones((1, 1)), jnp.float32(1e-3)
    ours, theirs = (
        (prior(jnp.asarray(X), point, lam) - prior(jnp.asarray(0.3 * X), point, lam)) / lam
        for prior in (stationary_prior, variational_prior)
    )
    assert float(ours) == pytest.approx(float(theirs), abs=0.03) and float(theirs) > 1


@pytest.mark.parametrize("k", [np.ones((1, 1), np.float32), LINE, line_kernel(63, 0).astype(np.float32)])
@pytest.mark.parametrize("slope", [3e-4, 3e-3, 0.05, 0.5, 1.5])
def test_it_is_the_least_over_the_precisions(slope, k):
    """Also of a line that is longer than the fewest frequencies tell."""
    expected = by_the_formula(slope, k)[0] - by_the_formula(0, k)[0]
    assert of_slope(slope, k) == pytest.approx(expected, abs=0.03 + 0.03 * expected)


@pytest.mark.parametrize("slope", [1e-3, 3e-3, 0.05, 0.5, 1.5, 20])
def test_a_slope_is_drawn_by_its_precision(slope):
    drawn = float(jax.grad(lambda g: stationary_prior(ramp(1.0) * g, jnp.asarray(LINE), LAM))(jnp.float32(slope)) / LAM)
    assert drawn == pytest.approx(2 * slope * by_the_formula(slope, LINE)[1], rel=0.1)


def test_the_polynomial_and_its_derivatives_are_numpy_s():
    draw = np.random.default_rng(2)
    c, t = draw.normal(size=12).astype(np.float32), draw.uniform(-1, 1, (9, 7)).astype(np.float32)
    value, (by_c, by_t) = jax.value_and_grad(lambda c, t: 3 * stationary._polynomial(c, t), (0, 1))(c, t)
    assert float(value) == pytest.approx(3 * polyval(t, c).mean(), rel=1e-4)
    np.testing.assert_allclose(by_c, [3 * (t**j).mean() for j in range(len(c))], rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(by_t, 3 * polyval(t, polyder(c)) / t.size, rtol=1e-4, atol=1e-5)


def test_it_goes_on_growing_beyond_the_table():
    values = [of_slope(slope, LINE) for slope in (1.9, 2.1, 5, 20, 100)]
    assert all(b > a + 0.1 for a, b in zip(values, values[1:], strict=False))


def test_it_grows_with_the_kernel_as_its_derivative_says():
    x, move = jnp.asarray(X), jnp.asarray(np.random.default_rng(1).normal(size=LINE.shape).astype(np.float32) * 4e-3)
    value = jax.jit(lambda k: stationary_prior(x, k, LAM) / LAM)
    ends = [float(value(jnp.asarray(LINE) + share * move)) for share in (0.5, -0.5)]
    assert abs(ends[0] - ends[1]) > 5e-3
    assert ends[0] - ends[1] == pytest.approx(float((jax.grad(value)(jnp.asarray(LINE)) * move).sum()), rel=0.1)


def test_slopes_cost_less_with_a_kernel_that_lets_less_through():
    """It leaves more of them open: an edge tells it from one that lets all through."""
    shapes = disk_kernel(9), line_kernel(5, 0), np.ones((1, 1))
    disk, line, point = (of_slope(0.3, shape.astype(np.float32)) for shape in shapes)
    assert disk < line < point


FINITE = jax.jit(jax.value_and_grad(stationary_prior, (0, 1)))


@given(st.integers(0, 50), st.sampled_from([5e-7, 1e-4, 1e-2]))
def test_it_is_finite_for_any_kernel_and_flat_images(seed, lam):
    k = jnp.asarray(random_shake_kernel(15, seed, "smooth").astype(np.float32))
    for x in (jnp.zeros((20, 20)), jnp.asarray(np.eye(20, dtype=np.float32) * 300)):
        assert all(np.isfinite(np.asarray(a)).all() for a in jax.tree.leaves(FINITE(x, k, jnp.float32(lam))))
