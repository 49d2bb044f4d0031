"""The identity of the mirror filters, and what the cross-scale loss makes of it."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inr_deblur.blur import convolve_valid
from inr_deblur.coordinates import canvas_grid, kernel_grid, picture_grid
from inr_deblur.fit import cross_term
from inr_deblur.generators import image_generator
from inr_deblur.qmf import cross_scale_loss, cross_scale_residual, down2, mirror_filters

SIDES = st.integers(2, 9)


def _coarse_canvas(x, shape, kernel, coarse):
    """The samples of the canvas that the subsampled picture sees through the subsampled kernel."""
    for axis, (n, k, c) in enumerate(zip(shape, kernel, coarse, strict=True)):
        last = k // 2 % 2 + 2 * (c - 1)  # entry of k that is the last one of down2
        first = k - 1 - last
        x = jnp.take(x, first + 2 * np.arange(-(-n // 2) + c - 1), axis=axis)
    return x


@given(st.integers(12, 21), st.integers(12, 21), SIDES, SIDES, st.integers(0, 999))
def test_the_identity_holds_to_rounding_error(h, w, k, m, seed):
    draw = np.random.default_rng(seed)
    with jax.enable_x64(True):
        x, kernel = jnp.asarray(draw.normal(size=(h + k - 1, w + m - 1))), jnp.asarray(draw.normal(size=(k, m)))
        coarse = down2(kernel)
        x_coarse = _coarse_canvas(x, (h, w), (k, m), coarse.shape)
        residual = cross_scale_residual(convolve_valid(x, kernel), x, kernel, x_coarse, coarse)
        assert residual.shape == (-(-h // 2), -(-w // 2))
        assert float(jnp.abs(residual).max()) < 1e-11


@given(SIDES, SIDES, st.integers(0, 999))
def test_kernel_and_mirror_filters_add_up_to_what_subsampling_keeps(k, m, seed):
    kernel = jnp.asarray(np.random.default_rng(seed).random((k, m)), jnp.float32)
    total = np.asarray(kernel + mirror_filters(kernel).sum(0))
    kept = np.zeros((k, m), bool)
    kept[k // 2 % 2 :: 2, m // 2 % 2 :: 2] = True
    np.testing.assert_allclose(total[kept], 4 * kernel[kept], rtol=1e-5)
    np.testing.assert_allclose(total[~kept], 0, atol=1e-6)


def test_with_a_pointwise_generator_and_its_own_prediction_the_loss_is_blind():
    image = image_generator("harmonic", (20, 24), (4, 4))
    kernel = kernel_grid((9, 9))
    canvas = canvas_grid(picture_grid((20, 24)), kernel)
    params = image.init(jax.random.key(0), canvas)
    params = jax.tree.map(lambda a: jax.random.normal(jax.random.key(1), a.shape) * 0.1, params)
    x = image.apply(params, canvas)
    k = jax.nn.softmax(jax.random.normal(jax.random.key(2), (81,))).reshape(9, 9)
    coarse = down2(k)
    x_coarse = _coarse_canvas(x, (20, 24), (9, 9), coarse.shape)
    residual = cross_scale_residual(convolve_valid(x, k), x, k, x_coarse, coarse)
    np.testing.assert_allclose(residual, 0, atol=1e-5)


def test_the_loss_vanishes_for_the_truth_and_sees_a_checkerboard_kernel():
    draw = np.random.default_rng(3)
    x = jnp.asarray(draw.random((28, 28)), jnp.float32)
    even = np.ones((9, 9)) * np.outer(*[np.bartlett(9 + 2)[1:-1]] * 2)
    for phase in range(4):  # give the four polyphase components equal mass
        component = even[phase // 2 :: 2, phase % 2 :: 2]
        component /= 4 * component.sum()
    checkerboard = even * (1 + 0.9 * (-1.0) ** np.add.outer(np.arange(9), np.arange(9)))
    losses = []
    for kernel in (even, checkerboard / checkerboard.sum()):
        k = jnp.asarray(kernel, jnp.float32)
        losses.append(float(cross_term(convolve_valid(x, k), x, k)))
    assert losses[0] < 1e-4 < losses[1]


def test_the_loss_is_the_mean_modulus_of_the_spectrum():
    r = np.random.default_rng(0).normal(size=(8, 10)).astype(np.float32)
    expected = np.abs(np.fft.rfft2(r, norm="ortho")).mean()
    np.testing.assert_allclose(cross_scale_loss(jnp.asarray(r)), expected, rtol=1e-4)
