"""Where a search that begins with the true kernel ends: what is lost then is the objective's doing, not the search's.

    python experiments/ceiling.py data_dir=DIR [subset=GLOBS] [workers=2] [key=value ...]

The true kernel goes through the last steps that the engine gives to one that was found: the closed-form corrections at
the pixels if it is wide, else the stages at the pixels and those that count edges; then it is polished and honed. Of
coloured lights, too, on the luminance. The picture is restored with what they make of it, and with the true kernel
itself. A pair counts as lost if the two are more than 3 dB apart: there, the objective prefers another kernel, or
leaves open which.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from options import run_script
from pairs import Pictures, find_pairs
from runner import KNOWN, Case, Options, run_cases, true_kernel
from tables import row, summary, write_tables

from inr_deblur.config import DeblurConfig

BEGUN = "begun with the true kernel"


@dataclass(frozen=True)
class CeilingOptions(Options):
    """What the command line may say."""

    out: str = "outputs/ceiling"  # folder of the tables


def main(options: CeilingOptions) -> int:
    """Run, write the tables, say the summary; 1 if a fit raised."""
    pairs = find_pairs(options.data_dir, options.subset)
    cases = [Case(pair, options.fit, BEGUN, settled) for pair in pairs]
    cases += [Case(pair, options.fit, KNOWN, true_kernel) for pair in pairs]
    records, failed = run_cases(cases, replace(options, nonblind=False))
    known = {record.name: record for record in records if record.variant == KNOWN}
    rows = [row(record, known.get(record.name)) for record in records if record.variant == BEGUN]
    if rows:
        worst_first = sorted(rows, key=lambda r: float(r["psnr"] or 0) - float(r.get("known psnr") or 0))
        write_tables(options.out, "ceiling", rows, {"All": [summary(rows)], "Per pair, worst first": worst_first})
    return int(failed > 0)


def settled(pictures: Pictures, config: DeblurConfig) -> np.ndarray:
    """What the engine's last steps make of the true kernel."""
    from inr_deblur.alternation import (
        LEAST_SPREAD,
        OF_SMALL,
        OF_WIDE,
    )  # here, so that a worker has settled before JAX comes
    from inr_deblur.blind import ENDING
    from inr_deblur.colour import luminance
    from inr_deblur.correction import Candidate, alternated, honed, polished
    from inr_deblur.kernels import cropped
    from inr_deblur.noise import white_noise
    from inr_deblur.outcome import spread
    from inr_deblur.refinement import spoilt

    y, k = luminance(pictures.blurry), cropped(pictures.kernel)
    noise = white_noise(y)
    if spread(k) < LEAST_SPREAD:
        before, after = _descended(y, k, noise, config)
        k = before if spoilt(y, noise, before, after) else after
    search = _search(y, k, noise, config)
    if spread(k) >= LEAST_SPREAD:
        edges = OF_WIDE if spread(k) / ENDING >= LEAST_SPREAD else OF_SMALL
        k = alternated(search, [Candidate(0, k)], 1, edges)[0].kernel
    k = honed(search, polished(search, [Candidate(0, k)]))[0].kernel
    return cropped(k)


def _search(y: np.ndarray, k: np.ndarray, noise: float, config: DeblurConfig) -> Any:
    """One that looks at the part of y that a search for k (K, K) looks at, at the pixels."""
    from inr_deblur.blind import search_in
    from inr_deblur.progress import Silent
    from inr_deblur.search import Blurry

    config = replace(config, generator=replace(config.generator, image="harmonic"))  # which can show what it is given
    return search_in(Blurry(y[None], [noise], [False]), max(k.shape), 1, config, Silent())


def _descended(y: np.ndarray, k: np.ndarray, noise: float, config: DeblurConfig) -> list[np.ndarray]:
    """The kernels after the stages at the pixels and after that of the edges; k (K, K) is what they begin with."""
    from inr_deblur.evidence import evidence
    from inr_deblur.fit import stack
    from inr_deblur.kernels import of_one_size, pruned
    from inr_deblur.restore import restore
    from inr_deblur.schedule import plan, scales
    from inr_deblur.search import ROOM

    side, search = max(k.shape), _search(y, k, noise, config)
    batch = search.begin(np.array([ROOM * side]), 0)
    kernels = of_one_size([k, np.zeros((batch.support, batch.support))])[:1]
    batch = search.carried(replace(batch, kernels=kernels, offsets=search.offsets(batch, 1)), 1)
    x = restore(search.cut()[0], kernels[0], evidence(y, k).weight)
    shown = stack([search.generators.image.showing((x - search.means[0]) * search.gains[0] + np.float32(0.5))])
    batch = replace(batch, params={**batch.params, "image": shown})
    stages = plan(config, float(search.at_pixels()[0]), scales(side, y.shape))
    found = []
    for turn in stages[-2:]:
        batch = search.advance(batch, [turn])
        assert batch.kernels is not None
        found.append(pruned(batch.kernels[0]))
    return found


if __name__ == "__main__":
    run_script(main, CeilingOptions, __doc__)
