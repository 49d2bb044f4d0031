"""The forward model is a true convolution, valid part."""

import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d

from inr_deblur.blur import area_average, convolve_valid

SIZES = st.integers(1, 9)
SEEDS = st.integers(0, 1000)


@given(SIZES, SIZES, SEEDS)
def test_it_is_scipys_convolution(k, m, seed):
    draw = np.random.default_rng(seed)
    x, kernel = draw.random((20, 24)), draw.random((k, m))
    y = convolve_valid(jnp.asarray(x, jnp.float32), jnp.asarray(kernel, jnp.float32))
    np.testing.assert_allclose(y, convolve2d(x, kernel, "valid"), atol=2e-5 * kernel.sum())


def test_one_output_sample_is_an_inner_product_with_the_flipped_kernel():
    draw = np.random.default_rng(0)
    x, k = draw.random((12, 12)), draw.random((4, 3))
    y = convolve_valid(jnp.asarray(x, jnp.float32), jnp.asarray(k, jnp.float32))
    np.testing.assert_allclose(y[2, 5], (x[2:6, 5:8] * k[::-1, ::-1]).sum(), rtol=1e-5)


def test_a_delta_kernel_changes_nothing_and_an_off_centre_one_shifts():
    x = jnp.asarray(np.random.default_rng(1).random((15, 15)), jnp.float32)
    delta = jnp.zeros((5, 5), jnp.float32)
    np.testing.assert_allclose(convolve_valid(x, delta.at[2, 2].set(1)), x[2:-2, 2:-2], atol=1e-6)
    np.testing.assert_allclose(convolve_valid(x, delta.at[3, 2].set(1)), x[1:-3, 2:-2], atol=1e-6)


@given(st.integers(1, 5), SEEDS)
def test_an_area_average_keeps_the_mean(factor, seed):
    y = np.random.default_rng(seed).random((4 * factor, 3 * factor)).astype(np.float32)
    small = area_average(jnp.asarray(y), factor)
    assert small.shape == (4, 3)
    np.testing.assert_allclose(small.mean(), y.mean(), rtol=1e-5)
