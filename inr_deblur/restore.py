"""Non-blind restoration: the latent image for a kernel that is known, in closed-form steps.

    minimise over the canvas x >= 0    1/2 |clip(k (*) x) - y|^2
        + weight sum [phi(|grad x|) + phi(|hess x|) / 2 + 3 max(x - 1, 0)],    phi(g) = s^(1-p) g^p / p

over valid convolutions, so nothing is made up beyond the picture's border, with p = 2/3: gradients of photographs are
hyper-Laplacian (Krishnan and Fergus, NIPS 2009), and the second differences keep slopes from turning into stairs. Where
y is clipped, a prediction beyond the clip is no error. The latent image may exceed 1 at a price, so that lamps are as
bright as their streaks tell while white paper stays white.

Solved by the alternating direction method of multipliers with the border masked (Almeida and Figueiredo, Deconvolving
images with unknown boundaries using the ADMM, IEEE TIP 2013): each step is a division in the Fourier domain, a
shrinkage or a bound, where gradient steps would be slowed down by the kernel's conditioning. Colours share one norm of
their gradients (Blomgren and Chan 1998), so that edges stay in one place in all of them.

Whatever the picture's and the kernel's sizes, the program is that of the Fourier transform's size, of which there are
few.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import fast_size
from inr_deblur.losses import CURVATURE, EXCESS, POWER, SCALE

STEPS = 120
FIT_PENALTY, EDGE_PENALTY = 0.02, 10.0  # of k (*) x, and of the prior's parts times their weight: for speed only
CLIPPED = 0.5 / 255  # this near to 0 or 1 a pixel counts as clipped


def restore(y: NDArray, k: NDArray, weight: float) -> NDArray[np.float32]:
    """The latent canvas of y. y: (H, W) or (H, W, C); k: (K, L), sum 1 -> (H + K - 1, W + L - 1) or (..., C).

    Values in [0, 1] are expected of y; those of the canvas may exceed 1.
    """
    channels = np.moveaxis(np.atleast_3d(y), 2, 0).astype(np.float32)
    (h, w), (kh, kw) = channels.shape[1:], k.shape
    canvas = h + kh - 1, w + kw - 1
    size = fast_size(canvas)
    inside = ((0, 0), (kh - 1, size[0] - canvas[0]), (kw - 1, size[1] - canvas[1]))
    around = [(n // 2, s - m - n // 2) for n, s, m in zip(k.shape, size, (h, w), strict=True)]
    measured, seen = np.pad(channels, inside), np.pad(np.ones_like(channels[:1]), inside)
    start = np.pad(channels, ((0, 0), *around), "edge")
    kernel = np.pad(np.asarray(k, np.float32), [(0, s - n) for s, n in zip(size, k.shape, strict=True)])
    x = np.asarray(_restore(measured, seen, start, kernel, np.float32(weight), STEPS))[:, : canvas[0], : canvas[1]]
    return np.moveaxis(x, 0, 2) if y.ndim == 3 else x[0]


@partial(jax.jit, static_argnames=("steps",))
def _restore(measured: Array, seen: Array, start: Array, k: Array, weight: Array, steps: int) -> Array:
    """All of the Fourier transform's size: y, where it is, the first x and the kernel."""
    size = k.shape
    edge_penalty, bend_penalty = EDGE_PENALTY * weight, EDGE_PENALTY * CURVATURE * weight
    bound_penalty = 1e-3 + EDGE_PENALTY * weight

    def fourier(a: Array) -> Array:
        return jnp.fft.rfft2(a)

    def image(f: Array) -> Array:
        return jnp.fft.irfft2(f, size)

    white, black = (clipped & (seen > 0) for clipped in (measured >= 1 - CLIPPED, measured <= CLIPPED))
    blur = fourier(k[None])
    frequencies = np.fft.fftfreq(int(size[0]))[:, None], np.fft.rfftfreq(int(size[1]))[None]
    laplacian = jnp.asarray(sum(4 * np.sin(np.pi * f) ** 2 for f in frequencies), jnp.float32)[None]
    normal = FIT_PENALTY * jnp.abs(blur) ** 2 + bound_penalty
    normal += edge_penalty * laplacian + bend_penalty * laplacian**2
    inverse = (1 / normal).astype(blur.dtype)

    def fit(a: Array) -> Array:
        one_sided = (white & (a > measured)) | (black & (a < measured))
        return jnp.where(one_sided, a, (seen * measured + FIT_PENALTY * a) / (seen + FIT_PENALTY))

    def bound(a: Array) -> Array:
        return jnp.where(a > 1, jnp.maximum(a - EXCESS * weight / bound_penalty, 1), jnp.maximum(a, 0))

    def step(state, _):
        spectrum, x, (fit_dual, edge_dual, bend_dual, bound_dual) = state
        blurred, slope = image(blur * spectrum), _gradient(x)
        bend = _gradient(slope)
        fitted = fit(blurred - fit_dual)
        edge, curve = _shrink(slope - edge_dual), _shrink(bend - bend_dual)
        bounded = bound(x - bound_dual)
        fit_dual, edge_dual = fit_dual - blurred + fitted, edge_dual - slope + edge
        bend_dual, bound_dual = bend_dual - bend + curve, bound_dual - x + bounded
        right = edge_penalty * (edge + edge_dual) + bend_penalty * _divergence(curve + bend_dual)
        right = _divergence(right) + bound_penalty * (bounded + bound_dual)
        spectrum = (fourier(right) + FIT_PENALTY * jnp.conj(blur) * fourier(fitted + fit_dual)) * inverse
        return (spectrum, image(spectrum), (fit_dual, edge_dual, bend_dual, bound_dual)), None

    duals = tuple(jnp.zeros((*directions, *start.shape), start.dtype) for directions in ((), (2,), (2, 2), ()))
    (_, x, _), _ = jax.lax.scan(step, (fourier(start), start, duals), None, length=steps)
    return x


def _gradient(x: Array) -> Array:
    """Forward differences, periodic: (..., H, W) -> (2, ..., H, W)."""
    return jnp.stack([jnp.roll(x, -1, -2) - x, jnp.roll(x, -1, -1) - x])


def _divergence(g: Array) -> Array:
    """The transpose of `_gradient`."""
    return jnp.roll(g[0], 1, -2) - g[0] + jnp.roll(g[1], 1, -1) - g[1]


def _shrink(g: Array) -> Array:
    """The generalised shrinkage of phi for the norm over directions, root mean square over channels: (..., C, H, W).

    Chartrand, Shrinkage mappings and their induced penalty functions (ICASSP 2014): the threshold falls with the norm.
    """
    norm = jnp.sqrt((g * g).sum(tuple(range(g.ndim - 3)), keepdims=True).mean(-3, keepdims=True) + 1e-12)
    return g * jnp.maximum(1 - (norm / SCALE) ** (POWER - 1) / (EDGE_PENALTY * norm), 0)
