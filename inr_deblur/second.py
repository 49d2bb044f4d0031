"""When a kernel is sought again, among small ones, and whether the second is the better one.

A search that begins at coarse scales can lose a small kernel: print is too fine for them, so that the true kernel is
not the one of lowest energy there, and in noise a kernel in pieces may explain more than the true one. Among small
kernels a search begins at finer scales and has no room for pieces. Which of two kernels is right the energy does not
tell in noise; how clear the picture is that each restores tells more. Of two that differ in details alone it does tell.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inr_deblur.blind import Found
from inr_deblur.correction import AGREED, CLEARLY
from inr_deblur.kernels import likeness, of_one_size, support_box, support_for
from inr_deblur.outcome import Outcome, truncated
from inr_deblur.refinement import blurring
from inr_deblur.search import ROOM

SMALL, SMALLER = 27, 21  # pixels of the kernels among which another one is sought
CLEARER = 0.99  # `blurring` from the first kernel to the second, below which the second is taken


def sizes(bound: int, outcome: Outcome, kernel: NDArray) -> tuple[int, ...]:
    """The sizes in pixels up to which another kernel is to be sought, one after another until one is right: often none.

    bound: that of the first search; outcome, kernel: what came of it, (K, L), pruned. A kernel that is doubtful may be
    any small one; one that isn't, but that may be small, is compared with one from the finest scales alone.
    """
    small = support_box(kernel)[1] <= support_for(ROOM * SMALLER)
    if outcome is Outcome.NO_BLUR or (outcome.ok and not small):
        return ()
    return tuple(size for size in (SMALL, SMALLER) if size < bound and (size == SMALLER or not outcome.ok))


def preferable(
    y: NDArray[np.float32],
    noise: float,
    energies: Callable[[list[NDArray[np.float32]]], list[float]],
    first: NDArray[np.float32],
    second: Found,
) -> bool:
    """Whether the second kernel explains the picture y (H, W) clearly better, if the two are one but for details.

    Else whether the picture is clearer with it, and the search had room for it. noise: standard deviation of y;
    energies: of kernels, see `blind.energies`; first: (K, K), odd, pruned.
    """
    if likeness(*of_one_size([first, second.kernel])) >= AGREED:
        before, after = energies([first, second.kernel])
        return after < before - CLEARLY
    return not truncated(second.kernel, second.limit) and blurring(y, noise, first, second.kernel) < CLEARER
