"""The picture's own patches: a mixture that gets likelier, overlaps that add up, and what they are worth."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array
from scipy.ndimage import maximum_filter
from scipy.signal import fftconvolve
from skimage import data

from inr_deblur import patches
from inr_deblur.colour import luminance
from inr_deblur.evidence import evidence
from inr_deblur.metrics import aligned_scores
from inr_deblur.patches import COMPONENTS, LAMP, LEAST, SIDE, Mixture, begun, fitted, likelier, most_probable, nearest
from inr_deblur.restore import restore
from inr_deblur.simulate import blur, line_kernel, seen

KERNEL = line_kernel(9, 30)
PRINT = (data.page()[:160, 40:200] / 255).astype(np.float32)
ENTRIES = SIDE**2
NONE = jnp.zeros((24, 24), bool)


def photograph(side: int = 128) -> np.ndarray:
    return (data.camera()[100 : 100 + side, 180 : 180 + side] / 255).astype(np.float32)


def samples(x: np.ndarray, count: int = 3000) -> Array:
    corners = np.random.default_rng(1).integers(0, min(x.shape) - SIDE, (2, count))
    return patches._sampled(jnp.asarray(x / x.std()), jnp.asarray(corners))


def likelihood(mixture: Mixture, d: Array) -> float:
    """The mean logarithm of the density at patches d, but for a constant."""
    whitening, constants, _ = patches._whitening(mixture, patches.FLOOR)
    each = patches._logarithms(d, whitening, constants)[0]
    return float(jax.nn.logsumexp(each, axis=1).mean())


@given(st.integers(12, 40), st.integers(12, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_overlapped_is_the_transpose_of_overlapping(height, width, seed):
    random = np.random.default_rng(seed)
    x = jnp.asarray(random.normal(size=(height, width)), jnp.float32)
    parts = patches.overlapping(x)
    other = jnp.asarray(random.normal(size=parts.shape), jnp.float32)
    back = patches.overlapped(other, x.shape)
    assert back.shape == x.shape
    assert float((parts * other).sum()) == pytest.approx(float((x * back).sum()), abs=1e-2)


def test_overlapping_are_the_patches_where_they_are():
    x = np.arange(20 * 17, dtype=np.float32).reshape(20, 17)
    parts = np.asarray(patches.overlapping(jnp.asarray(x)))
    np.testing.assert_array_equal(parts[2, 1].reshape(SIDE, SIDE), x[6:12, 3:9])


def test_each_round_makes_the_mixture_likelier():
    d = samples(photograph())
    mixture = begun(d)
    found = []
    for _ in range(6):
        found.append(likelihood(mixture, d))
        mixture = fitted(mixture, d)
    assert all(after > before - 1e-2 for before, after in zip(found, found[1:], strict=False))
    assert found[-1] > found[0] + 1
    assert np.exp(mixture.logarithms).sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("side", "offset"), [(30, (0, 0)), (31, (1, 2)), (32, (2, 1))])
def test_a_patch_becomes_its_wiener_estimate(side, offset):
    x = jnp.asarray(photograph(side))
    flat, rich = (
        Mixture(jnp.tile(size * jnp.eye(ENTRIES), (COMPONENTS, 1, 1)), jnp.zeros(COMPONENTS)) for size in (LEAST, 1.0)
    )
    where = jnp.array(offset)
    np.testing.assert_allclose(most_probable(x, rich, jnp.float32(1e-6), where), x, atol=1e-4)
    smooth, half = (most_probable(x, mixture, jnp.float32(1), where) for mixture in (flat, rich))
    np.testing.assert_allclose(half, (x + smooth) / 2, atol=1e-4)  # as much signal as noise
    row, column = (o + 3 for o in offset)  # the patches over this block of three by three begin here and before it
    around = [(row - 3 + i, column - 3 + j) for i in (0, 3) for j in (0, 3)]
    mean = np.mean([x[i : i + SIDE, j : j + SIDE].mean() for i, j in around])
    np.testing.assert_allclose(smooth[row : row + 3, column : column + 3], mean, atol=1e-4)


def test_each_patch_has_the_likeliest_component():
    calm, lively = 1e-4 * jnp.eye(ENTRIES), jnp.eye(ENTRIES)
    mixture = Mixture(jnp.stack([calm, lively]), jnp.log(jnp.array([0.5, 0.5])))
    noise = np.random.default_rng(0).normal(size=(36, 36)).astype(np.float32)
    x = jnp.asarray(np.where(np.arange(36) < 18, 0.03 * noise, noise))
    found = most_probable(x, mixture, jnp.float32(1e-2), jnp.array([0, 0]))
    assert np.std(found[:, :12]) < 0.4 * np.std(x[:, :12])  # noise, mostly
    np.testing.assert_allclose(found[6:30, 24:30], x[6:30, 24:30], atol=0.05)


def test_the_nearest_picture_is_where_the_slope_is_zero():
    random = np.random.default_rng(0)
    x, y, z = (jnp.asarray(random.uniform(0.2, 0.8, (24, 24)), jnp.float32) for _ in range(3))
    spectrum = jnp.fft.rfft2(jnp.asarray(np.pad(KERNEL, [(0, 24 - n) for n in KERNEL.shape])))

    def energy(x: Array) -> Array:
        made = jnp.fft.irfft2(spectrum * jnp.fft.rfft2(x), x.shape)
        return ((made - y) ** 2).sum() / 2 + 0.1 * ((x - z) ** 2).sum() / 2

    best = nearest(x, z, y, ~NONE, NONE, spectrum, jnp.float32(0.1))
    np.testing.assert_allclose(jax.grad(energy)(best), 0, atol=1e-4)


def test_what_nobody_saw_and_kept_bounds_play_no_part():
    random = np.random.default_rng(0)
    x, y, z = (jnp.asarray(random.uniform(0.2, 0.8, (24, 24)), jnp.float32) for _ in range(3))
    spectrum = jnp.fft.rfft2(jnp.asarray(np.pad(KERNEL, [(0, 24 - n) for n in KERNEL.shape])))
    made = jnp.fft.irfft2(spectrum * jnp.fft.rfft2(x), x.shape)
    kept = NONE.at[4:8].set(True)
    low = jnp.where(kept, 0.1, y)  # where k (*) x is brighter than a bound
    unseen = nearest(x, z, y, ~kept, NONE, spectrum, jnp.float32(0.1))
    np.testing.assert_allclose(nearest(x, z, low, ~NONE, kept, spectrum, jnp.float32(0.1)), unseen, atol=1e-5)
    np.testing.assert_allclose(nearest(x, z, jnp.where(kept, made, y), ~NONE, NONE, spectrum, jnp.float32(0.1)), unseen)
    high = jnp.where(kept, 1.0, y)
    assert np.abs(nearest(x, z, high, ~NONE, kept, spectrum, jnp.float32(0.1)) - unseen).max() > 0.1


def restored(sharp: np.ndarray, noise: float):
    """A blurry picture, its restoration and that made likelier: (H, W), (H + K - 1, W + L - 1) twice."""
    y = blur(sharp, KERNEL, noise)
    found = evidence(y, KERNEL)
    x = restore(y, KERNEL, found.weight)
    return y, x, likelier(x, y, KERNEL, found.unexplained)


def score(x: np.ndarray, sharp: np.ndarray) -> float:
    return aligned_scores(np.clip(seen(x, KERNEL), 0, 1), seen(sharp, KERNEL)).psnr


def test_what_repeats_is_told_from_noise():
    _, x, better = restored(PRINT, 0.005)
    assert score(better, PRINT) > score(x, PRINT) + 0.3


@pytest.mark.parametrize("noise", [0.002, 0.01, 0.03])
def test_a_photograph_is_not_harmed(noise):
    sharp = photograph(160)
    _, x, better = restored(sharp, noise)
    assert score(better, sharp) > score(x, sharp) - 0.05 and np.abs(better - x).max() > 0.02


def test_the_less_noise_the_more_is_explained():
    y, x, _ = restored(photograph(), 0.005)
    canvases = [likelier(x, y, KERNEL, noise) for noise in (1e-3, 1e-4, 1e-5)]
    left = [((fftconvolve(canvas, KERNEL, "valid") - y) ** 2).mean() for canvas in canvases]
    assert left[0] > 2 * left[1] > 4 * left[2]


def test_a_darker_picture_is_the_same_but_darker():
    y, x, _ = restored(0.2 + 0.6 * photograph(), 0.005)
    better, darker = likelier(x, y, KERNEL, 2e-5), likelier(x / np.float32(8), y / np.float32(8), KERNEL, 2e-5 / 64)
    assert np.sqrt(((8 * darker - better) ** 2).mean()) < 2e-3  # rounding may choose another component


def test_values_keep_their_bounds_and_colours_go_together():
    sharp = np.stack([photograph(), 0.7 * photograph(), 0.4 + 0.5 * photograph()], -1)
    sharp[40:60, 40:60] = 1.6  # a lamp
    y = np.clip(blur(sharp, KERNEL, 0.005), 0, 1)
    x = restore(y, KERNEL, 1e-3)
    better = likelier(x, y, KERNEL, 0.005**2)
    assert better.shape == x.shape and better.dtype == np.float32 and better.min() >= 0
    assert (better <= np.maximum(x, 1)).all() and x.max() > 1
    change = better - x
    free = ((better > 0) & (better < 1)).all(-1)
    np.testing.assert_allclose(np.ptp(change[free], axis=-1), 0, atol=1e-5)


def test_lamps_and_what_is_beside_them_stay():
    """And white paper does not."""
    sharp = np.clip(PRINT / 0.85, 0.3, 1)
    sharp[60:66, 60:66] = 3
    y = np.clip(blur(sharp, KERNEL, 0.005), 0, 1)
    x = restore(y, KERNEL, 3e-4)
    change = np.abs(likelier(x, y, KERNEL, 0.005**2) - x)
    assert 0 < (x > LAMP).sum() < 200 and change.max() > 0.02
    assert maximum_filter(change, 2 * SIDE + 1)[x > LAMP].max() == 0
    assert change[np.abs(x - 1) < 0.02].max() > 0.01


def test_a_lamp_is_one_in_any_colour():
    sharp = np.repeat(0.2 + 0.3 * photograph()[..., None], 3, 2)
    sharp[60:66, 60:66] = 2.6, 0.3, 0.1
    y = np.clip(blur(sharp, KERNEL, 0.005), 0, 1)
    x = restore(y, KERNEL, 3e-4)
    lamp = x.max(2) > LAMP
    assert lamp.any() and luminance(x).max() < LAMP
    change = np.abs(likelier(x, y, KERNEL, 0.005**2) - x).max(2)
    assert maximum_filter(change, 2 * SIDE + 1)[lamp].max() == 0 and change.max() > 0.01


def test_white_paper_gets_no_brighter():
    paper = np.clip(PRINT / 0.85, 0, 1)
    _, x, better = restored(paper, 0.005)
    assert (better <= np.maximum(x, 1)).all() and ((better == 1) & (x < 1)).any()


def test_a_grey_picture_in_colour_is_the_grey_one():
    y, x, _ = restored(photograph(), 0.005)
    three = likelier(np.repeat(x[..., None], 3, 2), np.repeat(y[..., None], 3, 2), KERNEL, 0.005**2)
    one = likelier(x, y, KERNEL, 0.005**2)
    assert np.sqrt(((three[..., 1] - one) ** 2).mean()) < 2e-3  # rounding may choose another component


def test_sizes_that_differ_a_little_share_a_program():
    y, x, _ = restored(photograph(100), 0.005)
    programs = patches._likelier._cache_size()  # type: ignore[attr-defined]
    smaller = likelier(x[1:], y[1:], KERNEL, 1e-5)
    assert smaller.shape == x[1:].shape
    assert patches._likelier._cache_size() == programs  # type: ignore[attr-defined]


def test_small_and_flat_pictures_and_the_same_bytes_again():
    for y in (photograph(16), np.full((16, 16), 0.5, np.float32)):
        point = np.ones((1, 1), np.float32)
        first = likelier(y, y, point, 1e-5)
        assert np.isfinite(first).all()
        np.testing.assert_array_equal(first, likelier(y, y, point, 1e-5))
