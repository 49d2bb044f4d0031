"""Kernels as arrays: what is cut off, what is kept, where the middle is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label

from inr_deblur.carry import finer
from inr_deblur.kernels import (
    MOST_NOISE,
    area,
    border_share,
    centroid,
    cropped,
    largest_piece,
    likeness,
    of_one_size,
    pruned,
    support_box,
)
from inr_deblur.simulate import line_kernel, random_shake_kernel


@st.composite
def kernels(draw, least=1):
    """Random kernels of odd sides, mostly empty, sum 1."""
    sides = [2 * draw(st.integers(least, 9)) + 1 for _ in range(2)]
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    k = generator.exponential(size=sides) * (generator.random(sides) < draw(st.floats(0.05, 1)))
    k[generator.integers(sides[0]), generator.integers(sides[1])] += 1
    return k / k.sum()


@given(kernels())
def test_a_pruned_kernel_has_no_faint_entries_and_no_small_islands(k):
    cut = pruned(k)
    assert cut.dtype == np.float32 and cut.shape == k.shape and cut.min() >= 0
    assert cut.sum() == pytest.approx(1, abs=1e-5)
    kept = cut > 0
    loud = k >= 0.03 * k.max()
    if k[~loud].sum() > MOST_NOISE:
        faintest = k[~loud].max()
        while k[k < faintest].sum() > MOST_NOISE:
            faintest = k[k < faintest].max()
        loud = k >= faintest
    islands, count = label(loud, structure=np.ones((3, 3)))  # type: ignore[misc]
    masses = [k[islands == i].sum() for i in range(1, count + 1)]
    loud = k[islands > 0].sum()
    expected = np.isin(islands, [i + 1 for i, mass in enumerate(masses) if mass >= 0.02 * loud])
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_allclose(cut[kept] / cut.max(), k[kept] / k[kept].max(), rtol=1e-5)


def test_the_faint_part_of_a_path_is_kept_where_the_camera_rested_elsewhere():
    k = np.zeros((41, 41))
    k[4, 4], k[5:, 4] = 0.7, 0.3 / 36
    assert (pruned(k) > 0).sum() == 37
    k[4, 4], k[5:, 4], k[5:, 6] = 1, 0.01, 0.00005  # and noise beside it
    assert (pruned(k) > 0).sum() == 37


def test_a_speck_far_from_the_kernel_is_pruned_and_a_faint_tail_next_to_it_is_not():
    k = np.zeros((21, 21))
    k[10, 5:15] = 0.1
    k[10, 15] = 0.01
    k[2, 2] = 0.01
    cut = pruned(k)
    assert cut[2, 2] == 0 and cut[10, 15] > 0


@given(kernels())
def test_a_cropped_kernel_keeps_all_mass_with_its_middle_in_the_middle(k):
    cut = cropped(k)
    side = cut.shape[0]
    assert cut.shape == (side, side) and side % 2 == 1
    np.testing.assert_allclose(np.sort(cut[cut > 0]), np.sort(k[k > 0]), rtol=1e-6)
    assert np.abs(centroid(cut, 0.0)).max() <= 0.5 + 1e-6
    assert border_share(cut) == pytest.approx(0, abs=1e-6)  # the margin
    inner = cut[1:-1, 1:-1]
    assert any(edge.any() for edge in (inner[0], inner[-1], inner[:, 0], inner[:, -1]))  # no smaller square would do
    assert likeness(cut, k) == pytest.approx(1, abs=1e-5)


@given(kernels(), st.integers(0, 6), st.integers(0, 6))
def test_likeness_is_one_for_moved_kernels_and_symmetric(k, down, right):
    other = random_shake_kernel(15, 3)
    moved = np.pad(k, ((down, 6 - down), (right, 6 - right)))
    assert likeness(k, moved) == pytest.approx(1, abs=1e-5)
    assert likeness(3 * k, other) == pytest.approx(likeness(k, other), abs=1e-5)
    assert likeness(moved, other) == pytest.approx(likeness(other, k), abs=1e-5)
    assert likeness(k, other) <= 1 + 1e-6


def test_likeness_tells_directions_apart():
    assert likeness(line_kernel(15, 0), line_kernel(15, 90)) < 0.3


@given(kernels(), st.integers(0, 5), st.integers(0, 5))
def test_the_middle_and_the_extent_move_with_the_kernel(k, down, right):
    moved = np.pad(k, ((2 * down, 0), (0, 2 * right)))  # down by `down` off the new middle, to the left by `right`
    for of in (lambda a: centroid(a, 0.0), centroid, lambda a: support_box(a)[0]):
        before, after = of(k), of(moved)
        np.testing.assert_allclose(after, (before[0] + down, before[1] - right), atol=1e-9)
    assert support_box(moved)[1] == support_box(k)[1]


def test_the_extent_is_the_longer_side():
    k = np.zeros((11, 13))
    k[3, 4:9] = k[3:6, 4] = 1
    assert support_box(k) == ((-1.0, 0.0), 5)
    assert centroid(k / k.sum()) == pytest.approx((-2 + 3 / 7, -2 + 10 / 7))


def test_a_kernel_in_two_pieces_is_told_from_one_in_one():
    k = np.zeros((9, 9))
    k[0, :3] = 1
    k[4:8, 8] = 1
    assert largest_piece(k) == pytest.approx(4 / 7)
    k[1, 3] = k[2, 4] = k[2, 5] = k[2, 6] = k[3, 7] = 1  # corners touch
    assert largest_piece(k) == pytest.approx(1)


def test_border_share_is_the_mass_of_the_outermost_entries():
    k = np.ones((5, 4)) / 20
    assert border_share(k) == pytest.approx(14 / 20)
    assert border_share(np.pad(k, 1)) == pytest.approx(0)


@given(st.integers(0, 10_000), st.integers(3, 41))
def test_no_piece_is_more_than_the_whole(seed, side):
    k = pruned(np.random.default_rng(seed).random((side, side)) + 0.1)
    assert largest_piece(k) <= 1


@given(st.integers(1, 30), st.floats(0.1, 10))
def test_the_area_of_a_flat_kernel_is_its_number_of_entries(count, mass):
    k = np.zeros(40)
    k[:count] = mass
    assert area(k.reshape(5, 8)) == pytest.approx(count)


@given(kernels())
def test_a_finer_kernel_has_its_samples_between_those_that_there_were_and_its_middle_where_it_was(k):
    fine = finer(k)
    assert fine.shape == tuple(2 * n - 1 for n in k.shape) and fine.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(fine[::2, ::2] / fine[::2, ::2].sum(), k, atol=1e-6)
    between = (k[:-1] + k[1:]) / 2
    np.testing.assert_allclose(fine[1::2, ::2] / fine[::2, ::2].sum(), between, atol=1e-6)


@given(st.lists(st.integers(0, 6).map(lambda n: 2 * n + 1), min_size=1, max_size=4))
def test_kernels_of_one_size_keep_their_middles(sides):
    points = [np.zeros((n, n)) for n in sides]
    for point in points:
        point[len(point) // 2, len(point) // 2] = 1
    together = of_one_size(points)
    middle = max(sides) // 2
    assert together.shape == (len(sides), max(sides), max(sides))
    assert together.sum() == len(sides) and (together[:, middle, middle] == 1).all()


def test_a_comb_whose_teeth_are_all_small_keeps_its_mass():
    k = np.zeros((35, 35))
    k[::4, ::4] = 1 + 0.01 * np.random.default_rng(0).random((9, 9))
    assert pruned(k).sum() == pytest.approx(1) and np.count_nonzero(pruned(k)) == 81


@pytest.mark.parametrize("shape", [(1, 9), (9, 1)])
def test_a_line_has_its_ends_on_the_border(shape):
    assert border_share(np.full(shape, 1 / 9)) == pytest.approx(2 / 9)
    assert border_share(np.ones((1, 1))) == pytest.approx(0)
