"""What becomes of the kernels that a search ends with."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur import correction
from inr_deblur.alternation import LEAST_SPREAD, Corrected
from inr_deblur.blind import _mended
from inr_deblur.carry import finer
from inr_deblur.config import DeblurConfig, ScheduleConfig
from inr_deblur.correction import (
    CLEARLY,
    LOUD,
    NEEDLESS,
    NO_WORSE,
    Candidate,
    best_explained,
    ended,
    finished,
    honed,
    polished,
    without_needless,
)
from inr_deblur.fit import Generators
from inr_deblur.generators import SirenKernel, image_generator
from inr_deblur.kernels import likeness, of_one_size, pruned
from inr_deblur.outcome import spread
from inr_deblur.progress import Silent
from inr_deblur.schedule import QUIET
from inr_deblur.search import Blurry, Search
from inr_deblur.simulate import blur, gaussian_kernel, random_shake_kernel

TRUE = random_shake_kernel(19, 3, "smooth").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(TRUE, 0.7), np.float32)
WRONG = np.asarray(ROUGH.T, np.float32)
WIDE = Candidate(0, random_shake_kernel(55, 4, "smooth").astype(np.float32))
COINS, PAGE = (
    blur(picture[:190, :300] / 255, TRUE, 0.003).astype(np.float32) for picture in (data.coins(), data.page())
)


def search_of(*pictures, noise=0.003):
    """A search in these pictures of one shape, as it is before its first start. noise: what it takes theirs for."""
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.5))
    shape, count = pictures[0].shape, len(pictures)
    generators = Generators(image_generator("harmonic", shape, (20, 20)), SirenKernel())
    regions = np.array([[0, 0, *shape]] * count)
    blurry = Blurry(np.stack(pictures), [noise] * count, [False] * count)
    return Search(blurry, regions, generators, config, Silent(), 55.0)


def test_kernels_that_are_wide_at_a_scale_are_corrected_there_and_at_the_finer_ones():
    wide = random_shake_kernel(39, 4, "smooth").astype(np.float32)
    assert spread(wide) / 2 >= LEAST_SPREAD
    search = search_of(blur(data.camera()[:400, :400] / 255, wide, 0.003).astype(np.float32))
    rough = np.asarray(gaussian_filter(wide, 1.5)[1::2, 1::2], np.float32)
    rough /= rough.sum()
    (ending,) = ended(search, [Candidate(0, rough)], 2) or [None]
    assert ending and ending.explained
    (found,) = finished(search, [ending.winner], 2)
    assert [(stage.scale, len(stage.losses)) for stage in found.stages] == [(2, 4), (1, 2)]  # with half the steps
    assert likeness(found.kernel, wide) > likeness(finer(rough), wide) + 0.02


def test_the_kernels_of_a_picture_that_is_too_noisy_stay_as_they_are():
    """That they are unlike tells nothing then."""
    left = [Candidate(0, ROUGH), Candidate(0, WRONG)]
    (ending,) = ended(search_of(COINS, noise=0.03), left, 1) or [None]
    assert ending and ending.agreed and any(ending.winner is each for each in left)


@pytest.mark.parametrize("noise", [0.003, 0.03])
def test_wide_kernels_are_mended_where_the_picture_is_not_too_noisy(noise):
    search = search_of(COINS, noise=noise)
    kernels = of_one_size([ROUGH, np.ones((1, 1), np.float32)])
    batch = replace(search.begin(np.array([25.0, 25.0]), 0), kernels=kernels)
    found = _mended(search, batch, 1).kernels
    assert found is not None
    wide, narrow = found
    assert np.array_equal(narrow, kernels[1])
    gained = likeness(wide, TRUE) - likeness(ROUGH, TRUE)
    assert np.array_equal(wide, kernels[0]) if noise > 0.01 else gained > 0.02


def test_small_kernels_are_left_to_the_search():
    small = gaussian_kernel(9).astype(np.float32)
    assert spread(small) < LEAST_SPREAD
    assert ended(search_of(COINS), [Candidate(0, small)], 1) is None


def test_of_several_corrected_kernels_the_one_that_explains_the_picture_best_goes_on():
    (ending,) = ended(search_of(COINS), [Candidate(0, WRONG), Candidate(0, ROUGH)], 1) or [None]
    assert ending and likeness(ending.winner.kernel, TRUE) > 0.97


def test_of_kernels_of_two_searches_the_one_that_explains_the_picture_best_is_taken():
    rivals = [Candidate(0, WRONG), Candidate(0, pruned(np.pad(TRUE, 4))), Candidate(0, ROUGH)]
    assert best_explained(search_of(COINS), rivals) is rivals[1]


def test_starts_agree_if_two_come_to_the_same_kernel():
    """One that is alone has none to agree with."""
    search, other = search_of(COINS), Candidate(0, np.asarray(gaussian_filter(TRUE, 1.2), np.float32))
    for left, agreed in (([WRONG, ROUGH], False), ([ROUGH, other.kernel, WRONG], True), ([ROUGH], True)):
        (ending,) = ended(search, [Candidate(0, kernel) for kernel in left], 1) or [None]
        assert ending and ending.agreed == agreed


SMOOTH = np.asarray(gaussian_filter(TRUE, 1.2), np.float32)


@pytest.mark.parametrize(
    ("second", "energies", "corrected", "winner"),
    [
        (SMOOTH, [0.4, 0.5, 0.1], 2, ROUGH),
        (WRONG, [0.4, 0.5, 0.1], 3, TRUE),
        (SMOOTH, [0.6, 0.7, 0.1], 3, TRUE),
    ],
    ids=["agreed", "unlike", "not explained"],
)
def test_a_third_kernel_is_corrected_if_two_leave_a_doubt(monkeypatch, second, energies, corrected, winner):
    """Each picture for itself; the last one has two and no doubt."""
    left = [Candidate(0, kernel) for kernel in (ROUGH, second, TRUE)] + [Candidate(1, WRONG), Candidate(1, WRONG)]
    of_picture = {0: dict(zip(map(id, (ROUGH, second, TRUE)), energies, strict=True)), 1: {id(WRONG): 0.3}}
    seen: list[Candidate] = []

    def alternated(search, candidates, scale, edges):
        seen.extend(candidates)
        return [one._replace() for one in candidates]

    def judged(search, candidates, scale):
        return np.array([0.5, 0.5] + [of_picture[one.picture][id(one.kernel)] for one in candidates[2:]])

    monkeypatch.setattr(correction, "alternated", alternated)
    monkeypatch.setattr(correction, "_energies", judged)
    first, last = ended(search_of(COINS, PAGE), left, 1) or []
    assert [sum(one.picture == picture for one in seen) for picture in (0, 1)] == [corrected, 2]
    assert first.winner.kernel is winner and first.explained and last.winner.kernel is WRONG


@pytest.mark.parametrize(("more", "explained"), [(NO_WORSE / 2, True), (2 * NO_WORSE, False), (np.nan, False)])
def test_a_correction_that_explains_its_picture_worse_is_told(monkeypatch, more, explained):
    """Of that picture alone."""
    search, left = search_of(COINS, PAGE), [Candidate(0, ROUGH), Candidate(1, ROUGH)]
    before, after = [0.5, 0.7], [0.5, 0.7 + more]
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array(before + after))
    assert [ending.explained for ending in ended(search, left, 1) or []] == [True, explained]


def test_each_of_several_pictures_has_its_own_kernel():
    coins, page = ended(search_of(COINS, PAGE), [Candidate(0, ROUGH), Candidate(1, ROUGH)], 1) or []
    assert (coins.winner.picture, page.winner.picture) == (0, 1)
    assert likeness(coins.winner.kernel, TRUE) > 0.97 and likeness(page.winner.kernel, TRUE) > 0.9


@pytest.mark.parametrize(("more", "taken"), [(NEEDLESS / 2, True), (2 * NEEDLESS, False), (np.nan, False)])
def test_islands_go_where_the_picture_is_explained_as_well_without_them(monkeypatch, more, taken):
    search, clean = search_of(COINS), pruned(np.pad(TRUE, 10))
    cloudy = 0.9 * clean
    cloudy[:3, :3] = 0.1 / 9
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array([0.5, 0.5 + more]))
    found = without_needless(search, Candidate(0, cloudy))
    np.testing.assert_allclose(found, clean if taken else cloudy, atol=1e-6)


def test_what_explains_a_picture_is_no_needless_island(monkeypatch):
    """Nor is there anything to judge in a kernel of one piece, or without noise in one that is all pieces."""
    one = np.pad(pruned(TRUE), 15)
    left, right = np.roll(one, -12, 1), np.roll(one, 12, 1)
    two = np.asarray(0.8 * left + 0.2 * right, np.float32)
    y = blur(data.coins()[:190, :300] / 255, two, 0.003).astype(np.float32)
    np.testing.assert_array_equal(without_needless(search_of(y), Candidate(0, two)), two)
    monkeypatch.delattr(Search, "judge")
    for kernel in (one, np.asarray((left + right) / 2, np.float32)):
        found = without_needless(search_of(y, noise=0.001), Candidate(0, kernel))
        np.testing.assert_array_equal(found, kernel)


@pytest.mark.parametrize("share", [0.1, 0.4])
def test_islands_have_to_save_more_than_noise_lets_them_by_chance(monkeypatch, share):
    """The variance for each entry, times the logarithm of the number of samples over that number."""
    search, clean = search_of(COINS, noise=0.03), pruned(np.pad(TRUE, 10))
    cloudy = (1 - share) * clean
    cloudy[:3, :3] = share / 9
    samples, variance = np.prod(search.shape), search.at_pixels()[0] ** 2
    bound = 9 * np.log(samples) * variance / samples
    assert bound > NEEDLESS
    for more, taken in ((0.9 * bound, True), (1.1 * bound, False)):
        monkeypatch.setattr(search, "judge", lambda *arguments, more=more: np.array([0.5, 0.5 + more]))
        found = without_needless(search, Candidate(0, cloudy))
        np.testing.assert_allclose(found, clean if taken else cloudy, atol=1e-6)


@pytest.mark.parametrize(("less", "taken"), [(2 * CLEARLY, True), (CLEARLY / 2, False), (np.nan, False)])
def test_a_polished_kernel_is_taken_where_it_explains_its_picture_clearly_better(monkeypatch, less, taken):
    """Each picture's for itself; of lights none is polished."""
    search = search_of(COINS, PAGE, COINS)
    search.blurry = search.blurry._replace(lights=[False, False, True])
    left = [Candidate(picture, ROUGH) for picture in range(3)]
    energies = iter([np.array([0.5, 0.5 - less]), np.array([0.7, 0.7])])
    monkeypatch.setattr(search, "judge", lambda *arguments: next(energies))
    first, second, lights = polished(search, left)
    assert [stage.name for stage in first.stages] == (["polish"] if taken else [])
    assert likeness(first.kernel, ROUGH) < 0.9999 if taken else first is left[0]
    assert second is left[1] and lights is left[2]


