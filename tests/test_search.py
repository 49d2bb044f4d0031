"""What the search keeps of its starts, picture by picture."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter
from skimage import data

from inr_deblur import blind
from inr_deblur.batch import chosen, in_turn
from inr_deblur.blur import area_average
from inr_deblur.config import DeblurConfig, ScheduleConfig
from inr_deblur.coordinates import Grid
from inr_deblur.correction import Candidate, Ending
from inr_deblur.errors import InputError
from inr_deblur.fit import Generators, windowed
from inr_deblur.generators import MOST_FEATURES, SirenKernel, image_generator
from inr_deblur.kernels import likeness, of_one_size, pruned, support_for
from inr_deblur.progress import Part, Silent
from inr_deblur.region import LARGEST_SIDE, most_telling, region_shape
from inr_deblur.schedule import WAYS, plan
from inr_deblur.search import ROOM, Blurry, Search, first_params
from inr_deblur.simulate import blur, gaussian_kernel, line_kernel
from inr_deblur.watch import StageTrace

FLAT, STEEP = line_kernel(9, 0), line_kernel(9, 90)
KERNELS = np.stack([FLAT, np.roll(FLAT, 1, 1), STEEP, np.roll(STEEP, 1, 0), FLAT]).astype(np.float32)


@pytest.mark.parametrize(
    ("ranked", "ahead", "count", "fill", "kept"),
    [
        ([1, 0, 3, 2], [1] * 5, 2, False, [1, 3]),
        ([1, 0, 3, 2], [1] * 5, 3, False, [1, 3]),
        ([1, 0, 3, 2], [2, 1, 1, 1, 1], 3, False, [1, 0, 3]),
        ([1, 0, 3, 2], [1] * 5, 3, True, [1, 3, 0]),
        ([0, 1, 4], [1] * 5, 1, True, [0]),
        ([0, 1], [1] * 5, 4, True, [0, 1]),
    ],
)
def test_the_best_of_each_kind_come_first(ranked, ahead, count, fill, kept):
    assert chosen(ranked, KERNELS, ahead, count, fill) == kept


@pytest.mark.parametrize("scale", [1, 2, 4])
@given(st.integers(5, 90))
def test_an_image_has_a_feature_for_each_sample_that_a_stage_looks_at(scale, size):
    """With fewer, what the image can't show ends up in the kernel. Up to 90 pixels: that is enough for most."""
    samples = region_shape((2000, 2000), size, scale)[0] // scale
    assert samples + 2 * (support_for(ROOM * size) // 2 // scale) <= MOST_FEATURES


@pytest.mark.parametrize("seed", [0, 2**31, 2**32 - 1])
def test_every_seed_begins_a_start_of_its_own(seed):
    generators = Generators(image_generator("harmonic", (24, 24), (4, 4)), SirenKernel())
    first, same, other = (jax.tree.leaves(first_params(generators, np.uint32(seed), i)) for i in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_a_network_shows_at_a_finer_scale_what_was_seen_at_the_coarser_one():
    y = gaussian_filter(np.random.default_rng(0).normal(size=(1, 64, 64)), (0, 1, 1)).astype(np.float32)
    kernel = SirenKernel()
    generators = Generators(image_generator("harmonic", (64, 64), (14, 14)), kernel)
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.05))
    search = Search(Blurry(y, [0.0], [False]), np.array([[0, 0, 64, 64]]), generators, config, Silent(), 27.0)
    with jax.numpy_dtype_promotion("standard"):  # Adam multiplies Python's floats and int32 counters
        coarse = search.advance(search.begin(np.array([27.0, 15.0]), 0), [plan(config, 0.01, (4, 1))[0]] * 2)
        batch = search.carried(coarse, 1)
    grids, params = (unstacked(tree) for tree in (search.offsets(batch, 1), batch.params["kernel"]))
    shown = [
        np.asarray(windowed(kernel.apply(mine, grid), grid, window))  # type: ignore[arg-type]
        for mine, grid, window in zip(params, grids, batch.windows, strict=True)
    ]
    assert coarse.kernels is not None
    for finer, seen in zip(shown, coarse.kernels, strict=True):
        assert likeness(area_average(np.pad(finer, 5), 4), pruned(seen)) > 0.8


