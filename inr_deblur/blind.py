"""The blind search: from one grey picture to its kernel.

Several starts run coarse to fine as one batch. They differ in the first parameters of the kernel's network and in the
temper of the prior, because the search, not the objective, is what fails: a start that falls into the wrong basin ends
at a visibly higher energy. So each kernel is judged on its own, image restarted from nothing, and the lowest energy wins.
"""

import time
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import area_average
from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, picture_grid
from inr_deblur.fit import Data, Fitted, Generators, Weights, fit_stage, stack
from inr_deblur.generators import GridKernel, SirenKernel, image_generator
from inr_deblur.kernels import middle_of_support, pruned
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.progress import Progress
from inr_deblur.schedule import TEMPERS, Stage, curves, judging, plan, scales

ROOM = 4 / 3  # the search's support over the bound: a kernel's centre of mass is not its middle


@dataclass(frozen=True)
class StageTrace:
    """What happened in one stage."""

    name: str
    scale: int
    losses: NDArray[np.float32]  # (steps,) of the start that was chosen
    seconds: float


@dataclass(frozen=True)
class Found:
    """The kernel that won, and how it won."""

    kernel: NDArray[np.float32]  # (K, K), pruned, sum 1
    energy: float  # of the judge, lowest best
    rivals: tuple[float, ...]  # energies of all kernels judged at the finest scale
    raw: NDArray[np.float32]  # before pruning, the whole support of the search
    stages: tuple[StageTrace, ...]


