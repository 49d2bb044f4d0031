"""A kernel that is doubtful or small is sought again among small ones."""

import time

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur import deblur, pipeline
from inr_deblur.blind import Found, energies, search_work
from inr_deblur.config import DeblurConfig, KernelConfig, ScheduleConfig
from inr_deblur.correction import CLEARLY
from inr_deblur.errors import InputError
from inr_deblur.kernels import cropped, likeness, support_for
from inr_deblur.outcome import Outcome
from inr_deblur.pipeline import OFTEN
from inr_deblur.progress import Silent
from inr_deblur.search import ROOM, Blurry
from inr_deblur.second import SMALL, SMALLER, preferable, sizes
from inr_deblur.simulate import blur, line_kernel

TRUE = np.pad(line_kernel(9, 30), 18).astype(np.float32)
Y = blur(data.camera()[60:260, 100:300] / 255, TRUE, 0.01).astype(np.float32)
PIECES = 0.4 * TRUE
for corner in np.ndindex(2, 2):
    PIECES[tuple(slice(34, 37) if c else slice(2, 5) for c in corner)] = 0.6 / 36
WIDE = np.pad(line_kernel(41, 30), 2).astype(np.float32)
CORRECTED = np.pad(line_kernel(19, 30), 13).astype(np.float32)
POINT = np.zeros_like(TRUE)
POINT[22, 22] = 1


def found(kernel, limit=61, settled=True):
    return Found(kernel, limit, (0, 0, *Y.shape), settled, ())


class Heard(Silent):
    """What is reported: the total first."""

    def __init__(self):
        self.amounts = []

    def start(self, total, title):
        self.amounts.append(total)

    def advance(self, amount, note=""):
        self.amounts.append(amount)


def sought(monkeypatch, first, *others, starts=0, size=61, y=Y, progress=None, takes=0.0, settled=True):
    """The result if the searches find these kernels one after another, and the sizes that they were told."""
    told, left = [], [first, *others]

    def searched(pictures, size, *_, **__):
        told.append(size)
        time.sleep(takes)
        kernel = left.pop(0)
        if kernel is None:
            raise InputError("diverged")
        return [found(kernel, settled=settled or len(told) > 1)]

    monkeypatch.setattr(pipeline, "find_kernels", searched)
    monkeypatch.setattr(pipeline, "find_another", lambda *rest: searched(*rest)[0])
    config = DeblurConfig(kernel=KernelConfig(size=size), schedule=ScheduleConfig(starts=starts, steps=0.05))
    return deblur(y, config, progress=progress), told


def same(result, kernel):
    return likeness(result.kernel, cropped(kernel)) == pytest.approx(1, abs=1e-5)


def test_the_small_one_is_taken_where_the_picture_is_clearer_with_it(monkeypatch):
    result, told = sought(monkeypatch, PIECES, TRUE, POINT)
    assert told == [61, SMALL, SMALLER] and same(result, TRUE) and result.outcome.ok


@pytest.mark.parametrize("second", [POINT, None])
def test_else_the_first_stays(monkeypatch, second):
    result, told = sought(monkeypatch, PIECES, second, second)
    assert told == [61, SMALL, SMALLER] and same(result, PIECES)
    assert result.outcome is Outcome.KERNEL_IN_PIECES


@pytest.mark.parametrize("others", [(TRUE, POINT), (None, None)])
def test_further_searches_are_part_of_the_time_and_of_what_is_announced(monkeypatch, others):
    heard = Heard()
    result, _ = sought(monkeypatch, PIECES, *others, progress=heard, takes=0.4)
    total, *amounts = heard.amounts
    assert min(amounts) > 0 and OFTEN * search_work(Y.shape, SMALLER, result.config) <= sum(amounts) <= total
    assert result.seconds > 3 * 0.4 and result.region == (0, 0, *Y.shape)


def test_a_result_without_doubt_does_not_give_way_to_a_doubtful_one(monkeypatch):
    monkeypatch.setattr(pipeline.second, "preferable", lambda *arguments: True)
    result, told = sought(monkeypatch, TRUE, PIECES)
    assert told == [61, SMALLER] and same(result, TRUE) and result.outcome.ok


def test_a_wide_one_that_no_search_settles_is_doubtful_but_not_sought_again(monkeypatch):
    y = blur(data.camera()[60:260, 100:300] / 255, WIDE, 0.001).astype(np.float32)
    result, told = sought(monkeypatch, WIDE, y=y, settled=False)
    assert told == [61] and same(result, WIDE) and result.outcome is Outcome.NOT_SETTLED


