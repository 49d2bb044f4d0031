"""Generators render any grid; nested grids get subsamples; kernels are distributions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, nested_grid, picture_grid
from inr_deblur.generators import GridKernel, SirenKernel, image_generator

SHAPE, REACH = (24, 30), (4, 4)
IMAGES = ("harmonic", "siren", "pixels")


def _random_image(name):
    generator = image_generator(name, SHAPE, REACH)
    grid = picture_grid(SHAPE)
    params = generator.init(jax.random.key(0), grid)
    noise = [0.3 * jax.random.normal(jax.random.key(i), a.shape) for i, a in enumerate(jax.tree.leaves(params))]
    return generator, jax.tree.unflatten(jax.tree.structure(params), noise)


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_rendering_the_nested_grid_of_a_scale_is_subsampling_the_finest(name, scale):
    generator, params = _random_image(name)
    fine = generator.apply(params, nested_grid(SHAPE))
    coarse = generator.apply(params, nested_grid(SHAPE, scale))
    np.testing.assert_allclose(coarse, fine[::scale, ::scale], atol=2e-4)


@pytest.mark.parametrize("name", IMAGES)
def test_a_finer_grid_passes_through_the_same_values(name):
    generator, params = _random_image(name)
    fine = Grid(*(np.arange(2 * n, dtype=np.float32) / 2 for n in SHAPE))
    values = generator.apply(params, fine)
    np.testing.assert_allclose(values[::2, ::2], generator.apply(params, picture_grid(SHAPE)), atol=2e-4)
    assert values.shape == (48, 60)


@pytest.mark.parametrize("name", ["harmonic", "pixels"])
def test_coarse_rendering_of_a_smooth_image_is_its_area_average(name):
    generator, params = _random_image(name)
    if name == "harmonic":
        params = jax.tree.map(lambda a: a.at[6:].set(0).at[:, 6:].set(0), params)
    else:
        ramp = jnp.linspace(0, 1, 38)[None] + jnp.linspace(0, 1, 32)[:, None]
        params = jax.tree.map(lambda _: ramp, params)
    fine = np.asarray(generator.apply(params, picture_grid(SHAPE)))
    coarse = generator.apply(params, picture_grid(SHAPE, 2), 2)
    np.testing.assert_allclose(coarse, fine.reshape(12, 2, 15, 2).mean((1, 3)), atol=0.05 * np.ptp(fine))


@pytest.mark.parametrize("kernel", [SirenKernel(), GridKernel(5.0)])
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_a_kernel_is_a_distribution_at_every_scale(kernel, scale):
    grid = kernel_grid((11, 11), scale)
    params = kernel.init(jax.random.key(0), grid)
    params = jax.tree.map(lambda a: jax.random.normal(jax.random.key(1), a.shape), params)
    k = np.asarray(kernel.apply(params, grid))
    assert k.shape == grid.shape and k.min() >= 0
    np.testing.assert_allclose(k.sum(), 1, rtol=1e-5)
    assert k.max() > 1.5 * k.mean()  # it can be anything but uniform


@pytest.mark.parametrize("kernel", [SirenKernel(), GridKernel(5.0)])
def test_a_kernel_starts_nearly_uniform(kernel):
    grid = kernel_grid((11, 11))
    k = np.asarray(kernel.apply(kernel.init(jax.random.key(0), grid), grid))
    np.testing.assert_allclose(k, 1 / 121, rtol=0.05)


def test_the_canvas_of_a_picture_lies_within_the_frame():
    generator = image_generator("harmonic", SHAPE, REACH)
    canvas = canvas_grid(picture_grid(SHAPE), kernel_grid((9, 9)))
    for positions, origin, length in zip(canvas, generator.frame.origin, generator.frame.length, strict=True):
        assert positions[0] - origin == 0.5 and positions[-1] - origin == length - 0.5
