"""The shipped example through the real command, in a program of its own, from another folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from imageio.v3 import imread

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples"


@pytest.fixture
def command(tmp_path):
    """Runs `python -m inr_deblur.run` with these arguments and returns what it did and what is in its folder."""
    places = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_COMPILATION_CACHE_DIR": ""}
    environment = {name: place for name, place in (os.environ | places).items() if place}

    def run(*arguments: str) -> tuple[subprocess.CompletedProcess[str], dict]:
        line = [sys.executable, "-m", "inr_deblur.run", f"image={EXAMPLE / 'blurry.png'}", "out=here", *arguments]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done, json.loads((tmp_path / "here" / "metrics.json").read_text())

    return run


def test_blind_at_toy_size_is_silent_when_told_so(command, tmp_path):
    done, record = command("progress=none", "preset=fast", "schedule.steps=0.01", "schedule.starts=1", "kernel.size=15")
    assert (done.stdout, done.stderr) == ("", "")
    assert imread(tmp_path / "here" / "deblurred.png").shape == (256, 256, 3)
    kernel = np.load(tmp_path / "here" / "kernel.npy")
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert {path.name for path in tmp_path.iterdir()} == {"here", "cache"}
    assert any((tmp_path / "cache" / "inr_deblur").rglob("*cache*")), "compiled programs should be kept"
    assert record["config"]["kernel"]["size"] == 15


def test_the_example_fits_its_kernel_and_its_truth(command):
    done, record = command(f"kernel={EXAMPLE / 'kernel.npy'}", f"truth={EXAMPLE / 'sharp.png'}", "progress=log")
    assert record["scores"]["result"]["psnr"] > record["scores"]["input"]["psnr"] + 10
    assert record["scores"]["result"]["shift"] == [0, 0]
    assert record["outcome"]["sentence"] in done.stdout
    assert "Traceback" not in done.stderr
