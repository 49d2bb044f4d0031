"""Bounds in place of values where a picture is clipped, and the grey picture that has the fewest of them."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from inr_deblur.clipping import Clipped, clipped, one_sided, unclipped
from inr_deblur.colour import green, of_coloured_lights

PICTURES = hnp.arrays(np.int64, (6, 8), elements=st.integers(-100, 200)).map(lambda n: (n / 100).astype(np.float32))


@given(PICTURES)
def test_what_was_clipped_is_explained_without_a_residual(made):
    y = made.clip(0, 1)
    np.testing.assert_array_equal(np.asarray(one_sided(made - y, clipped(y))), 0)
    np.testing.assert_allclose(np.asarray(unclipped(y, made, clipped(y))), made, atol=1e-6)


@given(PICTURES, PICTURES)
def test_a_residual_counts_on_the_wrong_side_of_a_bound_alone(made, other):
    y = other.clip(0, 1)
    left = np.asarray(one_sided(made - y, clipped(y)))
    beyond = ((y == 1) & (made > 1)) | ((y == 0) & (made < 0))
    np.testing.assert_array_equal(left, np.where(beyond, 0, made - y))


def test_nothing_is_bounded_between_the_ends_of_the_range():
    y = np.linspace(0.01, 0.99, 48, dtype=np.float32).reshape(6, 8)
    assert not any(end.any() for scale in (1, 2) for end in clipped(y, scale))


def test_a_block_is_clipped_where_some_of_its_pixels_are():
    y = np.full((8, 8), 0.5, np.float32)
    y[0, 0], y[0, 4:6], y[5, 5] = 1, (0, 1), 0
    at = clipped(y, 4)
    np.testing.assert_array_equal(at.white, [[True, True], [False, False]])
    np.testing.assert_array_equal(at.black, [[False, True], [False, True]])
    assert (np.asarray(one_sided(jnp.array([[-1.0, 1], [2, -2]]), at)) == [[-1, 0], [2, 0]]).all()


def test_one_white_pixel_of_many_does_not_make_a_block_a_bound():
    y = np.full((8, 8), 0.5, np.float32)
    y[0, 0] = 1
    assert not clipped(y, 8).white.any()


def test_the_residual_of_a_batch_keeps_to_each_member_s_bounds():
    at = Clipped(np.array([[[True]], [[False]]]), np.zeros((2, 1, 1), bool))
    np.testing.assert_array_equal(np.asarray(one_sided(jnp.ones((2, 1, 1)), at)).ravel(), [0, 1])


def test_coloured_lights_are_those_that_are_not_green():
    y = np.random.default_rng(0).uniform(0.1, 0.9, (20, 20, 3)).astype(np.float32)
    y[:4, :, 0], y[10:12, :, 2] = 1, 0
    assert of_coloured_lights(y) and not of_coloured_lights(y[..., [1, 0, 2]][4:10])
    np.testing.assert_array_equal(green(y), y[..., 1])


@pytest.mark.parametrize("channels", [(), (3,)])
def test_white_paper_and_grey_pictures_are_none(channels):
    y = np.random.default_rng(0).uniform(0.1, 0.9, (20, 20, *channels)).astype(np.float32)
    y[:12] = 1
    assert not of_coloured_lights(y)