def find_kernel(
    y: NDArray[np.float32], size: int, image: str, noise: float, config: DeblurConfig, progress: Progress
) -> Found:
    """The kernel of y (H, W), no larger than about `size` pixels. image: name of its generator."""
    support = _odd(size * ROOM)
    pyramid = scales(support, y.shape, config.schedule.scales)
    starts = config.schedule.starts or len(TEMPERS)
    plans = [plan(config, noise, pyramid, TEMPERS[i % len(TEMPERS)]) for i in range(starts)]
    kernel = {"siren": SirenKernel(), "grid": GridKernel(support / 2)}[config.generator.kernel]
    search = Search(
        jnp.asarray(y),
        support,
        Generators(image_generator(image, y.shape, (support // 2, support // 2)), kernel),
        config,
        progress,
    )
    batch = search.begin(pyramid[0], starts)
    for i, scale in enumerate(pyramid):
        batch = search.advance(batch, [p[i] for p in plans])
        last_coarse = scale == 2 or (scale == 1 and len(pyramid) == 1)
        if last_coarse and len(batch.members) > search.finalists:
            batch = search.best(batch, scale, search.finalists)
    batch = search.advance(batch, [p[-1] for p in plans])
    energies = search.judge(batch, 1)
    winner = int(np.argmin(energies))
    raw = np.asarray(batch.kernels[winner])
    traces = tuple(replace(t, losses=np.asarray(t.losses[batch.members[winner]])) for t in search.traces)
    return Found(pruned(raw), float(energies[winner]), tuple(map(float, energies)), raw, traces)


@dataclass(frozen=True)
class Batch:
    """Starts on their way: parameters with a leading axis, and where each kernel's origin has moved to."""

    params: dict
    shifts: NDArray[np.float64]  # (starts, 2) pixels
    members: tuple[int, ...]  # which starts these are
    kernels: Array | None = None  # (starts, K, K) at the last scale


@dataclass
class Search:
    """What all stages share."""

    y: Array
    support: int
    generators: Generators
    config: DeblurConfig
    progress: Progress
    finalists: int = 2

    def __post_init__(self):
        self.traces: list[StageTrace] = []

    def begin(self, scale: int, starts: int) -> Batch:
        canvas, offsets = self.grids(scale, (0.0, 0.0))
        key = jax.random.key(self.config.seed)

        def first(key: Array) -> dict:
            image_key, kernel_key = jax.random.split(key)
            assert self.generators.kernel is not None
            return {
                "image": self.generators.image.init(image_key, canvas),
                "kernel": self.generators.kernel.init(kernel_key, offsets),
            }

        params = jax.jit(jax.vmap(first))(jax.random.split(key, starts))
        return Batch(params, np.zeros((starts, 2)), tuple(range(starts)))

    def grids(self, scale: int, shift: tuple[float, float]) -> tuple[Grid, Grid]:
        """Canvas and kernel grids, the kernel's origin moved by `shift` pixels."""
        offsets = kernel_grid((self.support, self.support), scale, shift)
        return canvas_grid(picture_grid(self.y.shape, scale), offsets), offsets  # type: ignore[arg-type]

    def advance(self, batch: Batch, stages: list[Stage]) -> Batch:
        """All members through their stage, then each kernel's support moved to its middle."""
        began = time.perf_counter()
        stages = [stages[i] for i in batch.members]
        fitted = self.run(batch, stages, self.generators, batch.params)
        scale = stages[0].scale
        kernels = np.asarray(fitted.kernel)
        losses = dict(zip(batch.members, np.asarray(fitted.losses), strict=True))
        self.traces.append(StageTrace(stages[0].name, scale, losses, time.perf_counter() - began))  # type: ignore[arg-type]
        moved = batch.shifts + scale * np.array([middle_of_support(k) for k in kernels])
        return Batch(fitted.params, moved, batch.members, fitted.kernel)

    def run(self, batch: Batch, stages: list[Stage], generators: Generators, params: dict, known=None) -> Fitted:
        stage = stages[0]
        grids = [self.grids(stage.scale, (float(s[0]), float(s[1]))) for s in batch.shifts]
        spans = [curves(s) for s in stages]
        data = Data(
            area_average(self.y, stage.scale),
            stack([g[0] for g in grids]),
            stack([g[1] for g in grids]),
            jnp.float32(stage.cross_scale),
        )
        weights = Weights(*(jnp.stack([getattr(s, n) for s in spans]) for n in ("prior", "image_rate", "kernel_rate")))
        fitted = fit_stage(
            generators,
            OBJECTIVES[stage.objective],
            stage.scale,
            params,
            data,
            weights,
            known,
            with_cross_scale=stage.cross_scale > 0,
        )
        jax.block_until_ready(fitted)
        self.progress.advance(work(stage, self.y.shape, len(stages)), stage.name)
        return fitted

    def judge(self, batch: Batch, scale: int) -> NDArray[np.float32]:
        """The energy of each kernel with the image started from nothing: (starts,), lowest best."""
        stage = judging(self.config, scale)
        assert batch.kernels is not None
        known = jnp.stack([pruned(np.asarray(k)) for k in batch.kernels])
        judge = image_generator("harmonic", self.y.shape, (self.support // 2, self.support // 2))
        fresh = {"image": stack([judge.init(jax.random.key(0), self.grids(scale, (0.0, 0.0))[0])] * len(known))}
        still = replace(batch, shifts=np.zeros_like(batch.shifts))
        fitted = self.run(still, [stage] * len(batch.members), Generators(judge, None), fresh, known)
        return np.asarray(fitted.losses)[:, -1]

    def best(self, batch: Batch, scale: int, count: int) -> Batch:
        keep = np.sort(np.argsort(self.judge(batch, scale))[:count])
        assert batch.kernels is not None
        return Batch(
            jax.tree.map(lambda a: a[keep], batch.params),
            batch.shifts[keep],
            tuple(batch.members[i] for i in keep),
            batch.kernels[keep],
        )


def work(stage: Stage, shape: tuple[int, ...], starts: int) -> float:
    """Cost of a stage in sample updates, the unit of progress."""
    return stage.steps * starts * (shape[0] // stage.scale) * (shape[1] // stage.scale)


def _odd(x: float) -> int:
    n = int(np.ceil(x))
    return n + 1 - n % 2
