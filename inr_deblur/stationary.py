"""A prior of sparse slopes for white noise in values, with all that a picture leaves open of its latent image.

Slopes g of x are normal with the precisions w, which have a gamma prior of shape a and rate b (Tipping, Sparse Bayesian
learning, JMLR 2001). With x integrated out, what is left of the negative logarithm of the evidence besides the fit is
a determinant, of K' K / N + W for each direction of the slopes. Taken frequency by frequency and sample by sample, as
if W were the same around each, a slope adds

    h(g) = min over w    w g^2 + 2 b w - (2 a + 1) log w + mean over f of log(|K(f)|^2 / N(f) + w)                (1)

where N = lam |D|^2 / 2 is the power of the noise of variance lam in a direction's slopes, and the w of a slope obeys

    w = (2 a + 1) / (g^2 + s + 2 b),    s = mean over f of 1 / (|K(f)|^2 / N(f) + w)                              (2)

with s the variance that the picture leaves open. With a constant |K|^2 / N and a = b = 0, (1) is the coupled penalty of
Wipf and Zhang (`losses.coupled`), up to a constant. A kernel is told by it at all frequencies: one that lets some
through badly leaves those open, and no others.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SHAPE, RATE = 0.2, 1e-5  # a and b, where the contrast is 0.2
ROUNDED = 5e-4  # standard deviation that N has at least, in slopes
FLOOR, LARGEST = 1e-7, 4.0  # of g^2
SQUARES, DEGREE = 64, 11  # for which (1) is tabulated, and of the polynomial in log g^2 that goes through the table
PRECISIONS = np.geomspace(1e-1, 1e8, 40).astype(np.float32)  # w for which the means over f are tabulated
ROUNDS = 40  # of (2)

_PLACES = np.linspace(-1, 1, SQUARES)
_SQUARES = np.geomspace(FLOOR, LARGEST, SQUARES).astype(np.float32)
_FIT = np.linalg.pinv(np.polynomial.polynomial.polyvander(_PLACES, DEGREE)).astype(np.float32)
_DOWN = (np.arange(32) + 0.5) / 32  # cycles a sample; the other half of the frequencies has the same powers
_RIGHT = (np.arange(16) + 0.5) / 32
_LAPLACIAN = np.add.outer(*(4 * np.sin(np.pi * f) ** 2 for f in (_DOWN, _RIGHT))).astype(np.float32)


def stationary_prior(x: Array, k: Array, lam: Array) -> Array:
    """lam times the sum of the means of (1) over the slopes of x (H, W) across and down, for the kernel k (K, L).

    lam: the variance of white noise in what k (*) x explains.
    """
    ratio = _power(k) / (lam * _LAPLACIAN / 2 + ROUNDED**2)
    terms = jnp.asarray(PRECISIONS)[:, None, None] + ratio
    logs, left = jnp.log(terms).mean((1, 2)), jax.lax.stop_gradient(jnp.log((1 / terms).mean((1, 2))))

    def at(w: Array, table: Array) -> Array:
        return jnp.interp(jnp.log(w), np.log(PRECISIONS), table)

    squares = jnp.asarray(_SQUARES)
    w = 1 / (squares + 1e-6)
    for _ in range(ROUNDS):
        w = (2 * SHAPE + 1) / (squares + jnp.exp(at(w, left)) + 2 * RATE)
    w = jax.lax.stop_gradient(w)  # (1) is least there
    h = w * (squares + 2 * RATE) - (2 * SHAPE + 1) * jnp.log(w) + at(w, logs)
    coefficients = jnp.asarray(_FIT) @ h  # looked up sample by sample, a table would cost ten times as much
    return lam * sum(_polynomial(coefficients, jnp.diff(x, axis=axis)).mean() for axis in (0, 1))


def _power(k: Array) -> Array:
    """|K|^2 at the frequencies of `_LAPLACIAN`."""
    (across, along), (cosine, sine) = (
        (jnp.asarray(np.cos(angle), jnp.float32), jnp.asarray(np.sin(angle), jnp.float32))
        for angle in (2 * np.pi * np.outer(f, np.arange(n)) for f, n in zip((_DOWN, _RIGHT), k.shape, strict=True))
    )
    real, imaginary = across @ k, along @ k
    return (real @ cosine.T - imaginary @ sine.T) ** 2 + (real @ sine.T + imaginary @ cosine.T) ** 2


def _polynomial(coefficients: Array, g: Array) -> Array:
    """In log g^2, by Horner's rule."""
    t = 2 * jnp.log((g * g + FLOOR) / FLOOR) / np.log(LARGEST / FLOOR) - 1
    value = jnp.full_like(t, coefficients[-1])
    for c in coefficients[-2::-1]:
        value = value * t + c
    return value
