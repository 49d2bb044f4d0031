"""Ensembles: what is shifted is brought together, equal fits are certain, and the files say so."""

import json
import time
from dataclasses import replace
from typing import Any, cast

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.ndimage import fourier_shift, gaussian_filter
from skimage.registration import phase_cross_correlation

from inr_deblur.config import DeblurConfig, KernelConfig, ScheduleConfig, check
from inr_deblur.ensemble import MeanImage, combined, in_stored_values, mean_and_deviation, members, moved, reference
from inr_deblur.errors import InputError
from inr_deblur.job import restore
from inr_deblur.light import curve
from inr_deblur.methods import restore_by
from inr_deblur.noise import white_noise
from inr_deblur.outcome import Outcome
from inr_deblur.pipeline import DeblurResult, deblur, deblur_many, deconvolve
from inr_deblur.progress import Repeated
from inr_deblur.registration import shift_between
from inr_deblur.run_config import KernelChoice, RunConfig
from inr_deblur.simulate import blur, line_kernel

SMALL = DeblurConfig(kernel=KernelConfig(5), schedule=ScheduleConfig(starts=2, steps=0.02))
KERNEL = line_kernel(5, 30)
BLOBS = [gaussian_filter(np.random.default_rng(seed).normal(size=(52, 44)), 2) > 0 for seed in range(3)]
BLURRY = blur(np.where(np.stack(BLOBS, -1), 0.8, 0.2).astype(np.float32), KERNEL, 0.005)
GREY = BLURRY[..., 0]
FRAME = 64, 80


@pytest.fixture(autouse=True, scope="module")
def _optax_promotes():
    """Adam and Muon multiply Python's floats and int32 counters."""
    with jax.numpy_dtype_promotion("standard"):
        yield


class Counter:
    """A progress that keeps what it is told."""

    def __init__(self):
        self.totals, self.done, self.finished, self.notes = [], 0.0, 0, []

    def start(self, total, title):
        self.totals.append(total)

    def advance(self, amount, note=""):
        assert amount > 0
        self.done += amount
        self.notes.append(note)

    def finish(self):
        self.finished += 1


class Waves:
    """A latent image that is known everywhere; `shift`: where its first pixel lies."""

    def __init__(self, shift=(0.0, 0.0), gain=1.0):
        self.shift, self.gain = shift, gain

    def on(self, grid):
        r, c = np.meshgrid(grid.rows - self.shift[0], grid.columns - self.shift[1], indexing="ij")
        waves = np.sin(0.31 * r + 0.2 * c) + np.sin(0.05 * c * c / 9 - 0.4 * r) + np.cos(0.5 * c) * np.cos(0.23 * r)
        return (0.5 + 0.15 * self.gain * waves).astype(np.float32)


def fit(shift=(0.0, 0.0), outcome=Outcome.RECOVERED, gain=1.0, kernel=KERNEL, **other) -> DeblurResult:
    """A fit that shows the waves."""
    latent: Any = Waves(shift, gain)
    values = {"image": moved(latent, FRAME, (0.0, 0.0)), "kernel": kernel, "stages": (), "outcome": outcome}
    values |= {"confidence": 0.8, "noise": 0.01, "seconds": 2.0, "device": "cpu", "config": SMALL, "latent": latent}
    return DeblurResult(**cast("dict[str, Any]", values | {"region": (0, 0, *FRAME)} | other))


small = st.floats(-3, 3)


@given(small, small)
def test_a_shift_between_pictures_is_found(down, right):
    still, there = fit().image, fit((down, right)).image
    np.testing.assert_allclose(shift_between(there, still), (down, right), atol=0.01)


def test_the_shift_is_that_of_an_independent_library():
    y = np.pad(GREY, 8, mode="symmetric")  # periodic, nearly, as the library takes it
    there = np.fft.ifft2(fourier_shift(np.fft.fft2(y), (1.3, -2.4))).real
    theirs, *_ = phase_cross_correlation(there, y, upsample_factor=100, normalization=cast("Any", None))
    np.testing.assert_allclose(shift_between(there, y), theirs, atol=0.03)


