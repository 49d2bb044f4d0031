"""Runs many fits, one picture a core, and scores them; what was measured before is not run again.

A fit's record is kept as OUT/records/NAME-KEY.json, written whole, where KEY names everything that determines it: the
settings, the files and the package's code. A run that was stopped therefore goes on where it stopped. Compiled programs
are kept in OUT/programs from picture to picture, as the command keeps them: in a table begun in an empty folder the
first pictures of a size pay for those that follow. With JAX_ENABLE_COMPILATION_CACHE=false all is compiled anew.
"""

import hashlib
import inspect
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from omegaconf import MISSING
from pairs import Pair, Pictures

from inr_deblur.config import DeblurConfig, check
from inr_deblur.cores import device_a_core
from inr_deblur.files import writable_folder, write_bytes_whole
from inr_deblur.metrics import aligned_scores, kernel_similarity, luma_studio
from inr_deblur.picture_range import eight_bit
from inr_deblur.program_cache import keep_programs
from inr_deblur.version import code_version


@dataclass(frozen=True)
class Options(DeblurConfig):
    """What every experiment over a folder of pairs may be told, besides the settings of the fit."""

    data_dir: str = MISSING  # folder with blurry/, sharp/ and kernels/
    out: str = MISSING  # folder of the tables
    subset: str = "*"  # which pairs: globs of their names, with commas between them
    workers: int = 1  # pictures at the same time, each on a core of its own
    nonblind: bool = False  # restore with the true kernels too, which tells what the blind search loses
    pictures: bool = False  # keep the results of the fits that are run now as pictures

    @property
    def fit(self) -> DeblurConfig:
        """The part that determines a fit. Raises InputError for a setting out of its range."""
        config = DeblurConfig(**{part.name: getattr(self, part.name) for part in fields(DeblurConfig)})
        check(config)
        return config


ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
BLIND, KNOWN = "blind", "known kernel"


def true_kernel(pictures: Pictures, config: DeblurConfig) -> np.ndarray:
    """The kernel that is given where it is known."""
    return pictures.kernel


@dataclass(frozen=True)
class Case:
    """One fit that is to be scored."""

    pair: Pair
    config: DeblurConfig
    variant: str = BLIND  # sets it apart from the pair's other fits
    given: Callable[[Pictures, DeblurConfig], np.ndarray] | None = None  # what makes a kernel that is given
    alter: Callable[[Pictures], Pictures] | None = None  # what is done to the pictures beforehand


@dataclass(frozen=True)
class Record:
    """What a fit reached: scores of the estimate and of its blurry input, by the protocol of `metrics`."""

    name: str
    variant: str
    psnr: float
    ssim: float
    ssd: float
    blurry_psnr: float
    blurry_ssim: float
    similarity: float  # of the kernel to the true one, at quarter pixels
    whole_similarity: float  # the same at whole pixels, as in the literature
    kernel_side: int  # of the kernel found, pixels
    seconds: float  # of the fit, with what it takes to make a kernel that is given
    outcome: str
    ok: bool
    confidence: float
    noise: float  # estimated
    device: str

    @property
    def gain(self) -> float:
        """PSNR over that of the blurry input."""
        return self.psnr - self.blurry_psnr


def run_cases(cases: Sequence[Case], options: Options, say: Callable[[str], None] = print) -> tuple[list[Record], int]:
    """The records of the cases, in their order, without those whose fit raised, and how many these were.

    With `nonblind` the same fits with the true kernels follow.
    """
    if options.nonblind:
        cases = [*cases, *(replace(case, variant=KNOWN, given=true_kernel) for case in cases)]
    folder = writable_folder(Path(options.out) / "records")
    pictures = writable_folder(Path(options.out) / "pictures") if options.pictures else None
    paths = {case: folder / f"{case.pair.name}-{case.variant.replace(' ', '_')}-{key(case)}.json" for case in cases}
    missing = [case for case in cases if not paths[case].exists()]
    say(f"{len(cases)} fits, {len(cases) - len(missing)} of them measured before.")
    failed = []
    programs = Path(options.out) / "programs" / code_version()
    outcomes = _outcomes(missing, options.workers, partial(measure, keep=pictures), programs)
    for number, (case, finished) in enumerate(outcomes, 1):
        try:
            record = finished()
        except Exception as error:
            failed.append(case)
            say(f"{number}/{len(missing)} {case.pair.name} {case.variant}: {type(error).__name__}: {error}")
            continue
        write_bytes_whole(paths[case], json.dumps(asdict(record), indent=1).encode())
        gain = f"{record.psnr:.2f} dB ({record.gain:+.2f})"
        say(f"{number}/{len(missing)} {record.name} {record.variant}: {gain}, {record.seconds:.1f} s, {record.outcome}")
    if failed:
        say(f"{len(failed)} fits raised and are missing: {', '.join(case.pair.name for case in failed)}")
    return [Record(**json.loads(paths[case].read_text())) for case in cases if case not in failed], len(failed)


