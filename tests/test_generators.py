"""Generators render any grid; nested grids get subsamples; kernels are distributions."""

from functools import partial

import jax
import numpy as np
import pytest

from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, nested_grid, picture_grid
from inr_deblur.generators import MOST_FEATURES, GridKernel, SirenKernel, image_generator

SHAPE, REACH = (24, 30), (4, 4)
IMAGES = ("harmonic", "siren", "pixels")
KERNELS = (SirenKernel(), GridKernel(5.0))


def _random(generator, spread):
    """Parameters of the generator, normally distributed."""
    shapes = jax.eval_shape(generator.init, jax.random.key(0), picture_grid(SHAPE))
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda a: draw.normal(0, spread, a.shape).astype(np.float32), shapes)


@partial(jax.jit, static_argnums=0)
def _values(generator, params, grids):
    """On many grids at once: one program."""
    return [generator.apply(params, grid) for grid in grids]


@pytest.mark.parametrize("name", IMAGES)
def test_coarse_and_fine_grids_pass_through_the_same_values(name):
    generator = image_generator(name, SHAPE, REACH)
    params = _random(generator, 0.3)
    halves = Grid(*(np.arange(2 * n, dtype=np.float32) / 2 for n in SHAPE))
    scales = (2, 3, 4)
    fine, finer, *coarse = _values(
        generator, params, [picture_grid(SHAPE), halves, *(nested_grid(SHAPE, s) for s in scales)]
    )
    assert finer.shape == (48, 60) and np.ptp(fine) > 0.1
    np.testing.assert_allclose(finer[::2, ::2], fine, atol=2e-4)
    for scale, values in zip(scales, coarse, strict=True):
        np.testing.assert_allclose(values, fine[::scale, ::scale], atol=2e-4)


@pytest.mark.parametrize("name", ["harmonic", "pixels"])
def test_coarse_rendering_of_a_smooth_image_is_its_area_average(name):
    generator = image_generator(name, SHAPE, REACH)
    if name == "harmonic":
        values = np.zeros((32, 38), np.float32)
        values[:6, :6] = np.random.default_rng(0).normal(size=(6, 6))
        params = {"params": {"coefficients": values}}
    else:
        params = {"params": {"values": np.float32(np.linspace(0, 1, 38) + np.linspace(0, 1, 32)[:, None])}}
    grids = picture_grid(SHAPE), picture_grid(SHAPE, 2)
    fine, coarse = jax.jit(lambda p: (generator.apply(p, grids[0]), generator.apply(p, grids[1], 2)))(params)
    np.testing.assert_allclose(
        coarse, np.asarray(fine).reshape(12, 2, 15, 2).mean((1, 3)), atol=0.05 * float(np.ptp(fine))
    )


def test_a_harmonic_image_without_its_fine_features_is_the_same_at_a_coarse_scale():
    whole = image_generator("harmonic", SHAPE, REACH)
    params = _random(whole, 0.3)
    few = whole.coarse(3)
    m, n = few.features
    corner = {"params": {"coefficients": params["params"]["coefficients"][:m, :n]}}
    grid = picture_grid(SHAPE, 3)
    np.testing.assert_array_equal(few.apply(corner, grid, 3), whole.apply(params, grid, 3))
    assert few.coarse(3) == few and m < whole.features[0]


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_a_distribution_at_every_scale(kernel):
    grids = [kernel_grid((11, 11), scale) for scale in (1, 2, 4)]
    for grid, k in zip(grids, _values(kernel, _random(kernel, 1.0), grids), strict=True):
        assert k.shape == grid.shape and k.min() >= 0
        np.testing.assert_allclose(k.sum(), 1, rtol=1e-5)
        assert k.max() > 1.5 * k.mean()  # it can be anything but uniform


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_starts_nearly_uniform(kernel):
    k, _ = jax.jit(kernel.init_with_output)(jax.random.key(0, impl="rbg"), kernel_grid((11, 11)))
    np.testing.assert_allclose(k, 1 / 121, rtol=0.05)


def test_the_kernel_on_a_part_of_its_grid_keeps_its_proportions():
    kernel = SirenKernel()
    large, small = _values(kernel, _random(kernel, 0.3), [kernel_grid((11, 11)), kernel_grid((5, 5))])
    inner = np.asarray(large)[3:-3, 3:-3]
    np.testing.assert_allclose(small, inner / inner.sum(), rtol=1e-3)


def test_the_canvas_of_a_picture_lies_within_the_frame():
    generator = image_generator("harmonic", SHAPE, REACH)
    canvas = canvas_grid(picture_grid(SHAPE), kernel_grid((9, 9)))
    for positions, origin, length in zip(canvas, generator.frame.origin, generator.frame.length, strict=True):
        assert positions[0] - origin == 0.5 and positions[-1] - origin == length - 0.5


@pytest.mark.parametrize("spacing", [1, 4])
def test_pixels_go_on_beyond_their_frame(spacing):
    """A kernel that has moved sees a little more than what the frame was made for."""
    pixels = image_generator("pixels", SHAPE, REACH)
    beyond = Grid(*(np.array([-30, n + 30], np.float32) for n in SHAPE))
    values = np.asarray(pixels.apply(pixels.init(jax.random.key(0), beyond), beyond, spacing))
    np.testing.assert_allclose(values, 0.5)


def test_a_picture_of_many_samples_has_no_more_features_than_asked():
    assert image_generator("harmonic", (1000, 100), (4, 4)).features == (MOST_FEATURES, 108)
