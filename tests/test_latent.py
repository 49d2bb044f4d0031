"""The latent image as a generator: its coefficients are the closed-form solution, on any grid."""

import jax
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from inr_deblur.colour import luminance
from inr_deblur.config import DeblurConfig, ScheduleConfig
from inr_deblur.coordinates import canvas_grid, kernel_grid, picture_grid
from inr_deblur.latent import FIT_STEPS, as_it_is, restore_with
from inr_deblur.progress import Silent
from inr_deblur.restore import restore
from inr_deblur.simulate import blur, normalised

SHAPE = (24, 30)
KERNEL = normalised([[0, 3, 1], [0, 2, 0], [1, 1, 0], [0, 2, 0], [0, 0, 0]])
CANVAS = canvas_grid(picture_grid(SHAPE), kernel_grid((5, 3)))
BLOBS = [gaussian_filter(np.random.default_rng(seed).normal(size=(28, 32)), 2) > 0 for seed in range(3)]
BLURRY = blur(np.where(np.stack(BLOBS, -1), 0.8, 0.2), KERNEL)
WEIGHT = 1e-4


def _restored(name, y, steps=1.0):
    config = DeblurConfig(schedule=ScheduleConfig(steps=steps))
    with jax.numpy_dtype_promotion("standard"):  # Optax promotes
        return restore_with(name, y, KERNEL, WEIGHT, config, Silent())


@pytest.fixture(scope="module")
def colour():
    return _restored("harmonic", BLURRY)[0]


def test_coefficients_reproduce_the_closed_form_on_the_canvas(colour):
    x = restore(BLURRY, KERNEL, WEIGHT)
    np.testing.assert_allclose(colour.on(CANVAS), x, atol=2e-4)
    np.testing.assert_allclose(colour.render(SHAPE), x[2:-2, 1:-1], atol=2e-4)


def test_finer_and_coarser_renderings_agree_where_they_meet(colour):
    same, fine = colour.render(SHAPE), colour.render(SHAPE, 3.0)
    assert fine.shape == (72, 90, 3) and fine.dtype == np.float32
    np.testing.assert_allclose(fine[1::3, 1::3], same, atol=5e-4)
    double = colour.render(SHAPE, 2.0)  # its samples lie on quarters of pixels
    assert double.shape == (48, 60, 3)
    np.testing.assert_allclose(double.mean((0, 1)), same.mean((0, 1)), atol=5e-3)
    means = double.reshape(24, 2, 30, 2, 3).mean((1, 3))
    assert np.sqrt(((means - same) ** 2).mean()) < 0.1 * same.std()


@pytest.mark.parametrize("y", [BLURRY, BLURRY[..., 0]], ids=["colour", "grey"])
def test_a_picture_as_it_is(y):
    shown = as_it_is(y)
    np.testing.assert_allclose(shown.render(SHAPE), y, atol=1e-5)
    assert shown.residual(luminance(y)) < 1e-5


def test_a_part_of_the_grid_is_a_part_of_the_picture(colour):
    rows, columns = picture_grid(SHAPE)
    part = colour.on(type(CANVAS)(rows[3:20], columns[7:]))
    np.testing.assert_allclose(part, colour.render(SHAPE)[3:20, 7:], atol=2e-4)


def test_the_residual_is_that_of_the_grey_picture(colour):
    assert colour.residual(luminance(BLURRY)) < 0.005
    off = colour.residual(luminance(BLURRY) + np.float32(0.1))
    assert off == pytest.approx(0.1, rel=0.02)


def test_a_generator_that_is_fitted_step_by_step_lowers_its_loss():
    latent, trace = _restored("pixels", BLURRY[..., 0])
    assert trace.name == "restoration" and trace.scale == 1
    assert trace.losses.shape == (FIT_STEPS,) and trace.losses[-1] < 0.2 * trace.losses[0]
    x = restore(BLURRY[..., 0], KERNEL, WEIGHT)[2:-2, 1:-1]
    assert np.sqrt(((latent.render(SHAPE) - x) ** 2).mean()) < 0.1 * x.std()
    assert latent.render(SHAPE, 2.0).shape == (48, 60)
