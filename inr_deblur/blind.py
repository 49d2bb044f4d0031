"""The blind search: from a grey picture to its kernel, or from several of one shape to theirs.

Several starts run coarse to fine as one batch. They differ in the size that they look for, in the scale at which they
begin, in how fast their prior's weight falls, in how smooth a picture they see at coarse scales and in the first
parameters of the kernel's network, because no single start is safe: most that fall into a wrong basin end at a higher
energy. So each kernel is judged on its own, by the image that goes with it best, and the lowest energy wins. A coarse
scale looks at more of the picture than a fine one, so that it is seldom the picture's content that a kernel fits. What
a coarse scale has found is mended before it is judged, if it is wide enough there, by a few closed-form steps
(`alternation`): the energy of a wrong kernel may be as low as a right one's, but rarely stays so. A kernel that is
still wide at half the resolution needs no finer search: from there on it is corrected by such steps on larger parts of
the picture. If of several that are left no other comes to the same, there is a second search, from sizes in between,
and maybe a third, until two starts or searches agree, and of their kernels the one that explains the picture best at
the pixels is taken. If the correction raises the energy, the second search's kernel is taken if it is one that does
not; else the first search goes on, and what comes of it is doubtful. In the end the kernel is polished, at the noise
that the picture has (`polish`), and honed, with what that noise leaves open of the image (`honing`).

Starts of several pictures are members of one batch, too: they have the kernels' grid in common, and where a smaller
region is enough its shape, but all that is chosen is chosen picture by picture.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inr_deblur import honing, polish
from inr_deblur.alternation import ROUNDS, correction_work, mended, with_margin
from inr_deblur.batch import Batch, joined
from inr_deblur.blur import area_average, smoothed
from inr_deblur.carry import finer
from inr_deblur.clipping import white
from inr_deblur.config import DeblurConfig
from inr_deblur.correction import (
    LOUD,
    Candidate,
    Ending,
    best_explained,
    ended,
    finished,
    honed,
    one_but_for_details,
    polished,
    rounds,
    tight_energies,
)
from inr_deblur.devices import side_by_side
from inr_deblur.errors import InputError
from inr_deblur.fit import Generators
from inr_deblur.generators import GridKernel, SirenKernel, image_generator
from inr_deblur.kernels import likeness, of_one_size, pruned, support_for
from inr_deblur.outcome import spread
from inr_deblur.progress import Part, Progress, Silent, Unforeseen
from inr_deblur.refinement import spoilt
from inr_deblur.region import Region, most_telling, region_shape
from inr_deblur.schedule import BETWEEN, Plan, Way, judging_work, plan, scales, smoothings, starts, way, work
from inr_deblur.search import ROOM, Blurry, Search, noise_left
from inr_deblur.watch import Look, StageTrace

NARROW = 27  # pixels of a window; a kernel that needs no more is looked for anew at a finer scale
ENDING = 2  # scale at which a search may end; what is left of a kernel at coarser ones is too little to be corrected
BECOMES = 0.75  # `likeness` to a known kernel at scale 2; those that became it had .80 and more, others .69 and less
MENDING_ROUNDS = 4  # of the alternation between two scales
MENDED_SPREAD = 2.0  # samples; of less, rounds on a smooth picture leave too little
STRETCHES = BETWEEN**0.5, BETWEEN**0.25  # of the sizes that the second search and the third start from

Again = Callable[[int, float], Ending | None]  # of a picture, with sizes that are stretched by so much


@dataclass(frozen=True)
class Found:
    """The kernel that won, and how it won."""

    kernel: NDArray[np.float32]  # (K, K), pruned, sum 1
    limit: int  # side in pixels that the search allowed it
    region: Region  # that the last stages of its search looked at
    settled: bool  # false: it was wide at half the resolution, and no search's correction there kept its energy
    stages: tuple[StageTrace, ...]


def find_kernels(
    blurry: Blurry,
    size: int,
    config: DeblurConfig,
    progress: Progress,
    look: Look | None = None,
) -> list[Found]:
    """The kernels of pictures, no larger than about `size` pixels. look: is shown the first search, not others.

    A kernel doesn't depend on its picture's brightness and contrast, but the weights of the priors do, so they are made
    the same for all pictures.
    """
    found = _search(blurry, size, config, progress, look)
    assert found is not None
    return found


def find_another(
    blurry: Blurry, size: int, config: DeblurConfig, progress: Progress, known: NDArray[np.float32] | None
) -> Found | None:
    """The kernel of one picture, as in `find_kernels`, None if at half the resolution the search comes to a known one.

    known: (K, K), pruned; None: nothing is known.
    """
    found = _search(blurry, size, config, progress, known=known)
    return found[0] if found else None


def _search(
    blurry: Blurry,
    size: int,
    config: DeblurConfig,
    progress: Progress,
    look: Look | None = None,
    known: NDArray[np.float32] | None = None,
) -> list[Found] | None:
    """The pictures' kernels; known: as in `find_another`."""
    count, height, width = blurry.pictures.shape
    announced = search_work((height, width), size, config)
    part = Part(progress, count * announced)
    pyramid = scales(size, (height, width), config.schedule.scales)

    def again(picture: int, stretch: float) -> Ending | None:
        """What another search for a picture's kernel ends with where the first one may end."""
        other = search_in(blurry.only(picture), size, pyramid[0], config, Unforeseen(part, announced))
        try:
            batch = next(batch for scale, batch in _batches(other, size, pyramid, stretch) if scale == ENDING)
        except InputError:  # all of its starts diverged, which is no reason to give up the first search
            return None
        (ending,) = ended(other, _candidates(other, batch), ENDING) or [None]
        return ending and ending._replace(winner=ending.winner._replace(picture=picture))

    search = search_in(blurry, size, pyramid[0], config, part, look)
    # a number of starts that is told is what there is
    found = _sought(search, size, pyramid, None if config.schedule.starts else again, known)
    part.finish()
    return found


