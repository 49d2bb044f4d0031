"""A fit that takes no time: sharpens a little, by an amount that the settings tell, and writes down that it was called.

`sitecustomize_for` makes it, or the real fit that is written down likewise, the engine of every Python process that is
started with the environment it returns, so that sweeps through launchers, whose jobs are processes of their own, can be
tested and counted. The log, FITS, has a line for every fit that begins and for every one that ends.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from inr_deblur.errors import InputError
from inr_deblur.outcome import Outcome

BROKEN = 0.5  # a value of loss.prior that fails


@dataclass(frozen=True)
class Result:
    """What `inr_deblur.DeblurResult` holds, as far as a run looks at it."""

    image: np.ndarray
    kernel: np.ndarray
    stages: tuple[Any, ...]
    config: Any
    outcome: Outcome = Outcome.RECOVERED
    confidence: float = 0.9
    noise: float = 0.01
    seconds: float = 0.1
    device: str = "cpu"
    region: None = None
    uncertainty: None = None


def deblur(image, config, *, kernel=None, progress=None, **_):
    """In place of `inr_deblur.deblur`."""
    if config.loss.prior == BROKEN:
        raise InputError("This setting fails.")
    with _written_down(image, config):
        time.sleep(float(os.environ.get("FIT_SECONDS", "0")))
        amount = 0.2 + 100 * config.loss.cross_scale + 0.01 * config.seed
        sharp = np.clip(image + amount * (image - gaussian_filter(image, 1.5)), 0, 1).astype(np.float32)
    found = np.full((3, 3), 1 / 9, np.float32) if kernel is None else kernel
    stage = SimpleNamespace(name="scale 1", scale=1, losses=np.linspace(2, 1, 5), seconds=0.1)
    return Result(sharp, found, (stage,), config)


def real(image, config, **named):
    """`inr_deblur.deblur` itself, written down."""
    from inr_deblur import pipeline

    with _written_down(image, config):
        return pipeline.deblur(image, config, **named)


@contextmanager
def _written_down(image, config) -> Iterator[None]:
    name = hashlib.sha256(image.tobytes() + repr(config).encode()).hexdigest()
    for what in ("begin", "end"):
        if log := os.environ.get("FITS"):
            with open(log, "a") as file:
                file.write(f"{what} {name} {os.getpid()} {os.environ.get('NPROC')}\n")
        if what == "begin":
            yield


def sitecustomize_for(folder: Path, engine: str = "deblur", **variables: str) -> dict[str, str]:
    """The environment of processes with one of the engines above; folder: for the module that sees to it."""
    folder.mkdir(exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        "import sys, inr_deblur\n"
        "def deblur(*given, **named):\n"
        "    import stand_in\n"
        f"    return stand_in.{engine}(*given, **named)\n"
        "inr_deblur.deblur = deblur\n"
    )
    tests = Path(__file__).parent
    path = os.pathsep.join(map(str, (folder, tests, tests.parent, *filter(None, [os.environ.get("PYTHONPATH")]))))
    return {**os.environ, "PYTHONPATH": path, **variables}
