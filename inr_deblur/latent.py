"""The latent image for a kernel that is known, as a fitted generator that can be rendered on any grid."""

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import numpy as np
from flax.linen import Module
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import convolve_valid
from inr_deblur.colour import luminance
from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, picture_grid
from inr_deblur.fit import Data, Generators, Weights, fit_stage
from inr_deblur.generators import Harmonic, harmonic, image_generator
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.patches import MOST_SAMPLES, likelier
from inr_deblur.progress import Progress
from inr_deblur.restore import STEPS, restore
from inr_deblur.schedule import Stage, curves, work
from inr_deblur.watch import StageTrace

POINT = np.ones((1, 1), np.float32)  # the kernel that leaves a picture as it is
FIT_STEPS = 400  # of the generators that are fitted step by step


@dataclass(frozen=True)
class LatentImage:
    """A generator and its parameters, one set a channel, with what it was fitted to."""

    generator: Module
    params: tuple[Any, ...]
    kernel: NDArray[np.float32]
    shape: tuple[int, ...]  # of the picture

    def render(self, shape: tuple[int, ...], scale: float = 1.0) -> NDArray[np.float32]:
        """Values on the picture's frame, `scale` times finer, not clipped: (H', W') or (H', W', 3)."""
        counts = [max(1, round(n * scale)) for n in shape[:2]]
        return self.on(Grid(*((np.arange(n, dtype=np.float32) + 0.5) / scale - 0.5 for n in counts)))

    def on(self, grid: Grid) -> NDArray[np.float32]:
        """Values at the positions of the grid, not clipped: (h, w) or (h, w, 3)."""
        channels = [np.asarray(_render(self.generator, p, grid)) for p in self.params]
        return channels[0] if len(self.shape) == 2 else np.stack(channels, -1)

    def residual(self, grey: NDArray) -> float:
        """Root mean square of clip(k (*) x) - y, both as grey pictures."""
        x = np.moveaxis(np.atleast_3d(self.on(_canvas(self.shape, self.kernel))), 2, 0)
        blurred = np.clip(np.asarray(_blurred(x, self.kernel)), 0, 1)
        predicted = luminance(np.moveaxis(blurred, 0, 2)) if len(blurred) == 3 else blurred[0]
        return float(np.sqrt(np.mean((predicted - grey) ** 2)))


def restore_with(
    name: str, y: NDArray[np.float32], k: NDArray[np.float32], weight: float, config: DeblurConfig, progress: Progress
) -> tuple[LatentImage, StageTrace]:
    """The latent image of y (H, W) or (H, W, 3) for the kernel k (K, L), odd sides, as the image generator `name`.

    weight: of the prior, see `evidence.Evidence`.
    A harmonic image with all its lattice can be any array, so its coefficients are those of the closed-form solution;
    the other generators are fitted step by step. The former has no losses to trace.
    """
    began = time.perf_counter()
    reach = k.shape[0] // 2, k.shape[1] // 2
    channels = y[..., None] if y.ndim == 2 else y
    if name == "harmonic":
        x = np.atleast_3d(restore(y, k, weight))
        generator = harmonic(y.shape[:2], reach, most=max(x.shape))
        params = tuple(generator.showing(x[..., c]) for c in range(x.shape[2]))
        losses = [np.zeros(0, np.float32)]
        progress.advance(restoration_work(name, y.shape, config), "restoration")
    else:
        generator = image_generator(name, y.shape[:2], reach)
        fits = [_fitted(generator, channels[..., c], k, weight, config, progress) for c in range(channels.shape[2])]
        params, losses = (tuple(f[0] for f in fits), [f[1] for f in fits])
    latent = LatentImage(generator, params, k, y.shape)
    return latent, StageTrace("restoration", 1, np.mean(losses, 0), time.perf_counter() - began)


def as_it_is(y: NDArray[np.float32]) -> LatentImage:
    """The harmonic image that shows the picture y itself, (H, W) or (H, W, 3): that of a kernel of one point."""
    generator = harmonic(y.shape[:2], (0, 0), most=max(y.shape))
    params = tuple(generator.showing(channel) for channel in np.moveaxis(np.atleast_3d(y), 2, 0))
    return LatentImage(generator, params, POINT, y.shape)


def likelier_image(latent: LatentImage, y: NDArray[np.float32], noise: float) -> LatentImage:
    """The harmonic image of y, with all its lattice, made likelier by its own patches. noise: see `patches`."""
    generator = latent.generator
    assert isinstance(generator, Harmonic)
    x = likelier(latent.on(_canvas(latent.shape, latent.kernel)), y, latent.kernel, noise)
    params = tuple(generator.showing(channel) for channel in np.moveaxis(np.atleast_3d(x), 2, 0))
    return replace(latent, params=params)


def _fitted(
    generator: Module, y: NDArray, k: NDArray, weight: float, config: DeblurConfig, progress: Progress
) -> tuple[Any, NDArray[np.float32]]:
    """Parameters and losses of one channel by gradient steps."""
    stage = _stage(weight, config)
    canvas = _canvas(y.shape, k)
    start = {"image": generator.init(jax.random.key(config.seed), canvas)}
    batched = jax.tree.map(lambda a: np.asarray(a)[None], (start, canvas, k))
    offsets = jax.tree.map(lambda a: a[None], kernel_grid(k.shape))  # type: ignore[arg-type]
    span = curves(stage)
    weights = Weights(*(s[None] for s in (span.prior, span.image_rate, span.kernel_rate)))
    none = np.zeros(1, np.float32)
    data = Data(y[None], batched[1], offsets, np.full(1, np.inf, np.float32), cross_scale=none, noise=none, bound=None)
    fitted = fit_stage(
        Generators(generator, None), OBJECTIVES[stage.objective], 1, batched[0], data, weights, batched[2]
    )
    progress.advance(work(stage, y.shape), stage.name)
    return jax.tree.map(lambda a: a[0], fitted.params["image"]), fitted.losses[0]


def _stage(weight: float, config: DeblurConfig) -> Stage:
    steps = max(2, round(FIT_STEPS * config.schedule.steps))
    return Stage("restoration", 1, steps, "sparse", (weight, weight), (1e-3, 1e-5), (0.0, 0.0))


def restoration_work(name: str, shape: tuple[int, ...], config: DeblurConfig) -> float:
    """What `restore_with` reports as done, in the unit of `blind.work`; a closed-form step costs a tenth of a fit's."""
    channels = shape[2] if len(shape) == 3 else 1
    if name == "harmonic":
        return 0.1 * STEPS * channels * shape[0] * shape[1]
    return channels * work(_stage(1.0, config), shape)


def patches_work(shape: tuple[int, ...]) -> float:
    """What `likelier_image` counts for, in the unit of `blind.work`: the mixture is learned from so many samples."""
    pixels = shape[0] * shape[1]
    return 1.5 * pixels + 100.0 * min(MOST_SAMPLES, pixels // 4)


def _canvas(shape: tuple[int, ...], k: NDArray) -> Grid:
    return canvas_grid(picture_grid(shape[:2]), kernel_grid(k.shape))  # type: ignore[arg-type]


_blurred = jax.jit(convolve_valid)


@partial(jax.jit, static_argnames=("generator",))
def _render(generator: Module, params: Any, grid: Grid) -> Array:
    return generator.apply(params, grid)  # type: ignore[return-value]