@pytest.mark.parametrize(("more", "taken"), [(NO_WORSE / 2, True), (2 * NO_WORSE, False), (np.nan, False)])
def test_a_wide_kernel_may_add_a_little_energy_when_it_is_polished(monkeypatch, more, taken):
    search = search_of(COINS)
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array([0.5, 0.5 + more]))
    (after,) = polished(search, [WIDE])
    assert spread(WIDE.kernel) > 2 * LEAST_SPREAD and (after is not WIDE) == taken


@pytest.mark.parametrize(("noise", "count"), [(0.5 * QUIET, 2), (2 * QUIET, 1)])
def test_a_wide_kernel_has_fewer_rounds_in_noise(monkeypatch, noise, count):
    search = search_of(COINS)
    search.blurry = search.blurry._replace(noises=[noise / search.gains[0]])
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array([0.5, 0.5]))
    (after,) = polished(search, [WIDE])
    assert len(after.stages[-1].losses) == count  # half the usual steps


def test_small_kernels_alone_are_polished_in_loud_noise(monkeypatch):
    search = search_of(COINS, PAGE)
    search.blurry = search.blurry._replace(noises=list(2 * LOUD / search.gains))
    monkeypatch.setattr(search, "judge", lambda *arguments: np.array([0.5, 0.5 - 2 * CLEARLY]))
    small = Candidate(1, ROUGH)
    wide, other = polished(search, [WIDE, small])
    assert wide is WIDE and other is not small