def test_a_start_that_diverges_is_flat_and_goes_no_further_and_if_all_do_there_is_a_sentence():
    y = gaussian_filter(np.random.default_rng(0).normal(size=(1, 48, 48)), (0, 1, 1)).astype(np.float32)
    generators = Generators(image_generator("harmonic", (48, 48), (9, 9)), SirenKernel(width=8, depth=1))
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.05))
    search = Search(Blurry(y, [0.0], [False]), np.array([[0, 0, 48, 48]]), generators, config, Silent(), 19.0)
    batch = search.begin(np.array([15.0, 15.0]), 0)
    stages = [plan(config, 0.01, (2, 1))[0]] * 2
    broken = jax.tree.map(
        lambda a: np.where(np.arange(2).reshape(-1, *(1,) * (a.ndim - 1)) == 0, np.nan, a), batch.params
    )
    with jax.numpy_dtype_promotion("standard"):
        half = search.advance(replace(batch, params=broken), stages)
        assert half.kernels is not None
        np.testing.assert_allclose(half.kernels[0], 1 / half.kernels[0].size)
        assert np.isfinite(half.kernels[1]).all() and np.ptp(half.kernels[1]) > 0
        assert search.best(half, 2, 1, [WAYS[0]] * 2, stages).members == (1,)
        with pytest.raises(InputError, match="diverged"):
            search.advance(replace(batch, params=jax.tree.map(lambda a: a * np.nan, batch.params)), stages)


def unstacked(tree):
    """The members of a batch."""
    return [jax.tree.map(lambda a, i=i: a[i], tree) for i in range(len(jax.tree.leaves(tree)[0]))]


def test_each_picture_goes_on_with_its_own_region():
    """Texture in opposite corners: each part shows what was there before, less what it has no features for."""
    side, reach = 512, 20
    texture = np.where(gaussian_filter(np.random.default_rng(0).normal(size=(384, 384)), 3) > 0, 0.8, 0.2)
    ys = np.full((2, side, side), 0.5, np.float32)
    ys[0, :384, :384] = ys[1, -384:, -384:] = texture
    old = image_generator("harmonic", (side, side), (reach, reach))
    generators = Generators(old, SirenKernel(width=4, depth=1))
    search = Search(
        Blurry(ys, [0.0, 0.0], [False, False]),
        np.array([[0, 0, side, side]] * 2),
        generators,
        DeblurConfig(),
        Silent(),
        43.0,
    )
    batch = search.begin(np.array([20.0, 15.0]), 0)
    assert batch.pictures.tolist() == [0, 0, 1, 1] and batch.members == (0, 1, 2, 3)
    coarse = np.zeros((4, *old.features), np.float32)
    coarse[:, :20, :20] = np.random.default_rng(1).normal(size=(4, 20, 20))
    batch.params["image"] = {"params": {"coefficients": jnp.asarray(coarse)}}
    narrow = search.narrowed(batch, 1)
    new = search.generators.image
    corners = [most_telling(y, 15)[:2] for y in ys]
    assert search.shape == (LARGEST_SIDE,) * 2 and corners[0] < (80, 80) and corners[1] > (118, 118)
    for member, picture in enumerate((0, 0, 1, 1)):
        top, left = corners[picture]
        np.testing.assert_array_equal(
            search.cut()[picture], ys[picture, top : top + LARGEST_SIDE, left : left + LARGEST_SIDE]
        )
        places = new.places()
        there = Grid(places.rows + np.float32(top), places.columns + np.float32(left))
        after, before = (
            np.asarray(generator.apply(jax.tree.map(lambda a, i=member: a[i], those.params["image"]), grid))
            for generator, those, grid in ((new, narrow, places), (old, batch, there))
        )
        assert np.std(after - before) < 0.02 * np.std(before)


@pytest.mark.parametrize("noise", [0.003, 0.03])
def test_the_right_kernel_is_judged_better_than_a_point_whatever_the_noise(noise):
    """A point lets the image explain the noise; in the gradient domain, where noise is loudest, it won."""
    k = gaussian_kernel(13)
    y = blur(data.camera()[100:190, 180:270] / 255, k, noise)
    point = np.zeros_like(k)
    point[6, 6] = 1
    generators = Generators(image_generator("harmonic", y.shape, (6, 6)), SirenKernel(width=8, depth=1))
    kernels = np.stack([point, k]).astype(np.float32)
    search = Search(
        Blurry(y[None], [noise], [False]), np.array([[0, 0, *y.shape]]), generators, DeblurConfig(), Silent(), 13.0
    )
    with jax.numpy_dtype_promotion("standard"):
        of_point, of_truth = search.judge(kernels, np.zeros(2, int), 1, 2)
    assert of_truth < of_point


