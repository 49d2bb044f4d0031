"""Starts that go through a search side by side: what they are, how they join, and which of them go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import jax
import numpy as np
from numpy.typing import NDArray

from inr_deblur.coordinates import Grid
from inr_deblur.errors import InputError
from inr_deblur.kernels import likeness

ALIKE = 0.93  # kernels of two starts that are at least so alike are in one basin


@dataclass(frozen=True)
class Batch:
    """Members on their way: parameters with a leading axis, and where each kernel's origin has moved to."""

    params: dict
    shifts: NDArray[np.float64]  # (members, 2) pixels
    support: int  # side of the kernels' grids in pixels
    windows: NDArray[np.float64]  # (members,) side in pixels of the square that each kernel may fill
    members: tuple[int, ...]  # which these are of all that there have been
    pictures: NDArray[np.intp]  # (members,) which pictures they are starts of
    expected: int  # how many there could have been, which is what progress counts
    kernels: NDArray[np.float32] | None = None  # (members, K, K) at the last scale
    offsets: Grid | None = None  # (members, K) of their samples


def joined(a: Batch, b: Batch) -> Batch:
    """Two batches as one that is to go through a scale."""
    return Batch(
        jax.tree.map(lambda *leaves: np.concatenate(leaves), a.params, b.params),
        np.concatenate([a.shifts, b.shifts]),
        max(a.support, b.support),
        np.concatenate([a.windows, b.windows]),
        a.members + b.members,
        np.concatenate([a.pictures, b.pictures]),
        a.expected + b.expected,
    )


def without_lost(kernels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The kernels (members, K, K), flat where a fit diverged, which no picture is explained by best.

    Raises InputError if all fits did.
    """
    lost = np.logical_not(np.isfinite(kernels).all((1, 2)))
    if lost.all():
        raise InputError("The fit diverged, from every start: try another seed, or a loss.prior nearer to 1.")
    return np.where(lost[:, None, None], np.float32(1 / kernels[0].size), kernels)


def in_turn(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """One of each while there are two, then the others."""
    return [i for pair in zip_longest(a, b) for i in pair if i is not None]


def chosen(
    ranked: Sequence[int], kernels: NDArray[np.float32], ahead: Sequence[object], count: int, fill: bool
) -> list[int]:
    """The first `count` of those ranked, of those that are alike and go on alike one; fill: then others, too."""

    def new(i: int) -> bool:
        return all(ahead[i] != ahead[j] or likeness(kernels[i], kernels[j]) < ALIKE for j in kept)

    kept: list[int] = []
    for i in ranked:
        if len(kept) < count and new(i):
            kept.append(i)
    return kept + [i for i in ranked if fill and i not in kept][: count - len(kept)]
