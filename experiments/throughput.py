"""Pictures an hour on this machine: one after another, as one batch, the batch on two devices, or a process a core.

    python experiments/throughput.py [data_dir=DIR] [subset=*] [pairs=8] [ways=sequential,batched] [key=value ...]

Without data_dir, which is laid out like that of levin.py, the pairs are made here from a free picture. Every way runs
all pictures twice in processes of its own and is timed the second time, without compilation. `sharded` makes two
devices of the processor; on a machine with several graphics cards `batched` uses them all.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

from options import run_script
from pairs import Pictures
from runner import grey, settle
from speed import WhichPairs, find
from tables import Row, write_tables

from inr_deblur.config import DeblurConfig, one_of
from inr_deblur.files import writable_folder
from inr_deblur.metrics import aligned_scores
from inr_deblur.sweep import cores as available

TWO_DEVICES = "--xla_force_host_platform_device_count=2"


class Way(NamedTuple):
    """How the pictures are gone through."""

    words: str
    batch: bool = False  # all of a process's pictures at once
    flags: str = ""  # for XLA
    a_core: bool = False  # a process a core, each with one thread, instead of one process


WAYS = {
    "sequential": Way("one after another, all cores"),
    "batched": Way("as one batch", batch=True),
    "sharded": Way("as one batch, shared out to two devices made of the processor", batch=True, flags=TWO_DEVICES),
    "processes": Way("a process a core", a_core=True),
}


@dataclass(frozen=True)
class ThroughputOptions(WhichPairs):
    """What the command line may say."""

    pairs: int = 8  # how many of them
    ways: str = ",".join(WAYS)  # which are measured, with commas between
    out: str = "outputs/throughput"  # folder of the tables


class Measured(NamedTuple):
    """What a process did in its second round."""

    began: float  # by the clock that all processes share
    ended: float
    psnr: list[float]
    devices: int
    device: str


def main(options: ThroughputOptions) -> int:
    """Measure, write the tables, say them."""
    ways = options.ways.split(",")
    for way in ways:
        one_of("ways", way, tuple(WAYS))
    writable_folder(Path(options.out))
    pairs = [pictures for _, pictures in find(options)]
    rows = [measure(name, pairs, options.fit) for name in WAYS if name in ways]
    write_tables(options.out, "throughput", rows, {"Throughput": rows})
    return 0


def measure(name: str, pairs: Sequence[Pictures], config: DeblurConfig) -> Row:
    """A row of the table."""
    way, context = WAYS[name], get_context("spawn")
    cores = list(range(min(available(), len(pairs)))) if way.a_core else [None]
    given = context.Queue()
    for core in cores:
        given.put(core)
    together = context.Barrier(len(cores))
    with ProcessPoolExecutor(len(cores), context, _prepare, (way, given, together)) as pool:
        running = [pool.submit(_work, pairs[i :: len(cores)], config, way.batch) for i in range(len(cores))]
        done: list[Measured] = [future.result() for future in running]
    seconds = max(m.ended for m in done) - min(m.began for m in done)
    return {
        "way": name,
        "how": way.words,
        "processes": len(cores),
        "devices": done[0].devices,
        "device": done[0].device,
        "pictures": len(pairs),
        "seconds": seconds,
        "pictures an hour": 3600 * len(pairs) / seconds,
        "mean psnr": mean(value for m in done for value in m.psnr),
    }


_together: Any = None  # the barrier of this process and its fellows, which can be handed over at the start only


def _prepare(way: Way, cores: Any, together: Any) -> None:
    """Settle this process before JAX starts in it."""
    global _together
    _together = together
    if way.a_core:
        settle(cores)
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {way.flags}".strip()


def _work(pairs: Sequence[Pictures], config: DeblurConfig, batch: bool) -> Measured:
    """All the pictures twice; all processes begin the second round together."""
    import jax

    from inr_deblur import deblur, deblur_many

    blurry = [pictures.blurry for pictures in pairs]
    began = 0.0
    results = []
    for _ in range(2):
        _together.wait()
        began = time.time()
        results = deblur_many(blurry, config) if batch else [deblur(y, config) for y in blurry]
    ended = time.time()
    psnr = [aligned_scores(grey(r.image), grey(p.sharp)).psnr for r, p in zip(results, pairs, strict=True)]
    return Measured(began, ended, psnr, len(jax.devices()), jax.default_backend())


if __name__ == "__main__":
    run_script(main, ThroughputOptions, __doc__)
