"""Bounds in place of values where lights are clipped, and the grey picture that they are sought on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from skimage import data

from inr_deblur.clipping import brightened, one_sided, white
from inr_deblur.colour import green, of_coloured_lights
from inr_deblur.config import DeblurConfig
from inr_deblur.ensemble import members
from inr_deblur.fit import Generators
from inr_deblur.generators import SirenKernel, image_generator
from inr_deblur.noise import white_noise
from inr_deblur.pipeline import _measured
from inr_deblur.progress import Silent
from inr_deblur.restore import restore
from inr_deblur.schedule import Stage
from inr_deblur.search import Blurry, Search
from inr_deblur.simulate import blur

PICTURES = hnp.arrays(np.int64, (6, 8), elements=st.integers(-100, 200)).map(lambda n: (n / 100).astype(np.float32))


@given(PICTURES)
def test_what_was_clipped_is_explained_without_a_residual(made):
    y = np.minimum(made, 1)
    np.testing.assert_array_equal(np.asarray(one_sided(jnp.asarray(made - y), white(y))), 0)
    np.testing.assert_array_equal(np.asarray(brightened(jnp.asarray(y), jnp.asarray(made), white(y))), made)


@given(PICTURES, PICTURES)
def test_a_residual_counts_on_the_wrong_side_of_a_bound_alone(made, other):
    y = other.clip(0, 1)
    left, beyond = np.asarray(one_sided(jnp.asarray(made - y), white(y))), (y == 1) & (made > 1)
    np.testing.assert_array_equal(left, np.where(beyond, 0, made - y))
    filled = np.asarray(brightened(jnp.asarray(y), jnp.asarray(made), white(y)))
    np.testing.assert_array_equal(filled, np.where(beyond, made, y))


def test_nowhere_a_bound_is_the_plain_model():
    a, b = jnp.ones((2, 3)), jnp.zeros((2, 3))
    assert one_sided(a, None) is a and brightened(a, b, None) is a


def test_nothing_below_white_is_a_bound():
    y = np.linspace(0, 0.99, 48, dtype=np.float32).reshape(6, 8)
    assert not any(white(y, scale, smoothing).any() for scale in (1, 2) for smoothing in (0.0, 0.7))


def test_a_block_is_a_bound_where_some_of_its_pixels_are_white():
    y = np.full((8, 8), 0.5, np.float32)
    y[0, 0], y[0, 4:6] = 1, (0, 1)
    np.testing.assert_array_equal(white(y, 4), [[True, True], [False, False]])
    y[0, 0] = 0.5
    assert not white(y, 8).any()  # one of 64


def test_smoothing_spreads_bounds():
    y = np.full((32, 32), 0.5, np.float32)
    y[12:20, 12:20] = 1
    plain, smooth = (white(y, 4, smoothing) for smoothing in (0.0, 0.9))
    assert (smooth & plain == plain).all() and smooth.sum() >= 4 * plain.sum() and smooth.mean() < 0.6


def test_a_restoration_is_told_of_bounds_that_its_values_do_not_tell():
    kernel = np.full((1, 5), 0.2, np.float32)
    sharp = np.full((24, 28), 0.3, np.float32)
    sharp[12, 14] = 4
    full = blur(sharp, kernel).astype(np.float32)
    y, bound = np.minimum(full, 0.8), full > 0.8  # such as means of blocks, not white although clipped
    told, untold = (restore(y, kernel, 1e-4, bound=b) for b in (bound, None))
    assert abs(told.max() - 4) < abs(untold.max() - 4)


LIT = np.random.default_rng(0).uniform(0.1, 0.8, (20, 20, 3)).astype(np.float32)
LIT[:4, :, 0] = 1


def test_coloured_lights_are_white_in_a_colour_but_not_in_green():
    assert of_coloured_lights(LIT) and not of_coloured_lights(LIT[4:])
    np.testing.assert_array_equal(green(LIT), LIT[..., 1])
    assert not of_coloured_lights(LIT[..., [1, 0, 2]])  # then green is the one that tells least


@pytest.mark.parametrize("noise", [0, 0.03])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_white_paper_and_grey_pictures_are_none(channels, noise):
    y = np.random.default_rng(0).uniform(0.1, 0.9, (20, 20, *channels)).astype(np.float32)
    y[:12] = 1
    assert not of_coloured_lights(np.clip(y + np.random.default_rng(1).normal(0, noise, y.shape), 0, 1))


def test_the_kernel_of_a_picture_of_lights_is_sought_on_green():
    lit, plain = _measured(LIT), _measured(LIT[4:])
    np.testing.assert_array_equal(lit.sought, LIT[..., 1])
    assert lit.lights and lit.sought_noise == pytest.approx(white_noise(LIT[..., 1]))
    assert not plain.lights and plain.sought is plain.grey and plain.sought_noise == plain.noise


def test_a_picture_whose_green_is_constant_is_sought_on_as_it_looks():
    y = LIT.copy()
    y[..., 1] = 0.5
    assert not _measured(y).lights


def test_members_of_an_ensemble_are_clipped_where_the_picture_is():
    noisy = [y for y, _ in members(LIT, DeblurConfig(ensemble=3))]
    assert all((y[:4, :, 0] == 1).all() for y in noisy) and not np.array_equal(noisy[1][4:], LIT[4:])


def test_the_bounds_of_a_batch_are_those_of_each_region_and_of_lights_alone():
    ys = np.full((2, 40, 48), 0.5, np.float32)
    ys[:, 9, 17] = 1
    generators = Generators(image_generator("harmonic", (32, 32), (4, 4)), SirenKernel())
    regions = np.array([[8, 16, 32, 32], [0, 0, 32, 32]])
    search = Search(Blurry(ys, [0.0, 0.0], [True, False]), regions, generators, DeblurConfig(), Silent(), 9.0)
    stages = [Stage("", 2, 2, "edges", (1, 1), (1, 1), (1, 1))] * 3
    at = search.bounds(stages, np.array([0, 1, 0]))
    assert at is not None and at.shape == (3, 16, 16) and np.argwhere(at).tolist() == [[0, 0, 0], [2, 0, 0]]
    assert search.bounds(stages[:1], np.array([1])) is None


def test_a_search_knows_that_lamps_are_brighter_than_white():
    """The true kernel gains on a point, by the energies that kernels are judged by."""
    sharp = data.camera()[100:260, 60:220].astype(np.float32) / 255
    sharp[np.random.default_rng(0).random(sharp.shape) < 0.001] = 20
    kernel = np.full((1, 9), 1 / 9, np.float32)
    y = np.clip(blur(sharp, kernel, 0.002), 0, 1).astype(np.float32)
    kernels = np.zeros((2, 9, 9), np.float32)
    kernels[0, 4], kernels[1, 4, 4] = kernel, 1
    generators = Generators(image_generator("harmonic", y.shape, (9, 9)), SirenKernel())

    def lead(lights):
        region = np.array([[0, 0, *y.shape]])
        search = Search(Blurry(y[None], [0.002], [lights]), region, generators, DeblurConfig(), Silent(), 13.0)
        with jax.numpy_dtype_promotion("standard"):  # Adam multiplies Python's floats and int32 counters
            true, point = search.judge(kernels, np.zeros(2, int), 1, 2)
        return point - true

    assert lead(True) > lead(False) + 1e-5
