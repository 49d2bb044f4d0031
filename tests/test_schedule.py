"""The plan: its scales, its starts, its curves."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur.config import DeblurConfig, KernelConfig, LossConfig, ScheduleConfig
from inr_deblur.coordinates import kernel_side
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.schedule import (
    COARSEST_KERNEL,
    COARSEST_PICTURE,
    LARGEST,
    SMALL,
    WAYS,
    Stage,
    curves,
    judging,
    plan,
    scales,
    starts,
    way,
)

SHAPES = st.tuples(st.integers(16, 500), st.integers(16, 500))
SPANS = st.tuples(st.floats(1e-6, 1), st.floats(1e-6, 1))


@given(st.integers(3, 121), SHAPES, st.integers(0, 7))
def test_scales_nest_dyadically_down_to_the_pixels(size, shape, wanted):
    pyramid = scales(size, shape, wanted)
    assert pyramid[-1] == 1
    assert all(coarse == 2 * fine for coarse, fine in zip(pyramid, pyramid[1:], strict=False))
    assert pyramid[0] == 1 or min(shape) / pyramid[0] >= COARSEST_PICTURE
    if wanted:
        assert len(pyramid) <= wanted
    elif pyramid[0] > 1:
        assert size / (pyramid[0] // 2) > COARSEST_KERNEL


def test_the_number_of_scales_grows_with_the_kernel():
    counts = [len(scales(size, (400, 500))) for size in range(3, 122)]
    assert counts == sorted(counts)
    assert scales(11, (400, 500)) == (1,)
    assert scales(31, (400, 500)) == (4, 2, 1)
    assert scales(121, (4000, 5000)) == (16, 8, 4, 2, 1)
    assert kernel_side(31, 4) <= COARSEST_KERNEL
    assert scales(31, (400, 500), 2) == (2, 1)
    assert scales(31, (40, 500)) == (1,)  # too small a picture to be made smaller


@given(st.integers(2, 50), SPANS, SPANS, SPANS)
def test_curves_go_from_their_first_to_their_last_value_and_never_back(steps, prior, image, kernel):
    found = curves(Stage("", 1, steps, "edges", prior, image, kernel))
    for curve, (first, last) in zip(vars(found).values(), (prior, image, kernel), strict=True):
        assert curve.shape == (steps,) and curve.dtype == np.float32
        np.testing.assert_allclose(curve[[0, -1]], (first, last), rtol=1e-5)
        assert (np.diff(curve) * np.sign(last - first) >= -1e-6 * max(first, last)).all()


def test_priors_go_geometrically_and_rates_by_a_cosine():
    found = curves(Stage("", 1, 3, "edges", (1e-2, 1e-4), (3.0, 1.0), (1.0, 0.0)))
    np.testing.assert_allclose(found.prior, (1e-2, 1e-3, 1e-4), rtol=1e-5)
    np.testing.assert_allclose(found.image_rate, (3, 2, 1), rtol=1e-6)
    np.testing.assert_allclose(found.kernel_rate, (1, 0.5, 0), atol=1e-6)


TOLD = DeblurConfig(kernel=KernelConfig(31))


def test_starts_differ_in_size_before_any_comes_twice():
    entering = starts(TOLD, 31, (4, 2, 1))
    assert list(entering) == [4, 2]  # none at the pixels
    assert len(set(entering[4])) == len(entering[4]) == 9 and entering[4][:3] == entering[2]
    assert all(0 < side <= 31 for sides in entering.values() for side in sides)
    many = starts(replace(TOLD, schedule=ScheduleConfig(starts=11)), 31, (4, 2, 1))[4]
    assert len(many) == 11 and many[:9] == entering[4]
    one = starts(replace(TOLD, schedule=ScheduleConfig(starts=1)), 31, (4, 2, 1))
    assert one == {4: (31,), 2: (31,)}


@given(st.integers(5, 121), st.booleans())
def test_finer_scales_begin_with_smaller_kernels(size, told):
    config = DeblurConfig(kernel=KernelConfig(size if told else "auto"))
    pyramid = scales(size, (2000, 3000))
    entering = starts(config, size, pyramid)
    largest = [max(sides) for sides in entering.values()]
    assert largest[0] == size and largest == sorted(largest, reverse=True)
    assert list(entering) == [scale for scale in pyramid if scale in entering]
    assert all(side <= LARGEST * scale for scale, sides in list(entering.items())[2:] for side in sides)


def test_a_size_that_is_not_told_brings_starts_for_small_kernels_at_a_fine_scale():
    assert max(starts(DeblurConfig(), 63, (8, 4, 2, 1))[2]) == SMALL
    assert 2 not in starts(replace(DeblurConfig(), kernel=KernelConfig(63)), 63, (8, 4, 2, 1))


@given(st.floats(0.0005, 0.2), st.sampled_from([(1,), (2, 1), (4, 2, 1)]))
def test_a_plan_goes_through_the_scales_and_ends_with_the_edges(noise, pyramid):
    turns = plan(DeblurConfig(), noise, pyramid)
    assert tuple(turn[0].scale for turn in turns) == (*pyramid, 1)
    for objective, turn in zip(["variational"] * len(pyramid) + ["edges"], turns, strict=True):
        assert {(stage.scale, stage.objective) for stage in turn} == {(turn[0].scale, objective)}
    for stage in chain(*turns):
        assert stage.objective in OBJECTIVES and stage.steps >= 2
        assert stage.prior[0] >= stage.prior[1] > 0
        assert stage.image_rate[0] >= stage.image_rate[1] > 0 and stage.kernel_rate[0] >= stage.kernel_rate[1] > 0


@given(st.sampled_from([(1,), (2, 1), (4, 2, 1), (16, 8, 4, 2, 1)]), st.sampled_from(WAYS))
def test_weights_and_rates_go_on_within_a_scale_where_they_were(pyramid, way):
    for one, two in plan(DeblurConfig(), 0.001, pyramid, 0, way)[:-1]:
        for span in ("prior", "image_rate", "kernel_rate"):
            assert getattr(one, span)[1] == pytest.approx(getattr(two, span)[0])


@given(st.sampled_from([(1,), (2, 1), (4, 2, 1), (16, 8, 4, 2, 1)]))
def test_a_smooth_way_sees_a_picture_that_gets_sharper_from_stage_to_stage(pyramid):
    smooth = next(way for way in WAYS if way.smooth)
    stages = list(chain(*plan(DeblurConfig(), 0.01, pyramid, 0, smooth)))
    widths = [stage.scale * np.hypot(stage.smoothing, 12**-0.5) for stage in stages]
    ratios = np.divide(widths[:-2], widths[1:-1])  # the last two see the pixels
    assert (ratios > 1.0).all() and (ratios < 2.7).all() and widths[-1] == widths[-2] == 12**-0.5
    assert all(stage.smoothing == 0 for stage in chain(*plan(DeblurConfig(), 0.01, pyramid)))


def test_settings_reach_the_plan():
    config = DeblurConfig(loss=LossConfig(cross_scale=0.3, prior=2.0), schedule=ScheduleConfig(steps=0.1))
    usual = plan(DeblurConfig(), 0.01, (2, 1))
    turns = plan(config, 0.01, (2, 1))
    assert [s.cross_scale for turn in turns for s in turn] == [0, 0, 0.3, 0.3, 0]  # none at the coarsest scale
    for stage, other in zip(chain(*turns), chain(*usual), strict=True):
        assert stage.prior == pytest.approx(tuple(2 * value for value in other.prior))
        assert stage.steps == round(0.1 * other.steps)
    least = plan(replace(config, schedule=ScheduleConfig(steps=0.001)), 0.01, (2, 1))
    assert {s.steps for s in chain(*least)} == {2}


def test_large_middling_and_small_starts_go_on_in_all_ways_but_one_of_a_noisy_picture():
    sizes = np.array(starts(DeblurConfig(), 31, (4, 2, 1))[4])
    for mine in np.split(np.argsort(sizes), 3):
        assert {way(start, 0.001, 4, coarsest=True) for start in mine} == set(WAYS)
        assert {way(start, 0.03, 4, coarsest=True) for start in mine} == {WAYS[0], WAYS[2]}  # noise would be fitted
    high, low = (plan(DeblurConfig(), 0.001, (4, 2, 1), 0, one) for one in WAYS[:2])
    assert high[0] == low[0] and high[1][0].prior[0] > low[1][0].prior[0] >= low[1][0].prior[1]


@pytest.mark.parametrize(("scale", "smooth"), [(8, [False, True]), (4, [True]), (2, [False])])
def test_later_starts_see_the_picture_with_aliases_or_without(scale, smooth):
    """At scale 2 both see the same picture in the end, so there is one."""
    sizes = np.array(starts(DeblurConfig(), 121, (16, 8, 4, 2, 1))[scale])
    for mine in np.split(np.argsort(sizes), 3):
        assert sorted(way(start, 0.001, scale, coarsest=False).smooth for start in mine) == smooth


def test_more_noise_ends_at_a_stronger_prior():
    ends = [[s.prior[1] for s in chain(*plan(DeblurConfig(), n, (2, 1)))] for n in (0.001, 0.1)]
    assert all(low < high for low, high in zip(*ends, strict=True))


def test_a_kernel_is_judged_by_the_prior_and_the_picture_that_it_was_found_with():
    for noise in (0.001, 0.03):
        assert judging(DeblurConfig(), 1, noise).prior[1] == plan(DeblurConfig(), noise, (1,))[0][-1].prior[1]
    for one in WAYS:
        for turn in plan(DeblurConfig(), 0.001, (4, 2, 1), 0, one)[:-1]:
            judged = judging(DeblurConfig(), turn[0].scale, smooth=one.smooth)
            assert judged.smoothing == turn[-1].smoothing and judged.objective == turn[-1].objective


def test_kernels_are_judged_in_fewer_steps_near_the_pixels():
    assert [judging(DeblurConfig(), scale).steps for scale in (8, 4, 2, 1)] == [100, 100, 50, 50]


def test_judging_holds_the_kernel_still():
    stage = judging(DeblurConfig(), 2)
    assert stage.scale == 2 and stage.kernel_rate == (0, 0)
    assert (curves(stage).kernel_rate == 0).all()
