"""What a kernel is taken for at the next scale."""

import jax
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from inr_deblur.carry import interpolated, refitted
from inr_deblur.coordinates import Grid, kernel_grid
from inr_deblur.fit import stack, windowed
from inr_deblur.generators import SirenKernel
from inr_deblur.kernels import centroid, likeness

SHIFTS = st.tuples(st.floats(-3, 3), st.floats(-3, 3))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 4]), SHIFTS, SHIFTS)
def test_an_interpolated_kernel_keeps_its_mass_where_it_was(seed, scale, before, after):
    places = kernel_grid((24 * scale + 1,) * 2, 2 * scale, before)
    k = np.pad(np.random.default_rng(seed).random((5, 5)), (places.shape[0] - 5) // 2).astype(np.float32)
    k /= k.sum()
    onto = kernel_grid((24 * scale + 1,) * 2, scale, after)
    finer = interpolated(k, places, onto)
    assert finer.min() >= 0 and abs(finer.sum() - 1) < 1e-5
    middles = [
        scale * np.array(centroid(a, 0.0)) + offset
        for a, scale, offset in ((k, 2 * scale, before), (finer, scale, after))
    ]
    np.testing.assert_allclose(*middles, atol=0.3 * scale)


def test_on_its_own_grid_a_kernel_stays_as_it_is():
    k = np.random.default_rng(0).random((9, 7)).astype(np.float32)
    grid = kernel_grid((17, 13), 2)
    np.testing.assert_allclose(interpolated(k / k.sum(), grid, grid), k / k.sum(), atol=1e-7)


@settings(max_examples=3)
@given(st.integers(0, 2**16))
def test_a_network_shows_what_it_was_fitted_to(seed):
    """Two members at once, from the parameters of a network that shows something else."""
    generator = SirenKernel()
    noise = np.random.default_rng(seed).normal(size=(2, 31, 31))
    shapes = np.maximum(np.stack([gaussian_filter(n, 3) for n in noise]), 0) ** 2
    shapes = (shapes / shapes.sum((1, 2), keepdims=True)).astype(np.float32)
    grids = stack([kernel_grid((61, 61), 2, shift) for shift in ((0.0, 0.0), (3.0, -1.0))])
    anywhere = Grid(*np.zeros((2, 2), np.float32))
    start = stack([generator.init(jax.random.key(i), anywhere) for i in range(2)])
    windows = np.full(2, 61, np.float32)
    with jax.numpy_dtype_promotion("standard"):  # Adam multiplies Python's floats and int32 counters
        params = refitted(generator, 2, start, grids, windows, shapes)
    for i, shape in enumerate(shapes):
        mine, grid = (jax.tree.map(lambda a, i=i: a[i], tree) for tree in (params, grids))
        shown = np.asarray(windowed(generator.apply(mine, grid, 2), grid, windows[i]))  # type: ignore[arg-type]
        assert likeness(shown, shape) > 0.95
