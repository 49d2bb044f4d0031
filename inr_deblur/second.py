"""When a kernel is sought again, among small ones, and whether the second is the better one.

A search that begins at coarse scales can lose a small kernel: print is too fine for them, so that the true kernel is
not the one of lowest energy there, and in noise a kernel in pieces may explain more than the true one. Among small
kernels a search begins at finer scales and has less room for pieces. Which of two kernels is right the energy does not
tell in noise; how clear the picture is that each restores tells more. Of two that differ in details alone it does tell.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from inr_deblur.alternation import LEAST_SPREAD
from inr_deblur.blind import Found
from inr_deblur.config import DeblurConfig
from inr_deblur.correction import CLEARLY, one_but_for_details
from inr_deblur.kernels import support_box, support_for
from inr_deblur.outcome import Outcome, spread, truncated
from inr_deblur.refinement import blurring
from inr_deblur.search import ROOM

SMALL, SMALLER = 27, 21  # pixels of the kernels among which another one is sought
CLEARER = 0.99  # `blurring` from the first kernel to the second, below which the second is taken


def possible(bound: int, size: int, config: DeblurConfig) -> bool:
    """Whether a search for kernels of at most `size` pixels has less room than the first one, of at most `bound`.

    Where starts or scales are told there is no other search.
    """
    told = config.schedule.starts or config.schedule.scales
    return not told and support_for(ROOM * size) < support_for(ROOM * bound)


def sizes(bound: int, outcome: Outcome, kernel: NDArray, config: DeblurConfig) -> tuple[int, ...]:
    """The sizes in pixels up to which another kernel is to be sought, in turn: often none.

    bound: that of the first search; outcome, kernel: what came of it, (K, L), pruned. If that is doubtful the right one
    may be any small one; if it isn't, but no wider than the widest window that a search among the smallest starts with,
    there is one among these. Of a sharp picture there is no other kernel, noise that hides the first hides all, and a
    wide kernel that no search settles gives way to none of these.
    """
    if outcome in (Outcome.NO_BLUR, Outcome.TOO_NOISY, Outcome.NOT_SETTLED):
        return ()
    small = support_box(kernel)[1] <= ROOM * SMALLER
    wanted = () if outcome.ok and not small else (SMALLER,) if outcome.ok else (SMALL, SMALLER)
    return tuple(size for size in wanted if possible(bound, size, config))


def known_in_detail(outcome: Outcome, kernel: NDArray) -> bool:
    """Whether another search that comes to this kernel at half the resolution has nothing to add.

    outcome, kernel: as in `sizes`. One without doubt that was corrected in closed form on a large part of the picture
    is as good as what a descent at the pixels makes of it.
    """
    return outcome.ok and spread(kernel) >= LEAST_SPREAD


def preferable(
    y: NDArray[np.float32],
    noise: float,
    energies: Callable[[list[NDArray[np.float32]]], list[float]],
    first: NDArray[np.float32],
    second: Found,
) -> bool:
    """Whether the second kernel explains the picture y (H, W) clearly better, if the two are one but for details.

    Else whether the picture is clearer with it, and the search had room for it. noise: standard deviation of y;
    energies: of kernels, see `blind.energies`; first: (K, K), odd, pruned; second: what a later search has found.
    """
    if one_but_for_details(first, second.kernel):
        before, after = energies([first, second.kernel])
        return after < before - CLEARLY
    return not truncated(second.kernel, second.limit) and blurring(y, noise, first, second.kernel) < CLEARER
