"""A prior of sparse slopes for white noise in values, with all that a picture leaves open of its latent image.

Slopes g of x are normal with the precisions w, which have a gamma prior of shape a and rate b (Tipping, Sparse Bayesian
learning, JMLR 2001). With x integrated out, what is left of the negative logarithm of the evidence besides the fit is
a determinant, of K' K / N + W for each direction of the slopes. Taken frequency by frequency and sample by sample, as
if W were the same around each, a slope adds

    h(g) = min over w    w g^2 + 2 b w - (2 a + 1) log w + mean over f of log(|K(f)|^2 / N(f) + w)                (1)

where N = lam |D|^2 is the power of what slopes make of noise of the variance lam, and the w of a slope obeys

    w = (2 a + 1) / (g^2 + s + 2 b),    s = mean over f of 1 / (|K(f)|^2 / N(f) + w)                              (2)

with s the variance that the picture leaves open. With a constant |K|^2 / N and a = b = 0, (1) is the coupled penalty of
Wipf and Zhang (`losses.coupled`), up to a constant. A kernel is told by it at all frequencies: one that lets some
through badly leaves those open, and no others. Both directions have all of |D|^2 in N, since for one w in all places
the determinant of K' K / lam + w D' D is then theirs.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SHAPE, RATE = 0.2, 1e-5  # a and b, where the contrast is 0.2
ROUNDED = 5e-4  # standard deviation that the noise in slopes has at least, where the contrast is 0.2
LEAST_FREQUENCIES = 32  # along an axis; a kernel that is wider has one a sample
FLOOR, LARGEST = 2e-5, 4.0  # g^2 from which on (1) goes with its logarithm, and up to which it is tabulated
SQUARES, DEGREE = 64, 11  # of the table, and of the polynomial in log(g^2 + FLOOR) that goes through it
PRECISIONS = np.geomspace(5e-2, 2e5, 48).astype(np.float32)  # w for which the means over f are tabulated

_PLACES = np.linspace(-1, 1, SQUARES)
_FIT = np.linalg.pinv(np.polynomial.polynomial.polyvander(_PLACES, DEGREE)).astype(np.float32)


def stationary_prior(x: Array, k: Array, lam: Array) -> Array:
    """lam times the sum of the means of (1) over the slopes of x (H, W) across and down, for the kernel k (K, L).

    lam: the variance of white noise in what k (*) x explains.
    """
    count = max(LEAST_FREQUENCIES, *(n + n % 2 for n in k.shape))
    terms = PRECISIONS[:, None, None] + power(k, count) / (lam * _laplacian(count) + ROUNDED**2)
    logs, left = jnp.log(terms).mean((1, 2)), jax.lax.stop_gradient((1 / terms).mean((1, 2)))
    squares = FLOOR * np.expm1(np.log1p(LARGEST / FLOOR) * (_PLACES + 1) / 2).astype(np.float32)
    # (2), solved for g^2, tells where each w of the table belongs
    places, precisions = (2 * SHAPE + 1) / PRECISIONS - left, np.log(PRECISIONS)
    log_w = jnp.interp(np.log(squares + 2 * RATE), jnp.log(places)[::-1], precisions[::-1])
    log_w = jax.lax.stop_gradient(log_w)  # (1) is least there
    h = jnp.exp(log_w) * (squares + 2 * RATE) - (2 * SHAPE + 1) * log_w + jnp.interp(log_w, precisions, logs)
    # looked up sample by sample, a table would cost ten times as much
    coefficients = jnp.matmul(_FIT, h, precision="highest")
    return lam * sum(_penalty(coefficients, jnp.diff(x, axis=axis)) for axis in (0, 1))


def power(k: Array, count: int) -> Array:
    """|K|^2 at half of `count` x `count` frequencies, all others have the same: (K, L) -> (count, count / 2)."""
    turns = [2 * np.pi * np.outer(f, np.arange(n)) for f, n in zip(_frequencies(count), k.shape, strict=True)]
    (cos_down, sin_down), (cos_right, sin_right) = (
        (np.cos(turn).astype(np.float32), np.sin(turn).astype(np.float32)) for turn in turns
    )

    def product(a: Array | np.ndarray, b: Array | np.ndarray) -> Array:
        return jnp.matmul(a, b, precision="highest")

    real, imaginary = product(cos_down, k), product(sin_down, k)  # (count, K) @ (K, L)
    return (product(real, cos_right.T) - product(imaginary, sin_right.T)) ** 2 + (
        product(real, sin_right.T) + product(imaginary, cos_right.T)
    ) ** 2


def _frequencies(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Down and to the right, cycles a sample."""
    return (np.arange(count) + 0.5) / count, (np.arange(count // 2) + 0.5) / count


def _laplacian(count: int) -> np.ndarray:
    """|D|^2 at the frequencies of `power`."""
    return np.add.outer(*(4 * np.sin(np.pi * f) ** 2 for f in _frequencies(count))).astype(np.float32)


def _penalty(coefficients: Array, g: Array) -> Array:
    """The mean of (1) over samples g: a polynomial, and beyond the table as w = (2 a + 1) / g^2 goes on."""
    whole = jnp.log1p(g * g / FLOOR) / np.float32(np.log1p(LARGEST / FLOOR))
    beyond = np.float32((2 * SHAPE + 1) * np.log1p(LARGEST / FLOOR)) * jnp.maximum(whole - 1, 0).mean()
    return _polynomial(coefficients, 2 * jnp.minimum(whole, 1) - 1) + beyond


@jax.custom_vjp
def _polynomial(coefficients: Array, t: Array) -> Array:
    """The mean over samples t (H, W) of sum_j c_j t^j; coefficients c: (DEGREE + 1,), lowest first.

    Its derivatives are the means of t^j and a polynomial again. Through Horner's rule, step by step, they take six
    times as long.
    """
    return _horner(coefficients, t).mean()


def _horner(coefficients: Array, t: Array) -> Array:
    value = jnp.full_like(t, coefficients[-1])
    for c in coefficients[-2::-1]:
        value = value * t + c
    return value


def _derivatives(saved: tuple[Array, Array], above: Array) -> tuple[Array, Array]:
    coefficients, t = saved
    powers = jnp.stack([(t**j).mean() for j in range(len(coefficients))])
    derived = coefficients[1:] * jnp.arange(1, len(coefficients), dtype=jnp.float32)
    return above * powers, above / np.float32(t.size) * _horner(derived, t)


_polynomial.defvjp(lambda coefficients, t: (_polynomial(coefficients, t), (coefficients, t)), _derivatives)
