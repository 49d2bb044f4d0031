"""Non-blind restoration: the latent image for a kernel that is known, in closed-form steps.

    minimise over the canvas x >= 0    1/2 |clip(k (*) x) - y|^2
        + weight sum [phi(|grad x|) + phi(|hess x|) / 2 + 3 max(x - 1, 0)],    phi(g) = s^(1-p) g^p / p

over valid convolutions, so nothing is made up beyond the picture's border, with p = 2/3: gradients of photographs are
hyper-Laplacian (Krishnan and Fergus, NIPS 2009), and the second differences keep slopes from turning into stairs. Where
y is clipped, a prediction beyond the clip is no error. The latent image may exceed 1 at a price, so that lamps are as
bright as their streaks tell while white paper stays white.

Solved by the alternating direction method of multipliers with the border masked (Almeida and Figueiredo, Deconvolving
images with unknown boundaries using the ADMM, IEEE TIP 2013), in the form of Douglas and Rachford, over-relaxed
(Eckstein and Bertsekas 1992). With g one of k (*) x, grad x, hess x, x, each held by a state s and a penalty rho:

    z = prox(s),    x = argmin sum rho |g(x) - (2 z - s)|^2,    s <- s + 1.6 (g(x) - z)

The first is a shrinkage or a bound, the second a division in the Fourier domain, where gradient steps would be slowed
down by the kernel's conditioning. The weight starts larger, so that coarse structure is in place early. Colours share
one norm of their gradients (Blomgren and Chan 1998), so that edges stay in one place in all of them.

Whatever the picture's and the kernel's sizes, the program is that of the Fourier transform's size, of which there are
few.
"""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import framed
from inr_deblur.clipping import BLACK, white
from inr_deblur.losses import CURVATURE, EXCESS, POWER, SCALE

STEPS, RELAXATION = 60, 1.6
FIRST_WEIGHT, FALL = 20.0, 18  # times the weight it starts with, steps until it is down
FIT_PENALTY, EDGE_PENALTY, BOUND_PENALTY = 0.04, 10.0, 3e-4  # the second times the prior's weight: for speed only


class Parts(NamedTuple):
    """One of each part that the energy is a sum of: states, their proximal points, what x makes of them, penalties."""

    fit: Any  # (C, H, W), of k (*) x
    slope: Any  # down, right
    bend: Any  # down and down, right and right, down and right
    bound: Any  # (C, H, W), of x


