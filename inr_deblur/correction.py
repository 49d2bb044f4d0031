"""What the alternation makes of the kernels that a search ends with: they are corrected, judged, and the best taken on.

Of a picture it is not known beforehand which tau suits it (`alternation`), so every one is tried; the energy that
chooses among starts chooses among them, too, and in doubt the first one stays.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inr_deblur.alternation import EDGES, LEAST_SPREAD, ROUNDS, corrected, correction_work
from inr_deblur.blur import area_average
from inr_deblur.carry import coarser, finer
from inr_deblur.clipping import white
from inr_deblur.config import DeblurConfig
from inr_deblur.devices import side_by_side
from inr_deblur.kernels import of_one_size, pruned
from inr_deblur.outcome import spread
from inr_deblur.search import Search, StageTrace

NO_WORSE = 1e-5  # of energy, that a right correction may add; wrong ones of print, by the first tau, add 8 times that
DOUBT = 1e-6  # of energy, that another tau than the first must save; for photographs it saves less and yet costs detail


class Candidate(NamedTuple):
    """A kernel that may win, as it is or corrected."""

    picture: int
    member: int  # the start that it comes from
    kernel: NDArray[np.float32]  # (K, K), pruned, sum 1
    edge: float = EDGES[0]  # tau of its corrections
    traces: tuple[StageTrace, ...] = ()  # of its corrections


def settled(search: Search, left: Sequence[Candidate], scale: int) -> list[Candidate] | None:
    """Each picture's kernel by alternation from this scale on, if each one's best is wide enough for that; else None.

    left: kernels of this scale, each picture's best one first. Each is corrected, the best ones with every tau; the one
    that then has its picture's lowest energy goes on to the finer scales. None, too, if by that the best one of a
    picture has more energy than before, by more than `NO_WORSE`.
    """
    firsts = [left[i] for i in np.unique(_pictures(left), return_index=True)[1]]
    if min(spread(first.kernel) for first in firsts) < LEAST_SPREAD:
        return None
    others = [first._replace(edge=edge) for edge in EDGES[1:] for first in firsts]
    made = _alternated(search, [*left, *others], scale)
    before, energies = np.split(_energies(search, [*firsts, *made], scale), [len(firsts)])
    best = _lowest(made, energies)
    if not (energies[best] <= before + NO_WORSE).all():
        return None
    winners, judged = [made[i] for i in best], scale
    while scale > 1:
        scale //= 2
        winners = best_corrected(search, [w._replace(kernel=finer(w.kernel)) for w in winners], scale, judged)
    return winners


def best_corrected(search: Search, left: Sequence[Candidate], scale: int, judged: int) -> list[Candidate]:
    """Each picture's best of these kernels of this scale, corrected with every tau.

    judged: the scale at which energies are taken. A coarse one sees four times as much of the picture for the same cost
    and tells the right tau more often, though what `coarser` does to a kernel moves its energy by as much as `DOUBT`.
    """
    made = _alternated(search, [candidate._replace(edge=edge) for edge in EDGES for candidate in left], scale)
    seen = made
    while scale < judged:
        scale *= 2
        seen = [candidate._replace(kernel=coarser(candidate.kernel)) for candidate in seen]
    return [made[i] for i in _lowest(made, _energies(search, seen, judged))]


def rounds(config: DeblurConfig, usual: int) -> int:
    """Of the alternation at each scale, so many with the usual steps."""
    return max(1, round(usual * config.schedule.steps))


def _alternated(search: Search, candidates: Sequence[Candidate], scale: int) -> list[Candidate]:
    """What the rounds of the alternation at this scale make of kernels, pruned."""
    count = rounds(search.config, ROUNDS)

    def one(candidate: Candidate) -> Candidate:
        began = time.perf_counter()
        picture = search.pictures[candidate.picture]
        y, noise = area_average(picture, scale), search.noises[candidate.picture] / scale
        bound = white(picture, scale) if search.lights[candidate.picture] else None
        kernel, losses = corrected(y, candidate.kernel, noise, count, bound, candidate.edge)
        trace = StageTrace(f"alternation {scale}", scale, losses, time.perf_counter() - began)
        return candidate._replace(kernel=pruned(kernel), traces=(*candidate.traces, trace))

    made: list[Candidate] = []
    seen = search.pictures.shape[1] // scale, search.pictures.shape[2] // scale
    for before, after in zip(candidates, side_by_side(one, candidates), strict=True):
        search.progress.advance(correction_work(seen, len(before.kernel), count), "alternation")
        made.append(after)
    return made


def _energies(search: Search, candidates: Sequence[Candidate], scale: int) -> NDArray[np.float32]:
    """Of kernels of this scale: (n,)."""
    kernels = of_one_size([candidate.kernel for candidate in candidates])
    return search.judge(kernels, _pictures(candidates), scale, len(candidates))


def _pictures(candidates: Sequence[Candidate]) -> NDArray[np.intp]:
    return np.array([candidate.picture for candidate in candidates])


def _lowest(candidates: Sequence[Candidate], energies: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which candidate of each picture has the lowest energy; another tau than the first adds `DOUBT` to it."""
    pictures = _pictures(candidates)
    ranked = np.lexsort((energies + [DOUBT * (candidate.edge != EDGES[0]) for candidate in candidates], pictures))
    return ranked[np.unique(pictures[ranked], return_index=True)[1]]
