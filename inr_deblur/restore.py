"""Non-blind restoration: the latent image for a kernel that is known, in closed-form steps.

    minimise over the canvas x    1/2 |k (*) x - y|^2 + weight sum |grad x|

over valid convolutions, so nothing is made up beyond the picture's border. Solved by the alternating direction method
of multipliers with the border masked (Almeida and Figueiredo, Deconvolving images with unknown boundaries using the
ADMM, IEEE TIP 2013): every step is a division in the Fourier domain, a shrinkage, or a division by the mask, where
gradient steps would be slowed down by the kernel's conditioning. Colours share one gradient norm (Blomgren and Chan
1998), so that edges stay in one place in all of them.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import fast_size

STEPS = 120
PENALTIES = 0.02, 0.01  # on k (*) x and on grad x: they set the speed, not the solution


def restore(y: NDArray, k: NDArray, weight: float) -> NDArray[np.float32]:
    """The latent canvas of y. y: (H, W) or (H, W, C); k: (K, L), sum 1 -> (H + K - 1, W + L - 1) or (..., C)."""
    channels = np.moveaxis(np.atleast_3d(y), 2, 0).astype(np.float32)
    x = np.asarray(_restore(jnp.asarray(channels), jnp.asarray(k, jnp.float32), weight, STEPS))
    return np.moveaxis(x, 0, 2) if y.ndim == 3 else x[0]


@partial(jax.jit, static_argnames=("steps",))
def _restore(y: Array, k: Array, weight: float, steps: int) -> Array:
    (_, h, w), (kh, kw) = y.shape, k.shape
    canvas = h + kh - 1, w + kw - 1
    size = fast_size(canvas)
    fit_penalty, edge_penalty = PENALTIES

    def fourier(a: Array) -> Array:
        return jnp.fft.rfft2(a, size)

    def image(f: Array) -> Array:
        return jnp.fft.irfft2(f, size)

    inside = ((0, 0), (kh - 1, size[0] - canvas[0]), (kw - 1, size[1] - canvas[1]))
    seen = jnp.pad(jnp.ones_like(y[:1]), inside)
    measured = jnp.pad(y, inside)
    blur = fourier(k[None])
    frequencies = np.fft.fftfreq(int(size[0]))[:, None], np.fft.rfftfreq(int(size[1]))[None]
    laplacian = sum(4 * np.sin(np.pi * f) ** 2 for f in frequencies)
    normal = fit_penalty * jnp.abs(blur) ** 2 + edge_penalty * jnp.asarray(laplacian, jnp.float32)[None] + 1e-9
    inverse = (1 / normal).astype(blur.dtype)

    def step(state, _):
        x, fit_dual, edge_dual = state
        blurred, slope = image(blur * fourier(x)), _gradient(x)
        fitted = (measured + fit_penalty * (blurred - fit_dual)) / (seen + fit_penalty)
        edge = _shrink(slope - edge_dual, weight / edge_penalty)
        fit_dual, edge_dual = fit_dual - blurred + fitted, edge_dual - slope + edge
        right = fit_penalty * jnp.conj(blur) * fourier(fitted + fit_dual)
        right += edge_penalty * fourier(_divergence(edge + edge_dual))
        return (image(right * inverse), fit_dual, edge_dual), None

    around = [(n // 2, s - m - n // 2) for n, s, m in zip(k.shape, size, (h, w), strict=True)]
    start = jnp.pad(y, ((0, 0), *around), "edge")
    state = (start, jnp.zeros_like(start), jnp.zeros((2, *start.shape), start.dtype))
    (x, _, _), _ = jax.lax.scan(step, state, None, length=steps)
    return x[:, : canvas[0], : canvas[1]]


def _gradient(x: Array) -> Array:
    """Forward differences, periodic: (C, H, W) -> (2, C, H, W)."""
    return jnp.stack([jnp.roll(x, -1, -2) - x, jnp.roll(x, -1, -1) - x])


def _divergence(g: Array) -> Array:
    """The transpose of `_gradient`."""
    return jnp.roll(g[0], 1, -2) - g[0] + jnp.roll(g[1], 1, -1) - g[1]


def _shrink(g: Array, threshold: float) -> Array:
    """The proximal map of the joint norm over directions and channels."""
    norm = jnp.sqrt((g * g).sum((0, 1), keepdims=True) + 1e-20)
    return g * jnp.maximum(1 - threshold / norm, 0)