def search_in(
    blurry: Blurry, size: int, scale: int, config: DeblurConfig, progress: Progress, look: Look | None = None
) -> Search:
    """A search as it is before its first start, that looks at as much as `scale` needs; else as in `find_kernels`."""
    support, image = support_for(ROOM * size), config.generator.image_chosen
    # a harmonic image can be moved to a part of what it shows; others stay where the pixels can be afforded
    regions = np.array([most_telling(y, size, scale if image == "harmonic" else 1) for y in blurry.pictures])
    kernel = {"siren": SirenKernel(), "grid": GridKernel(support / 2)}[config.generator.kernel]
    reach = (support // 2, support // 2)
    generators = Generators(image_generator(image, (int(regions[0, 2]), int(regions[0, 3])), reach), kernel)
    return Search(blurry, regions, generators, config, progress, float(support), look)


def energies(blurry: Blurry, config: DeblurConfig, kernels: Sequence[NDArray[np.float32]]) -> list[float]:
    """Of kernels (K, K), odd, pruned, for one picture, at the pixels; the lowest explains it best."""
    search = search_in(blurry, max(len(k) for k in kernels), 1, config, Silent())
    return tight_energies(search, [Candidate(0, k) for k in kernels])


def _sought(
    search: Search, size: int, pyramid: tuple[int, ...], again: Again | None, known: NDArray[np.float32] | None
) -> list[Found] | None:
    """The kernels, by the scales of the pyramid. again: what another search ends with, None: there is to be none.

    known: as in `find_another`.
    """
    for scale, batch in _batches(search, size, pyramid):
        if scale == ENDING and known is not None and _comes_to(batch, known):
            return None
        if scale == ENDING and (winners := _settled(search, batch, scale, again)):
            return [_found(search, winner) for winner in honed(search, polished(search, winners))]
    edges = [plan(search.config, noise, pyramid)[-1] for noise in search.at_pixels()[batch.pictures]]
    refined = search.advance(batch, edges)
    assert batch.kernels is not None and refined.kernels is not None
    pairs = zip(search.blurry.pictures, search.blurry.noises, batch.kernels, refined.kernels, strict=True)
    kernels = [pruned(before if spoilt(y, noise, before, after) else after) for y, noise, before, after in pairs]
    last = replace(batch, kernels=of_one_size(kernels))
    winners = _settled(search, last, 1) or _candidates(search, last)
    return [_found(search, winner) for winner in honed(search, polished(search, winners))]


def _comes_to(batch: Batch, known: NDArray[np.float32]) -> bool:
    """Whether the best kernel of a batch of half the resolution becomes a known one of the pixels."""
    assert batch.kernels is not None
    return likeness(*of_one_size([finer(pruned(batch.kernels[0])), known])) >= BECOMES


def _batches(search: Search, size: int, pyramid: tuple[int, ...], stretch: float = 1.0) -> Iterator[tuple[int, Batch]]:
    """Each scale and the batch after it, each picture's best kernel first.

    stretch: of the sizes that starts look for.
    """
    config = search.config
    entering = starts(config, size, pyramid)
    plans: list[Plan] = []  # of all members so far; starts differ in where they begin, not where they end
    ways: list[Way] = []  # of all members, how they go on from scale to scale
    batch: Batch | None = None
    for i, scale in enumerate(pyramid):
        now = i - len(pyramid) - 1
        if batch:
            batch = search.carried(search.narrowed(batch, scale), scale)
        # of several pictures all get the new starts if one needs them: a batch has one of few sizes
        if scale in entering and (batch is None or i == 1 or scale > 2 or batch.windows.min() < NARROW):
            new = [stretch * side for side in entering[scale]]
            fresh = search.begin(np.array([max(5.0, ROOM * side) for side in new]), len(plans))
            noises = search.at_pixels().tolist()
            each = [(noise, way(start, noise, scale, coarsest=not i)) for noise in noises for start in range(len(new))]
            plans += [plan(config, noise, pyramid, i, its_way) for noise, its_way in each]
            ways += [its_way for _, its_way in each]
            batch = joined(batch, fresh) if batch else fresh
        assert batch
        batch = search.advance(batch, [plans[m][now] for m in batch.members])
        batch = _mended(search, batch, scale) if scale > 1 else batch
        ahead = [plans[m][now + 1] for m in batch.members]
        batch = search.best(batch, scale, survivors(scale), [ways[m] for m in batch.members], ahead)
        yield scale, batch


def _mended(search: Search, batch: Batch, scale: int) -> Batch:
    """The batch with its kernels of this scale after a few rounds of the alternation, those that are wide enough.

    They see a picture without aliases, also where the search saw another: those are no convolution of anything. Where
    that is too noisy they stay as they are.
    """
    assert batch.kernels is not None
    if not search.config.loss.alternation:
        return batch
    smoothing, count = smoothings(scale, smooth=True)[-1], rounds(search.config, MENDING_ROUNDS)
    ys = [area_average(smoothed(y, smoothing * scale), scale) for y in search.blurry.pictures]
    room = max(len(with_margin(k)) for k in batch.kernels)

    def one(picture: int, k: NDArray[np.float32]) -> NDArray[np.float32]:
        noise = search.blurry.noises[picture] * noise_left(smoothing, scale)
        if spread(pruned(k)) < MENDED_SPREAD or noise * search.gains[picture] > LOUD:
            return k
        bound = white(search.blurry.pictures[picture], scale, smoothing) if search.blurry.lights[picture] else None
        return mended(ys[picture], k, noise, count, bound, room)

    kernels = np.stack(list(side_by_side(one, batch.pictures, batch.kernels)))
    done = len(kernels) * correction_work(ys[0].shape, kernels.shape[1], count)
    search.progress.advance(done, "mending")
    return replace(batch, kernels=kernels)


def _candidates(search: Search, batch: Batch) -> list[Candidate]:
    """The kernels of a batch and the stages that they come from."""
    assert batch.kernels is not None
    each = zip(batch.pictures.tolist(), batch.members, batch.kernels, strict=True)
    return [Candidate(picture, pruned(kernel), search.history(member)) for picture, member, kernel in each]


def _found(search: Search, winner: Candidate) -> Found:
    """What is told of a picture's kernel."""
    region = tuple(search.regions[winner.picture].tolist())
    settled = winner.picture not in search.unsettled
    return Found(winner.kernel, int(search.widest), region, settled, winner.stages)


def _settled(search: Search, batch: Batch, scale: int, again: Again | None = None) -> list[Candidate] | None:
    """The pictures' winners by alternation from this scale on, if there all of them can be settled by it.

    again: as in `_sought`. Of several kernels the one that explains the picture best at the pixels is taken. What can't
    be settled the search remembers, but where starts are told: one search is no verdict.
    """
    if not search.config.loss.alternation:
        return None
    endings = ended(search, _candidates(search, batch), scale)
    if not endings:
        return None
    found = {e.winner.picture: _explaining(e, again) for e in endings if not e.explained}
    if lost := {picture for picture, kernels in found.items() if not kernels}:
        search.unsettled |= lost if again else set()
        return None
    found |= {e.winner.picture: _explaining(e, again) for e in endings if e.explained}
    rivals = finished(search, [kernel for kernels in found.values() for kernel in kernels], scale)
    each = ([rival for rival in rivals if rival.picture == ending.winner.picture] for ending in endings)
    return [best_explained(search, of_one) for of_one in each]


def _explaining(first: Ending, again: Again | None) -> list[Candidate]:
    """The kernels that explain a picture, of the first search and of others, until two starts or searches agree.

    Empty if neither the first nor the second has one.
    """
    found = [first.winner] if first.explained else []
    if not again or (first.explained and first.agreed):
        return found
    for stretch in STRETCHES:
        other = again(first.winner.picture, stretch)
        if other and other.explained:
            agreed = other.agreed or any(one_but_for_details(other.winner.kernel, mine.kernel) for mine in found)
            found.append(other.winner)
            if agreed:
                break
        if not found:
            break
    return found


def survivors(scale: int) -> int:
    """How many starts of a picture go on after a scale.

    Energies tell right kernels from wrong ones at fine scales, seldom at coarse ones; so few are dropped at those.
    """
    return {4: 5, 2: 3, 1: 1}.get(scale, 6)


def search_work(whole: tuple[int, int], size: int, config: DeblurConfig) -> float:
    """The most work that `find_kernels` may report as done for each picture, with one search for it."""
    pyramid = scales(size, whole, config.schedule.scales)
    entering, count, total, shape = starts(config, size, pyramid), 0, 0.0, whole
    for i, scale in enumerate(pyramid):
        shape = region_shape(shape, size, scale)
        count += len(entering.get(scale, ()))
        total += count * sum(work(stage, shape) for stage in plan(config, 0.0, pyramid)[i])
        total += count * judging_work(config, scale, shape)
        seen = whole[0] // scale, whole[1] // scale
        total += count * correction_work(seen, -(-size // scale), rounds(config, MENDING_ROUNDS))
        count = min(count, survivors(scale))
        total += count * correction_work(seen, -(-size // scale), rounds(config, ROUNDS))
        total += (2 + min(count, 2) + count) * judging_work(config, scale, shape)  # twice, where two leave a doubt
    most = max(polish.OF_SMALL.rounds, polish.OF_WIDE.rounds)
    total += correction_work(whole, size, rounds(config, most)) + 4 * judging_work(config, 1, shape)
    total += honing.honing_work(whole, size, config.schedule.steps)
    return total + count * sum(work(stage, shape) for stage in plan(config, 0.0, pyramid)[-1])
