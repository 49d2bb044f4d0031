"""Data terms and priors, all means over samples, of latent values x (a canvas), a kernel k and a residual r.

Gradients are forward differences in samples of the scale at hand.
"""

import jax
import jax.numpy as jnp
from jax import Array


def dy(x: Array) -> Array:
    return jnp.diff(x, axis=-2)


def dx(x: Array) -> Array:
    return jnp.diff(x, axis=-1)


LEVEL = 0.1  # weight of values beside slopes, without noise
AS_STRONG = 0.01  # noise that what a kernel leaves unexplained is about as strong as, where the contrast is 0.2


def whitened_fit(r: Array, noise: Array) -> Array:
    """[mean (dy r)^2 + mean (dx r)^2 + (0.1 + t) mean r^2] / (1 + t), t = (noise / 0.01)^2.

    noise: standard deviation of what is white in r. The rest of a residual, what one kernel can't explain, has a
    picture's spectrum, which slopes make white. But of white noise they make the highest frequencies the loudest, and
    then a kernel that is too small wins, since it lets the image explain them: the more noise, the more values count.
    """
    t = (noise / AS_STRONG) ** 2
    return ((dy(r) ** 2).mean() + (dx(r) ** 2).mean() + (LEVEL + t) * (r * r).mean()) / (1 + t)


def variational_prior(x: Array, k: Array, lam: Array) -> Array:
    """Wipf and Zhang, Revisiting Bayesian Blind Deconvolution (JMLR 2014), eq. 23, for both gradients, times lam.

    The penalty `coupled` with rho = lam / |k|^2 ties edges to the kernel: a sharper kernel (larger |k|) makes it more
    concave. Its gradient must flow through |k|.
    """
    power = (k * k).sum()
    rho = lam / power
    return lam * (coupled(dy(x), rho) + coupled(dx(x), rho) + 2 * jnp.log(power))


@jax.custom_jvp
def coupled(g: Array, rho: Array) -> Array:
    """The mean of h(g) = 2|g| / (|g| + q) + log(2 rho + g^2 + |g| q), q = sqrt(g^2 + 4 rho), over samples g.

    h(g) = min over v of g^2 / v + log(v + rho), up to a constant; so its slopes are those at the best v = |g| (|g| + q)
    / 2, without a derivative of v: half the arithmetic of a step's prior.
    """
    a, s, double = _best_variance(g, rho)
    return (2 * a / s + jnp.log(2 * rho + double)).mean()


def _best_variance(g: Array, rho: Array) -> tuple[Array, Array, Array]:
    a = jnp.abs(g)
    s = a + jnp.sqrt(a * a + 4 * rho)
    return a, s, a * s


@coupled.defjvp
def _coupled_jvp(primals, tangents):
    g, rho = primals
    _, s, double = _best_variance(g, rho)
    slope = 4 * jnp.sign(g) / s
    return coupled(g, rho), (slope * tangents[0] + 2 * tangents[1] / (2 * rho + double)).mean()


def squared_gradient(x: Array) -> Array:
    return dy(x)[..., :-1] ** 2 + dx(x)[..., :-1, :] ** 2


def saturating_prior(x: Array, tau: float = 0.015) -> Array:
    """mean |grad x|^2 / (|grad x|^2 + tau^2): counts the edges, a smooth stand-in for the L0 norm."""
    g = squared_gradient(x)
    return (g / (g + tau * tau)).mean()


POWER, SCALE = 2 / 3, 0.05  # p and s of phi, in `sparse_prior` and `restore`
CURVATURE, EXCESS = 0.5, 3.0  # shares of the second differences and of what exceeds 1


def sparse_prior(x: Array, epsilon: float = 1e-3) -> Array:
    """mean phi(|grad x|) + phi(|hess x|) / 2 + 3 max(x - 1, -x, 0), phi(g) = s^(1-p) g^p / p rounded off at `epsilon`.

    The prior of `restore`, for generators that are fitted step by step (hyper-Laplacian: Krishnan and Fergus 2009).
    """

    def phi(square: Array) -> Array:
        return (SCALE ** (1 - POWER) / POWER * (square + epsilon**2) ** (POWER / 2)).mean()

    bend = squared_gradient(dy(x)[..., :-1]) + squared_gradient(dx(x)[..., :-1, :])
    outside = jnp.maximum(jnp.maximum(x - 1, -x), 0)
    return phi(squared_gradient(x)) + CURVATURE * phi(bend) + EXCESS * outside.mean()
