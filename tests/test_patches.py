"""The picture's own patches: a mixture that gets likelier, overlaps that add up, and what they are worth."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import Array
from scipy.signal import fftconvolve
from skimage import data

from inr_deblur import patches
from inr_deblur.evidence import evidence
from inr_deblur.metrics import aligned_scores
from inr_deblur.patches import COMPONENTS, LEAST, SIDE, Mixture, begun, fitted, most_probable, with_patches
from inr_deblur.restore import restore
from inr_deblur.simulate import blur, line_kernel, seen

KERNEL = line_kernel(9, 30)
PRINT = (data.page()[:160, 40:200] / 255).astype(np.float32)


def photograph(side: int = 128) -> np.ndarray:
    return (data.camera()[100 : 100 + side, 180 : 180 + side] / 255).astype(np.float32)


def samples(x: np.ndarray, count: int = 3000) -> Array:
    corners = np.random.default_rng(1).integers(0, min(x.shape) - SIDE, (2, count))
    return patches._sample(jnp.asarray(x), jnp.asarray(corners))


def likelihood(mixture: Mixture, d: Array) -> float:
    """The mean logarithm of the density at patches d, but for a constant."""
    whitening, constants, _ = patches._whitening(mixture, patches.FLOOR)
    each = np.asarray(patches._likelihoods(d, whitening, constants)[0], np.float64)
    most = each.max(1)
    return float((most + np.log(np.exp(each - most[:, None]).sum(1))).mean())


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
    assert all(after > before - 1e-3 for before, after in zip(found, found[1:], strict=False))
    assert found[-1] > found[0] + 1
    assert np.exp(mixture.logarithms).sum() == pytest.approx(1, abs=1e-4)


def test_a_patch_becomes_its_wiener_estimate():
    x = jnp.asarray(photograph(30))
    flat = Mixture(jnp.tile(LEAST * jnp.eye(SIDE**2), (COMPONENTS, 1, 1)), jnp.zeros(COMPONENTS))
    rich = Mixture(jnp.tile(jnp.eye(SIDE**2), (COMPONENTS, 1, 1)), jnp.zeros(COMPONENTS))
    offset = jnp.array([0, 0])
    means = patches.overlapping(x).mean(-1, keepdims=True) * jnp.ones(SIDE**2)
    smooth = patches.overlapped(means, x.shape) / patches.overlapped(jnp.ones_like(means), x.shape)
    np.testing.assert_allclose(most_probable(x, flat, jnp.float32(1), offset), smooth, atol=1e-4)
    np.testing.assert_allclose(most_probable(x, rich, jnp.float32(1e-6), offset), x, atol=1e-4)
    half = most_probable(x, rich, jnp.float32(1), offset)  # as much signal as noise
    np.testing.assert_allclose(half, (x + smooth) / 2, atol=1e-4)


def restored(sharp: np.ndarray, noise: float):
    """A blurry picture, its restoration and that made more like its patches: (H, W), (H + K - 1, W + L - 1) twice."""
    y = blur(sharp, KERNEL, noise)
    found = evidence(y, KERNEL)
    x = restore(y, KERNEL, found.weight)
    return y, x, with_patches(x, y, KERNEL, found.unexplained)


def score(x: np.ndarray, sharp: np.ndarray) -> float:
    return aligned_scores(np.clip(seen(x, KERNEL), 0, 1), seen(sharp, KERNEL)).psnr


@pytest.mark.parametrize(("sharp", "gain"), [(photograph(160), -0.05), (PRINT, 0.3)])
def test_what_repeats_is_told_from_noise(sharp, gain):
    _, x, better = restored(sharp, 0.005)
    assert score(better, sharp) > score(x, sharp) + gain


def test_the_less_noise_the_more_is_explained():
    y, x, _ = restored(photograph(), 0.005)
    canvases = [with_patches(x, y, KERNEL, noise) for noise in (1e-3, 1e-4, 1e-5)]
    left = [((fftconvolve(canvas, KERNEL, "valid") - y) ** 2).mean() for canvas in canvases]
    assert left[0] > 2 * left[1] > 4 * left[2]


def test_values_keep_their_bounds_and_colours_go_together():
    sharp = np.stack([photograph(), 0.7 * photograph(), 0.4 + 0.5 * photograph()], -1)
    sharp[40:60, 40:60] = 1.6  # a lamp
    y, x, better = restored_in_colour(sharp)
    assert better.shape == x.shape and better.dtype == np.float32 and better.min() >= 0
    assert (better <= np.maximum(x, 1)).all() and x.max() > 1
    change = better - x
    free = ((better > 0) & (better < 1)).all(-1)
    np.testing.assert_allclose(np.ptp(change[free], axis=-1), 0, atol=1e-5)


def restored_in_colour(sharp: np.ndarray):
    y = np.clip(blur(sharp, KERNEL, 0.005), 0, 1)
    x = restore(y, KERNEL, 1e-3)
    return y, x, with_patches(x, y, KERNEL, 0.005**2)


def test_a_grey_picture_in_colour_is_the_grey_one():
    sharp = photograph()
    y, x, _ = restored(sharp, 0.005)
    three = with_patches(np.repeat(x[..., None], 3, 2), np.repeat(y[..., None], 3, 2), KERNEL, 0.005**2)
    one = with_patches(x, y, KERNEL, 0.005**2)
    assert np.sqrt(((three[..., 1] - one) ** 2).mean()) < 2e-3  # rounding may choose another component


def test_sizes_that_differ_a_little_share_a_program():
    y, x, _ = restored(photograph(100), 0.005)
    programs = patches._with_patches._cache_size()  # type: ignore[attr-defined]
    smaller = with_patches(x[1:], y[1:], KERNEL, 1e-5)
    assert smaller.shape == x[1:].shape
    assert patches._with_patches._cache_size() == programs  # type: ignore[attr-defined]


def test_the_same_bytes_again():
    y, x, _ = restored(photograph(64), 0.005)
    np.testing.assert_array_equal(with_patches(x, y, KERNEL, 1e-5), with_patches(x, y, KERNEL, 1e-5))
