"""Outcomes: each is reached by a picture and a kernel that deserve it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from inr_deblur.outcome import (
    Outcome,
    clearness,
    confidence,
    densest,
    judge,
    sharp_share,
    sharpness,
    sparsity,
    spread,
)
from inr_deblur.restore import restore
from inr_deblur.simulate import blur, line_kernel

SHARP = np.where(gaussian_filter(np.random.default_rng(0).normal(size=(96, 96)), 3) > 0, 0.8, 0.2)
BLURRY = gaussian_filter(SHARP, 2)
POINT = np.zeros((9, 9), np.float32)
POINT[4, 4] = 1
LINE = np.pad(line_kernel(9, 30), 3)
WIDE = np.pad(line_kernel(31, 30), 3)
PEAK = np.zeros((9, 9), np.float32)  # not a point by its spread, but by what it does to an edge
PEAK[4, 4], PEAK[3, 4], PEAK[4, 3], PEAK[8, 4] = 0.73, 0.16, 0.06, 0.05
PAIR = np.zeros((9, 9), np.float32)  # half a pixel's shift of a point, more or less
PAIR[4, 3:5], PAIR[3, 3:5], PAIR[5, 4] = (0.39, 0.43), (0.03, 0.08), 0.07
STARRY = np.zeros((9, 9), np.float32)  # a point and specks, as noise makes of a sharp picture
STARRY[4, 4], STARRY[::4, ::8] = 0.7, 0.05
PIECES = np.zeros((9, 9), np.float32)
PIECES[::2, 8] = 0.1
PIECES[:5, 0] = 0.1
GHOST = LINE.copy()
GHOST[0, 0] = LINE.sum() / 3  # a quarter of the mass


@pytest.mark.parametrize(
    ("kernel", "limit", "misfit", "picture", "expected"),
    [
        (LINE, 27, 1.0, BLURRY, Outcome.RECOVERED),
        (POINT, 27, 1.0, SHARP, Outcome.NO_BLUR),
        (POINT, 27, 1.0, BLURRY, Outcome.KERNEL_COLLAPSED),
        (PEAK, 27, 1.0, SHARP, Outcome.NO_BLUR),
        (PEAK, 27, 1.0, BLURRY, Outcome.SLIGHT_BLUR),
        (PAIR, 27, 1.0, SHARP, Outcome.NO_BLUR),
        (PAIR, 27, 1.0, BLURRY, Outcome.SLIGHT_BLUR),
        (STARRY, 27, 1.0, SHARP, Outcome.NO_BLUR),
        (STARRY, 27, 1.0, BLURRY, Outcome.KERNEL_IN_PIECES),
        (LINE, 9, 1.0, BLURRY, Outcome.KERNEL_TRUNCATED),
        (PIECES, 27, 1.0, BLURRY, Outcome.KERNEL_IN_PIECES),
        (GHOST, 27, 1.0, BLURRY, Outcome.KERNEL_IN_PIECES),
        (LINE, 27, 4.0, BLURRY, Outcome.NOT_FITTED),
    ],
)
def test_each_outcome_has_its_case(kernel, limit, misfit, picture, expected):
    assert judge(kernel, limit, misfit, picture, 0.0) is expected


def test_noise_of_more_than_a_third_of_the_contrast_is_too_much():
    assert judge(LINE, 27, 1.0, BLURRY, 0.01, loud=0.32) is Outcome.RECOVERED
    assert judge(LINE, 27, 1.0, BLURRY, 0.01, loud=0.34) is Outcome.TOO_NOISY


def test_what_no_search_settles_is_doubtful_unless_it_is_small_or_there_is_another_doubt():
    assert judge(LINE, 27, 1.0, BLURRY, 0.01, settled=False) is Outcome.RECOVERED
    assert judge(WIDE, 61, 1.0, BLURRY, 0.01, settled=False) is Outcome.NOT_SETTLED
    assert judge(WIDE, 61, 4.0, BLURRY, 0.01, lights=True, settled=False) is Outcome.NOT_SETTLED
    assert judge(WIDE, 61, 4.0, BLURRY, 0.01, settled=False) is Outcome.NOT_FITTED
    assert judge(PIECES, 27, 1.0, BLURRY, 0.01, settled=False) is Outcome.KERNEL_IN_PIECES


def test_a_misfit_of_coloured_lights_is_a_caution_and_no_failure():
    assert judge(LINE, 27, 4.0, BLURRY, 0.0, lights=True) is Outcome.COLOURED_LIGHTS
    assert judge(LINE, 27, 1.0, BLURRY, 0.0, lights=True) is Outcome.RECOVERED
    assert judge(PIECES, 27, 4.0, BLURRY, 0.0, lights=True) is Outcome.KERNEL_IN_PIECES
    assert confidence(Outcome.COLOURED_LIGHTS, LINE) == pytest.approx(0.5)


def test_ghosts_make_a_result_doubtful_and_clear_edges_do_not():
    blurry = blur(np.pad(SHARP, 7, "reflect"), LINE, 0.005)
    right, wrong = (restore(blurry, k, 1e-4)[7:-7, 7:-7] for k in (LINE, LINE.T))
    assert judge(LINE, 27, 1.0, blurry, 0.005, clearness(LINE, blurry, right)) is Outcome.RECOVERED
    assert judge(LINE, 27, 1.0, blurry, 0.005, clearness(LINE, blurry, wrong)) is Outcome.NOT_CLEARER
    assert clearness(PEAK, BLURRY, BLURRY) == 1  # a kernel too small to tell
    assert judge(LINE, 27, 1.0, BLURRY, 0.0, 0.7) is Outcome.NOT_CLEARER
    assert judge(LINE, 27, 1.0, BLURRY, 0.0, 0.8) is Outcome.RECOVERED
    assert confidence(Outcome.NOT_CLEARER, LINE, 0.4) == pytest.approx(0.2)


@given(st.floats(0.1, 3), st.floats(-1, 1))
def test_sparsity_is_that_of_the_edges_not_of_their_height(gain, level):
    assert sparsity(gain * BLURRY + level) == pytest.approx(sparsity(BLURRY), rel=1e-6)
    assert (
        sparsity(SHARP) < sparsity(BLURRY) < sparsity(np.add.outer(np.arange(9.0), np.arange(9.0))) == pytest.approx(1)
    )


def test_confidence_is_one_only_for_a_kernel_that_was_given_or_is_whole():
    assert confidence(Outcome.RESTORED, PIECES) == 1
    assert confidence(Outcome.RECOVERED, LINE) == pytest.approx(1)
    assert confidence(Outcome.NOT_FITTED, LINE) == pytest.approx(0.5)
    assert confidence(Outcome.SLIGHT_BLUR, PEAK) == pytest.approx(0.5 * 0.95)
    assert confidence(Outcome.KERNEL_IN_PIECES, PIECES) == pytest.approx(0.25)
    assert confidence(Outcome.NO_BLUR, POINT, 0.3) == pytest.approx(0.3)


def test_outcomes_are_sentences_and_those_that_failed_name_a_remedy():
    for outcome in Outcome:
        assert outcome.value[0].isupper() and outcome.value.endswith(".")
        if not outcome.ok:
            assert any(word in outcome.value for word in ("try", "raise", "give"))
    assert {outcome.name for outcome in Outcome if outcome.ok} == {
        "RECOVERED",
        "SLIGHT_BLUR",
        "COLOURED_LIGHTS",
        "RESTORED",
        "NO_BLUR",
    }


@given(st.integers(0, 8), st.integers(0, 8), st.floats(0.01, 100))
def test_a_point_is_a_point_wherever_it_lies_and_whatever_its_sum(down, right, mass):
    k = np.zeros((9, 9))
    k[down, right] = mass
    assert spread(k) == pytest.approx(0, abs=1e-5)
    assert spread(np.ones((9, 9)) * mass) == pytest.approx(((9**2 - 1) / 12) ** 0.5)


@given(st.floats(0.1, 1), st.floats(0, 0.5))
def test_sharpness_is_that_of_the_edges_not_of_their_height(gain, level):
    assert sharpness(gain * SHARP + level, 0.0) == pytest.approx(sharpness(SHARP, 0.0), rel=1e-6)


def test_sharpness_falls_with_the_blur():
    found = [sharpness(gaussian_filter(SHARP, sigma), 0.0) for sigma in (0, 0.5, 1, 2, 4)]
    assert found == sorted(found, reverse=True)
    ramp = np.add.outer(np.arange(40.0), np.arange(50.0))
    assert sharpness(ramp, 0.0) == pytest.approx(0.25)
    grain = np.random.default_rng(0).normal(0, 0.1, (64, 64))
    assert sharpness(grain, 0.0) == pytest.approx(1, abs=0.05)
    assert sharpness(grain, 0.1) == sharpness(np.full((20, 20), 0.3), 0.0) == 0


def test_a_peak_with_some_mass_around_it_is_no_point_by_its_spread():
    assert spread(PEAK) > 0.45


def test_a_slight_blur_is_no_point():
    bell = gaussian_filter(np.pad(np.ones((1, 1)), 9), 0.8)
    assert spread(bell) == pytest.approx(0.8, rel=0.05)
    assert judge(bell, 19, 1.0, gaussian_filter(SHARP, 0.8), 0.0) is Outcome.SLIGHT_BLUR


@given(st.floats(0, 0.99), st.floats(0, 0.99))
def test_a_point_moved_by_a_part_of_a_pixel_stays_dense(down, right):
    moved = np.zeros((7, 7))
    moved[3:5, 3:5] = np.outer([1 - down, down], [1 - right, right])
    assert densest(moved) == pytest.approx(1)
    assert densest(np.full((7, 7), 1 / 49)) == pytest.approx(4 / 49)


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.05])
def test_all_of_a_sharp_picture_is_sharp_and_nothing_of_a_blurry_one_whatever_the_noise(noise):
    grain = np.random.default_rng(1).normal(0, noise, SHARP.shape)
    assert sharp_share(SHARP + grain, noise) == 1
    assert sharp_share(BLURRY + grain, noise) == 0


def test_lamps_do_not_make_a_blurry_picture_sharp():
    """They are so bright that the whole of it looks sharp."""
    y = gaussian_filter(np.where(gaussian_filter(np.random.default_rng(0).normal(size=(256, 256)), 4) > 0, 0.4, 0.2), 2)
    y[70:74, 100:104] = y[130:133, 40:44] = 5.0
    assert sharpness(y, 0.0) > 0.35 and sharp_share(y, 0.0) == pytest.approx(2 / 64, abs=0.04)
    assert sharp_share(np.full((64, 64), 0.5), 0.0) == 0
