"""The last corrections of a kernel."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import gaussian_filter
from scipy.optimize import nnls
from scipy.signal import fftconvolve
from skimage import data

from inr_deblur import alternation
from inr_deblur.alternation import (
    RIDGE,
    _kept,
    against,
    corrected,
    fitted_kernel,
    gradient,
    mended,
    padded,
    with_margin,
)
from inr_deblur.clipping import white
from inr_deblur.kernels import likeness, pruned
from inr_deblur.simulate import blur, gaussian_kernel, random_shake_kernel

TRUE = random_shake_kernel(19, 3, "smooth").astype(np.float32)
ROUGH = np.asarray(gaussian_filter(TRUE, 0.7), np.float32)
ONE = np.float32(1)  # all frequencies alike
Y = blur(data.camera()[60:360, 60:360] / 255, TRUE, 0.003).astype(np.float32)


def test_a_kernel_that_is_about_right_comes_nearer_to_the_true_one():
    y = blur(data.coins()[:190, :300] / 255, TRUE, 0.003).astype(np.float32)
    found = pruned(corrected(y, ROUGH, 0.003).kernel)
    assert likeness(found, TRUE) > likeness(ROUGH, TRUE) + 0.02


@pytest.mark.parametrize("picture", [data.page()[:190, :300], data.grass()[:300, :300], data.gravel()[:300, :300]])
def test_print_and_rough_textures_have_edges_of_their_own_size(picture):
    """What counts as an edge in photographs is an edge nearly everywhere in these, and says nothing."""
    y = blur(picture / 255, TRUE, 0.003).astype(np.float32)
    assert likeness(pruned(corrected(y, ROUGH, 0.003).kernel), TRUE) > 0.92


def test_the_true_kernel_stays_about_as_it_is():
    assert likeness(pruned(corrected(Y, TRUE, 0.003).kernel), TRUE) > 0.96


@pytest.mark.parametrize("picture", [data.coins()[:190, :300], data.page()[:190, :300], data.grass()[:300, :300]])
def test_noise_does_not_pull_a_kernel_away(picture):
    """Where all edges are slight, or many, so that a prior as strong as sparse ones allow takes them for noise."""
    y = blur(picture / 255, TRUE, 0.01).astype(np.float32)
    assert likeness(pruned(corrected(y, TRUE, 0.01).kernel), TRUE) > 0.96
    assert likeness(pruned(corrected(y, ROUGH, 0.01).kernel), TRUE) > likeness(ROUGH, TRUE) + 0.02


def test_a_kernel_is_not_negative_sums_to_one_and_explains_the_slopes_better_in_the_end():
    kernel, losses = corrected(Y, ROUGH, 0.003)
    assert kernel.min() >= 0 and kernel.sum() == pytest.approx(1, abs=1e-4)
    assert len(losses) == 8 and losses[-1] < losses[0] / 2
    assert len(corrected(Y, ROUGH, 0.003, rounds=1).losses) == 1


def test_brightness_and_contrast_play_no_part():
    one, other = corrected(Y, ROUGH, 0.003), corrected(0.4 * Y, ROUGH, 0.4 * 0.003)
    assert likeness(one.kernel, other.kernel) > 0.995  # but for rounding, which many steps amplify


@pytest.mark.parametrize("shift", [(0, 0), (3, -5)])
def test_a_kernel_loses_what_lies_far_from_it_and_stays_where_it_is(shift):
    clean = np.roll(np.pad(ROUGH, 8), shift, (0, 1))
    spoilt = 0.9 * clean
    spoilt[1:3, 1:3] = 0.1 / 4
    found = mended(Y, spoilt, 0.003, rounds=4)
    assert found.shape == clean.shape and found.sum() == pytest.approx(1, abs=1e-4)
    assert likeness(found, np.pad(TRUE, 8)) > likeness(spoilt, np.pad(TRUE, 8)) + 0.02
    assert found[:4, :4].sum() < 0.03
    aligned = float((found * clean).sum() / np.sqrt((found**2).sum() * (clean**2).sum()))
    assert aligned > likeness(found, clean) - 0.05


def test_a_kernel_stays_where_it_is_though_what_is_faint_in_it_goes(monkeypatch):
    k = np.zeros((61, 61), np.float32)
    k[30, 30], k[30, 31:61] = 1, np.linspace(0.0125, 0.0115, 30)  # pruned twice it has no tail
    monkeypatch.setattr(
        alternation, "corrected", lambda y, k, *_: alternation.Corrected(with_margin(k), np.zeros(1, np.float32))
    )
    found = mended(Y, k, 0.003, rounds=1)
    assert np.unravel_index(found.argmax(), found.shape) == (30, 30)


def test_room_on_the_periodic_grid_plays_no_part():
    tight, roomy = (corrected(Y, ROUGH, 0.003, room=room).kernel for room in (1, 55))
    assert tight.shape == roomy.shape and likeness(tight, roomy) > 0.995


def test_clipped_lamps_do_not_mislead_a_kernel():
    y = np.clip(2 * Y, 0, 1)
    assert white(y).mean() > 0.2
    at_face_value, as_bounds = corrected(y, ROUGH, 0.006), corrected(y, ROUGH, 0.006, bound=white(y))
    assert likeness(pruned(as_bounds.kernel), TRUE) > likeness(pruned(at_face_value.kernel), TRUE) + 0.02


@pytest.mark.parametrize("kernel", [gaussian_kernel(9), np.ones((1, 1)), random_shake_kernel(31, 5)])
def test_a_picture_hardly_larger_than_its_kernel_and_a_point_are_taken(kernel):
    kernel = kernel.astype(np.float32)
    y = np.random.default_rng(0).random((40, 36), np.float32)
    found = corrected(y, kernel, 0.01, rounds=2).kernel
    assert np.isfinite(found).all() and found.sum() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(("begin", "least"), [(TRUE, 0.998), (ROUGH, 0.94)])
def test_with_the_true_image_the_kernel_comes_near_to_the_true_one_and_stays_there(begin, least):
    sharp = (data.camera()[:140, :150] / 255).astype(np.float32)
    y = fftconvolve(sharp, TRUE, "valid").astype(np.float32)
    size, n = (162, 162), len(TRUE) - 1
    slope_of, seen, measured = (np.zeros(size, np.float32) for _ in range(3))
    slope_of[: sharp.shape[0] - 1, : sharp.shape[1] - 1] = 1
    seen[n : n + y.shape[0] - 1, n : n + y.shape[1] - 1] = 1
    measured[n : n + y.shape[0], n : n + y.shape[1]] = y
    k, loss, slope = fitted_kernel(
        padded(sharp, size), slope_of, measured, None, seen, padded(begin, size), padded(begin * 0 + 1, size), ONE
    )
    k = np.asarray(k)
    assert likeness(k[: n + 1, : n + 1], TRUE) > max(least, likeness(begin, TRUE) - 1e-3)
    assert loss < 0.01 * np.square(np.diff(y, axis=0)).mean()
    down, right = np.diff(sharp, axis=0)[:, :-1], np.diff(sharp, axis=1)[:-1]
    assert slope == pytest.approx(np.sqrt((down**2 + right**2).mean()), rel=1e-4)
    assert k.min() >= 0 and not k[n + 1 :].any() and not k[:, n + 1 :].any()


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 10_000), st.floats(0, 0.05))
def test_the_kernel_is_that_of_non_negative_least_squares(seed, noise):
    rng = np.random.default_rng(seed)
    x, n = rng.random((24, 28)), 5
    y = fftconvolve(x, random_shake_kernel(n, seed), "valid")
    y += noise * rng.standard_normal(y.shape)
    size, (h, w) = (28, 32), y.shape
    slope_of, seen, measured = (np.zeros(size, np.float32) for _ in range(3))
    slope_of[: x.shape[0] - 1, : x.shape[1] - 1] = 1
    seen[n - 1 : n + h - 2, n - 1 : n + w - 2] = 1
    measured[n - 1 : n - 1 + h, n - 1 : n - 1 + w] = y
    start, support = np.full((n, n), 1 / n**2, np.float32), padded(np.ones((n, n)), size)
    image = padded(x.astype(np.float32), size)
    k, *_ = fitted_kernel(image, slope_of, measured, None, seen, padded(start, size), support, ONE)
    slopes = [np.diff(x, axis=0)[:, :-1], np.diff(x, axis=1)[:-1]]
    wanted = [np.diff(y, axis=0)[:, :-1], np.diff(y, axis=1)[:-1]]
    points = np.eye(n * n).reshape(-1, n, n)
    columns = [np.concatenate([fftconvolve(g, p, "valid").ravel() for g in slopes]) for p in points]
    ridge = np.sqrt(RIDGE * sum((g**2).sum() for g in slopes)) * np.eye(n * n)
    least = nnls(np.vstack([np.stack(columns, 1), ridge]), np.concatenate([*map(np.ravel, wanted), np.zeros(n * n)]))[0]
    assert np.abs(np.asarray(k)[:n, :n] - (least / least.sum()).reshape(n, n)).max() < 1e-2


@given(hnp.arrays(np.float32, (2, 5, 7), elements=st.floats(-1, 1, width=32)))
def test_differences_and_their_transpose_are_adjoint(g):
    x = np.random.default_rng(1).random((5, 7), np.float32)
    assert float((gradient(jnp.asarray(x)) * g).sum()) == pytest.approx(
        float((x * against(jnp.asarray(g))).sum()), abs=1e-4
    )


@settings(deadline=None)
@given(st.floats(0, 40))
def test_slopes_are_shrunk_to_the_least_of_prior_and_distance(size):
    """g = q v of least g^2 / (g^2 + 1) + (g - v)^2 / 2, in units of tau."""
    g = np.linspace(0, 1, 4001) * size
    energy = g**2 / (g**2 + 1) + (g - size) ** 2 / 2
    found = float(_kept(jnp.float32(size**2))) * size
    assert found**2 / (found**2 + 1) + (found - size) ** 2 / 2 <= energy.min() + 2e-3
    assert 0 <= found <= size
