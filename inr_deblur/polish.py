"""The last steps of a kernel: rounds of closed-form steps of variational Bayes, at the noise that the picture has.

A search's descents hold the weight lam of the variational prior (`losses.variational_prior`), which stands for the
variance of the noise in slopes, at no less than 1e-4: with less they are too slow. With that much the energy of a
kernel that is a little wrong can be lower than the true one's, also where there is hardly any noise; with less it
mostly is not. So here lam is close to what the noise asks for, and image and kernel are found in turn,

    x = argmin    1/2 |grad (k (*) x - y)|^2 + lam/2 sum w g^2    over slopes g of x, across and down            (1)
    k = argmin    1/2 |k (*) grad x - grad y|^2 + lam/2 mean of S |K|^2    over k >= 0, mean over frequencies    (2)

with K the kernel's transform, w the mean of the inverse variances that go with the slope g of that x, and S the power
of what the posterior leaves open of the slopes at a frequency, over lam. The variances have an inverse gamma prior of
shape a and scale b, and the posterior of a slope has the variance s of one that stands alone,

    w = (a + 1/2) / (b + (g^2 + s) / 2),    1 / s = |k|^2 / lam + w                                              (3)

With a = b = 0 this is the coupled penalty of the search (Wipf and Zhang, Revisiting Bayesian blind deconvolution, JMLR
2014, algorithm 1), which suits small kernels. Wide ones it makes too sharp; there a is one and slopes have Student's
distribution (Tipping, Sparse Bayesian learning, JMLR 2001). b, small against what edges are, plays hardly a part.

What is left open of slopes is white if each stands alone. Among others it is not: a kernel tells little of frequencies
that it lets through badly. For wide kernels S is that of slopes whose neighbours weigh as much as they do themselves,

    S = sum over slopes of 1 / (|K|^2 + lam w)                                                                   (4)

with K that of the k in (1). White, it made kernels too strong at the frequencies that they pass badly, as x lacks
more of those than of others.

Such rounds are slow near their end: each kernel is moved on by what it has moved already. (1) begins anew from the
blurry picture in each, with a larger lam first: from the x of the round before it stays in what it has made of wrong
edges. Both are solved as in `alternation`, (2) of wide kernels with its fit whitened and S as it is. Whether to take
the kernel, the energy tells that the search judges by.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.alternation import (
    AS_STRONG,
    FAINT,
    Corrected,
    against,
    fitted_kernel,
    gradient,
    laid_out,
    laplacian,
    padded,
    with_margin,
)
from inr_deblur.kernels import pruned
from inr_deblur.restore import FALL, FIRST_WEIGHT, RELAXATION

STEPS = 40  # of (1) in a round
MOMENTUM = 0.8  # share of a round's move that is added to the next
LEAST = 1e-5  # lam, where the contrast is 0.2
PASSED = 1e-6, 1.0, 40  # |K|^2 for which (4) is tabulated: least, largest, how many


class Manner(NamedTuple):
    """How kernels of a kind are polished in pictures of a kind."""

    rounds: int
    of_noise: float  # lam over the variance of the noise
    a: float = 0.0  # of (3)
    b: float = 0.0  # of (3), where the contrast is 0.2
    wide: bool = False  # with (4), and whitened noise in (2)


OF_SMALL, OF_SMALL_IN_NOISE = Manner(16, 4.0), Manner(16, 6.0)
OF_WIDE, OF_WIDE_IN_NOISE = (Manner(rounds, 2.0, 1.0, 1e-5, wide=True) for rounds in (4, 1))


def manner(wide: bool, noisy: bool) -> Manner:
    """How a kernel is polished. More rounds at more noise take a wide kernel away from the true one."""
    return ((OF_SMALL, OF_SMALL_IN_NOISE), (OF_WIDE, OF_WIDE_IN_NOISE))[wide][noisy]


def polished(y: NDArray, k: NDArray, noise: float, how: Manner) -> Corrected:
    """The kernel k (K, K), sum 1, after some rounds on the most telling part of the grey picture y (H, W).

    noise: its standard deviation in the units of y; how: see `manner`. The losses are those of `alternation.corrected`.
    """
    k = with_margin(k)
    gain, size, measured, _, _, slope_seen, slope_of, start = laid_out(y, k.shape)
    support, seen = padded(np.ones_like(k), size), gain * noise
    # small kernels lose detail with whitened noise, wide ones have chequerboards without
    whitening = (1 / (1 + how.wide * (seen / AS_STRONG) ** 2 * laplacian(size))).astype(np.float32)
    lam = np.float32(max(LEAST, how.of_noise * seen**2))
    lams = (lam * FIRST_WEIGHT ** np.maximum(1 - np.arange(STEPS) / FALL, 0)).astype(np.float32)
    before, losses = k, []
    for _ in range(how.rounds):
        ahead = np.maximum(k + MOMENTUM * (k - before), 0)
        before, ahead = k, ahead / ahead.sum()
        blur = padded(pruned(ahead, FAINT), size)
        x, w = _latent(measured, slope_seen, start, blur, lams, how.a, how.b)
        prior = lam * (_open(w, slope_of, blur, lam) if how.wide else _alone(w, slope_of, blur, lam))
        now = padded(ahead, size)
        found, loss, _ = fitted_kernel(x, slope_of, measured, None, slope_seen, now, support, whitening, prior)
        k = np.asarray(found)[: k.shape[0], : k.shape[1]]
        losses.append(float(loss))
    return Corrected(k, np.asarray(losses, np.float32))


@partial(jax.jit, static_argnames=("a", "b"))
def _latent(
    measured: Array, slope_seen: Array, start: Array, k: Array, lams: Array, a: float, b: float
) -> tuple[Array, Array]:
    """The x of (1) and its w (2, H, W). All of the Fourier transform's size; lams: (steps,)."""
    size = k.shape
    blur = jnp.fft.rfft2(k)
    penalty = (k * k).sum()
    normal = ((jnp.abs(blur) ** 2 + penalty) * laplacian(size) + 1e-9).astype(blur.dtype)
    wanted = gradient(measured)

    def parts(spectrum: Array) -> tuple[Array, Array, Array]:
        x = jnp.fft.irfft2(spectrum, size)
        return x, gradient(jnp.fft.irfft2(blur * spectrum, size)), gradient(x)

    def step(state: tuple[Array, Array, Array], lam: Array):
        _, fit, slope = state
        z = jnp.where(slope_seen > 0, (wanted + fit) / 2, fit)
        edges = _shrunk(slope, lam / penalty, a, b)
        goal = jnp.conj(blur) * jnp.fft.rfft2(against(2 * z - fit))
        goal += jnp.fft.rfft2(penalty * against(2 * edges - slope))
        x, made, its = parts(goal / normal)
        return (x, fit + RELAXATION * (made - z), slope + RELAXATION * (its - edges)), None

    x = jax.lax.scan(step, parts(jnp.fft.rfft2(start)), lams)[0][0]
    return x, _inverse_variance(gradient(x) ** 2, lams[-1] / penalty, a, b)


