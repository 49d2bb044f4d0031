"""The forward model is a true convolution, valid part only."""

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from scipy.signal import convolve2d, fftconvolve

from inr_deblur.blur import area_average, convolve_valid, fast_size, framed, quieter, smoothed

convolve = jax.jit(convolve_valid)


@pytest.mark.parametrize("size", [(1, 1), (2, 9), (5, 4), (20, 3)])
def test_it_is_scipys_convolution(size):
    draw = np.random.default_rng(0)
    x, kernel = draw.random((20, 24)), draw.random(size)
    y = convolve(x.astype(np.float32), kernel.astype(np.float32))
    np.testing.assert_allclose(y, convolve2d(x, kernel, "valid"), atol=2e-5 * kernel.sum())


@given(st.tuples(*[st.integers(1, 30)] * 2), st.tuples(*[st.integers(1, 9)] * 2))
def test_a_frame_puts_the_picture_where_a_circular_convolution_is_the_valid_one(shape, sides):
    draw = np.random.default_rng(0)
    k = draw.random(sides).astype(np.float32)
    canvas = draw.random([n + m - 1 for n, m in zip(shape, sides, strict=True)])
    frame = framed(shape, k)
    spectrum = np.fft.rfft2(canvas, frame.size) * np.fft.rfft2(frame.kernel)
    circular = np.fft.irfft2(spectrum, frame.size)
    seen = np.pad(np.ones(shape, bool), frame.inside)
    assert seen.shape == frame.size == frame.kernel.shape
    np.testing.assert_allclose(circular[seen].reshape(shape), convolve2d(canvas, k, "valid"), atol=1e-4)


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


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_at_a_coarser_scale_a_blurred_picture_is_still_a_convolution_of_the_sharp_one(factor):
    """What is left of the best coarse kernel; means of blocks leave ten times as much, all of it aliases."""
    fine = np.random.default_rng(0).normal(size=(48 * factor, 48 * factor))
    x = np.cumsum(np.cumsum(fine, 0), 1)
    x = (x - gaussian_filter(x, 6 * factor)).astype(np.float32)
    k = np.zeros((2 * factor + 1, 2 * factor + 1))
    k[np.arange(2 * factor + 1), np.random.default_rng(1).permutation(2 * factor + 1)] = 1 / (2 * factor + 1)
    y = fftconvolve(x, k, "same").astype(np.float32)

    def unexplained(smoothing: float) -> float:
        sharp, blurry = (area_average(smoothed(a, smoothing * factor), factor) for a in (x, y))
        shifted = [np.roll(sharp, (i, j), (0, 1))[6:-6, 6:-6].ravel() for i in range(-3, 4) for j in range(-3, 4)]
        seen = blurry[6:-6, 6:-6].ravel()
        left = seen - np.stack(shifted, 1) @ np.linalg.lstsq(np.stack(shifted, 1), seen, rcond=None)[0]
        return float(left.var() / seen.var())

    assert unexplained(0.64) < 0.1 * unexplained(0.0)


@given(st.sampled_from([1, 2, 4, 8]), st.floats(0, 1))
def test_smoothing_leaves_as_much_noise_as_is_said(scale, smoothing):
    noise = np.random.default_rng(0).normal(size=(512, 512)).astype(np.float32)
    left = area_average(smoothed(noise, smoothing * scale), scale)[4:-4, 4:-4]
    assert left.std() * scale == pytest.approx(quieter(smoothing, scale), rel=0.1)


@given(st.integers(1, 3000), st.integers(1, 3000))
def test_a_fast_size_is_enough_and_has_small_factors(h, w):
    for n, fast in zip((h, w), fast_size((h, w)), strict=True):
        assert n <= fast <= 1.2 * n + 1
        for prime in (2, 3, 5):
            while fast % prime == 0:
                fast //= prime
        assert fast == 1
