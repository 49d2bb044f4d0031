"""Looking over a search's shoulder: the kernels of all its starts after each of its stages.

The engine knows nothing of who looks, so that a fit stays a pure function; this takes its place in front of it for the
time of a `with` block.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inr_deblur.blind import Search


@dataclass(frozen=True)
class Step:
    """The end of one stage of a search."""

    name: str
    scale: int  # spacing of the kernels' entries, in pixels
    members: tuple[int, ...]  # the starts that were still in the race
    kernels: NDArray[np.float32]  # (members, K, K), sum 1
    losses: NDArray[np.float32]  # (members, steps)


@contextmanager
def watched(look: Callable[[Step], None] | None = None) -> Iterator[list[Step]]:
    """The stages of the searches that run in the block, in a list that grows; look: called with each as it ends."""
    steps: list[Step] = []
    advance = Search.advance

    def watched_advance(search: Search, batch, stages):
        result = advance(search, batch, stages)
        name, scale, losses, _ = search.traces[-1]
        series = np.array([losses[member] for member in result.members])
        steps.append(Step(name, scale, result.members, np.asarray(result.kernels), series))
        if look:
            look(steps[-1])
        return result

    setattr(Search, "advance", watched_advance)  # noqa: B010
    try:
        yield steps
    finally:
        setattr(Search, "advance", advance)  # noqa: B010
