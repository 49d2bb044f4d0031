"""A large picture restored in overlapping tiles: memory bounded by a tile, time by the picture, no seams.

All tiles of a picture have one shape, so that one program is compiled. Near an inner edge a tile knows less than its
neighbour does, so its weight is 0 over the kernel's width and rises from there,

    x(p) = sum_t w_t(p) x_t(p),    sum_t w_t(p) = 1,    w_t(p) = u_t(row) v_t(column)

at every position p, also between pixels: what is blended are the tiles' continuous images.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inr_deblur.config import DeblurConfig
from inr_deblur.coordinates import Grid
from inr_deblur.latent import LatentImage, as_it_is, likelier_image, patches_work, restoration_work, restore_with
from inr_deblur.progress import Progress, Silent
from inr_deblur.watch import StageTrace

T = TypeVar("T")
LARGEST_TILE = 1024  # pixels a side
AT_ONCE = 2  # tiles under way: one alone hardly keeps a second core busy, and each takes memory
RAMP = 32  # pixels over which one tile hands over to the next
LEAST_MARGIN = 24  # pixels of a tile's inner edge that don't count; with a larger kernel, its side


@dataclass(frozen=True)
class Axis:
    """How the tiles lie along one axis."""

    starts: tuple[int, ...]
    length: int  # of each tile
    margin: int  # that doesn't count at inner edges

    def weights(self, positions: NDArray, which: int) -> NDArray[np.float32]:
        """The share of one tile at positions along the whole axis: (n,), 0 outside of it; all tiles' sum to 1."""
        each = [self._weight(positions, i) for i in range(len(self.starts))]
        return (each[which] / np.sum(each, 0)).astype(np.float32)

    def _weight(self, positions: NDArray, which: int) -> NDArray:
        inside = positions - self.starts[which]
        rise = np.full(len(positions), 1.0) if which == 0 else (inside - self.margin) / RAMP
        last = which == len(self.starts) - 1
        fall = np.full(len(positions), 1.0) if last else (self.length - 1 - self.margin - inside) / RAMP
        return np.clip(np.minimum(rise, fall), 0, 1)


