"""The blind search: from one grey picture to its kernel.

Several starts run coarse to fine as one batch. They differ in the first parameters of the kernel's network and in the
temper of the prior, because the search, not the objective, is what fails: a start that falls into the wrong basin ends
at a visibly higher energy. So each kernel is judged on its own, its image fitted from nothing, and the lowest energy
wins.
"""

import time
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from inr_deblur.blur import area_average
from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, picture_grid
from inr_deblur.fit import Data, Fitted, Generators, Weights, fit_stage, stack
from inr_deblur.generators import GridKernel, Harmonic, SirenKernel, harmonic, image_generator
from inr_deblur.kernels import likeness, pruned, support_box
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.progress import Progress
from inr_deblur.region import most_telling
from inr_deblur.schedule import Stage, curves, judging, plan, scales, starts

ALIKE = 0.93  # kernels of two starts that are at least so alike are in one basin
ROOM = 4 / 3  # of a support over what it should hold: the mass may be off the middle, and mend itself
WORTHWHILE = 0.7  # of a region's samples, below which a smaller one is worth a change
CONTRAST = 0.2  # standard deviation that pictures are brought to
SMALL = 27  # pixels of a window; a kernel that needs no more is looked for anew at a finer scale
SUPPORTS = (9, 13, 19, 27, 35, 43, 55, 69, 85, 107, 135, 163)  # few sizes, so that few programs are compiled


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
    rivals: tuple[float, ...]  # energies of the kernels judged last, lowest best
    limit: int  # side in pixels that the search allowed it
    stages: tuple[StageTrace, ...]