def _outcomes(
    cases: Sequence[Case], workers: int, work: Callable[[Case], Record], programs: Path
) -> Iterator[tuple[Case, Callable[[], Record]]]:
    """Each case with a function that returns its record or raises what the fit raised, in the order of finishing.

    programs: the folder in which compiled ones are kept.
    """
    if workers == 1:
        device_a_core()
        keep_programs(programs)
        yield from ((case, partial(work, case)) for case in cases)
        return
    context = get_context("spawn")
    cores = context.Queue()
    for core in range(workers):
        cores.put(core)
    with ProcessPoolExecutor(workers, context, settle, (cores, programs)) as pool:
        waiting = {pool.submit(work, case): case for case in cases}
        yield from ((waiting[future], future.result) for future in as_completed(waiting))


def settle(cores: Any, programs: Path) -> None:
    """Keep this process, before JAX starts in it, to one core of those allowed; it ends with the one that began it.

    programs: the folder in which compiled ones are kept.
    """
    Thread(target=_end_with_parent, daemon=True).start()
    keep_programs(programs)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}".strip()
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[cores.get() % len(allowed)]})


def _end_with_parent() -> None:
    parent = parent_process()
    if parent:
        parent.join()
        os._exit(1)


def measure(case: Case, keep: Path | None = None) -> Record:
    """Fit and score one case; keep: a folder for the result as a picture."""
    from inr_deblur import deblur  # here, so that a worker has settled before JAX is imported

    pictures = case.pair.read()
    if case.alter:
        pictures = case.alter(pictures)
    began = time.perf_counter()
    kernel = case.given(pictures, case.config) if case.given else None
    before = time.perf_counter() - began
    result = deblur(pictures.blurry, case.config, kernel=kernel)
    scores, blurry = (aligned_scores(grey(x), grey(pictures.sharp)) for x in (result.image, pictures.blurry))
    if keep:
        stem = f"{case.pair.name}-{case.variant.replace(' ', '_')}"
        _keep_picture(keep / f"{stem}.png", result.image)
        _keep_picture(keep / f"{stem}-kernel.png", result.kernel / result.kernel.max())
    return Record(
        name=case.pair.name,
        variant=case.variant,
        psnr=scores.psnr,
        ssim=scores.ssim,
        ssd=scores.ssd,
        blurry_psnr=blurry.psnr,
        blurry_ssim=blurry.ssim,
        similarity=kernel_similarity(result.kernel, pictures.kernel),
        whole_similarity=kernel_similarity(result.kernel, pictures.kernel, step=1),
        kernel_side=max(result.kernel.shape),
        seconds=before + result.seconds,
        outcome=result.outcome.name,
        ok=result.outcome.ok,
        confidence=float(result.confidence),
        noise=float(result.noise),
        device=result.device,
    )


def grey(picture: np.ndarray) -> np.ndarray:
    """What is scored: the picture itself, or the studio luma of a colour one."""
    return luma_studio(picture) if picture.ndim == 3 else picture


def _keep_picture(path: Path, values: np.ndarray) -> None:
    from PIL import Image

    Image.fromarray(eight_bit(values)).save(path)


def key(case: Case) -> str:
    """A name for all that determines a record: settings, files, code."""
    parts = [asdict(case.config), case.variant, case.given and case.given.__name__, code_version()]
    maker = [Path(inspect.getfile(case.given))] if case.given else []
    parts += [hashlib.sha256(path.read_bytes()).hexdigest() for path in [*maker, *case.pair[1:]]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
