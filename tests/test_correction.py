"""What becomes of the kernels that a search ends with."""

import jax
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur.alternation import EDGES, LEAST_SPREAD, corrected
from inr_deblur.carry import coarser, finer
from inr_deblur.config import DeblurConfig, ScheduleConfig
from inr_deblur.correction import DOUBT, NO_WORSE, Candidate, best_corrected, settled
from inr_deblur.fit import Generators
from inr_deblur.generators import SirenKernel, image_generator
from inr_deblur.kernels import likeness, pruned
from inr_deblur.outcome import spread
from inr_deblur.progress import Silent
from inr_deblur.search import Search
from inr_deblur.simulate import blur, gaussian_kernel, random_shake_kernel

TRUE = random_shake_kernel(19, 3, "smooth").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(TRUE, 0.7), np.float32)
COINS, PAGE = (
    blur(picture[:190, :300] / 255, TRUE, 0.003).astype(np.float32) for picture in (data.coins(), data.page())
)


@pytest.fixture(autouse=True)
def promotion():
    """Adam multiplies Python's floats and int32 counters."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def search_of(*pictures):
    """A search in these pictures of one shape, as it is before its first start."""
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.5))
    shape, count = pictures[0].shape, len(pictures)
    generators = Generators(image_generator("harmonic", shape, (20, 20)), SirenKernel())
    regions = np.array([[0, 0, *shape]] * count)
    return Search(np.stack(pictures), regions, generators, config, Silent(), 55.0, [0.003] * count, [False] * count)


def test_kernels_that_are_wide_at_a_scale_are_corrected_there_and_at_the_finer_ones():
    wide = random_shake_kernel(39, 4, "smooth").astype(np.float32)
    assert spread(wide) / 2 >= LEAST_SPREAD
    y = blur(data.camera()[:400, :400] / 255, wide, 0.003).astype(np.float32)
    rough = np.asarray(gaussian_filter(wide, 1.5)[1::2, 1::2], np.float32)
    rough /= rough.sum()
    (found,) = settled(search_of(y), [Candidate(0, 0, rough)], 2) or [None]
    assert found and [stage.scale for stage in found.traces] == [2, 1]
    assert likeness(found.kernel, wide) > likeness(finer(rough), wide) + 0.02


def test_small_kernels_are_left_to_the_search():
    small = gaussian_kernel(9).astype(np.float32)
    assert spread(small) < LEAST_SPREAD
    assert settled(search_of(COINS), [Candidate(0, 0, small)], 1) is None


def test_of_several_corrected_kernels_the_one_that_explains_the_picture_best_goes_on():
    wrong = np.asarray(ROUGH.T, np.float32)
    (found,) = settled(search_of(COINS), [Candidate(0, 3, wrong), Candidate(0, 7, ROUGH)], 1) or [None]
    assert found and found.member == 7 and likeness(found.kernel, TRUE) > 0.9


@pytest.mark.parametrize(("more", "taken"), [(NO_WORSE / 2, True), (2 * NO_WORSE, False), (np.nan, False)])
def test_a_correction_that_explains_one_picture_worse_is_not_taken(monkeypatch, more, taken):
    """Not of the other pictures, either: a batch goes on as a whole."""
    search, left = search_of(COINS, PAGE), [Candidate(0, 0, ROUGH), Candidate(1, 1, ROUGH)]
    before, after = [0.5, 0.7], [0.5, 0.7 + more] * 2
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array(before + after))
    assert (settled(search, left, 1) is not None) == taken


def test_each_picture_gets_the_tau_that_suits_it():
    """With the small one, the edges of print that are counted first are those of whole letters."""
    small, large = (likeness(pruned(corrected(PAGE, ROUGH, 0.003, edge=edge).kernel), TRUE) for edge in EDGES)
    assert small < large - 0.1
    of_coins, of_page = settled(search_of(COINS, PAGE), [Candidate(0, 0, ROUGH), Candidate(1, 1, ROUGH)], 1) or []
    assert (of_coins.picture, of_page.picture) == (0, 1)
    assert (of_coins.edge, of_page.edge) == EDGES
    assert likeness(of_coins.kernel, TRUE) > 0.97 and likeness(of_page.kernel, TRUE) > small + 0.1


def test_kernels_of_the_pixels_can_be_judged_at_a_coarser_scale(monkeypatch):
    search, seen = search_of(PAGE), []

    def judge(kernels, pictures, scale, expected):
        seen.append((kernels, scale))
        return np.array([0.0, 1.0])

    monkeypatch.setattr(search, "judge", judge)
    (found,) = best_corrected(search, [Candidate(0, 0, ROUGH)], 1, 2)
    ((kernels, scale),) = seen
    assert scale == 2 and kernels.shape[1] <= len(found.kernel) // 2 + 2
    assert likeness(kernels[0], coarser(found.kernel)) > 0.999


@pytest.mark.parametrize(("saved", "expected"), [(0.0, 0), (DOUBT / 2, 0), (2 * DOUBT, 1)])
def test_in_doubt_the_first_tau_stays(monkeypatch, saved, expected):
    search = search_of(COINS)
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array([0.5, 0.5 - saved]))
    (found,) = best_corrected(search, [Candidate(0, 0, ROUGH)], 1, 1)
    assert found.edge == EDGES[expected]
