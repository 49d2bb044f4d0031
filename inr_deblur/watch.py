"""What is told of a stage: to whoever looks over a search's shoulder, and in the end of the start that was chosen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Step:
    """The end of one stage of a search."""

    name: str
    scale: int  # spacing of the kernels' entries, in pixels
    members: tuple[int, ...]  # the starts that were still in the race
    kernels: NDArray[np.float32]  # (members, K, K), sum 1
    losses: NDArray[np.float32]  # (members, steps)


Look = Callable[[Step], None]  # is shown each stage as it ends; the search goes on the same


@dataclass(frozen=True)
class StageTrace:
    """What happened in one stage."""

    name: str
    scale: int
    losses: NDArray[np.float32]  # (steps,) of the start that was chosen
    seconds: float  # with the judging that followed; in a batch a picture's share; corrections may run side by side
