"""Sweeps through Hydra's launchers, killed half-way and repeated: the same table, nothing twice. No real fits.

With the folder of a data set in the environment variable INR_DEBLUR_DATASET (that of Levin et al., say, laid out as
docs/datasets.md tells) the slow test does the same with real fits of 8 of its pictures.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from stand_in import sitecustomize_for
from tiny_dataset import make_dataset

from inr_deblur.collect import read_runs
from inr_deblur.sweep import claimed

LAUNCHERS = {
    "basic": [],
    "cores": ["hydra/launcher=cores"],
    "local_queue": ["hydra/launcher=local_queue", "dataset.chunk=2"],
}
PLUGINS = {"cores": "hydra_plugins.hydra_joblib_launcher", "local_queue": "hydra_plugins.hydra_submitit_launcher"}


def command(root: Path, *arguments: str) -> list[str]:
    sweep = ["-m", f"dataset.root={root}", "loss.cross_scale=0,0.001", "progress=none", *arguments]
    return [sys.executable, "-m", "inr_deblur.run", *sweep]


def table(folder: Path) -> list[dict]:
    """The rows, without what differs from one machine and minute to the next."""
    runs = read_runs(folder)
    assert not runs.failed and not runs.missing
    return [{name: value for name, value in row.items() if name not in ("seconds", "folder")} for row in runs.rows]


def finished(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("metrics.json") if ".unfinished-" not in str(path)}


def kill_half_way(arguments: list[str], out: Path, jobs: int, place: Path, env: dict[str, str], group: bool) -> None:
    """Start a sweep and kill it, or only the process that launched it, when half of the jobs are finished."""
    running = subprocess.Popen(
        arguments, cwd=place, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 600
    while len(finished(out)) < jobs // 2 and running.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    (os.killpg if group else os.kill)(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> tuple[Path, list[dict]]:
    """A data set of 4 pictures, and the table of the sweep of 2 settings over them."""
    place = tmp_path_factory.mktemp("undisturbed")
    make_dataset(place / "set", pictures=1)
    env = sitecustomize_for(place / "site")
    subprocess.run(command(place / "set", "dataset=lai"), cwd=place, env=env, check=True)
    return place / "set", table(place / "outputs")


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_killed_sweep_goes_on_where_it_stopped(launcher, undisturbed, tmp_path):
    if launcher in PLUGINS and not find_spec(PLUGINS[launcher]):
        pytest.skip("needs the extra `launchers`")
    root, expected = undisturbed
    env = sitecustomize_for(tmp_path / "site", FITS=str(tmp_path / "fits.log"), FIT_SECONDS="0.3")
    arguments, out = command(root, "dataset=lai", *LAUNCHERS[launcher]), tmp_path / "outputs"
    kill_half_way(arguments, out, len(expected), tmp_path, env, group=launcher != "local_queue")
    before = finished(out)
    assert len(expected) // 2 <= len(before) <= len(expected)
    subprocess.run(arguments, cwd=tmp_path, env=env, check=True)
    assert table(out) == expected
    assert before.items() <= finished(out).items()
    assert not list(out.rglob(".unfinished-*"))
    lines = [line.split() for line in (tmp_path / "fits.log").read_text().splitlines()]
    names = [name for what, name, *_ in lines if what == "end"]
    assert len(set(names)) == len(expected)
    assert len(names) <= len(expected) + 2  # a job may have been killed while its files were written
    if launcher != "basic":  # side by side, and each with its share of the cores
        assert {line[3] for line in lines if line[0] == "begin"} == {"1"}
        assert len({line[2] for line in lines}) > 2


def test_a_job_that_still_runs_is_waited_for(tmp_path):
    program = "import sys, time; from pathlib import Path; from inr_deblur.sweep import claimed\n"
    program += (
        "with claimed(Path(sys.argv[1])): print('claimed', flush=True); time.sleep(0.5); print('done', flush=True)"
    )
    other = subprocess.Popen([sys.executable, "-c", program, tmp_path / "job"], stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "claimed\n"
    (tmp_path / "job/.unfinished-1").mkdir()
    with claimed(tmp_path / "job"):
        assert other.stdout.readline() == "done\n"
        assert not list((tmp_path / "job").iterdir())
    other.wait()
    other.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_real_fits_killed_and_repeated(launcher, tmp_path):
    root = os.environ.get("INR_DEBLUR_DATASET")
    if not root:
        pytest.skip("INR_DEBLUR_DATASET names no data set")
    (tmp_path / "set/blurry").mkdir(parents=True)
    for path in sorted((Path(root) / "blurry").iterdir())[:8]:
        shutil.copy(path, tmp_path / "set/blurry")
    for folder in ("sharp", "kernels"):
        shutil.copytree(Path(root) / folder, tmp_path / "set" / folder)
    steps = os.environ.get("INR_DEBLUR_STEPS", "0.05")
    settings = ["dataset=folder", f"schedule.steps={steps}", "kernel.size=31", *LAUNCHERS[launcher]]
    arguments = command(tmp_path / "set", *settings)
    began = time.monotonic()
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}  # of this clone
    subprocess.run([*arguments, "out=whole"], cwd=tmp_path, env=env, check=True)
    seconds = time.monotonic() - began
    expected = table(tmp_path / "whole")
    kill_half_way([*arguments, "out=cut"], tmp_path / "cut", 16, tmp_path, env, launcher != "local_queue")
    before = finished(tmp_path / "cut")
    subprocess.run([*arguments, "out=cut"], cwd=tmp_path, env=env, check=True)
    assert table(tmp_path / "cut") == expected
    assert before.items() <= finished(tmp_path / "cut").items()
    print(f"{launcher}: {len(expected)} jobs in {seconds:.0f} s, {len(before)} of them finished before the kill")
