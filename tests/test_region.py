"""Where a kernel is sought, and the regions that a user may give."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from inr_deblur.errors import InputError
from inr_deblur.region import KERNELS_WIDE, LARGEST_SIDE, WHOLE, check_region, most_telling, parse_region, region_shape


def _texture(shape):
    """Blobs with edges in all directions, in [0.2, 0.8]."""
    noise = gaussian_filter(np.random.default_rng(0).normal(size=shape), 3)
    return np.where(noise > 0, 0.8, 0.2).astype(np.float32)


def _overlap(region, rows, columns):
    """The share of a region within rows and columns."""
    top, left, height, width = region
    down = min(top + height, rows.stop) - max(top, rows.start)
    right = min(left + width, columns.stop) - max(left, columns.start)
    return max(down, 0) * max(right, 0) / (height * width)


@given(st.tuples(st.integers(16, WHOLE), st.integers(16, WHOLE)), st.integers(3, 121))
def test_a_small_picture_is_taken_whole(shape, size):
    assert most_telling(np.zeros(shape, np.float32), size) == (0, 0, *shape)


@pytest.mark.parametrize(("shape", "size"), [((500, 420), 31), ((300, 640), 121), ((640, 300), 9), ((660, 620), 121)])
def test_the_region_lies_in_the_picture_and_holds_kernels(shape, size):
    y = np.random.default_rng(0).random(shape).astype(np.float32)
    top, left, height, width = most_telling(y, size)
    side = max(LARGEST_SIDE, KERNELS_WIDE * size)
    for got, whole in ((height, shape[0]), (width, shape[1])):
        assert min(whole, side) * 15 / 16 <= got <= min(whole, side)
    assert 0 <= top <= shape[0] - height and 0 <= left <= shape[1] - width
    check_region((top, left, height, width), shape)


SHAPES = st.sampled_from([(300, 700), (1000, 1500), (4000, 3000)])


@given(SHAPES, st.integers(5, 121), st.sampled_from([16, 8, 4, 2, 1]))
def test_coarser_scales_look_at_more(shape, size, scale):
    """Of whole samples, never more than the picture has, and as few as at any other scale."""
    region, coarser = region_shape(shape, size, scale), region_shape(shape, size, 2 * scale)
    for got, more, whole in zip(region, coarser, shape, strict=True):
        assert got <= more <= whole
        assert got % scale == 0 and got // scale <= max(LARGEST_SIDE, KERNELS_WIDE * size)


def test_near_equal_pictures_have_regions_of_one_shape():
    y = np.random.default_rng(0).random((703, 415)).astype(np.float32)
    for size, side in ((9, LARGEST_SIDE), (88, 352)):
        shapes = {most_telling(y[:h, :w], size)[2:] for h, w in ((688, 400), (703, 415), (690, 401))}
        assert shapes == {(side, side)}
    assert {most_telling(y[:h, :w], 31)[2:] for h, w in ((270, 250), (256, 255), (262, 248))} == {(256, 248)}


@pytest.mark.parametrize("corner", [(0, 0), (0, 416), (416, 0), (416, 416), (200, 150)])
def test_texture_is_found_wherever_it_is(corner):
    y = np.full((800, 800), 0.5, np.float32)
    rows, columns = (slice(c, c + 384) for c in corner)
    y[rows, columns] = _texture((384, 384))
    assert _overlap(most_telling(y, 31), rows, columns) > 0.95


def test_edges_in_all_directions_win_over_many_in_one():
    y = np.full((400, 900), 0.5, np.float32)
    y[:, :430] = np.where(np.arange(430) // 4 % 2, 0.8, 0.2)  # stripes say nothing about motion along them
    y[:, 500:] = _texture((400, 400))
    assert _overlap(most_telling(y, 31), slice(0, 400), slice(500, 900)) > 0.9


def test_clipped_pixels_are_avoided():
    y = np.concatenate([_texture((400, 450)), _texture((400, 450))], 1)
    y[:, :450] = np.where(y[:, :450] > 0.5, 1.0, 0.0)
    assert _overlap(most_telling(y, 31), slice(0, 400), slice(450, 900)) > 0.8


@given(st.lists(st.integers(-999, 9999), min_size=4, max_size=4), st.sampled_from([",", ", "]))
def test_a_region_is_read_as_it_is_written(numbers, comma):
    assert parse_region(comma.join(map(str, numbers))) == tuple(numbers)


@pytest.mark.parametrize("text", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1.5,2,30,40", "1 2 30 40"])
def test_another_form_is_refused(text):
    with pytest.raises(InputError, match="y,x,h,w"):
        parse_region(text)


def test_regions_that_do_not_fit_are_refused():
    check_region((0, 0, 100, 120), (100, 120, 3))
    for region in ((-1, 0, 50, 50), (0, -1, 50, 50), (60, 0, 50, 50), (0, 80, 50, 50)):
        with pytest.raises(InputError, match="beyond the picture, which is 100 high and 120 wide"):
            check_region(region, (100, 120))
    with pytest.raises(InputError, match="too small"):
        check_region((0, 0, 31, 60), (100, 120))


def test_a_dark_picture_is_looked_at_where_it_tells_something():
    y = np.full((800, 800), 0.2, np.float32)
    y[450:, 450:] = _texture((350, 350))
    assert _overlap(most_telling(np.float32(0.01) * y, 31), slice(450, 800), slice(450, 800)) > 0.95
