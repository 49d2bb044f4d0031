"""The forward model is a true convolution, valid part only."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import convolve2d

from inr_deblur.blur import area_average, convolve_valid, fast_size

convolve = jax.jit(convolve_valid)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 4), (20, 3)])
def test_it_is_scipys_convolution(size):
    draw = np.random.default_rng(0)
    x, kernel = draw.random((20, 24)), draw.random(size)
    y = convolve(x.astype(np.float32), kernel.astype(np.float32))
    np.testing.assert_allclose(y, convolve2d(x, kernel, "valid"), atol=2e-5 * kernel.sum())


def test_one_output_sample_is_an_inner_product_with_the_flipped_kernel():
    draw = np.random.default_rng(0)
    x, k = draw.random((20, 24)).astype(np.float32), draw.random((5, 4)).astype(np.float32)
    y = np.asarray(convolve(x, k))
    np.testing.assert_allclose(y[2, 5], (x[2:7, 5:9] * k[::-1, ::-1]).sum(), rtol=1e-5)


def test_a_delta_kernel_changes_nothing_and_an_off_centre_one_shifts():
    x = np.random.default_rng(1).random((15, 15)).astype(np.float32)
    centre, below = np.zeros((2, 5, 5), np.float32)
    centre[2, 2] = below[3, 2] = 1
    np.testing.assert_allclose(convolve(x, centre), x[2:-2, 2:-2], atol=1e-6)
    np.testing.assert_allclose(convolve(x, below), x[1:-3, 2:-2], atol=1e-6)


@pytest.mark.parametrize("factor", [1, 2, 3, 8])
def test_an_area_average_is_the_mean_of_whole_blocks(factor):
    y = np.random.default_rng(0).random((2, 4 * factor + factor // 2, 3 * factor)).astype(np.float32)
    small = area_average(y, factor)
    blocks = [[y[:, i : i + factor, j : j + factor].mean((1, 2)) for j in (0, factor, 2 * factor)]
              for i in range(0, 4 * factor, factor)]  # fmt: skip
    assert small.shape == (2, 4, 3)
    np.testing.assert_allclose(small, np.moveaxis(blocks, 2, 0), rtol=1e-5)  # pyright: ignore


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_fast_size_is_enough_and_has_small_factors(h, w):
    for n, fast in zip((h, w), fast_size((h, w)), strict=True):
        assert n <= fast <= 1.2 * n + 1
        for prime in (2, 3, 5):
            while fast % prime == 0:
                fast //= prime
        assert fast == 1
