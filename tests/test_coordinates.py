"""Grids nest, cover the kernel, and give the canvas that a valid convolution needs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, kernel_side, nested_grid, picture_grid

SHAPES = st.tuples(st.integers(16, 60), st.integers(16, 60))
SCALES = st.sampled_from([1, 2, 3, 4, 8])


@given(SHAPES, SCALES)
def test_a_nested_grid_is_a_subsample_of_the_finest(shape, scale):
    fine, coarse = nested_grid(shape), nested_grid(shape, scale)
    for a, b in zip(fine, coarse, strict=True):
        np.testing.assert_array_equal(a[::scale], b)


@given(SHAPES, SCALES)
def test_an_area_grid_lies_on_the_centres_of_whole_blocks(shape, scale):
    for n, positions in zip(shape, picture_grid(shape, scale), strict=True):
        pixels = np.arange(n // scale * scale, dtype=float).reshape(-1, scale)
        np.testing.assert_allclose(positions, pixels.mean(1))


@given(st.integers(1, 61), SCALES)
def test_a_kernel_grid_is_odd_and_covers_the_kernel(size, scale):
    side = kernel_side(size, scale)
    assert side % 2 == 1
    assert (side - 1) // 2 * scale >= size // 2 > ((side - 1) // 2 - 1) * scale


@given(SHAPES, st.integers(1, 15), SCALES)
def test_every_sample_the_picture_sees_is_on_the_canvas(shape, half, scale):
    picture, kernel = picture_grid(shape, scale), kernel_grid((2 * half + 1, 2 * half + 1), scale, (3.5, -2.0))
    canvas = canvas_grid(picture, kernel)
    assert canvas.shape == tuple(n + k - 1 for n, k in zip(picture.shape, kernel.shape, strict=True))
    for p, q, c in zip(picture, kernel, canvas, strict=True):
        for i in (0, len(p) // 2, len(p) - 1):  # y[i] = sum_j k[j] x[i + K - 1 - j]
            np.testing.assert_allclose(c[i + len(q) - 1 - np.arange(len(q))], p[i] - q, atol=1e-4)


def test_a_grid_knows_its_shape():
    assert Grid(np.zeros(3), np.zeros(5)).shape == (3, 5)