def find_kernel(
    y: NDArray[np.float32], size: int, image: str, noise: float, config: DeblurConfig, progress: Progress
) -> Found:
    """The kernel of y (H, W), no larger than about `size` pixels. image: name of its generator.

    The kernel doesn't depend on the picture's brightness and contrast, but the weights of the priors do, so they are
    made the same for all pictures.
    """
    gain = CONTRAST / float(y.std())
    y, noise = (y - y.mean()) * np.float32(gain) + np.float32(0.5), noise * gain
    support = fitting_support(size)
    pyramid = scales(size, y.shape, config.schedule.scales)
    kernel = {"siren": SirenKernel(), "grid": GridKernel(support / 2)}[config.generator.kernel]
    reach = (support // 2, support // 2)
    generators = Generators(image_generator(image, y.shape, reach), kernel)
    search = Search(jnp.asarray(y), generators, config, progress, float(support))
    entering = starts(config, size, pyramid)
    plans: list[tuple[Stage, ...]] = []  # of all starts so far; they differ in where they begin, not in where they end
    batch: Batch | None = None
    for i, scale in enumerate(pyramid):
        now = i - len(pyramid) - 1
        if batch:
            batch = search.advance(search.narrowed(batch), [plans[m][now] for m in batch.members])
        if scale in entering and (batch is None or scale > 2 or batch.windows.min() < SMALL):
            new = entering[scale]
            fresh = search.begin(scale, np.array([max(5.0, ROOM * start.size) for start in new]), len(plans))
            plans += [plan(config, noise, pyramid[i:], start) for start in new]
            fresh = search.advance(fresh, [plans[m][now] for m in fresh.members])
            batch = joined(batch, fresh) if batch else fresh
        assert batch
        batch = search.best(batch, scale)
    assert batch
    rivals = search.energies
    # counting edges sharpens most kernels, and makes a point of some
    batch = search.best(joined(batch, search.advance(batch, [plans[m][-1] for m in batch.members])), 1)
    assert batch.kernels is not None
    member = batch.members[0]
    traces = tuple(StageTrace(n, scale, losses[member], t) for n, scale, losses, t in search.traces if member in losses)
    return Found(pruned(np.asarray(batch.kernels[0])), rivals, support, traces)


def survivors(scale: int) -> int:
    """How many starts go on after a scale."""
    return 1 if scale <= 2 else 4


def search_work(shape: tuple[int, int], size: int, config: DeblurConfig) -> float:
    """The most work that `find_kernel` may report as done."""
    pyramid = scales(size, shape, config.schedule.scales)
    entering, count, total = starts(config, size, pyramid), 0, 0.0
    start = entering[pyramid[0]][0]
    for i, scale in enumerate(pyramid):
        new = len(entering.get(scale, ()))
        later, first = (plan(config, 0.0, pyramid[j:], start)[i - j] for j in (0, i))
        total += count * work(later, shape) + new * work(first, shape)
        count += new
        total += count * work(judging(config, scale), shape)
        count = min(count, survivors(scale))
    return total + work(plan(config, 0.0, pyramid, start)[-1], shape) + 2 * work(judging(config, 1), shape)


def fitting_support(extent: float) -> int:
    """The smallest support with room for a kernel of this extent."""
    return next((s for s in SUPPORTS if s >= ROOM * extent), SUPPORTS[-1])


@dataclass(frozen=True)
class Batch:
    """Starts on their way: parameters with a leading axis, and where each kernel's origin has moved to."""

    params: dict
    shifts: NDArray[np.float64]  # (starts, 2) pixels
    support: int  # side of the kernels' grids in pixels
    windows: NDArray[np.float64]  # (starts,) side in pixels of the square that each kernel may fill
    members: tuple[int, ...]  # which starts these are
    expected: int  # how many there could have been, which is what progress counts
    kernels: Array | None = None  # (starts, K, K) at the last scale


def joined(a: Batch, b: Batch) -> Batch:
    """Two batches at one scale as one."""
    assert a.kernels is not None and b.kernels is not None
    side = max(a.kernels.shape[1], b.kernels.shape[1])
    kernels = [jnp.pad(k, ((0, 0), *[((side - k.shape[1]) // 2,) * 2] * 2)) for k in (a.kernels, b.kernels)]
    return Batch(
        jax.tree.map(lambda *leaves: jnp.concatenate(leaves), a.params, b.params),
        np.concatenate([a.shifts, b.shifts]),
        max(a.support, b.support),
        np.concatenate([a.windows, b.windows]),
        a.members + b.members,
        a.expected + b.expected,
        jnp.concatenate(kernels),
    )


@dataclass
class Search:
    """What all stages share."""

    y: Array  # (H, W) the region that is looked at
    generators: Generators
    config: DeblurConfig
    progress: Progress
    widest: float  # side in pixels that no kernel may exceed
    traces: list[tuple[str, int, dict[int, NDArray], float]] = field(default_factory=list)  # losses by member
    energies: tuple[float, ...] = ()  # of the kernels judged last

    def begin(self, scale: int, windows: NDArray[np.float64], first_member: int) -> Batch:
        """New starts, a window each."""
        support = next(n for n in SUPPORTS if n >= min(windows.max(), SUPPORTS[-1]))
        canvas, offsets = self.grids(scale, support, (0.0, 0.0))
        key = jax.random.key(self.config.seed)

        def first(key: Array) -> dict:
            image_key, kernel_key = jax.random.split(key)
            assert self.generators.kernel is not None
            return {
                "image": self.generators.image.init(image_key, canvas),
                "kernel": self.generators.kernel.init(kernel_key, offsets),
            }

        params = jax.jit(jax.vmap(first))(jax.random.split(key, len(windows)))
        members = tuple(range(first_member, first_member + len(windows)))
        return Batch(params, np.zeros((len(windows), 2)), support, windows, members, len(windows))

    def grids(self, scale: int, support: int, shift: tuple[float, float]) -> tuple[Grid, Grid]:
        """Canvas and kernel grids, the kernel's origin moved by `shift` pixels."""
        offsets = kernel_grid((support, support), scale, shift)
        return canvas_grid(picture_grid(self.y.shape, scale), offsets), offsets  # type: ignore[arg-type]

    def narrowed(self, batch: Batch) -> Batch:
        """Go on with the most telling part of the region, if the kernels that are left need no more."""
        old, shape = self.generators.image, self.y.shape
        top, left, height, width = most_telling(np.asarray(self.y), round(float(batch.windows.max()) / ROOM))
        if not isinstance(old, Harmonic) or height * width > WORTHWHILE * shape[0] * shape[1]:
            return batch
        reach = int(batch.support // 2 + np.abs(batch.shifts).max())
        new = harmonic((height, width), (reach, reach))
        places = new.places()
        there = Grid(places.rows + np.float32(top), places.columns + np.float32(left))
        self.y = self.y[top : top + height, left : left + width]
        self.generators = Generators(new, self.generators.kernel)
        seen = jax.jit(jax.vmap(lambda params: old.apply(params, there)))(batch.params["image"])
        image = stack([new.showing(x) for x in np.asarray(seen)])
        return replace(batch, params={**batch.params, "image": image})

    def advance(self, batch: Batch, stages: list[Stage]) -> Batch:
        """All members through their stage, then each support moved to its kernel's middle and shrunk to its extent."""
        began = time.perf_counter()
        fitted = self.run(batch, stages, self.generators, batch.params)
        scale = stages[0].scale
        kernels = np.asarray(fitted.kernel)
        losses = dict(zip(batch.members, np.asarray(fitted.losses), strict=True))
        self.traces.append((stages[0].name, scale, losses, time.perf_counter() - began))
        boxes = [support_box(pruned(k, 0.05)) for k in kernels]
        moved = batch.shifts + scale * np.array([middle for middle, _ in boxes])
        windows = np.array([ROOM * scale * extent + 2 * scale for _, extent in boxes]).clip(max=self.widest)
        support = next(n for n in SUPPORTS if n >= min(windows.max(), SUPPORTS[-1]))
        return Batch(fitted.params, moved, support, windows, batch.members, batch.expected, fitted.kernel)

    def run(self, batch: Batch, stages: list[Stage], generators: Generators, params: dict, known=None) -> Fitted:
        stage = stages[0]
        grids = [self.grids(stage.scale, batch.support, (float(s[0]), float(s[1]))) for s in batch.shifts]
        spans = [curves(s) for s in stages]
        data = Data(
            area_average(self.y, stage.scale),
            stack([g[0] for g in grids]),
            stack([g[1] for g in grids]),
            jnp.asarray(batch.windows, jnp.float32),
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
        self.progress.advance(batch.expected * work(stage, self.y.shape), stage.name)
        return fitted

    def judge(self, batch: Batch, scale: int) -> NDArray[np.float32]:
        """The energy of each kernel with the image started from nothing: (starts,), lowest best."""
        stage = judging(self.config, scale)
        assert batch.kernels is not None
        known = jnp.stack([pruned(np.asarray(k)) for k in batch.kernels])
        support = scale * (known.shape[1] - 1) + 1
        reach = (support // 2, support // 2)
        judge = image_generator("harmonic", self.y.shape, reach)  # type: ignore[arg-type]
        fresh = judge.init(jax.random.key(0), self.grids(scale, support, (0.0, 0.0))[0])
        still = replace(batch, shifts=np.zeros_like(batch.shifts), support=support)
        params = {"image": stack([fresh] * len(known))}
        fitted = self.run(still, [stage] * len(known), Generators(judge, None), params, known)
        return np.asarray(fitted.losses)[:, -1]

    def best(self, batch: Batch, scale: int) -> Batch:
        """The members whose kernels have the lowest energies, one of those that are alike."""
        assert batch.kernels is not None
        count = min(batch.expected, survivors(scale))
        if len(batch.members) == 1:
            self.progress.advance(batch.expected * work(judging(self.config, scale), self.y.shape))
            return replace(batch, expected=count)
        energies = self.judge(batch, scale)
        self.energies = tuple(map(float, energies))
        kernels = [np.asarray(k) for k in batch.kernels]
        kept: list[int] = []
        for i in map(int, np.argsort(energies)):
            if len(kept) < count and all(likeness(kernels[i], kernels[j]) < ALIKE for j in kept):
                kept.append(i)
        keep = np.sort(kept)
        return Batch(
            jax.tree.map(lambda a: a[keep], batch.params),
            batch.shifts[keep],
            batch.support,
            batch.windows[keep],
            tuple(batch.members[i] for i in keep),
            count,
            batch.kernels[keep],
        )


def work(stage: Stage, shape: tuple[int, ...]) -> float:
    """Cost of a stage for one start in sample updates, the unit of progress."""
    return stage.steps * (shape[0] // stage.scale) * (shape[1] // stage.scale)