def axis(length: int, kernel: int, tile: int = LARGEST_TILE) -> Axis:
    """The least number of tiles that covers `length` pixels, evenly spread."""
    margin = max(LEAST_MARGIN, kernel)
    shared = 2 * margin + RAMP + 1
    tile = max(tile, 2 * shared)
    if length <= tile:
        return Axis((0,), length, margin)
    count = -(-(length - shared) // (tile - shared))
    size = -(-(length + (count - 1) * shared) // count)
    return Axis(tuple(round(i * (length - size) / (count - 1)) for i in range(count)), size, margin)


@dataclass(frozen=True)
class TiledImage:
    """The latent images of all tiles as one."""

    rows: Axis
    columns: Axis
    latents: tuple[LatentImage, ...]  # row by row
    shape: tuple[int, ...]  # of the picture

    def render(self, shape: tuple[int, ...], scale: float = 1.0) -> NDArray[np.float32]:
        """As `LatentImage.render`: values on the picture's frame, `scale` times finer, not clipped."""
        return self.on(Grid(*((np.arange(max(1, round(n * scale))) + 0.5) / scale - 0.5 for n in shape[:2])))

    def on(self, grid: Grid) -> NDArray[np.float32]:
        """Values at the positions of the grid, not clipped: (h, w) or (h, w, 3)."""
        down, right = grid
        image = np.zeros((len(down), len(right), *self.shape[2:]), np.float32)
        places = product(enumerate(self.rows.starts), enumerate(self.columns.starts))
        for ((i, top), (j, left)), latent in zip(places, self.latents, strict=True):
            u, v = self.rows.weights(down, i), self.columns.weights(right, j)
            if not (u.any() and v.any()):
                continue
            h, w = (slice(*(np.flatnonzero(a)[[0, -1]] + (0, 1))) for a in (u, v))
            inside = Grid((down[h] - top).astype(np.float32), (right[w] - left).astype(np.float32))
            weight = np.outer(u[h], v[w])
            image[h, w] += latent.on(inside) * (weight[..., None] if image.ndim == 3 else weight)
        return image

    def residual(self, grey: NDArray) -> float:
        """Root mean square of clip(k (*) x) - y over all tiles, both as grey pictures."""
        parts = [cut(grey, corner, self.tile) for corner in product(self.rows.starts, self.columns.starts)]
        squares = [latent.residual(part) ** 2 for latent, part in zip(self.latents, parts, strict=True)]
        return float(np.sqrt(np.mean(squares)))

    @property
    def tile(self) -> tuple[int, int]:
        """Height and width of a tile."""
        return self.rows.length, self.columns.length


def cut(picture: NDArray, corner: tuple[int, int], shape: tuple[int, int]) -> NDArray:
    """The part of the picture below and right of the corner."""
    return picture[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]]


def restore_in_tiles(
    name: str,
    y: NDArray[np.float32],
    k: NDArray[np.float32],
    weight: float,
    config: DeblurConfig,
    progress: Progress,
    tile: int = LARGEST_TILE,
) -> tuple[LatentImage | TiledImage, StageTrace]:
    """`restore_with`, tile by tile where y is larger than one. tile: largest side of one, pixels."""
    began = time.perf_counter()
    rows, columns = axis(y.shape[0], k.shape[0], tile), axis(y.shape[1], k.shape[1], tile)
    corners = list(product(rows.starts, columns.starts))
    if len(corners) == 1:
        return restore_with(name, y, k, weight, config, progress)
    shape = rows.length, columns.length

    def fitted(corner: tuple[int, int]) -> tuple[LatentImage, StageTrace]:
        return restore_with(name, np.ascontiguousarray(cut(y, corner, shape)), k, weight, config, Silent())

    done = partial(progress.advance, restoration_work(name, (*shape, *y.shape[2:]), config), "restoration")
    fits = _all_tiles(fitted, done, corners)
    losses = np.mean([trace.losses for _, trace in fits], 0)
    whole = TiledImage(rows, columns, tuple(latent for latent, _ in fits), y.shape)
    return whole, StageTrace("restoration", 1, losses, time.perf_counter() - began)


def as_it_is_in_tiles(y: NDArray[np.float32]) -> LatentImage | TiledImage:
    """`as_it_is`, tile by tile where y is larger than one."""
    rows, columns = (axis(n, 1) for n in y.shape[:2])
    corners = list(product(rows.starts, columns.starts))
    if len(corners) == 1:
        return as_it_is(y)
    shape = rows.length, columns.length
    return TiledImage(rows, columns, tuple(as_it_is(cut(y, corner, shape)) for corner in corners), y.shape)


def likelier_in_tiles(
    latent: LatentImage | TiledImage, y: NDArray[np.float32], noise: float, progress: Progress
) -> tuple[LatentImage | TiledImage, StageTrace]:
    """`likelier_image`, tile by tile, each by its own patches."""
    began = time.perf_counter()
    if isinstance(latent, LatentImage):
        better = likelier_image(latent, y, noise)
        progress.advance(patches_work(y.shape), "patches")
    else:
        shape = latent.tile

        def likelier(corner: tuple[int, int], tile: LatentImage) -> LatentImage:
            return likelier_image(tile, cut(y, corner, shape), noise)

        corners = product(latent.rows.starts, latent.columns.starts)
        done = partial(progress.advance, patches_work(shape), "patches")
        better = replace(latent, latents=tuple(_all_tiles(likelier, done, corners, latent.latents)))
    return better, StageTrace("patches", 1, np.zeros(0, np.float32), time.perf_counter() - began)


def _all_tiles(step: Callable[..., T], done: Callable[[], None], *each: Iterable) -> list[T]:
    """What the step makes of each tile, a few at once. done: is called after every one."""
    made = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one in pool.map(step, *each):
            made.append(one)
            done()
    return made
