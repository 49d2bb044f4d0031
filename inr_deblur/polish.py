"""The last steps of a kernel that is small: rounds of closed-form steps in the search's own objective, at less noise.

A search's descents hold the weight lam of the variational prior (`losses.variational_prior`), which stands for the
variance of the noise in slopes, at no less than 1e-4: with less they are too slow. With that much the energy of a
kernel that is a little wrong can be lower than the true one's, also where there is hardly any noise; with less it
mostly is not. So here lam is close to what the noise asks for, and image and kernel are found in turn,

    x = argmin    1/2 |grad (k (*) x - y)|^2 + lam/2 sum h(g)    over slopes g of x, across and down            (1)
    k = argmin    1/2 |k (*) grad x - grad y|^2 + lam/2 |k|^2 sum v / (v |k|^2 + lam)    over k >= 0            (2)

with h as in `losses.coupled` and v = |g| (|g| + q) / 2 the variance for which it is reached. (2) lies above the energy
and touches it at the k that (1) was solved with, so each lowers it (Wipf and Zhang, Revisiting Bayesian blind
deconvolution, JMLR 2014, algorithm 1). Such rounds are slow near their end: each kernel is moved on by what it has
moved already, which may raise it. (1) begins anew from the blurry picture in each, with a larger lam first: from the x
of the round before it stays in what it has made of wrong edges. Both are solved as in `alternation`.

Whether the kernel is any better, the energy tells that the search judges by.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.alternation import (
    FAINT,
    MARGIN,
    Corrected,
    against,
    fitted_kernel,
    gradient,
    laid_out,
    laplacian,
    padded,
)
from inr_deblur.kernels import cropped, pruned
from inr_deblur.restore import FALL, FIRST_WEIGHT, RELAXATION
from inr_deblur.schedule import QUIET

ROUNDS, STEPS = 16, 40  # steps of (1) in a round
MOMENTUM = 0.8  # share of a round's move that is added to the next
LEAST = 1e-5  # lam, where the contrast is 0.2
OF_QUIET, OF_NOISE = 4.0, 6.0  # lam over the variance of the noise, of less than `QUIET` and of more


def polished(y: NDArray, k: NDArray, noise: float, rounds: int = ROUNDS) -> Corrected:
    """The kernel k (K, K), sum 1, after some rounds on the most telling part of the grey picture y (H, W).

    noise: its standard deviation in the units of y. The losses are those of `alternation.corrected`.
    """
    k = cropped(pruned(k), MARGIN)
    gain, size, measured, _, _, slope_seen, slope_of, start = laid_out(y, k.shape)
    support, seen = padded(np.ones_like(k), size), gain * noise
    white = np.ones_like(laplacian(size))  # all frequencies count alike: small kernels lose detail otherwise
    lam = np.float32(max(LEAST, (OF_QUIET if seen < QUIET else OF_NOISE) * seen**2))
    lams = (lam * FIRST_WEIGHT ** np.maximum(1 - np.arange(STEPS) / FALL, 0)).astype(np.float32)
    before, losses = k, []
    for _ in range(rounds):
        ahead = np.maximum(k + MOMENTUM * (k - before), 0)
        before, ahead = k, ahead / ahead.sum()
        x, prior = _latent(measured, slope_seen, slope_of, start, padded(pruned(ahead, FAINT), size), lams)
        now = padded(ahead, size)
        found, loss, _ = fitted_kernel(x, slope_of, measured, None, slope_seen, now, support, white, prior)
        k = np.asarray(found)[: k.shape[0], : k.shape[1]]
        losses.append(float(loss))
    return Corrected(k, np.asarray(losses, np.float32))


@jax.jit
def _latent(
    measured: Array, slope_seen: Array, slope_of: Array, start: Array, k: Array, lams: Array
) -> tuple[Array, Array]:
    """The x of (1), and what |k|^2 counts in (2). All of the Fourier transform's size; lams: (steps,)."""
    size = k.shape
    blur = jnp.fft.rfft2(k)
    penalty = (k * k).sum()  # |k|^2: with less than half of it `_shrunk` would have two answers
    normal = ((jnp.abs(blur) ** 2 + penalty) * laplacian(size) + 1e-9).astype(blur.dtype)
    wanted = gradient(measured)

    def parts(spectrum: Array) -> tuple[Array, Array, Array]:
        x = jnp.fft.irfft2(spectrum, size)
        return x, gradient(jnp.fft.irfft2(blur * spectrum, size)), gradient(x)

    def step(state: tuple[Array, Array, Array], lam: Array):
        _, fit, slope = state
        z = jnp.where(slope_seen > 0, (wanted + fit) / 2, fit)
        edges = _shrunk(slope, lam / 2 / penalty, lam / penalty)
        goal = jnp.conj(blur) * jnp.fft.rfft2(against(2 * z - fit))
        goal += jnp.fft.rfft2(penalty * against(2 * edges - slope))
        x, made, its = parts(goal / normal)
        return (x, fit + RELAXATION * (made - z), slope + RELAXATION * (its - edges)), None

    x = jax.lax.scan(step, parts(jnp.fft.rfft2(start)), lams)[0][0]
    g, lam = jnp.abs(gradient(x)), lams[-1]
    v = g * (g + jnp.sqrt(g * g + 4 * lam / penalty)) / 2
    return x, lam * (slope_of * v / (v * penalty + lam)).sum()


def _shrunk(slope: Array, weight: Array, rho: Array) -> Array:
    """The proximal map of weight h: h'(g) = 4 / (|g| + sqrt(g^2 + 4 rho))."""
    size = jnp.abs(slope)
    g = size
    for _ in range(6):
        g = jnp.maximum(size - 4 * weight / (g + jnp.sqrt(g * g + 4 * rho)), 0)
    return jnp.sign(slope) * g