def test_a_polish_that_diverges_leaves_the_kernel(monkeypatch):
    monkeypatch.setattr(
        "inr_deblur.polish.polished", lambda y, k, *rest: Corrected(k * np.nan, np.zeros(1, np.float32))
    )
    small = Candidate(0, ROUGH)
    assert polished(search_of(COINS), [small])[0] is small


def test_each_picture_s_kernels_are_judged_on_their_own_grid(monkeypatch):
    """An energy counts the border, which is as wide as the kernels' grid: a wide kernel beside must not matter."""
    search, seen = search_of(COINS, PAGE), []
    monkeypatch.setattr(search, "judge", lambda kernels, *rest: seen.append(kernels.shape[1]) or np.array([0.5, 0.5]))
    polished(search, [WIDE, Candidate(1, ROUGH)])
    assert len(seen) == 2 and seen[0] > 50 > 30 > seen[1]


def test_a_kernel_is_judged_once_on_a_grid(monkeypatch):
    """What is polished and then honed has the energy that it was polished for."""
    search, counts = search_of(COINS), []
    better = {0: np.array([0.5, 0.4]), 1: np.array([0.3])}

    def judge(kernels, *rest):
        counts.append(len(kernels))
        return better[len(counts) - 1]

    monkeypatch.setattr(search, "judge", judge)
    for stage, made in (("polish.polished", ROUGH), ("honing.honed", np.roll(TRUE, 1, 0))):
        monkeypatch.setattr(f"inr_deblur.{stage}", lambda *_, k=made: Corrected(k, np.zeros(3, np.float32)))
    (after,) = honed(search, polished(search, [Candidate(0, TRUE)]))
    assert counts == [2, 1] and [stage.name for stage in after.stages] == ["polish", "honing"]