@pytest.mark.parametrize(("kernel", "settled"), [(WIDE, False), (TRUE, True)])
def test_that_doubt_stays_whatever_else_is_found_unless_it_is_small(monkeypatch, kernel, settled):
    monkeypatch.setattr(pipeline.second, "preferable", lambda *arguments: arguments[-1].kernel is kernel)
    y = blur(data.camera()[60:260, 100:300] / 255, kernel, 0.001).astype(np.float32)
    result, told = sought(monkeypatch, PIECES, kernel, POINT, y=y, settled=False)
    assert told == [61, SMALL, SMALLER] and same(result, kernel)
    assert result.outcome is (Outcome.RECOVERED if settled else Outcome.NOT_SETTLED)


def test_a_kernel_that_was_corrected_is_told_to_the_search_for_another(monkeypatch):
    told = []

    def another(*arguments):
        known = arguments[-1]
        told.append(known)
        return found(kernel) if known is None else None

    monkeypatch.setattr(pipeline, "find_kernels", lambda *_: [found(kernel)])
    monkeypatch.setattr(pipeline, "find_another", another)
    config = DeblurConfig(kernel=KernelConfig(size=61), schedule=ScheduleConfig(steps=0.05))
    for kernel in (TRUE, CORRECTED, PIECES):
        told.clear()
        y = blur(data.camera()[60:260, 100:300] / 255, CORRECTED, 0.01).astype(np.float32) if kernel is CORRECTED else Y
        result = deblur(y, config)
        assert [known is not None for known in told] == [kernel is CORRECTED] * (1 + (kernel is PIECES))
        assert same(result, kernel)


def test_a_small_one_without_doubt_is_compared_with_one_from_the_finest_scales(monkeypatch):
    result, told = sought(monkeypatch, TRUE, POINT)
    assert told == [61, SMALLER] and same(result, TRUE)


def test_a_wide_one_is_not_sought_again_nor_with_starts_that_are_told(monkeypatch):
    y = blur(data.camera()[60:260, 100:300] / 255, WIDE, 0.001).astype(np.float32)
    assert sought(monkeypatch, WIDE, y=y)[1] == [61]
    assert sought(monkeypatch, PIECES, starts=3)[1] == [61]
    assert sought(monkeypatch, PIECES, size=SMALLER)[1] == [SMALLER]


def test_what_fills_its_support_is_not_taken():
    assert preferable(Y, 0.01, lambda kernels: [], PIECES, found(TRUE))
    assert not preferable(Y, 0.01, lambda kernels: [], PIECES, found(TRUE, limit=9))


@pytest.mark.parametrize(("less", "taken"), [(2, True), (0.5, False), (-2, False), (np.nan, False)])
def test_what_differs_in_details_is_taken_where_it_explains_the_picture_clearly_better(less, taken):
    """Even if it fills its support, since the first had more room."""
    near = np.asarray(gaussian_filter(TRUE, 0.5), np.float32)
    assert preferable(Y, 0.01, lambda kernels: [0.5, 0.5 - less * CLEARLY], TRUE, found(near, limit=11)) == taken


def test_the_true_kernel_explains_a_picture_better_than_one_that_is_doubled():
    doubled = np.asarray(TRUE + 0.3 * np.roll(TRUE, 5, 0), np.float32) / np.float32(1.3)
    with jax.numpy_dtype_promotion("standard"):
        right, wrong = energies(Blurry(Y[None], [0.01], [False]), DeblurConfig(), [TRUE, doubled])
    assert right < wrong


@pytest.mark.parametrize(("side", "again"), [(28, (SMALLER,)), (29, ())])
def test_one_without_doubt_is_sought_again_up_to_the_first_window_of_the_second_search(side, again):
    kernel = np.zeros((61, 61), np.float32)
    kernel[30, 30 - side // 2 : 30 - side // 2 + side] = 1 / side
    assert sizes(61, Outcome.RECOVERED, kernel, DeblurConfig()) == again


@given(
    st.integers(5, 121), st.sampled_from(Outcome), st.sampled_from([TRUE, PIECES, WIDE, POINT]), st.sampled_from([0, 2])
)
def test_further_searches_have_less_room_each_than_the_one_before(bound, outcome, kernel, told):
    config = DeblurConfig(schedule=ScheduleConfig(scales=told))
    chosen = (bound, *sizes(bound, outcome, kernel, config))
    rooms = [support_for(ROOM * size) for size in chosen]
    assert rooms == sorted(set(rooms), reverse=True)
    if told or outcome in (Outcome.NO_BLUR, Outcome.TOO_NOISY, Outcome.NOT_SETTLED):
        assert chosen == (bound,)