def restore(y: NDArray, k: NDArray, weight: float, bound: NDArray[np.bool_] | None = None) -> NDArray[np.float32]:
    """The latent canvas of y. y: (H, W) or (H, W, C); k: (K, L), sum 1 -> (H + K - 1, W + L - 1) or (..., C).

    Values in [0, 1] are expected of y; those of the canvas are not negative and may exceed 1. bound: where y is one
    (`clipping`), (H, W), None: where it is white.
    """
    channels = np.moveaxis(np.atleast_3d(y), 2, 0).astype(np.float32)
    (h, w), (kh, kw) = channels.shape[1:], k.shape
    frame = framed((h, w), k)
    inside = ((0, 0), *frame.inside)
    around = [(n // 2, s - m - n // 2) for n, s, m in zip(k.shape, frame.size, (h, w), strict=True)]
    measured, seen = np.pad(channels, inside), np.pad(np.ones_like(channels[:1]), inside)
    bound = np.pad(white(channels) if bound is None else bound[None], inside)
    start = np.pad(channels, ((0, 0), *around), "edge")
    weights = weight * FIRST_WEIGHT ** np.maximum(1 - np.arange(STEPS + 1) / FALL, 0)
    x = np.asarray(_restore(measured, seen, bound, start, frame.kernel, weights.astype(np.float32)))
    x = x[:, : h + kh - 1, : w + kw - 1]
    return np.moveaxis(x, 0, 2) if y.ndim == 3 else x[0]


def restore_within(y: NDArray, k: NDArray, weight: float) -> NDArray[np.float32]:
    """The latent image where y is, as `restore` finds it, in [0, 1]: the shape of y, with k's middle as its origin."""
    top, left = (n // 2 for n in k.shape)
    return np.clip(restore(y, k, weight)[top : top + y.shape[0], left : left + y.shape[1]], 0, 1)


@jax.jit
def _restore(measured: Array, seen: Array, bound: Array, start: Array, k: Array, weights: Array) -> Array:
    """All of the Fourier transform's size: y, where it is and is a bound, x, the kernel; weights: (steps + 1,)."""
    size = k.shape

    def fourier(a: Array) -> Array:
        return jnp.fft.rfft2(a)

    def image(f: Array) -> Array:
        return jnp.fft.irfft2(f, size)

    black = (measured <= BLACK) & (seen > 0)
    blur = fourier(k[None])
    power = jnp.abs(blur) ** 2
    frequencies = np.fft.fftfreq(int(size[0]))[:, None], np.fft.rfftfreq(int(size[1]))[None]
    laplacian = jnp.asarray(sum(4 * np.sin(np.pi * f) ** 2 for f in frequencies), jnp.float32)[None]

    def fitted(a: Array) -> Array:
        beyond = (bound & (a > measured)) | (black & (a < measured))
        return jnp.where(beyond, a, (seen * measured + FIT_PENALTY * a) / (seen + FIT_PENALTY))

    def bounded(a: Array, price: Array) -> Array:
        return jnp.where(a > 1, jnp.maximum(a - price, 1), jnp.maximum(a, 0))

    def nearest(state: Parts, weight: Array) -> Parts:
        """The proximal points."""
        price = EXCESS * weight / penalties(weight).bound
        slope, bend = _shrunk(state.slope, (1, 1)), _shrunk(state.bend, (1, 1, 2))
        return Parts(fitted(state.fit), slope, bend, bounded(state.bound, price))

    def solution(goal: Parts, rho: Parts) -> Array:
        """The spectrum of the x whose parts come nearest to a goal."""
        down, right = (rho.slope * g for g in goal.slope)
        down += rho.bend * (_back(goal.bend[0], -2) + _back(goal.bend[2], -1))
        right += rho.bend * (_back(goal.bend[1], -1) + _back(goal.bend[2], -2))
        rest = _back(down, -2) + _back(right, -1) + rho.bound * goal.bound
        normal = FIT_PENALTY * power + rho.slope * laplacian + rho.bend * laplacian**2 + rho.bound
        transposed = FIT_PENALTY * jnp.conj(blur)
        return (fourier(rest) + transposed * fourier(goal.fit)) / normal.astype(blur.dtype)

    def parts(spectrum: Array) -> Parts:
        x = image(spectrum)
        down, right = _ahead(x, -2), _ahead(x, -1)
        bend = _ahead(down, -2), _ahead(right, -1), _ahead(down, -1)
        return Parts(image(blur * spectrum), (down, right), bend, x)

    def step(state: Parts, now_and_next: tuple[Array, Array]) -> tuple[Parts, None]:
        weight, later = now_and_next
        z, rho = nearest(state, weight), penalties(weight)
        x = parts(solution(jax.tree.map(lambda z, s: 2 * z - s, z, state), rho))

        def moved(ease: Array, *part: Any) -> Any:
            return jax.tree.map(lambda s, z, g: z + ease * (s - z) + RELAXATION * (g - z), *part)

        eases = jax.tree.map(lambda now, then: now / then, rho, penalties(later))  # rho (s - z) stays
        return Parts(*map(moved, eases, state, z, x)), None

    state, _ = jax.lax.scan(step, parts(fourier(start)), (weights[:-1], weights[1:]))
    return nearest(state, weights[-1]).bound


def penalties(weight: Array) -> Parts:
    """rho of each part; that of the mixed second difference counts twice."""
    edge = EDGE_PENALTY * weight
    return Parts(jnp.asarray(FIT_PENALTY, jnp.float32), edge, CURVATURE * edge, BOUND_PENALTY + edge)


def _ahead(x: Array, axis: int) -> Array:
    """Forward difference, periodic."""
    return jnp.roll(x, -1, axis) - x


def _back(g: Array, axis: int) -> Array:
    """The transpose of `_ahead`."""
    return jnp.roll(g, 1, axis) - g


def _shrunk(g: Sequence[Array], counts: Sequence[int]) -> tuple[Array, ...]:
    """The generalised shrinkage of phi for the norm over directions, root mean square over channels: each (C, H, W).

    Chartrand, Shrinkage mappings and their induced penalty functions (ICASSP 2014): the threshold falls with the norm.
    Sums are written out and the power is exp2 of log2, so that a compiler for processors makes one quick pass of it.
    """
    squares = reduce(add, (count * a * a for a, count in zip(g, counts, strict=True)))
    norm = reduce(add, squares) / len(squares) + 1e-12  # squared, (H, W)
    threshold = SCALE ** (1 - POWER) / EDGE_PENALTY * jnp.exp2((POWER / 2 - 1) * jnp.log2(norm))
    share = jnp.maximum(1 - threshold, 0)
    return tuple(share * a for a in g)
