"""What becomes of the kernels that a search ends with: corrected, judged, the best one taken on, polished and honed."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from inr_deblur import honing, polish
from inr_deblur.alternation import LEAST_SPREAD, OF_SMALL, OF_WIDE, ROUNDS, Corrected, Edges, corrected, correction_work
from inr_deblur.blur import area_average
from inr_deblur.carry import finer
from inr_deblur.clipping import white
from inr_deblur.config import DeblurConfig
from inr_deblur.devices import side_by_side
from inr_deblur.evidence import evidence
from inr_deblur.kernels import cropped, grid_for, largest_piece, likeness, of_one_size, pruned, without_islands
from inr_deblur.outcome import spread
from inr_deblur.schedule import QUIET
from inr_deblur.search import Search
from inr_deblur.watch import StageTrace

NO_WORSE = 1e-5  # of energy, that a right correction may add, the polish of a wide kernel, or honing
NEEDLESS = 3e-7  # of energy, that a kernel without islands may have more; a path's own ones save ten times that
CLEARLY = 1.5e-6  # of energy, that another small kernel, polished or found, has to save: with less, some were worse
FINISHING_ROUNDS = 4  # at finer scales than that where a search ends; twice as many add .1 dB or less on Lai's
FEWEST_ROUNDS = 2  # of those, as in one alone the prior does not fall
LOUD = 0.01  # noise, where the contrast is 0.2, above which rounds have not made a kernel better
MENDABLE = 0.75  # share of the mass in the largest piece, below which islands are left alone where there is no noise
AGREED = 0.9  # `likeness` of corrected kernels, from which on they are the same one


class Candidate(NamedTuple):
    """A kernel that may win, as it is or corrected."""

    picture: int
    kernel: NDArray[np.float32]  # (K, K), pruned, sum 1
    stages: tuple[StageTrace, ...] = ()  # that it comes from


class Ending(NamedTuple):
    """The kernel of a picture with which its search may end."""

    winner: Candidate  # corrected at the scale where it may end
    explained: bool  # whether its energy is no higher than that of the picture's best kernel before, or hardly
    agreed: bool  # whether another one that is left is like it, if there is one and if they were corrected


def ended(search: Search, left: Sequence[Candidate], scale: int) -> list[Ending] | None:
    """What the alternation at this scale makes of each picture's kernels, if each one's best is wide enough; else None.

    left: kernels of this scale, each picture's best one first. Two of each picture are corrected, the others if these
    leave a doubt; the one that then has its picture's lowest energy wins. If that is higher than before by more than
    `NO_WORSE`, it does not explain the picture.
    """
    of_each = [[one for one in left if one.picture == picture] for picture in np.unique(_pictures(left))]
    if min(spread(of_one[0].kernel) for of_one in of_each) < LEAST_SPREAD:
        return None
    edges = OF_WIDE if scale > 1 else OF_SMALL
    made = alternated(search, [one for of_one in of_each for one in of_one[:2]], scale, edges)
    endings = _endings(search, left, made, scale)
    doubted = (mine for mine, ending in zip(of_each, endings, strict=True) if not (ending.explained and ending.agreed))
    others = [one for mine in doubted for one in mine[2:]]
    if not others:
        return endings
    return _endings(search, left, [*made, *alternated(search, others, scale, edges)], scale)


def _endings(search: Search, left: Sequence[Candidate], made: list[Candidate], scale: int) -> list[Ending]:
    """Each picture's ending by what was made of some of its kernels at this scale; left: as in `ended`."""
    firsts = [left[i] for i in np.unique(_pictures(left), return_index=True)[1]]
    before, energies = np.split(_energies(search, [*firsts, *made], scale), [len(firsts)])
    endings = []
    for i, energy in zip(_lowest(made, energies), before, strict=True):
        others = [made[j] for j in np.flatnonzero(_pictures(made) == made[i].picture) if j != i]
        # what is too noisy to be corrected is as unlike as it was
        alone = not others or any(made[i] is one for one in left)
        agreed = alone or any(one_but_for_details(made[i].kernel, other.kernel) for other in others)
        endings.append(Ending(made[i], bool(energies[i] <= energy + NO_WORSE), agreed))
    return endings


def one_but_for_details(a: NDArray, b: NDArray) -> bool:
    """Whether kernels (K, K) and (L, L), odd, are the same one."""
    return likeness(*of_one_size([a, b])) >= AGREED