@given(st.lists(st.tuples(small, small), min_size=1, max_size=4))
def test_shifted_fits_are_brought_together(shifts):
    y = fit().image
    result = combined(y, [fit(), *(fit(d) for d in shifts)])
    np.testing.assert_allclose(result.image, y, atol=0.005)
    assert result.uncertainty is not None and result.uncertainty.max() < 0.005
    assert np.std([fit(d).image for d in [(0.0, 0.0), (3.0, 3.0)]], 0).max() > 0.1  # what it would be otherwise
    np.testing.assert_allclose(result.render(), result.image, atol=1e-6)
    assert result.render(1.5).shape == (96, 120)
    assert result.seconds == 2.0 * (1 + len(shifts)) and result.confidence == pytest.approx(0.8)


def test_equal_fits_are_certain_and_others_are_not():
    fits = [fit() for _ in range(3)]
    result = combined(fits[0].image, fits)
    assert result.uncertainty is not None and result.uncertainty.max() == 0
    assert result.image.tobytes() == fits[0].image.tobytes()
    spreads = []
    for gain in (1.1, 1.3):
        uncertainty = combined(fits[0].image, [*fits, fit(gain=gain)]).uncertainty
        assert uncertainty is not None and uncertainty.shape == FRAME and uncertainty.dtype == np.float32
        spreads.append(uncertainty.mean())
    assert 0 < spreads[0] < spreads[1]


def test_a_picture_without_blur_comes_back_itself():
    y = fit().image
    sharp, noisy = fit(outcome=Outcome.NO_BLUR), fit(outcome=Outcome.NO_BLUR, image=np.clip(y + 0.01, 0, 1))
    blurred = fit((1.0, 0.5))
    result = combined(y, [sharp, noisy, blurred])
    assert result.outcome is Outcome.NO_BLUR and result.image.tobytes() == y.tobytes()
    np.testing.assert_allclose(result.render(), y, atol=1e-4)
    mixed = combined(y, [replace(blurred, kernel=k) for k in (KERNEL, KERNEL)] + [replace(noisy, kernel=KERNEL.T)])
    assert mixed.outcome is Outcome.RECOVERED
    assert mixed.latent.shifts[2] == (0.0, 0.0)  # type: ignore[union-attr]
    np.testing.assert_allclose(mixed.image, (2 * blurred.image + noisy.image) / 3, atol=1e-6)


def test_the_reference_is_most_like_the_others():
    across, other = line_kernel(9, 0), line_kernel(9, 90)
    best, alike = reference([other, across, np.roll(across, 1, 0), 2 * across])
    assert best == 1 and alike == pytest.approx((1 + 1 + reference([other, across])[1]) / 3, abs=1e-5)
    assert reference([across, across]) == (0, pytest.approx(1, abs=1e-6)) and reference([across, other])[1] < 0.5
    wrong = combined(fit().image, [fit(kernel=other, noise=0.3), fit(kernel=across), fit(kernel=across)])
    assert wrong.kernel is across and wrong.noise == 0.3 and wrong.confidence < 0.7


pictures = arrays(
    np.float32, st.tuples(st.integers(2, 6), st.just(4), st.just(3), st.just(3)), elements=st.floats(0, 1, width=32)
)


@given(pictures)
def test_mean_and_deviation_are_numpys(values):
    mean, deviation = mean_and_deviation(values)
    np.testing.assert_allclose(mean, values.mean(0, dtype=np.float64), atol=1e-6)
    np.testing.assert_allclose(deviation, np.sqrt(values.var(0, ddof=1, dtype=np.float64).mean(2)), atol=1e-6)
    assert mean.dtype == deviation.dtype == np.float32 and deviation.shape == (4, 3)


