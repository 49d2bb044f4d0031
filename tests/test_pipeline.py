"""The whole job on small arrays: what comes out is valid, the same again, and honest about bad input."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from inr_deblur import blind as blind_module
from inr_deblur import latent, pipeline
from inr_deblur.config import DeblurConfig, GeneratorConfig, KernelConfig, LossConfig, ScheduleConfig
from inr_deblur.discrepancy import fitting_evidence
from inr_deblur.errors import InputError
from inr_deblur.evidence import evidence
from inr_deblur.generators import image_generator
from inr_deblur.kernels import likeness
from inr_deblur.outcome import Outcome
from inr_deblur.pipeline import deblur, deblur_many, deconvolve, where_sought
from inr_deblur.restore import restore_within
from inr_deblur.simulate import blur, line_kernel, seen

SMALL = DeblurConfig(kernel=KernelConfig(5), schedule=ScheduleConfig(starts=2, steps=0.02))
KERNEL = line_kernel(5, 30)
BLOBS = [gaussian_filter(np.random.default_rng(seed).normal(size=(52, 44)), 2) > 0 for seed in range(3)]
SHARP = np.where(np.stack(BLOBS, -1), 0.8, 0.2).astype(np.float32)
BLURRY = blur(SHARP, KERNEL, 0.005)


class Counter:
    """A progress that keeps what it is told."""

    def __init__(self):
        self.total, self.done, self.finished, self.titles = 0.0, 0.0, 0, []

    def start(self, total, title):
        self.total, self.done = total, 0.0
        self.titles.append(title)

    def advance(self, amount, note=""):
        assert amount > 0 and self.titles
        self.done += amount

    def finish(self):
        self.finished += 1


@pytest.fixture(autouse=True, scope="module")
def _optax_promotes():
    """Adam and Muon multiply Python's floats and int32 counters."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def told():
    return Counter()


@pytest.fixture(scope="module")
def blind(told):
    return deblur(BLURRY, SMALL, progress=told)


def _check(result, y):
    """What every result must be."""
    assert result.image.shape == y.shape and result.image.dtype == np.float32
    assert result.image.min() >= 0 and result.image.max() <= 1 and np.ptp(result.image) > 0.01
    k = result.kernel
    assert k.dtype == np.float32 and k.ndim == 2 and all(n % 2 for n in k.shape)
    assert k.min() >= 0 and k.sum() == pytest.approx(1, abs=1e-5)
    assert isinstance(result.outcome, Outcome) and 0 <= result.confidence <= 1
    assert result.noise > 0 and result.seconds > 0 and result.device == jax.default_backend()
    for stage in result.stages:
        assert np.isfinite(stage.losses).all() and stage.seconds >= 0 and stage.scale >= 1
    last = _last(result)
    assert [stage.name for stage in result.stages[-len(last) :]] == last


def _last(result):
    """The stages that follow the search."""
    harmonic = result.config.generator.image_chosen == "harmonic" and result.config.loss.patches
    return ["restoration", "patches"] if harmonic and result.outcome is not Outcome.NO_BLUR else ["restoration"]


def test_a_colour_picture_blind(blind):
    _check(blind, BLURRY)
    names = [stage.name for stage in blind.stages]  # what is polished or honed is not always taken
    assert [n for n in names if n not in ("polish", "honing")] == ["scale 1", "edges", *_last(blind)]
    assert blind.region == (0, 0, 48, 40) and blind.config == SMALL


def test_progress_reaches_its_total_and_is_finished_once(told, blind):
    assert told.titles == ["deblurring"] and told.finished == 1
    assert told.done == pytest.approx(told.total, rel=1e-6)


def test_the_same_bytes_for_the_same_seed_and_others_for_another(blind):
    again, other = deblur(BLURRY, SMALL), deblur(BLURRY, replace(SMALL, seed=1))
    assert again.image.tobytes() == blind.image.tobytes() and again.kernel.tobytes() == blind.kernel.tobytes()
    assert other.kernel.tobytes() != blind.kernel.tobytes()
    for mine, theirs in zip(again.stages, blind.stages, strict=True):
        np.testing.assert_array_equal(mine.losses, theirs.losses)


SHORT = replace(SMALL, schedule=ScheduleConfig(starts=2, steps=0.005))
SEVERAL = [BLURRY[..., 0], blur(SHARP[..., 1], line_kernel(5, 90), 0.005), BLURRY]


@pytest.fixture(scope="module")
def several():
    """Results of several pictures, one of them in colour, and what their progress was told."""
    told = Counter()
    return deblur_many(SEVERAL, SHORT, progress=told), told


