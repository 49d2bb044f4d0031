"""A kernel in pieces is sought again among small ones."""

import numpy as np
import pytest
from skimage import data

from inr_deblur import blind
from inr_deblur.blind import SMALLER, Found, find_kernels
from inr_deblur.config import DeblurConfig, ScheduleConfig
from inr_deblur.errors import InputError
from inr_deblur.kernels import likeness
from inr_deblur.progress import Silent
from inr_deblur.simulate import blur, line_kernel

TRUE = np.pad(line_kernel(9, 30), 8).astype(np.float32)
Y = blur(data.camera()[60:260, 100:300] / 255, TRUE, 0.01).astype(np.float32)
PIECES = 0.4 * TRUE
for corner in np.ndindex(2, 2):
    PIECES[tuple(slice(20, 23) if c else slice(2, 5) for c in corner)] = 0.6 / 36
POINT = np.zeros_like(TRUE)
POINT[12, 12] = 1


def sought(first, second, monkeypatch, starts=0, size=61):
    """What is found if the first search finds one kernel and the search among small ones another."""
    sizes, config = [], DeblurConfig(schedule=ScheduleConfig(starts=starts))

    def searched(search, size, *_):
        sizes.append(size)
        kernel = first if len(sizes) == 1 else second
        if kernel is None:
            raise InputError("diverged")
        return [Found(kernel, int(search.widest), (0, 0, *search.shape), ())]

    monkeypatch.setattr(blind, "_sought", searched)
    (found,) = find_kernels(Y[None], size, "harmonic", [0.01], [False], config, Silent())
    return found.kernel, sizes


def test_the_small_one_is_taken_where_the_picture_is_clearer_with_it(monkeypatch):
    found, sizes = sought(PIECES, TRUE, monkeypatch)
    assert sizes == [61, SMALLER] and likeness(found, TRUE) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("second", [POINT, None])
def test_else_the_one_in_pieces_stays(monkeypatch, second):
    found, sizes = sought(PIECES, second, monkeypatch)
    assert sizes == [61, SMALLER] and found is PIECES


def test_a_kernel_that_hangs_together_is_not_sought_again_nor_a_small_one_nor_with_starts_that_are_told(monkeypatch):
    assert sought(TRUE, POINT, monkeypatch)[1] == [61]
    assert sought(PIECES, TRUE, monkeypatch, size=SMALLER)[1] == [SMALLER]
    assert sought(PIECES, TRUE, monkeypatch, starts=3)[1] == [61]