@given(pictures, st.sampled_from(["auto", "linear", "srgb", "gamma:2.2", "gamma:0.5"]), st.floats(0, 1))
def test_the_uncertainty_of_stored_values_is_in_range(values, light, size):
    u = np.full((4, 3), size, np.float32)
    for mean in (values[0], values[0, ..., 0]):
        found = in_stored_values(u, mean, curve(light))
        assert found.shape == (4, 3) and found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1
    if light in ("auto", "linear"):
        assert found is u
    assert not in_stored_values(0 * u, values[0], curve(light)).any()


def test_small_uncertainty_grows_by_the_slope_of_the_curve():
    found = in_stored_values(np.full((1, 1), 1e-3, np.float32), np.full((1, 1, 3), 0.25, np.float32), curve("gamma:2"))
    np.testing.assert_allclose(found, 1e-3, rtol=1e-3)  # d sqrt(x) / dx = 1 at 1/4


def test_each_fit_sees_noise_of_the_pictures_level_and_has_a_seed():
    config = replace(SMALL, ensemble=4, seed=2**32 - 2)
    drawn = list(members(BLURRY, config))
    assert [one.seed for _, one in drawn] == [2**32 - 2, 2**32 - 1, 0, 1]
    assert all(one.ensemble == 1 for _, one in drawn) and drawn[0][0] is BLURRY
    noises = [picture - BLURRY for picture, _ in drawn[1:]]
    for channel in range(3):
        assert np.std(noises[0][..., channel]) == pytest.approx(white_noise(BLURRY[..., channel]), rel=0.1)
    assert abs(np.corrcoef(noises[0].ravel(), noises[1].ravel())[0, 1]) < 0.1
    assert all(p.dtype == np.float32 and p.min() >= 0 and p.max() <= 1 for p, _ in drawn)
    np.testing.assert_array_equal(drawn[3][0], list(members(BLURRY, config))[3][0])


def test_progress_is_one_bar():
    counter = Counter()
    several = Repeated(counter, 2)
    for _ in range(2):
        several.start(5.0, "deblurring")
        several.advance(3.0, "scale 1")
        several.finish()
    assert counter.totals == [10.0] and counter.done == 10 and counter.finished == 0
    assert counter.notes[:2] == ["fit 1 of 2, scale 1", "fit 1 of 2"] and counter.notes[2] == "fit 2 of 2, scale 1"


@pytest.fixture(scope="module")
def together():
    """A blind ensemble, what its progress was told, and at which stages somebody looked on."""
    told, looks = Counter(), []
    result = deblur(BLURRY, replace(SMALL, ensemble=2), progress=told, look=lambda step: looks.append(step.name))
    return result, told, looks


def test_a_blind_ensemble(together):
    result, told, looks = together
    assert result.image.shape == BLURRY.shape and result.image.dtype == np.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    u = result.uncertainty
    assert u.shape == BLURRY.shape[:2] and u.dtype == np.float32 and np.isfinite(u).all() and 0 < u.mean() < 0.3
    assert result.config.ensemble == 2 and 0 <= result.confidence <= 1 and isinstance(result.latent, MeanImage)
    assert len(told.totals) == told.finished == 1 and told.done == pytest.approx(told.totals[0])
    assert looks and len(looks) == len(set(looks))
    np.testing.assert_allclose(result.render(), result.image, atol=1e-5)


def test_it_is_the_combination_of_its_fits_and_the_same_again(together):
    result = together[0]
    fits = [deblur(picture, one) for picture, one in members(BLURRY, result.config)]
    again = combined(BLURRY, fits)
    assert again.uncertainty is not None and again.uncertainty.tobytes() == result.uncertainty.tobytes()
    assert again.image.tobytes() == result.image.tobytes() and again.kernel.tobytes() == result.kernel.tobytes()
    single = deblur(BLURRY, SMALL)
    assert single.image.tobytes() == fits[0].image.tobytes() and single.uncertainty is None


def test_a_kernel_that_is_given():
    result = deconvolve(GREY, KERNEL, replace(SMALL, ensemble=3))
    single = deconvolve(GREY, KERNEL, SMALL)
    assert result.outcome is Outcome.RESTORED and result.confidence == pytest.approx(1) and result.region is None
    assert result.latent.shifts == ((0.0, 0.0),) * 3  # type: ignore[union-attr]
    assert result.uncertainty is not None and 0 < result.uncertainty.mean() < 0.1
    assert np.abs(result.image - single.image).mean() < 0.05