def test_several_pictures_are_each_as_on_their_own(several):
    results, told = several
    assert told.titles == ["deblurring"] and told.finished == 1
    assert told.done == pytest.approx(told.total, rel=1e-6)
    for y, result in zip(SEVERAL, results, strict=True):
        _check(result, y)
        alone = deblur(y, SHORT)
        assert result.outcome is alone.outcome and result.region == alone.region
        assert [s.name for s in result.stages] == [s.name for s in alone.stages]
        assert likeness(result.kernel, alone.kernel) > 0.99


def test_the_order_of_several_pictures_plays_no_part(several):
    results, _ = several
    order = [2, 0, 1]
    for i, again in zip(order, deblur_many([SEVERAL[i] for i in order], SHORT), strict=True):
        assert again.outcome is results[i].outcome and likeness(again.kernel, results[i].kernel) > 0.999
        np.testing.assert_allclose(again.image, results[i].image, atol=1e-3)


def test_pictures_of_other_shapes_and_none_at_all(several):
    tall, *_ = deblur_many([BLURRY[:40, :32, 0], BLURRY[..., 0]], SHORT)
    _check(tall, BLURRY[:40, :32, 0])
    assert deblur_many([], SHORT) == []
    with pytest.raises(InputError, match=r"Picture 2 of 2: kernel.size=31 is larger"):
        deblur_many([BLURRY, BLURRY[:30]], replace(SMALL, kernel=KernelConfig(31)))
    with pytest.raises(InputError, match="Picture 2 of 2: .* too small"):
        deblur_many([BLURRY, BLURRY[:8]], SHORT)


def test_a_result_renders_at_any_scale(blind):
    np.testing.assert_allclose(blind.render(), blind.image, atol=1e-6)
    double = blind.render(2.0)
    assert double.shape == (96, 80, 3) and double.min() >= 0 and double.max() <= 1
    for scale in (0, -1, 17, float("nan")):
        with pytest.raises(InputError, match="scale="):
            blind.render(scale)


def _shallow(name, shape, reach):
    """`image_generator`, but a SIREN of less depth, which is compiled sooner."""
    generator = image_generator(name, shape, reach)
    return generator.clone(width=16, depth=2) if name == "siren" else generator


@pytest.mark.parametrize(("image", "kernel"), [("siren", "grid"), ("pixels", "siren")])
def test_the_other_generators_do_the_whole_job(image, kernel, monkeypatch):
    if image == "siren":
        for module in (blind_module, latent):
            monkeypatch.setattr(module, "image_generator", _shallow)
    y = BLURRY[:32, :32, 0]
    config = replace(
        SMALL,
        generator=GeneratorConfig(image, kernel),
        schedule=ScheduleConfig(starts=1, steps=0.005),
    )
    result = deblur(y, config)
    _check(result, y)
    assert len(result.stages[-1].losses) > 0


@pytest.mark.parametrize("colour", [False, True])
def test_with_its_kernel_a_picture_gains_in_its_place(colour):
    y, x = (a if colour else a[..., 0] for a in (BLURRY, seen(SHARP, KERNEL)))
    told = Counter()
    result = deconvolve(y, 7 * KERNEL, SMALL, progress=told)  # of any sum
    _check(result, y)
    assert result.outcome is Outcome.RESTORED and result.confidence == 1 and result.region is None
    np.testing.assert_allclose(result.kernel, KERNEL, atol=1e-6)
    assert ((result.image - x) ** 2).mean() < 0.4 * ((y - x) ** 2).mean()
    assert told.titles == ["restoring"] and told.finished == 1 and told.done == pytest.approx(told.total)


def test_the_weight_is_that_which_leaves_the_noise(monkeypatch):
    asked = []

    def heavy(y, k, rounding):
        asked.append(y.shape)
        found = evidence(y, k, rounding)
        return found._replace(noise=400 * found.noise)

    usual = deconvolve(BLURRY, KERNEL, SMALL)
    monkeypatch.setattr(pipeline, "fitting_evidence", heavy)
    smoother = deconvolve(BLURRY, KERNEL, SMALL)
    rough = [float(np.abs(np.diff(result.image, axis=1)).mean()) for result in (smoother, usual)]
    assert asked == [BLURRY.shape[:2]] and rough[0] < 0.9 * rough[1]


