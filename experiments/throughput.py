"""Pictures an hour on this machine: one after another, as one batch, the batch on two devices, or through joblib.

    python experiments/throughput.py [data_dir=DIR] [subset=*] [pairs=8] [ways=sequential,batched] [key=value ...]

Without data_dir, which is laid out like that of levin.py, the pairs are made here from a free picture. Every way runs
all pictures twice in processes of its own and is timed the second time, nearly without compilation. `sharded` makes two
devices of the processor; on a machine with several graphics cards `batched` uses them all. `joblib` is what
`hydra/launcher=cores` does, without the files. Processor seconds hardly depend on what else the machine is doing.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from options import run_script
from pairs import Pictures
from runner import grey
from speed import WhichPairs, find
from tables import Row, write_tables

from inr_deblur.config import DeblurConfig, one_of
from inr_deblur.cores import DEVICES
from inr_deblur.cores import cores as available
from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder
from inr_deblur.metrics import aligned_scores

TWO_DEVICES = "--xla_force_host_platform_device_count=2"


class Way(NamedTuple):
    """How the pictures are gone through."""

    words: str
    batch: bool = False  # all of them at once
    flags: str = ""  # for XLA


WAYS = {
    "sequential": Way("one after another, all cores"),
    "batched": Way("as one batch", batch=True),
    "sharded": Way("as one batch, shared out to two devices made of the processor", batch=True, flags=TWO_DEVICES),
    "joblib": Way("a process a core"),
}


@dataclass(frozen=True)
class ThroughputOptions(WhichPairs):
    """What the command line may say."""

    pairs: int = 8  # how many of them
    ways: str = ",".join(WAYS)  # which are measured, with commas between
    out: str = "outputs/throughput"  # folder of the tables


class Measured(NamedTuple):
    """What was done in the second round."""

    seconds: float
    busy: float  # processor seconds, of all cores
    images: list[np.ndarray]
    processes: int
    devices: int  # of each
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
    blurry = [pictures.blurry for pictures in pairs]
    done = through_joblib(blurry, config) if name == "joblib" else in_one_process(WAYS[name], blurry, config)
    found = zip(done.images, pairs, strict=True)
    return {
        "way": name,
        "how": WAYS[name].words,
        "processes": done.processes,
        "devices": done.devices,
        "device": done.device,
        "pictures": len(pairs),
        "seconds": done.seconds,
        "pictures an hour": 3600 * len(pairs) / done.seconds,
        "processor seconds a picture": done.busy / len(pairs),
        "mean psnr": mean(aligned_scores(grey(image), grey(pictures.sharp)).psnr for image, pictures in found),
    }


def in_one_process(way: Way, blurry: Sequence[np.ndarray], config: DeblurConfig) -> Measured:
    """All the pictures twice, in a process of their own."""
    with ProcessPoolExecutor(1, get_context("spawn"), _set_flags, (way.flags,)) as pool:
        return pool.submit(_all, blurry, config, way.batch).result()


def _set_flags(flags: str) -> None:
    """Before JAX starts."""
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flags}".strip()


def _all(blurry: Sequence[np.ndarray], config: DeblurConfig, batch: bool) -> Measured:
    """All the pictures twice."""
    import jax

    from inr_deblur import deblur, deblur_many

    began, busy, results = 0.0, 0.0, []
    for _ in range(2):
        began, busy = time.perf_counter(), time.process_time()
        results = deblur_many(blurry, config) if batch else [deblur(y, config) for y in blurry]
    seconds, busy = time.perf_counter() - began, time.process_time() - busy
    return Measured(seconds, busy, [r.image for r in results], 1, len(jax.devices()), jax.default_backend())


def through_joblib(blurry: Sequence[np.ndarray], config: DeblurConfig) -> Measured:
    """All the pictures twice, as many at a time as there are cores. Raises InputError if joblib is not installed."""
    try:
        from joblib import Parallel, delayed
    except ImportError as error:
        raise InputError('ways=joblib needs an extra: pip install "inr_deblur[launchers]".') from error
    processes, began, results = min(available(), len(blurry)), 0.0, []
    alone = ("NPROC", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")  # set as the launcher does
    one_core = dict.fromkeys(alone, "1") | {"XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} {DEVICES}=1".strip()}
    with patch.dict(os.environ, one_core), Parallel(processes, "loky") as parallel:
        for _ in range(2):
            began = time.perf_counter()
            results = list(parallel(delayed(_one)(y, config) for y in blurry))
    seconds = time.perf_counter() - began
    images, busy, devices, names = zip(*results, strict=True)
    return Measured(seconds, sum(busy), list(images), processes, devices[0], names[0])


def _one(y: np.ndarray, config: DeblurConfig) -> tuple[np.ndarray, float, int, str]:
    """The restored picture and the processor seconds it took; of the process its number of devices and their kind."""
    import jax

    from inr_deblur import deblur

    busy = time.process_time()
    image = deblur(y, config).image
    return image, time.process_time() - busy, len(jax.devices()), jax.default_backend()


if __name__ == "__main__":
    run_script(main, ThroughputOptions, __doc__)
