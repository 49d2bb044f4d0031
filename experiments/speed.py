"""How long things take: the import, a fit, the whole command, and how much memory a large picture needs.

    python experiments/speed.py [data_dir=DIR] [subset=*] [pairs=5] [parts=fit,siren] [key=value ...]

Without data_dir, which is laid out like that of levin.py, the pairs are made here from a free picture. A fit is timed
without compilation, as the second of the same picture in one process; the command from its start to its files, with an
empty compilation cache and again with a full one. `siren` restores with the true kernel, by the deep SIREN and by its
harmonic form. Memory is the largest resident set that the system saw of the command. `sizes` fits pictures of
near-equal size in one process, once each, and counts the programs that were compiled.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np
from ablation import middle
from options import run_script
from pairs import Pictures, find_pairs
from runner import Options, grey
from tables import Row, write_tables

from inr_deblur.config import DeblurConfig, GeneratorConfig, one_of
from inr_deblur.cores import device_a_core
from inr_deblur.errors import InputError
from inr_deblur.files import writable_folder
from inr_deblur.metrics import aligned_scores
from inr_deblur.simulate import blur, random_shake_kernel, seen

PARTS = ("import", "command", "memory", "sizes", "fit", "siren")
IMPORTED = ("import inr_deblur", "from inr_deblur import deblur")  # alone, and with the work, which needs JAX
IMPORTS = 5  # fresh processes each
HEAVY = ("matplotlib", "hydra", "jax")  # what a quick import does without
SIDE, KERNEL, NOISE = 255, 23, 0.006  # of the pairs made here: pixels, pixels, standard deviation
CROP, CROP_KERNEL = 128, 15  # of the comparison with the deep SIREN
LARGE = (768, 1024)  # height and width of the colour picture whose memory is measured
SIZES = ((300, 400), (303, 410), (298, 406), (300, 400))  # height and width of pictures that follow one another
COMPILED = "/jax/core/compile/backend_compile_duration"  # what JAX reports of every program
TIMER = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t); import sys; print(*sys.modules)"


@dataclass(frozen=True)
class WhichPairs(DeblurConfig):
    """Which pairs are looked at, besides the settings of the fit."""

    data_dir: str = ""  # folder with blurry/, sharp/ and kernels/, or nothing: pairs are made from a free picture
    subset: str = "*"  # which pairs of it: globs of their names, with commas between them
    pairs: int = 5  # how many of them
    fit = Options.fit  # the part that determines a fit


@dataclass(frozen=True)
class SpeedOptions(WhichPairs):
    """What the command line may say."""

    parts: str = ",".join(PARTS)  # what is measured, with commas between
    out: str = "outputs/speed"  # folder of the tables


class Command(NamedTuple):
    """What a run of the command took."""

    seconds: float
    memory: float  # GiB


def main(options: SpeedOptions) -> int:
    """Measure, write the tables, say them."""
    device_a_core()  # as the command does
    parts = options.parts.split(",")
    for part in parts:
        one_of("parts", part, PARTS)
    writable_folder(Path(options.out))
    pairs = dict(find(options))
    measures = {
        "import": imports,
        "command": lambda: commands(pairs, options.fit),
        "memory": lambda: memory(options.fit),
        "sizes": lambda: sizes(options.fit),
        "fit": lambda: fits(pairs, options.fit),
        "siren": lambda: sirens(pairs, options.fit),
    }
    rows = [line for part in PARTS if part in parts for line in measures[part]()]  # children first, while this is small
    write_tables(options.out, "speed", rows, {"Speed": rows})
    return 0


def find(options: WhichPairs) -> Iterator[tuple[str, Pictures]]:
    """The pairs, by name."""
    if options.data_dir:
        for pair in find_pairs(options.data_dir, options.subset)[: options.pairs]:
            yield pair.name, pair.read()
        return
    for seed in range(options.pairs):
        kernel = random_shake_kernel(KERNEL, seed)
        yield f"camera {seed}", made(free_picture("camera", SIDE + KERNEL - 1), kernel, seed)


def made(canvas: np.ndarray, kernel: np.ndarray, seed: int = 0) -> Pictures:
    """A pair of which the sharp picture is known."""
    return Pictures(blur(canvas, kernel, NOISE, seed), seen(canvas, kernel).astype(np.float32), kernel)


def free_picture(name: str, height: int, width: int = 0) -> np.ndarray:
    """The middle of a picture that scikit-image ships, mirrored where it is too small: (height, width or height...)."""
    from skimage import data

    picture = getattr(data, name)() / 255
    lengths = (height, width or height)
    more = [(0, max(0, n - m)) for n, m in zip(lengths, picture.shape, strict=False)] + [(0, 0)] * (picture.ndim - 2)
    picture = np.pad(picture, more, "symmetric")
    top, left = ((m - n) // 2 for n, m in zip(lengths, picture.shape, strict=False))
    return picture[top : top + height, left : left + lengths[1]]


def line(what: str, value: float | int | str, unit: str, of: str = "") -> Row:
    """A row of the table; of: what it was measured on."""
    return {"what": what, "value": value, "unit": unit, "of": of}


def imports() -> Iterator[Row]:
    """How long an import takes, and which of the heavy packages it loads."""
    for code in IMPORTED:
        done = [
            subprocess.run([sys.executable, "-c", TIMER.format(code)], check=True, capture_output=True, text=True)
            for _ in range(IMPORTS)
        ]
        seconds, modules = zip(*(process.stdout.splitlines() for process in done), strict=True)
        loaded = [name for name in HEAVY if any(name in words.split() for words in modules)]
        of = f"{IMPORTS} fresh processes; of {', '.join(HEAVY)} it loads {', '.join(loaded) or 'none'}"
        yield line(f"{code}, median", median(map(float, seconds)), "s", of)


def commands(pairs: dict[str, Pictures], config: DeblurConfig) -> Iterator[Row]:
    """From the start of the command to its files, for the first pair."""
    name, pictures = next(iter(pairs.items()))
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("empty", "full"):
            seconds = command(pictures.blurry, config, Path(folder)).seconds
            yield line(f"whole command, compilation cache {cache}", seconds, "s", shown(name, pictures))


def memory(config: DeblurConfig) -> Iterator[Row]:
    """The whole command for a large colour picture."""
    canvas = free_picture("astronaut", *(n + KERNEL - 1 for n in LARGE))
    pictures = made(canvas, random_shake_kernel(KERNEL, 0))
    with tempfile.TemporaryDirectory() as folder:
        took = command(pictures.blurry, config, Path(folder))
    of = shown("astronaut", pictures)
    yield line("largest memory of the whole command", took.memory, "GiB", of)
    yield line("its time, compilation cache empty", took.seconds, "s", of)


def command(picture: np.ndarray, config: DeblurConfig, folder: Path) -> Command:
    """Run `python -m inr_deblur.run` on the picture, compilations kept in the folder. Raises InputError if it fails."""
    from PIL import Image

    Image.fromarray(np.rint(255 * picture).astype(np.uint8)).save(folder / "blurry.png")
    parts = [sys.executable, "-m", "inr_deblur.run", "image=blurry.png", "out=out", "overwrite=true", "progress=none"]
    environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(folder / "cache")}
    began = time.perf_counter()
    parts += settings(config)
    process = subprocess.Popen(parts, cwd=folder, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not (folder / "out" / "kernel.npy").exists():
        raise InputError(f"The command failed with exit code {process.returncode}: {' '.join(parts[1:])}")
    unit = 2**30 if sys.platform == "darwin" else 2**20  # ru_maxrss is in bytes on macOS, in KiB elsewhere
    return Command(time.perf_counter() - began, usage.ru_maxrss / unit)


def settings(config: DeblurConfig) -> list[str]:
    """The config as arguments of the command."""
    groups = ("generator", "kernel", "loss", "schedule")
    values = {f"{group}.{name}": value for group in groups for name, value in vars(getattr(config, group)).items()}
    return [f"{key}={value}" for key, value in (values | {"seed": config.seed, "ensemble": config.ensemble}).items()]


def sizes(config: DeblurConfig) -> Iterator[Row]:
    """What is compiled for pictures of near-equal size, each with a kernel of its own."""
    from jax import monitoring

    from inr_deblur import deblur

    programs: list[float] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event == COMPILED:
            programs.append(duration_secs)

    monitoring.register_event_duration_secs_listener(listen)
    for seed, (height, width) in enumerate(SIZES):
        canvas = free_picture("camera", height + KERNEL - 1, width + KERNEL - 1)
        pictures = made(canvas, random_shake_kernel(KERNEL, seed), seed)
        programs.clear()
        result = deblur(pictures.blurry, config)
        of = f"{shown('camera', pictures)}, the {seed + 1}. of {len(SIZES)}"
        yield line("programs compiled", len(programs), "", of)
        yield line("their compilation", sum(programs), "s", of)
        yield line("the whole fit", result.seconds, "s", of)
    monitoring.unregister_event_duration_listener(listen)


def fits(pairs: dict[str, Pictures], config: DeblurConfig) -> Iterator[Row]:
    """The second blind fit of each pair: the programs of the first are there."""
    seconds = []
    for name, pictures in pairs.items():
        seconds.append(fit(pictures, config)[1])
        yield line("blind fit, compilation apart", seconds[-1], "s", shown(name, pictures))
    yield line("blind fit, compilation apart, median", median(seconds), "s", f"{len(seconds)} pairs")


def sirens(pairs: dict[str, Pictures], config: DeblurConfig) -> Iterator[Row]:
    """Both forms of the image on a small crop with the true kernel, without patches, which one of them alone has."""
    bare = replace(config, loss=replace(config.loss, patches=False))
    kernel = random_shake_kernel(CROP_KERNEL, 0)
    crops = {"camera": made(free_picture("camera", CROP + CROP_KERNEL - 1), kernel)}
    name, pictures = next(iter(pairs.items()))
    crops[f"{name}, its middle"] = middle(CROP, pictures)
    for name, crop in crops.items():
        of, psnr = shown(name, crop), []
        for form in ("harmonic", "siren"):
            image, seconds = fit(crop, replace(bare, generator=GeneratorConfig(form)), known=True)
            psnr.append(aligned_scores(grey(image), grey(crop.sharp)).psnr)
            yield line(f"{form} image, true kernel", psnr[-1], "dB", of)
            yield line(f"{form} image, true kernel", seconds, "s", of)
        yield line("siren less harmonic", psnr[1] - psnr[0], "dB", of)


def fit(pictures: Pictures, config: DeblurConfig, known: bool = False) -> tuple[np.ndarray, float]:
    """The picture and the seconds of the second fit of two."""
    from inr_deblur import deblur  # here, so that the command is measured first by a small process

    for _ in range(2):
        result = deblur(pictures.blurry, config, kernel=pictures.kernel if known else None)
    return result.image, result.seconds


def shown(name: str, pictures: Pictures) -> str:
    """The name and the size of a picture."""
    height, width = pictures.blurry.shape[:2]
    return f"{name}, {width} x {height}{', colour' if pictures.blurry.ndim == 3 else ''}"


if __name__ == "__main__":
    run_script(main, SpeedOptions, __doc__)