@pytest.mark.parametrize(("more", "taken"), [(NO_WORSE / 2, True), (2 * NO_WORSE, False), (np.nan, False)])
def test_a_honed_kernel_may_add_a_little_energy(monkeypatch, more, taken):
    """Each picture's for itself; of lights none is honed."""
    search = search_of(COINS, COINS, COINS)
    search.blurry = search.blurry._replace(lights=[False, False, True])
    left = [Candidate(picture, TRUE) for picture in range(3)]
    energies = iter([np.array([0.5, 0.5 + more]), np.array([0.5, 0.5 + 2 * NO_WORSE])])
    monkeypatch.setattr(search, "judge", lambda *arguments: next(energies))
    monkeypatch.setattr("inr_deblur.honing.honed", lambda *arguments: Corrected(ROUGH, np.zeros(3, np.float32)))
    first, second, lights = honed(search, left)
    assert [stage.name for stage in first.stages] == (["honing"] if taken else [])
    assert second is left[1] and lights is left[2] and not list(energies)


def test_a_kernel_is_not_honed_where_something_else_is_louder_than_noise(monkeypatch):
    """Such as a second blur in a part of the picture."""
    monkeypatch.delattr(Search, "judge")
    left, y = Candidate(0, TRUE), blur(data.camera()[:200, :300] / 255, TRUE, 0.002).astype(np.float32)
    y[:, 150:] = gaussian_filter(y, 4)[:, 150:]
    assert honed(search_of(y), [left])[0] is left


def test_a_descent_that_diverges_leaves_the_kernel(monkeypatch):
    monkeypatch.setattr("inr_deblur.honing.honed", lambda y, k, *rest: Corrected(k * np.nan, np.zeros(1, np.float32)))
    small = Candidate(0, ROUGH)
    assert honed(search_of(COINS), [small])[0] is small
