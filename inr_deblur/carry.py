"""From one scale to the next: a kernel is carried over as it was seen, not as its network goes on between samples.

A network that was fitted to samples of some spacing is free between them: with half the spacing it shows a kernel that
has little in common with the coarse one. So it is first fitted to that, t, interpolated at the finer samples q:

    minimise over theta    - sum_q t(q) log k(q; theta)
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from flax.linen import Module
from jax import Array
from jax.sharding import Mesh
from numpy.typing import NDArray

from inr_deblur.coordinates import Grid
from inr_deblur.devices import gathered, mapped, mesh_for, shared_out
from inr_deblur.fit import Params, descend, optimiser, windowed

STEPS, RATE = 60, 3e-3
FLOOR = 1e-9  # of a sample of k, within the logarithm


def interpolated(k: NDArray[np.float32], places: Grid, onto: Grid) -> NDArray[np.float32]:
    """The kernel k (K, L), whose samples lie at `places`, bilinear at `onto` and zero beyond, with sum 1 again.

    Both grids are evenly spaced, in pixels; some of the mass must lie within `onto`.
    """
    u, v = (
        np.maximum(0, 1 - np.abs(there[:, None] - here) / (here[1] - here[0]))
        for here, there in zip(places, onto, strict=True)
    )
    finer = u @ k @ v.T
    return (finer / finer.sum()).astype(np.float32)


def finer(k: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernel (K, L), odd sides above 1, at samples half as far apart: (2 K - 1, 2 L - 1), sum 1."""
    places, onto = (Grid(*(np.arange(0, 2 * n - 1, step, dtype=np.float32) for n in k.shape)) for step in (2, 1))
    return interpolated(k, places, onto)


def refitted(
    generator: Module,
    spacing: int,
    params: Params,
    offsets: Grid,
    windows: NDArray[np.float32],
    kernels: NDArray[np.float32],
) -> Params:
    """Parameters with which the kernel generator shows the kernels (members, K, L) at `offsets`, as near as may be.

    spacing: of the samples, pixels; params: those to begin with; offsets: (members, K) and (members, L), pixels;
    windows: (members,) pixels, see `fit.windowed`. Parameters have a leading axis of members, too.
    """
    mesh = mesh_for(len(kernels))
    batch = shared_out((params, offsets, windows, kernels), mesh)
    return gathered(_refitted(generator, spacing, mesh, *batch), len(kernels))


@partial(jax.jit, static_argnames=("generator", "spacing", "mesh"))
def _refitted(
    generator: Module, spacing: int, mesh: Mesh | None, params: Params, offsets: Grid, windows: Array, kernels: Array
) -> Params:
    adam = optimiser(generator)
    rates = jnp.asarray(RATE * 0.5 * (1 + np.cos(np.linspace(0, np.pi, STEPS))), jnp.float32)

    def one(params: Params, offsets: Grid, window: Array, kernel: Array) -> Params:
        def loss(params: Params) -> Array:
            shown = windowed(generator.apply(params, offsets, spacing), offsets, window)  # type: ignore[arg-type]
            return -(kernel * jnp.log(shown + FLOOR)).sum()

        def step(carry, rate: Array):
            params, state = carry
            update, state = adam.update(jax.grad(loss)(params), state)
            return (descend(params, update, rate), state), None

        return jax.lax.scan(step, (params, adam.init(params)), rates)[0][0]

    return mapped(one, mesh)(params, offsets, windows, kernels)