def _inverse_variance(square: Array, rho: Array, a: float, b: float) -> Array:
    """The w of (3) of slopes with these squares: the positive root of p w^2 + (p / rho - a) w = (a + 1/2) / rho.

    p = b + g^2 / 2, rho = lam / |k|^2.
    """
    p = b + square / 2 + 1e-12  # so that w is finite where b and g are zero
    linear, constant = p / rho - a, (a + 0.5) / rho
    root = jnp.sqrt(linear**2 + 4 * p * constant)
    return jnp.where(linear > 0, 2 * constant / (root + jnp.abs(linear)), (root - linear) / (2 * p))


def _shrunk(slope: Array, rho: Array, a: float, b: float) -> Array:
    """What the proximal map of rho w g^2 / 2 leaves of slopes, w being that of what is left: g (1 + rho w) = slope.

    With a prior there can be two answers: six steps from the slope itself shrink those near the threshold less.
    """
    if a == b == 0:
        return jnp.sign(slope) * jnp.maximum(jnp.abs(slope) - rho / jnp.maximum(jnp.abs(slope), 1e-12), 0)
    g = slope
    for _ in range(6):
        g = slope / (1 + rho * _inverse_variance(g * g, rho, a, b))
    return g


@jax.jit
def _alone(w: Array, slope_of: Array, k: Array, lam: Array) -> Array:
    """S where each slope stands alone: sum s / lam."""
    return (slope_of / ((k * k).sum() + lam * w)).sum()


@jax.jit
def _open(w: Array, slope_of: Array, k: Array, lam: Array) -> Array:
    """The S of (4), of the size of a real transform."""
    least, largest, count = PASSED
    table = jnp.geomspace(least, largest, count, dtype=w.dtype)
    sums = jax.lax.map(lambda power: (slope_of / (power + lam * w)).sum(), table)
    power = jnp.clip(jnp.abs(jnp.fft.rfft2(k)) ** 2, least, largest)
    return jnp.exp(jnp.interp(jnp.log(power), jnp.log(table), jnp.log(sums)))
