"""What a search shows to whoever looks over its shoulder: the kernels of all its starts after each of its stages."""

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