def test_what_sees_a_smooth_picture_is_judged_by_it_also_among_others():
    y = blur(data.camera()[100:190, 180:270] / 255, gaussian_kernel(13), 0.003)
    generators = Generators(image_generator("harmonic", y.shape, (6, 6)), SirenKernel(width=8, depth=1))
    kernels = of_one_size([gaussian_kernel(n) for n in (3, 5, 7)])
    search = Search(
        Blurry(y[None], [0.0], [False]), np.array([[0, 0, *y.shape]]), generators, DeblurConfig(), Silent(), 13.0
    )
    none = np.zeros(3, int)
    with jax.numpy_dtype_promotion("standard"):
        plain, smooth = (search.judge(kernels, none, 4, 3, [side] * 3) for side in (False, True))
        mixed = search.judge(kernels, none, 4, 3, [False, True, False])
    np.testing.assert_allclose(mixed, np.where([False, True, False], smooth, plain), rtol=1e-4)
    assert (np.abs(smooth - plain) > 0.01 * np.abs(plain)).all()


@given(st.sets(st.integers(0, 20)), st.integers(0, 21))
def test_two_sides_take_turns_and_all_of_both_come(numbers, first):
    a, b = [n for n in numbers if n < first], [n for n in numbers if n >= first]
    found = in_turn(a, b)
    assert sorted(found) == sorted(numbers) and [n for n in found if n in a] == a and [n for n in found if n in b] == b
    both = min(len(a), len(b))
    assert sorted(found[: 2 * both]) == sorted(a[:both] + b[:both])


def test_a_search_does_no_more_work_than_it_announced(monkeypatch):
    announced, done = [], []

    class Heard(Part):
        def __init__(self, progress, total):
            super().__init__(progress, total)
            announced.append(total)

        def advance(self, amount, note=""):
            done.append((amount, note))

        def finish(self):
            """What was not needed."""

    monkeypatch.setattr(blind, "Part", Heard)
    y = blur(data.camera()[:230, :240] / 255, line_kernel(31, 30)).astype(np.float32)
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.01))
    with jax.numpy_dtype_promotion("standard"):
        (found,) = blind.find_kernels(Blurry(y[None], [0.003], [False]), 47, config, Silent())
    assert {note for _, note in done} >= {"scale 8", "scale 2", "judging", "mending", "alternation"}
    assert 0.3 * announced[0] < sum(amount for amount, _ in done) <= announced[0]
    np.testing.assert_allclose(found.kernel.sum(), 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("explained", "later", "agreed", "told", "searches"),
    [
        (True, True, True, 0, 1),
        (True, True, False, 0, 2),
        (False, True, True, 0, 2),
        (False, False, True, 0, 2),
        (True, True, False, 2, 1),
        (False, False, True, 2, 1),
    ],
)
def test_a_second_search_has_a_say_where_the_first_is_in_doubt(monkeypatch, explained, later, agreed, told, searches):
    """Unless the number of starts is told. What neither of two can explain is not settled."""
    windows, ends = [], []
    begin = Search.begin

    def begun(self, sizes, first_member):
        windows.append(sizes[0])
        return begin(self, sizes, first_member)

    def ended(search, left, scale):
        if scale == 1:
            return None
        ends.append(left[0])
        return [Ending(left[0], later if len(ends) > 1 else explained, agreed or len(ends) > 1)]

    monkeypatch.setattr(Search, "begin", begun)
    monkeypatch.setattr(blind, "ended", ended)
    monkeypatch.setattr(blind, "finished", lambda search, rivals, scale: rivals)
    monkeypatch.setattr(blind, "best_explained", lambda search, rivals: rivals[-1])
    for last in ("polished", "honed"):
        monkeypatch.setattr(blind, last, lambda search, winners: winners)
    y = blur(data.camera()[:96, :96] / 255, line_kernel(13, 30)).astype(np.float32)
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.01, starts=told))
    with jax.numpy_dtype_promotion("standard"):
        (found,) = blind.find_kernels(Blurry(y[None], [0.003], [False]), 21, config, Silent())
    assert len(ends) == searches
    assert found.settled is (explained or later or told > 0)
    assert np.array_equal(found.kernel, ends[-1].kernel) is (explained or later)
    first, *others = windows
    assert searches == 1 or min(abs(first - side) for side in others) > 0.01


