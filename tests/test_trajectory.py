"""The path through a kernel: as long as the line that was drawn, one entry wide, in one piece."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from inr_deblur.simulate import gaussian_kernel, line_kernel, random_shake_kernel
from inr_deblur.trajectory import connectivity, links, ridge

TOUCHING = np.ones((3, 3))


def pieces(entries: np.ndarray, structure: np.ndarray | None = None) -> int:
    """How many connected pieces the entries form."""
    return int(ndimage.label(entries, structure)[1])  # type: ignore[index]


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 160])
def test_a_line_is_its_own_path(angle):
    path = ridge(line_kernel(21, angle))
    across = max(abs(np.cos(np.radians(angle))), abs(np.sin(np.radians(angle))))
    assert path.sum() == pytest.approx(21, abs=4)
    assert len(links(path)) == path.sum() - 1, "a line has no loop and no gap"
    assert across > 0.7


def test_a_bell_has_its_path_at_its_top():
    path = ridge(gaussian_kernel(25))
    down, right = np.argwhere(path).mean(0)
    assert path.sum() < 12
    assert (down, right) == pytest.approx((12, 12), abs=2)


def test_a_loop_stays_a_loop():
    angle = np.linspace(0, 2 * np.pi, 400)
    kernel = np.zeros((21, 21))
    np.add.at(kernel, (np.rint(10 + 8 * np.sin(angle)).astype(int), np.rint(10 + 8 * np.cos(angle)).astype(int)), 1)
    path = ridge(ndimage.gaussian_filter(kernel, 0.7))
    assert pieces(~path) == 2, "an inside and an outside"


@given(st.integers(5, 41), st.integers(0, 1000), st.sampled_from(["impulsive", "smooth"]))
def test_thinning_parts_nothing(size, seed, model):
    kernel = random_shake_kernel(size, seed, model)
    path, whole = ridge(kernel), kernel > 0.08 * kernel.max()
    assert not (path & ~whole).any()
    assert pieces(path, TOUCHING) == pieces(whole, TOUCHING)


def test_a_point_has_a_path_without_links():
    kernel = np.zeros((5, 5))
    kernel[2, 2] = 1
    assert ridge(kernel).sum() == 1
    assert links(ridge(kernel)) == []


@pytest.mark.parametrize(
    ("ring", "parts"),
    [([False] * 8, 0), ([True] * 8, 0), ([True] + [False] * 7, 1), ([True, False, False, False] * 2, 2)],
)
def test_connectivity(ring, parts):
    assert connectivity(ring) == parts