def test_without_patches_the_restoration_stays():
    y, told = BLURRY[..., 0], Counter()
    bare = deconvolve(y, KERNEL, replace(SMALL, loss=LossConfig(patches=False)), progress=told)
    _check(bare, y)
    expected = restore_within(y, KERNEL, fitting_evidence(y, KERNEL).weight)
    np.testing.assert_allclose(bare.image, expected, atol=1e-4)
    assert told.done == pytest.approx(told.total)
    usual = deconvolve(y, KERNEL, SMALL)
    assert bare.outcome is usual.outcome and bare.confidence == usual.confidence  # judged before
    assert np.abs(usual.image - bare.image).max() > 1e-3


def test_an_even_kernel_keeps_its_origin():
    even = np.zeros((4, 4), np.float32)
    even[2, 2] = 1
    result = deconvolve(BLURRY[..., 0], even, SMALL)
    assert result.kernel.shape == (5, 5) and result.kernel[2, 2] == 1
    np.testing.assert_allclose(result.image, BLURRY[..., 0], atol=0.05)


GREY = BLURRY[..., 0]
BAD_PICTURES = {
    "at least 16 x 16": GREY[:1, :1],
    "not finite": np.where(GREY > 0.6, np.nan, GREY),
    "constant": np.full((32, 32), 0.5, np.float32),
    "not uint8": (255 * GREY).astype(np.uint8),
    "not complex64": GREY.astype(np.complex64),
    r"scale them to \[0, 1\]": 2 * GREY,
    r"from -0.*scale them": GREY - 0.5,
    r"not \(48, 40, 4\)": np.concatenate([BLURRY, GREY[..., None]], -1),
    r"not \(48,\)": GREY[:, 0],
    r"not \(0, 0\)|too small": GREY[:0, :0],
}
BAD_KERNELS = {
    "not negative": KERNEL - 0.01,
    "not all zero": 0 * KERNEL,
    "larger than the picture": np.ones((49, 3), np.float32),
    "finite": np.where(KERNEL > 0.1, np.nan, KERNEL),
    r"not \(5,\)": KERNEL[0],
    "of bool": KERNEL > 0.1,
    r"not \(0, 0\)": KERNEL[:0, :0],
}


@pytest.mark.parametrize("words", BAD_PICTURES)
def test_a_picture_that_cannot_be_used_is_refused(words):
    with pytest.raises(InputError, match=words):
        deblur(BAD_PICTURES[words], SMALL)


@pytest.mark.parametrize("words", BAD_KERNELS)
def test_a_kernel_that_cannot_be_used_is_refused(words):
    with pytest.raises(InputError, match=words):
        deconvolve(GREY, BAD_KERNELS[words], SMALL)


@pytest.mark.parametrize(
    "config",
    [
        replace(SMALL, kernel=KernelConfig(2)),
        replace(SMALL, kernel=KernelConfig("large")),
        replace(SMALL, generator=GeneratorConfig(image="sirne")),
        replace(SMALL, schedule=ScheduleConfig(steps=float("nan"))),
        replace(SMALL, seed=-1),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused(config):
    with pytest.raises(InputError, match="="):
        deblur(GREY, config)


def test_a_told_size_beyond_the_picture_is_refused_and_a_lower_one_is_cut_to_half_of_it():
    with pytest.raises(InputError, match=r"kernel.size=41 is larger than the picture of 40 x 60: give at most 20"):
        where_sought((40, 60), None, replace(SMALL, kernel=KernelConfig(41)))
    assert where_sought((40, 60), None, replace(SMALL, kernel=KernelConfig(39)))[0] == 20


@pytest.mark.parametrize("rounding", [-0.1, 1.0, float("nan")])
def test_a_rounding_out_of_range_is_refused(rounding):
    with pytest.raises(InputError, match="rounding="):
        deblur(GREY, SMALL, rounding=rounding)


def test_a_region_that_cannot_be_used_is_refused():
    with pytest.raises(InputError, match="beyond the picture"):
        deblur(GREY, SMALL, region=(0, 20, 40, 40))


def test_a_region_without_anything_where_its_kernel_is_sought_is_refused(monkeypatch):
    y = np.stack([GREY, np.zeros_like(GREY), GREY], -1)  # neon without green
    monkeypatch.setattr(pipeline, "of_coloured_lights", lambda _: True)
    with pytest.raises(InputError, match="region is constant"):
        deblur(y, region=(2, 2, 36, 36))


def test_a_kernel_of_half_floats_is_normalised():
    whole, half = (deconvolve(GREY, np.full((17, 17), 255, kind), SMALL).image for kind in (np.float32, np.float16))
    np.testing.assert_array_equal(whole, half)


def test_a_region_without_anything_in_it_is_refused():
    y = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    y[:40, :40] = 0.5
    with pytest.raises(InputError, match="region is constant"):
        deblur(y, region=(2, 2, 36, 36))