@pytest.mark.parametrize("angle", [30, 120])
def test_a_search_ends_where_it_comes_to_what_is_known(monkeypatch, angle):
    known = np.pad(line_kernel(25, 30), 3).astype(np.float32)
    seen, usual = [], Search.best

    def best(self, batch, scale, *rest):
        seen.append(scale)
        batch = usual(self, batch, scale, *rest)
        assert batch.kernels is not None
        margin = (batch.kernels.shape[-1] - 13) // 2
        line = np.pad(line_kernel(13, angle), margin).astype(np.float32)
        return replace(batch, kernels=np.stack([line] * len(batch.members))) if scale == 2 else batch

    monkeypatch.setattr(Search, "best", best)
    y = blur(data.camera()[:96, :96] / 255, line_kernel(13, 30)).astype(np.float32)
    config = DeblurConfig(schedule=ScheduleConfig(steps=0.01))
    with jax.numpy_dtype_promotion("standard"):
        found = blind.find_another(Blurry(y[None], [0.003], [False]), 21, config, Silent(), known)
    assert (found is None, seen) == ((True, [2]) if angle == 30 else (False, [2, 1]))


WELL, ALONE, WORSE, NOTHING = (True, True), (True, False), (False, True), None  # explained, agreed
OTHERWISE = (*ALONE, "otherwise")


@pytest.mark.parametrize(
    ("first", "others", "asked", "taken"),
    [
        ([WELL], [], [], [["first"]]),
        ([ALONE], [ALONE], [0], [["first", "again"]]),
        ([ALONE], [OTHERWISE, WELL], [0, 0], [["first", "again", "again"]]),
        ([OTHERWISE], [WELL], [0], [["first", "again"]]),
        ([ALONE], [NOTHING, WORSE], [0, 0], [["first"]]),
        ([WORSE], [WELL], [0], [["again"]]),
        ([WORSE], [ALONE, WORSE], [0, 0], [["again"]]),
        ([WORSE], [WORSE], [0], {0}),
        ([WORSE, WORSE], [WORSE, WORSE], [0, 1], {0, 1}),
        ([WORSE, WORSE, ALONE], [WELL, NOTHING], [0, 1], {1}),
        ([WELL, ALONE], [WELL], [1], [["first"], ["first", "again"]]),
        ([ALONE, WELL, WORSE], [WELL, WELL], [2, 0], [["first", "again"], ["first"], ["again"]]),
        ([ALONE, WELL, WORSE], [NOTHING], [2], {2}),
    ],
)
def test_each_picture_in_doubt_is_sought_again_until_two_agree(monkeypatch, first, others, asked, taken):
    """Those without any kernel come first: if one stays so, all go on to the pixels and no other is asked for.

    taken: what is compared, picture by picture, or which pictures stay without a kernel.
    """

    def ending(name, picture, explained, agreed, kernel="usual"):
        stage = StageTrace(name, 2, np.zeros(1, np.float32), 0.0)
        return Ending(Candidate(picture, FLAT if kernel == "usual" else STEEP, (stage,)), explained, agreed)

    questions: list[int] = []
    compared = {}

    def again(picture, stretch):
        questions.append(picture)
        state = others[len(questions) - 1]
        return state and ending("again", picture, *state)

    def best_explained(search, rivals):
        compared[rivals[0].picture] = [rival.stages[0].name for rival in rivals]
        return rivals[-1]

    for name, stub in {
        "_candidates": lambda search, batch: [],
        "ended": lambda search, left, scale: [ending("first", i, *state) for i, state in enumerate(first)],
        "finished": lambda search, rivals, scale: rivals,
        "best_explained": best_explained,
    }.items():
        monkeypatch.setattr(blind, name, stub)
    y = np.random.default_rng(0).random((len(first), 32, 32), np.float32)
    regions = np.array([[0, 0, 32, 32]] * len(first))
    generators = Generators(image_generator("harmonic", (32, 32), (4, 4)), SirenKernel())
    blurry = Blurry(y, [0.0] * len(first), [False] * len(first))
    search = Search(blurry, regions, generators, DeblurConfig(), Silent(), 9.0)
    found = blind._settled(search, search.begin(np.array([9.0]), 0), 2, again)
    assert questions == asked
    if isinstance(taken, set):
        assert found is None and search.unsettled == taken
    else:
        assert found and [compared[i] for i in range(len(found))] == taken and not search.unsettled
