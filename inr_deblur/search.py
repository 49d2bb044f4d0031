"""What a blind search does with its starts: a batch goes through a stage, is moved and shrunk, judged, and thinned."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from flax.linen import Module
from jax import Array
from numpy.typing import NDArray

from inr_deblur.batch import Batch, chosen, in_turn, without_lost
from inr_deblur.blur import area_average, quieter, smoothed
from inr_deblur.carry import interpolated, refitted
from inr_deblur.clipping import white
from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid, canvas_grid, kernel_grid, picture_grid
from inr_deblur.devices import side_by_side
from inr_deblur.fit import Data, Fitted, Generators, Weights, fit_stage, stack
from inr_deblur.generators import Harmonic, covering, harmonic
from inr_deblur.kernels import pruned, support_box, support_for
from inr_deblur.objectives import OBJECTIVES
from inr_deblur.progress import Progress
from inr_deblur.region import most_telling
from inr_deblur.restore import restore
from inr_deblur.schedule import Stage, Way, curves, judging, judging_work, smoothings, work
from inr_deblur.watch import Look, StageTrace, Step

ROOM = 4 / 3  # of a support over what it should hold: the mass may be off the middle, and mend itself
WORTHWHILE = 0.7  # of a region's samples, below which a smaller one is worth a change
CONTRAST = 0.2  # standard deviation that pictures are brought to


class Blurry(NamedTuple):
    """Grey pictures of one shape, whose kernels are sought."""

    pictures: NDArray[np.float32]  # (P, H, W)
    noises: Sequence[float]  # standard deviation of each picture's
    lights: Sequence[bool]  # whether a picture's white is a bound (`clipping`)

    def only(self, picture: int) -> "Blurry":
        """One of them."""
        one = slice(picture, picture + 1)
        return Blurry(self.pictures[one], self.noises[one], self.lights[one])


class _Trace(NamedTuple):
    """A stage of all members that went through it."""

    name: str
    scale: int
    losses: dict[int, NDArray[np.float32]]  # by member
    seconds: float


@dataclass
class Search:
    """What all stages share."""

    blurry: Blurry  # whole
    regions: NDArray[np.intp]  # (P, 4) of each picture that is looked at, of one shape
    generators: Generators
    config: DeblurConfig
    progress: Progress
    widest: float  # side in pixels that no kernel may exceed
    look: Look | None = None
    traces: list[_Trace] = field(default_factory=list)
    unsettled: set[int] = field(default_factory=set)  # pictures of which no search's wide kernel could be corrected
    judged: dict[tuple[int, bytes], float] = field(default_factory=dict)  # energies by picture and kernel, in the end

    def __post_init__(self) -> None:
        first = self.cut()
        self.means = first.mean((1, 2))
        self.gains = CONTRAST / first.std((1, 2))

    @property
    def shape(self) -> tuple[int, int]:
        """Of the regions."""
        return int(self.regions[0, 2]), int(self.regions[0, 3])

    def cut(self, scale: int = 1, smoothing: float = 0.0) -> NDArray[np.float32]:
        """The regions of the pictures at this scale, smoothed by so many samples: (P, h // scale, w // scale)."""
        parts = zip((smoothed(y, smoothing * scale) for y in self.blurry.pictures), self.regions, strict=True)
        return np.stack([area_average(y[i : i + h, j : j + w], scale) for y, (i, j, h, w) in parts])

    def seen(self, stages: Sequence[Stage], pictures: NDArray[np.intp]) -> NDArray[np.float32]:
        """What members see of their pictures' regions in their stages, with one brightness and one contrast."""
        cuts = {smoothing: self.cut(stages[0].scale, smoothing) for smoothing in {s.smoothing for s in stages}}
        y = np.stack([cuts[stage.smoothing][picture] for stage, picture in zip(stages, pictures, strict=True)])
        return (y - self.means[pictures, None, None]) * self.gains[pictures, None, None] + 0.5

    def bounds(self, stages: Sequence[Stage], pictures: NDArray[np.intp]) -> NDArray[np.bool_] | None:
        """Where what members see in their stages is a bound: (members, h // scale, w // scale), None: nowhere."""
        if not any(self.blurry.lights[picture] for picture in pictures):
            return None
        return np.stack([self.bound(picture, stage) for stage, picture in zip(stages, pictures, strict=True)])

    def bound(self, picture: int, stage: Stage) -> NDArray[np.bool_]:
        """The same of one picture."""
        i, j, h, w = self.regions[picture]
        return (
            white(self.blurry.pictures[picture][i : i + h, j : j + w], stage.scale, stage.smoothing)
            & self.blurry.lights[picture]
        )

    def noise(self, stages: Sequence[Stage], pictures: NDArray[np.intp]) -> NDArray[np.float64]:
        """(members,) standard deviation of the noise in what is seen."""
        return self.at_pixels()[pictures] * [noise_left(stage.smoothing, stage.scale) for stage in stages]

    def at_pixels(self) -> NDArray[np.float64]:
        """(P,) standard deviation of the pictures' noise at full resolution, where the contrast is `CONTRAST`."""
        return np.asarray(self.blurry.noises) * self.gains

    def history(self, member: int) -> tuple[StageTrace, ...]:
        """The stages that a member has gone through."""
        return tuple(
            StageTrace(stage.name, stage.scale, stage.losses[member], stage.seconds / len(self.blurry.pictures))
            for stage in self.traces
            if member in stage.losses
        )

    def begin(self, windows: NDArray[np.float64], first_member: int) -> Batch:
        """New starts of each picture, a window each."""
        support = support_for(windows.max())
        numbers = first_member // len(self.blurry.pictures) + np.arange(len(windows))
        params = stack([jax.device_get(first_params(self.generators, np.uint32(self.config.seed), n)) for n in numbers])
        pictures, start = np.indices((len(self.blurry.pictures), len(windows))).reshape(2, -1)
        params = jax.tree.map(lambda a: a[start], params)
        members = tuple(range(first_member, first_member + len(start)))
        return Batch(params, np.zeros((len(start), 2)), support, windows[start], members, pictures, len(start))

    def grids(self, scale: int, support: int, shift: tuple[float, float]) -> tuple[Grid, Grid]:
        """Canvas and kernel grids, the kernel's origin moved by `shift` pixels."""
        offsets = kernel_grid((support, support), scale, shift)
        return canvas_grid(picture_grid(self.shape, scale), offsets), offsets

    def offsets(self, batch: Batch, scale: int) -> Grid:
        """The kernels' grids: (members, K)."""
        return stack(
            [kernel_grid((batch.support, batch.support), scale, (float(s[0]), float(s[1]))) for s in batch.shifts]
        )

    def narrowed(self, batch: Batch, scale: int) -> Batch:
        """Go on with the most telling part of each region, if a scale and the kernels that are left need no more."""
        old = self.generators.image
        largest = round(float(batch.windows.max()) / ROOM)
        parts = np.array([most_telling(y, largest, scale) for y in self.cut()])
        height, width = map(int, parts[0, 2:])
        if not isinstance(old, Harmonic) or height * width > WORTHWHILE * self.shape[0] * self.shape[1]:
            return batch
        reach = int(batch.support // 2 + np.abs(batch.shifts).max())
        new = harmonic((height, width), (reach, reach))
        places = new.places()

        def shown(picture: int) -> NDArray[np.float32]:
            """What the members of this picture have in its new region."""
            there = Grid(*(p + np.float32(first) for p, first in zip(places, parts[picture, :2], strict=True)))
            mine = jax.tree.map(lambda a: a[batch.pictures == picture], batch.params["image"])
            return np.asarray(rendered(old, mine, there))

        image = stack([new.showing(x) for picture in range(len(parts)) for x in shown(picture)])
        self.regions = np.concatenate([self.regions[:, :2] + parts[:, :2], parts[:, 2:]], 1)
        self.generators = Generators(new, self.generators.kernel)
        return replace(batch, params={**batch.params, "image": image})

    def carried(self, batch: Batch, scale: int) -> Batch:
        """The networks of kernels that were seen at a coarser scale, fitted to what was seen (`carry`)."""
        assert batch.kernels is not None and batch.offsets is not None
        offsets = self.offsets(batch, scale)
        seen = [
            interpolated(pruned(k), *(jax.tree.map(lambda q, i=i: q[i], grid) for grid in (batch.offsets, offsets)))
            for i, k in enumerate(batch.kernels)
        ]
        assert self.generators.kernel is not None
        windows = batch.windows.astype(np.float32)
        params = refitted(self.generators.kernel, scale, batch.params["kernel"], offsets, windows, np.stack(seen))
        return replace(batch, params={**batch.params, "kernel": params})

    def advance(self, batch: Batch, turns: list[tuple[Stage, ...]]) -> Batch:
        """All members through their stages, then each support moved to its kernel's middle and shrunk to its extent."""
        began = time.perf_counter()
        fits = [Fitted(batch.params, None, None)]
        for stages in zip(*turns, strict=True):
            fits.append(self.run(batch, list(stages), self.generators, fits[-1].params))
        name, scale = turns[0][0].name, turns[0][0].scale
        kernels = without_lost(fits[-1].kernel)
        losses = np.concatenate([fitted.losses for fitted in fits[1:]], 1)
        by_member = dict(zip(batch.members, losses, strict=True))
        self.traces.append(_Trace(name, scale, by_member, time.perf_counter() - began))
        if self.look:
            self.look(Step(name, scale, batch.members, kernels, losses))
        boxes = [support_box(pruned(k, 0.05)) for k in kernels]
        moved = batch.shifts + scale * np.array([middle for middle, _ in boxes])
        windows = np.array([ROOM * scale * extent + 2 * scale for _, extent in boxes]).clip(max=self.widest)
        return Batch(
            fits[-1].params,
            moved,
            support_for(windows.max()),
            windows,
            batch.members,
            batch.pictures,
            batch.expected,
            kernels,
            self.offsets(batch, scale),
        )

    def run(self, batch: Batch, stages: list[Stage], generators: Generators, params: dict, known=None) -> Fitted:
        stage = stages[0]
        grids = [self.grids(stage.scale, batch.support, (float(s[0]), float(s[1]))) for s in batch.shifts]
        spans = [curves(s) for s in stages]
        data = Data(
            self.seen(stages, batch.pictures),
            stack([g[0] for g in grids]),
            stack([g[1] for g in grids]),
            batch.windows.astype(np.float32),
            np.full(len(grids), stage.cross_scale, np.float32),
            self.noise(stages, batch.pictures).astype(np.float32),
            self.bounds(stages, batch.pictures),
        )
        weights = Weights(*(np.stack([getattr(s, n) for s in spans]) for n in ("prior", "image_rate", "kernel_rate")))
        fitted = fit_stage(
            generators,
            OBJECTIVES[stage.objective],
            stage.scale,
            params,
            data,
            weights,
            known,
            cross_scale_form=self.config.loss.cross_scale_form if stage.cross_scale else None,
        )
        self.progress.advance(batch.expected * work(stage, self.shape), stage.name)
        return fitted

    def judge(
        self,
        kernels: NDArray[np.float32],
        pictures: NDArray[np.intp],
        scale: int,
        expected: int,
        smooth: Sequence[bool] | None = None,
    ) -> NDArray[np.float32]:
        """The energy of each kernel (n, K, K) with the image of its picture that goes with it best: (n,), lowest best.

        The variational one. Each image starts from the restoration with its kernel: started from nothing,
        wrong kernels win that are quicker to fit. expected: how many there could have been. smooth: (n,) as in `Way`,
        None: none of them.
        """
        smooth = [False] * len(kernels) if smooth is None else smooth
        known = np.stack([pruned(k) for k in kernels])
        support = scale * (known.shape[1] - 1) + 1
        canvas = self.grids(scale, support, (0.0, 0.0))[0]
        judge = covering(canvas, scale)
        left = [noise_left(smoothings(scale, each)[-1], scale) for each in smooth]
        noises = self.at_pixels()[pictures] * left
        stages = [judging(self.config, scale, *each) for each in zip(noises, smooth, strict=True)]
        ys = {smoothing: self.cut(scale, smoothing) for smoothing in {stage.smoothing for stage in stages}}

        def start(picture: int, k: NDArray[np.float32], stage: Stage) -> Any:
            bound = self.bound(picture, stage) if self.blurry.lights[picture] else None
            x = restore(ys[stage.smoothing][picture], k, stage.prior[1], bound)
            return judge.showing((x - self.means[picture]) * self.gains[picture] + np.float32(0.5))

        params = {"image": stack(list(side_by_side(start, pictures, known, stages)))}
        n = len(known)
        batch = Batch(params, np.zeros((n, 2)), support, np.full(n, np.inf), tuple(range(n)), pictures, expected)
        return self.run(batch, stages, Generators(judge, None), params, known).losses[:, -1]

    def best(self, batch: Batch, scale: int, count: int, ways: Sequence[Way], ahead: Sequence[object]) -> Batch:
        """The members, `count` a picture, whose kernels have the lowest energies, each picture's lowest first.

        Energies of what sees a smooth picture and of what doesn't can't be compared; so both sides take turns, until
        all see the same. Of those that are alike and go on alike, as `ahead` tells for each, there is one. Of each of
        several pictures the same number is left, so that the batch has one of few sizes.
        """
        assert batch.kernels is not None
        several = len(self.blurry.pictures)
        count = min(batch.expected // several, count)
        if len(batch.members) == several:
            self.progress.advance(batch.expected * judging_work(self.config, scale, self.shape))
            return replace(batch, expected=count * several)
        began = time.perf_counter()
        apart = smoothings(scale, smooth=True)[-1] > 0
        smooth = [way.smooth and apart for way in ways]
        energies = self.judge(batch.kernels, batch.pictures, scale, batch.expected, smooth)
        sides = np.flatnonzero(np.logical_not(smooth)), np.flatnonzero(smooth)
        last = self.traces[-1]
        self.traces[-1] = last._replace(seconds=last.seconds + time.perf_counter() - began)
        groups = [np.flatnonzero(batch.pictures == picture) for picture in range(several)]
        kept: list[int] = []
        for group in groups:
            both = (np.intersect1d(group, side) for side in sides)
            ranked = in_turn(*(side[np.argsort(energies[side])].tolist() for side in both))
            kept += chosen(ranked, batch.kernels, ahead, count, fill=several > 1)
        keep = np.array(kept)
        return Batch(
            jax.tree.map(lambda a: a[keep], batch.params),
            batch.shifts[keep],
            support_for(batch.windows[keep].max()),
            batch.windows[keep],
            tuple(batch.members[i] for i in keep),
            batch.pictures[keep],
            count * several,
            batch.kernels[keep],
            jax.tree.map(lambda a: a[keep], batch.offsets),
        )


@partial(jax.jit, static_argnames="generators")
def first_params(generators: Generators, seed: np.uint32, start: int) -> dict:
    """Parameters that no data has touched, of one start."""
    anywhere = Grid(np.zeros(2, np.float32), np.zeros(2, np.float32))  # parameters do not depend on where they are used
    image_key, kernel_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), start))
    assert generators.kernel is not None
    return {"image": generators.image.init(image_key, anywhere), "kernel": generators.kernel.init(kernel_key, anywhere)}


@partial(jax.jit, static_argnames="image")
def rendered(image: Module, params: dict, grid: Grid) -> Array:
    """What an image generator shows with each of several parameters."""
    return jax.vmap(lambda params: image.apply(params, grid))(params)  # type: ignore[return-value]


def noise_left(smoothing: float, scale: int) -> float:
    """The share of the pixels' white noise that is left at a scale of a picture that is smoothed by so many samples."""
    return quieter(smoothing, scale) / scale
