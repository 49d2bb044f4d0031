"""The identity of the mirror filters, and what the cross-scale loss makes of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr_deblur.blur import convolve_valid
from inr_deblur.coordinates import canvas_grid, kernel_grid, picture_grid
from inr_deblur.fit import cross_term
from inr_deblur.generators import image_generator
from inr_deblur.qmf import cross_scale_loss, cross_scale_residual, down2, mirror_filters

CASES = [((13, 16), (2, 5)), ((16, 13), (3, 4)), ((12, 17), (4, 3)), ((15, 12), (5, 2)), ((14, 14), (9, 9))]
"""Shapes of pictures and kernels: every remainder modulo 4 of a kernel's side, of even and odd pictures."""


def _coarse_canvas(x, shape, kernel, coarse):
    """The samples of the canvas that the subsampled picture sees through the subsampled kernel."""
    for axis, (n, k, c) in enumerate(zip(shape, kernel, coarse, strict=True)):
        last = k // 2 % 2 + 2 * (c - 1)  # entry of k that is the last one of down2
        first = k - 1 - last
        x = jnp.take(x, first + 2 * np.arange(-(-n // 2) + c - 1), axis=axis)
    return x


@jax.jit
def _residual_of_the_truth(x, k):
    """The residual that the identity says is zero. x: a canvas, k: a kernel."""
    shape = tuple(n - m + 1 for n, m in zip(x.shape, k.shape, strict=True))
    coarse = down2(k)
    x_coarse = _coarse_canvas(x, shape, k.shape, coarse.shape)
    return cross_scale_residual(convolve_valid(x, k), x, k, x_coarse, coarse)


@pytest.mark.parametrize(("shape", "size"), CASES)
def test_the_identity_holds_to_rounding_error(shape, size):
    draw = np.random.default_rng(0)
    (h, w), (k, m) = shape, size
    with jax.enable_x64(True):
        residual = _residual_of_the_truth(
            jnp.asarray(draw.normal(size=(h + k - 1, w + m - 1))), jnp.asarray(draw.normal(size=size))
        )
        assert residual.shape == (-(-h // 2), -(-w // 2))
        assert np.abs(np.asarray(residual)).max() < 1e-11


@pytest.mark.parametrize("size", [size for _, size in CASES])
def test_kernel_and_mirror_filters_add_up_to_what_subsampling_keeps(size):
    k, m = size
    kernel = np.random.default_rng(0).random(size).astype(np.float32)
    mirrors, coarse = jax.jit(lambda a: (mirror_filters(a), down2(a)))(kernel)
    total = kernel + np.asarray(mirrors).sum(0)
    kept = np.zeros(size, bool)
    kept[k // 2 % 2 :: 2, m // 2 % 2 :: 2] = True
    np.testing.assert_allclose(total[kept], 4 * kernel[kept], rtol=1e-5)
    np.testing.assert_allclose(total[~kept], 0, atol=1e-6)
    np.testing.assert_array_equal(np.ravel(coarse), kernel[kept])
    assert kept[k // 2, m // 2]  # the origin is among them


def test_with_a_pointwise_generator_and_its_own_prediction_the_loss_is_blind():
    image = image_generator("harmonic", (20, 24), (4, 4))
    canvas = canvas_grid(picture_grid((20, 24)), kernel_grid((9, 9)))
    draw = np.random.default_rng(0)
    params = {"params": {"coefficients": draw.normal(0, 0.1, (28, 32)).astype(np.float32)}}
    x = jax.jit(image.apply)(params, canvas)
    k = draw.dirichlet(np.ones(81)).reshape(9, 9).astype(np.float32)
    np.testing.assert_allclose(_residual_of_the_truth(x, k), 0, atol=1e-5)


def _even_kernel():
    """One whose four polyphase components have equal mass."""
    even = np.ones((9, 9)) * np.outer(*[np.bartlett(9 + 2)[1:-1]] * 2)
    for phase in range(4):
        component = even[phase // 2 :: 2, phase % 2 :: 2]
        component /= 4 * component.sum()
    return even


def test_the_loss_vanishes_for_the_truth_and_sees_a_checkerboard_kernel():
    x = jnp.asarray(np.random.default_rng(3).random((28, 28)), jnp.float32)
    even = _even_kernel()
    checkerboard = even * (1 + 0.9 * (-1.0) ** np.add.outer(np.arange(9), np.arange(9)))
    loss = jax.jit(lambda k: cross_term(convolve_valid(x, k), x, k, "mirror"))
    losses = [float(loss((k / k.sum()).astype(np.float32))) for k in (even, checkerboard)]
    assert losses[0] < 1e-4 < losses[1]


def test_the_exact_form_is_a_second_data_term():
    draw = np.random.default_rng(4)
    x, y = (jnp.asarray(draw.random(shape), jnp.float32) for shape in ((28, 27), (20, 19)))
    k = jnp.asarray(draw.dirichlet(np.ones(81)).reshape(9, 9), jnp.float32)
    exact, data = jax.jit(
        lambda y: (cross_term(y, x, k, "exact"), cross_scale_loss((y - convolve_valid(x, k))[::2, ::2]))
    )(y)
    assert float(exact) == pytest.approx(float(data), rel=1e-5) and float(exact) > 0.01


def test_without_the_mirror_filters_the_truth_has_a_loss():
    x = jnp.asarray(np.random.default_rng(3).random((28, 28)), jnp.float32)
    k = jnp.asarray(_even_kernel(), jnp.float32)
    mirror, without = (
        float(jax.jit(lambda x, form=form: cross_term(convolve_valid(x, k), x, k, form))(x))
        for form in ("mirror", "unmirrored")
    )
    assert mirror < 1e-4 < 1e-2 < without


def test_the_loss_is_the_mean_modulus_of_the_spectrum():
    r = np.random.default_rng(0).normal(size=(8, 10)).astype(np.float32)
    expected = np.abs(np.fft.rfft2(r, norm="ortho")).mean()
    np.testing.assert_allclose(jax.jit(cross_scale_loss)(r), expected, rtol=1e-4)
