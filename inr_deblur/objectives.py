"""What a stage minimises: a fit and a prior, as functions of the latent image, the kernel and the prior's weight."""

from collections.abc import Callable
from typing import NamedTuple

from jax import Array

from inr_deblur import losses
from inr_deblur.stationary import stationary_prior


class Latent(NamedTuple):
    """A step's values at the stage's scale."""

    x: Array  # (H + K - 1, W + L - 1) the latent canvas
    k: Array  # (K, L)
    residual: Array  # (H, W) k (*) x - y, one-sided where y is a bound (`clipping`)
    noise: Array  # () standard deviation of y's noise


Objective = Callable[[Latent, Array], Array]


def variational(now: Latent, lam: Array) -> Array:
    """Whitened fit and the coupled penalty of Wipf and Zhang: keeps the blind fit off the delta kernel."""
    return losses.whitened_fit(now.residual, now.noise) + losses.variational_prior(now.x, now.k, lam)


def edges(now: Latent, lam: Array) -> Array:
    """Squared error and a count of the edges: sharpens the kernel once the fit is in the right basin."""
    return 0.1 * (now.residual**2).mean() + lam * losses.saturating_prior(now.x)


def sparse(now: Latent, lam: Array) -> Array:
    """Squared error and sparse differences: restores with a kernel that is known."""
    return 0.5 * (now.residual**2).mean() + lam * losses.sparse_prior(now.x)


def stationary(now: Latent, lam: Array) -> Array:
    """Squared error and what an image leaves open (`stationary`), for white noise of the variance lam."""
    return (now.residual**2).mean() + stationary_prior(now.x, now.k, lam)


OBJECTIVES: dict[str, Objective] = {
    "variational": variational,
    "edges": edges,
    "sparse": sparse,
    "stationary": stationary,
}
