"""Data terms and priors, all means over samples, of latent values x (a canvas), a kernel k and a residual r.

Gradients are forward differences in samples of the scale at hand.
"""

import jax.numpy as jnp
from jax import Array


def dy(x: Array) -> Array:
    return jnp.diff(x, axis=-2)


def dx(x: Array) -> Array:
    return jnp.diff(x, axis=-1)


def gradient_fit(r: Array, level: float = 0.1) -> Array:
    """mean (dy r)^2 + mean (dx r)^2 + level mean r^2: the fit in the gradient domain, where priors on edges live."""
    return (dy(r) ** 2).mean() + (dx(r) ** 2).mean() + level * (r * r).mean()


def variational_prior(x: Array, k: Array, lam: Array) -> Array:
    """Wipf and Zhang, Revisiting Bayesian Blind Deconvolution (JMLR 2014), eq. 23, for both gradients, times lam.

    h(g) = 2|g| / (|g| + q) + log(2 rho + g^2 + |g| q), q = sqrt(g^2 + 4 rho), rho = lam / |k|^2. The penalty couples
    edges and kernel: a sharper kernel (larger |k|) makes it more concave. Its gradient must flow through |k|.
    """
    power = (k * k).sum()
    rho = lam / power

    def h(g: Array) -> Array:
        g = jnp.sqrt(g * g + 1e-10)
        q = jnp.sqrt(g * g + 4 * rho)
        return (2 * g / (g + q) + jnp.log(2 * rho + g * g + g * q)).mean()

    return lam * (h(dy(x)) + h(dx(x)) + 2 * jnp.log(power))


def squared_gradient(x: Array) -> Array:
    return dy(x)[..., :-1] ** 2 + dx(x)[..., :-1, :] ** 2


def saturating_prior(x: Array, tau: float = 0.015) -> Array:
    """mean |grad x|^2 / (|grad x|^2 + tau^2): counts the edges, a smooth stand-in for the L0 norm."""
    g = squared_gradient(x)
    return (g / (g + tau * tau)).mean()


def total_variation(x: Array, epsilon: float = 1e-3) -> Array:
    """Isotropic total variation, rounded off below `epsilon` (Rudin, Osher, Fatemi 1992)."""
    return jnp.sqrt(squared_gradient(x) + epsilon**2).mean()


def hyper_laplacian(x: Array, power: float = 0.8, epsilon: float = 1e-3) -> Array:
    """mean (|grad x|^2 + epsilon^2)^(power / 2) (Krishnan and Fergus 2009)."""
    return ((squared_gradient(x) + epsilon**2) ** (power / 2)).mean()
