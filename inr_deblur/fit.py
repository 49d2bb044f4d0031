"""One stage of a fit: a compiled scan of optimiser steps over a batch of members, (parameters, data) in and out.

A member is one start of one picture. A batch shares the plan and all shapes; its members differ in their picture, their
parameters, their kernel's origin and their weights. Everything that only changes numbers is traced, so that a stage is
compiled once for each size and objective. Members are shared out among the devices there are (`devices`).
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.linen import Module
from jax import Array
from jax.sharding import Mesh
from numpy.typing import NDArray

from inr_deblur.blur import convolve_valid
from inr_deblur.clipping import one_sided
from inr_deblur.coordinates import Grid
from inr_deblur.devices import gathered, mapped, mesh_for, shared_out
from inr_deblur.generators import GridKernel, Harmonic, Pixels, SirenImage
from inr_deblur.objectives import Latent, Objective
from inr_deblur.qmf import cross_scale_loss, cross_scale_residual, down2

Params = Any

FREE = GridKernel, Pixels  # free numbers
FASTER = 32.0  # than the parameters of a network


class Generators(NamedTuple):
    """The two networks of a fit; `kernel` is None where the kernel is known."""

    image: Module
    kernel: Module | None


class Weights(NamedTuple):
    """What may change from step to step: (members, steps) each; numpy, or JAX within the compiled stage."""

    prior: Any
    image_rate: Any
    kernel_rate: Any


class Data(NamedTuple):
    """What a stage fits and where it looks; numpy, or JAX within the compiled stage."""

    y: Any  # (members, H, W) the pictures at this scale
    canvas: Grid  # (members, ...) positions of the latent samples
    offsets: Grid  # (members, ...) of the kernel's samples
    window: Any  # (members,) side in pixels of the square that a kernel may fill
    cross_scale: Any  # (members,) weight of the cross-scale loss
    noise: Any  # (members,) standard deviation of the pictures' noise at this scale
    bound: Any  # (members, H, W) where y is a bound (`clipping`), None: nowhere


class Fitted(NamedTuple):
    """What a stage gives back; numpy, or JAX within the compiled stage."""

    params: Params  # of the batch
    losses: Any  # (members, steps)
    kernel: Any  # (members, K, L)


def fit_stage(
    generators: Generators,
    objective: Objective,
    spacing: int,
    params: Params,
    data: Data,
    weights: Weights,
    known: NDArray[np.float32] | Array | None = None,
    cross_scale_form: str | None = None,
) -> Fitted:
    """Run all steps of a stage from `params`, {"image": ..., "kernel": ...} with a leading axis of members.

    known: (members, K, L) kernels that stay as they are. cross_scale_form: see `cross_term`, None: without that loss.
    The optimiser's state is new in each stage.
    """
    count = len(data.y)
    mesh = mesh_for(count)
    image, few = trimmed(generators.image, params["image"], spacing)
    batch = shared_out(({**params, "image": few}, data, weights, known), mesh)
    stage = Generators(image, generators.kernel)
    with jax.numpy_dtype_promotion("standard"):  # Adam multiplies Python's floats and int32 counters
        fitted: Fitted = gathered(_fit(stage, objective, spacing, cross_scale_form, mesh, *batch), count)
    whole = jax.tree.map(with_corner, params["image"], fitted.params["image"])
    return fitted._replace(params={**fitted.params, "image": whole})


def trimmed(image: Module, params: Params, spacing: int) -> tuple[Module, Params]:
    """A harmonic image and its parameters (members, ...) without what a stage with this spacing has no use for.

    It would cost more than what is left: the optimiser's arithmetic is that of all parameters.
    """
    if not isinstance(image, Harmonic):
        return image, params
    fewer = image.coarse(spacing)
    return fewer, jax.tree.map(lambda a: a[:, : fewer.features[0], : fewer.features[1]], params)


def with_corner(whole: Any, corner: Any) -> Any:
    """An array with the first entries along each axis replaced by those of another, all of them if that is as large."""
    if whole.shape == corner.shape:
        return corner
    replaced = np.array(whole)
    replaced[tuple(slice(n) for n in corner.shape)] = corner
    return replaced


@partial(jax.jit, static_argnames=("generators", "objective", "spacing", "cross_scale_form", "mesh"))
def _fit(
    generators: Generators,
    objective: Objective,
    spacing: int,
    cross_scale_form: str | None,
    mesh: Mesh | None,
    params: Params,
    data: Data,
    weights: Weights,
    known: Array | None,
) -> Fitted:
    image_optimiser = optimiser(generators.image)
    kernel_optimiser = optimiser(generators.kernel)

    def kernel_of(params: Params, data: Data, known: Array | None) -> Array:
        if generators.kernel is None:
            return known  # type: ignore
        return windowed(generators.kernel.apply(params["kernel"], data.offsets, spacing), data.offsets, data.window)  # type: ignore

    def one(params: Params, data: Data, weights: Weights, known: Array | None) -> Fitted:
        def loss(params: Params, prior: Array) -> Array:
            k = kernel_of(params, data, known)
            x: Array = generators.image.apply(params["image"], data.canvas, spacing)  # type: ignore
            residual = one_sided(convolve_valid(x, k) - data.y, data.bound)
            value = objective(Latent(x, k, residual, data.noise), prior)
            if cross_scale_form:
                value += data.cross_scale * cross_term(data.y, x, k, cross_scale_form)
            return value

        def step(carry, now: Weights):
            params, image_state, kernel_state = carry
            value, slope = jax.value_and_grad(loss)(params, now.prior)
            update, image_state = image_optimiser.update(slope["image"], image_state, params["image"])
            new = {"image": descend(params["image"], update, now.image_rate)}
            if generators.kernel is not None:
                update, kernel_state = kernel_optimiser.update(slope["kernel"], kernel_state)
                new["kernel"] = descend(params["kernel"], update, now.kernel_rate)
            return (new, image_state, kernel_state), value

        start = (params, image_optimiser.init(params["image"]), kernel_optimiser.init(params.get("kernel")))
        (params, _, _), values = jax.lax.scan(step, start, weights)
        return Fitted(params, values, kernel_of(params, data, known))

    return mapped(one, mesh)(params, data, weights, known)


def windowed(k: Array, offsets: Grid, window: Array) -> Array:
    """The kernel within the square of side `window` about the middle of its grid, sum 1 again."""
    rows, columns = (jnp.abs(q - q[q.shape[0] // 2]) <= window / 2 for q in offsets)
    k = jnp.where(rows[:, None] & columns, k, 0.0)
    return k / k.sum()


def cross_term(y: Array, x: Array, k: Array, form: str) -> Array:
    """The cross-scale loss between this scale and its plain subsample by two.

    form: mirror, with the mirror filters' terms and kernels normalised at each scale; exact, with the subsampled kernel
    as it is, which makes a second data term of the loss; unmirrored, normalised and without the mirror filters' terms.
    Clipped values count as they are.

    The generators are pointwise, so the coarse latent image is a subsample of the fine one, from the sample on that the
    first row and column of y see through the kernel entries that `down2` keeps.
    """
    coarse = down2(k)
    top, left = (n // 2 - 2 * (m // 2) for n, m in zip(k.shape, coarse.shape, strict=True))
    h, w = (-(-n // 2) for n in y.shape)
    x_coarse = x[top::2, left::2][: h + coarse.shape[0] - 1, : w + coarse.shape[1] - 1]
    if form == "exact":
        residual = (y - convolve_valid(x, k))[::2, ::2]
    elif form == "mirror":
        residual = cross_scale_residual(y, x, k, x_coarse, coarse / coarse.sum(), gain=1.0)
    else:
        residual = y[::2, ::2] - convolve_valid(x_coarse, coarse / coarse.sum())
    return cross_scale_loss(residual)


def adam() -> optax.GradientTransformation:
    """Adam without its learning rate; the usual eps would drown gradients of the order of 1e-8."""
    return optax.scale_by_adam(b2=0.99, eps=1e-14)


def optimiser(generator: Module | None) -> optax.GradientTransformation:
    """Adam, `FASTER` where parameters are free numbers; for a deep SIREN Muon on its hidden matrices.

    Those move at twenty times the rate of the rest: Jordan et al., Muon: an optimizer for hidden layers in neural
    networks (2024). With Adam alone a deep SIREN is about 5 dB short of where it gets in the same number of steps.
    """
    if not isinstance(generator, SirenImage):
        return optax.chain(adam(), optax.scale(FASTER)) if isinstance(generator, FREE) else adam()
    muon = optax.chain(optax.contrib.scale_by_muon(weight_dimension_numbers=_matrices), optax.scale(20.0))
    return optax.partition({"muon": muon, "adam": optax.scale_by_adam()}, _siren_labels)


def _matrices(params: Params) -> Params:
    """Every parameter is a matrix; the default, None, means the same but fails on trees (optax 0.2.8)."""
    return jax.tree.map(lambda _: optax.contrib.MuonDimensionNumbers(), params)


def _siren_labels(params: Params) -> Params:
    """muon for the matrices between two hidden layers, adam for everything else."""

    def label(path, leaf: Array) -> str:
        return "muon" if leaf.ndim == 2 and leaf.shape[0] == leaf.shape[1] else "adam"

    return jax.tree_util.tree_map_with_path(label, params)


def descend(params: Params, update: Params, rate: Array) -> Params:
    """A step against the optimiser's update, of this learning rate."""
    return jax.tree.map(lambda p, u: p - rate * u, params, update)


def stack(trees: list[Any]) -> Any:
    """A batch of members from single ones."""
    return jax.tree.map(lambda *leaves: np.stack(leaves), *trees)