def finished(search: Search, winners: Sequence[Candidate], scale: int) -> list[Candidate]:
    """Kernels of this scale corrected at the finer ones, and without needless islands."""
    while scale > 1:
        scale //= 2
        count = max(FEWEST_ROUNDS, rounds(search.config, FINISHING_ROUNDS))
        winners = alternated(search, [one._replace(kernel=finer(one.kernel)) for one in winners], scale, count=count)
    return [winner._replace(kernel=without_needless(search, winner)) for winner in winners]


def best_explained(search: Search, rivals: Sequence[Candidate]) -> Candidate:
    """That of one picture's kernels that explains it best at the pixels."""
    return rivals[_lowest(rivals, _energies(search, rivals, 1))[0]] if len(rivals) > 1 else rivals[0]


def polished(search: Search, winners: Sequence[Candidate]) -> list[Candidate]:
    """Kernels of the pixels, one a picture, each after the rounds of `polish` if its energy allows them.

    A small kernel's has to fall clearly. A wide one's may rise a little: of these the energy prefers ones that are too
    sharp. Wide ones in loud noise stay as they are.
    """
    noise_seen = search.at_pixels()

    def manner(winner: Candidate) -> polish.Manner:
        how = polish.manner(_wide(winner), bool(noise_seen[winner.picture] >= QUIET))
        count = rounds(search.config, how.rounds)
        return how._replace(rounds=min(count, how.rounds) if how.wide else count)

    def made(winner: Candidate, y: NDArray, noise: float) -> Corrected:
        return polish.polished(y, winner.kernel, noise, manner(winner))

    def cost(winner: Candidate) -> float:
        return correction_work(search.blurry.pictures.shape[1:], len(winner.kernel), manner(winner).rounds)

    left = _changeable(search, winners)
    able = [winner for winner in left if not (_wide(winner) and noise_seen[winner.picture] > LOUD)]
    better = _bettered(search, able, "polish", made, cost, lambda winner: NO_WORSE if _wide(winner) else -CLEARLY)
    return [better.get(winner.picture, winner) for winner in winners]


def honed(search: Search, winners: Sequence[Candidate]) -> list[Candidate]:
    """Kernels of the pixels, one a picture, each after `honing` if its energy rises by little at most.

    In what they leave unexplained white noise has to show, since that is what honing takes it for; in a JPEG's rounding
    it doesn't.
    """
    factor = search.config.schedule.steps

    def made(winner: Candidate, y: NDArray, noise: float) -> Corrected:
        return honing.honed(y, winner.kernel, noise, factor)

    def cost(winner: Candidate) -> float:
        return honing.honing_work(search.blurry.pictures.shape[1:], len(winner.kernel), factor)

    def noise_shows(winner: Candidate) -> bool:
        return evidence(search.blurry.pictures[winner.picture], winner.kernel).noise_shows

    able = [winner for winner in _changeable(search, winners) if noise_shows(winner)]
    better = _bettered(search, able, "honing", made, cost, lambda winner: NO_WORSE)
    return [better.get(winner.picture, winner) for winner in winners]


def _changeable(search: Search, winners: Sequence[Candidate]) -> list[Candidate]:
    """Those that may change at the pixels. Not those of pictures with lights, as white is no slope there."""
    return [winner for winner in winners if search.config.loss.alternation and not search.blurry.lights[winner.picture]]


def _bettered(
    search: Search,
    winners: Sequence[Candidate],
    name: str,
    made: Callable[[Candidate, NDArray, float], Corrected],
    cost: Callable[[Candidate], float],
    rise: Callable[[Candidate], float],
) -> dict[int, Candidate]:
    """By picture, what becomes of the winners at the pixels in a stage, where their energies rise by less than `rise`.

    made: from a winner, its picture and its noise; cost: of that.
    """

    def one(winner: Candidate) -> Candidate:
        began = time.perf_counter()
        kernel, losses = made(winner, search.blurry.pictures[winner.picture], search.blurry.noises[winner.picture])
        if not np.isfinite(kernel).all():
            return winner
        trace = StageTrace(name, 1, losses, time.perf_counter() - began)
        return winner._replace(kernel=pruned(kernel), stages=(*winner.stages, trace))

    better: dict[int, Candidate] = {}
    for before, after in zip(winners, side_by_side(one, winners), strict=True):
        search.progress.advance(cost(before), name)
        old, new = tight_energies(search, [before, after])
        if new < old + rise(before):
            better[before.picture] = after
    return better