def test_restorations_with_a_kernel_that_was_moved_are_brought_together():
    place = 0, 0, *GREY.shape
    fits = []
    for down, right in ((0, 0), (1, 0), (-1, 2)):
        k = np.roll(np.pad(KERNEL, 3), (down, right), (0, 1))
        fits.append(replace(deconvolve(GREY, k, SMALL), outcome=Outcome.RECOVERED, region=place))
    result = combined(GREY, fits)
    np.testing.assert_allclose(result.latent.shifts, [(0, 0), (-1, 0), (1, -2)], atol=0.1)  # type: ignore[union-attr]
    assert result.uncertainty is not None and result.confidence == pytest.approx(1, abs=1e-5)
    still = mean_and_deviation(fit.image for fit in fits)[1]
    assert result.uncertainty[8:-8, 8:-8].mean() < 0.2 * still[8:-8, 8:-8].mean()


@pytest.mark.parametrize("ensemble", [0, -1, 65])
def test_a_number_of_fits_out_of_range_is_refused(ensemble):
    with pytest.raises(InputError, match=f"ensemble={ensemble} is out of range: give 1 to 64") as caught:
        check(replace(SMALL, ensemble=ensemble))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_an_ensemble_is_refused():
    config = replace(SMALL, ensemble=3)
    with pytest.raises(InputError, match="ensemble=3 is for one picture at a time"):
        deblur_many([GREY], config)
    with pytest.raises(InputError, match="leave it out, or method=polyblur"):
        restore_by("polyblur", GREY, config)
    for kernel in (np.ones((41, 41)), -KERNEL):
        with pytest.raises(InputError, match="[Kk]ernel"):
            deblur(np.eye(32, dtype=np.float32), DeblurConfig(ensemble=2), kernel=kernel)
    with pytest.raises(InputError, match="constant"):
        deblur(np.full((32, 32), 0.5, np.float32), config)


@pytest.mark.parametrize("light", ["auto", "srgb"])
def test_the_files_appear_and_go(tmp_path, light):
    np.save(tmp_path / "k.npy", KERNEL)
    Image.fromarray(np.rint(255 * BLURRY).astype(np.uint8)).save(tmp_path / "a.png")
    kernel = KernelChoice(file=str(tmp_path / "k.npy"))
    settings = RunConfig(image=str(tmp_path / "a.png"), ensemble=3, kernel=kernel, light=light, progress="none")
    restore(settings, tmp_path / "out", time.perf_counter())
    record = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert {"uncertainty.npy", "uncertainty.png"} <= set(record["files"]) and record["config"]["ensemble"] == 3
    assert set(record["files"]) == {path.name for path in (tmp_path / "out").iterdir()}
    u = np.load(tmp_path / "out" / "uncertainty.npy")
    assert u.dtype == np.float32 and u.shape == BLURRY.shape[:2] and 0 < u.mean() < 0.1
    shown = np.asarray(Image.open(tmp_path / "out" / "uncertainty.png"))
    assert shown.shape == u.shape and shown.dtype == np.uint8 and shown.max() == 255
    np.testing.assert_allclose(shown, 255 * np.clip(u / np.quantile(u, 0.995), 0, 1), atol=0.51)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "over 3 fits" in page and "The uncertainty of every pixel" in page
    restore(replace(settings, ensemble=1, overwrite=True), tmp_path / "out", time.perf_counter())
    assert not list((tmp_path / "out").glob("uncertainty.*"))
    assert "over 3 fits" not in (tmp_path / "out" / "report.html").read_text()


def test_the_classics_take_no_ensemble(tmp_path):
    settings = RunConfig(image=str(tmp_path / "none.png"), ensemble=2, method="polyblur", progress="none")
    with pytest.raises(InputError, match="ensemble=2 repeats the fit of the networks"):
        restore(settings, tmp_path / "out", time.perf_counter())