def tight_energies(search: Search, candidates: Sequence[Candidate]) -> list[float]:
    """Energies at the pixels, on the smallest of the few grids that holds all of the kernels, cropped.

    An energy counts the border beyond the picture, which is as wide as the grid. What has been judged on a grid is not
    judged on it again.
    """
    tight = [cropped(candidate.kernel) for candidate in candidates]
    kernels = of_one_size(tight, grid_for(max(len(k) for k in tight)))
    keys = [(candidate.picture, k.tobytes()) for candidate, k in zip(candidates, kernels, strict=True)]
    new = [i for i, key in enumerate(keys) if key not in search.judged]
    if new:
        energies = search.judge(kernels[new], _pictures(candidates)[new], 1, len(new))
        search.judged.update(zip((keys[i] for i in new), energies.tolist(), strict=True))
    return [search.judged[key] for key in keys]


def _wide(candidate: Candidate) -> bool:
    """Whether a kernel of the pixels is wide at half the resolution."""
    return spread(candidate.kernel) >= 2 * LEAST_SPREAD


def without_needless(search: Search, winner: Candidate) -> NDArray[np.float32]:
    """The kernel of the pixels without its islands, if it explains its picture as well without them.

    Faint clouds far from the rest explain nothing where there are no edges, yet all that they hold is contrast that the
    restoration lacks. Of noise of variance v, p entries that are fitted to n samples explain by chance, in energy,

        p v log(n) / n,

    the criterion of Schwarz, Estimating the dimension of a model (Annals of Statistics 1978). Islands have to save
    more.
    """
    whole = winner.kernel
    share = largest_piece(whole)
    alone = (without_islands(whole) / share).astype(np.float32)
    samples, entries = np.prod(search.shape), (whole > 0).sum() - (alone > 0).sum()
    by_chance = entries * search.at_pixels()[winner.picture] ** 2 * np.log(samples) / samples
    if share == 1 or (share < MENDABLE and by_chance < NEEDLESS):
        return whole
    energies = search.judge(np.stack([whole, alone]), np.full(2, winner.picture), 1, 0)
    return alone if energies[1] <= energies[0] + max(NEEDLESS, by_chance) else whole


def rounds(config: DeblurConfig, usual: int) -> int:
    """Of the alternation at each scale, so many with the usual steps."""
    return max(1, round(usual * config.schedule.steps))


def alternated(
    search: Search, candidates: Sequence[Candidate], scale: int, edges: Edges = OF_WIDE, count: int | None = None
) -> list[Candidate]:
    """What the rounds of the alternation at this scale make of kernels, pruned.

    edges: what counts as one; count: of rounds, None: the usual number. Kernels of pictures that are too noisy at this
    scale stay as they are.
    """
    count = count or rounds(search.config, ROUNDS)
    noise_seen = search.at_pixels() / scale

    def one(candidate: Candidate) -> Candidate:
        if noise_seen[candidate.picture] > LOUD:
            return candidate
        began = time.perf_counter()
        picture = search.blurry.pictures[candidate.picture]
        y, noise = area_average(picture, scale), search.blurry.noises[candidate.picture] / scale
        bound = white(picture, scale) if search.blurry.lights[candidate.picture] else None
        kernel, losses = corrected(y, candidate.kernel, noise, count, bound, edges)
        trace = StageTrace(f"alternation {scale}", scale, losses, time.perf_counter() - began)
        return candidate._replace(kernel=pruned(kernel), stages=(*candidate.stages, trace))

    made: list[Candidate] = []
    seen = search.blurry.pictures.shape[1] // scale, search.blurry.pictures.shape[2] // scale
    for before, after in zip(candidates, side_by_side(one, candidates), strict=True):
        search.progress.advance(correction_work(seen, len(before.kernel), count), "alternation")
        made.append(after)
    return made


def _energies(search: Search, candidates: Sequence[Candidate], scale: int) -> NDArray[np.float32]:
    kernels = of_one_size([candidate.kernel for candidate in candidates])
    return search.judge(kernels, _pictures(candidates), scale, len(candidates))


def _pictures(candidates: Sequence[Candidate]) -> NDArray[np.intp]:
    return np.array([candidate.picture for candidate in candidates])


def _lowest(candidates: Sequence[Candidate], energies: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which candidate of each picture has the lowest energy."""
    pictures = _pictures(candidates)
    ranked = np.lexsort((energies, pictures))
    return ranked[np.unique(pictures[ranked], return_index=True)[1]]
