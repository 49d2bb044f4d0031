"""Sweeps through Hydra's launchers, killed half-way and repeated: the same table, nothing twice. No real fits.

The slow test does the same with real fits of 8 pictures under 2 settings, and prints how long they took:

    INR_DEBLUR_DATASET=tiny python -m pytest tests/test_launchers.py -m slow -s

where `tiny` stands for generated pictures of 64 x 64; the folder of a data set (that of Levin et al., say, laid out as
docs/datasets.md tells) in its place gives the first 8 of its pictures. INR_DEBLUR_STEPS is `schedule.steps`, 0.02.
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
from inr_deblur.cores import cores
from inr_deblur.sweep import claimed

LAUNCHERS = {
    "basic": [],
    "cores": ["hydra/launcher=cores", *(["hydra.launcher.n_jobs=2"] if cores() == 1 else [])],
    "local_queue": ["hydra/launcher=local_queue", "dataset.chunk=2"],
    "ray": ["hydra/launcher=ray", *(["+hydra.launcher.ray.init.num_cpus=2"] if cores() == 1 else [])],
}
EXTRAS = {
    "cores": ("hydra_plugins.hydra_joblib_launcher", "launchers"),
    "local_queue": ("hydra_plugins.hydra_submitit_launcher", "launchers"),
    "ray": ("hydra_plugins.hydra_ray_launcher", "ray"),
}


def command(root: Path, *arguments: str) -> list[str]:
    sweep = ["-m", f"dataset.root={root}", "loss.cross_scale=0,0.001", "progress=none", *arguments]
    return [sys.executable, "-m", "inr_deblur.run", *sweep]


def table(folder: Path) -> list[dict]:
    """The rows, without what differs from one machine and minute to the next."""
    runs = read_runs(folder)
    assert not runs.failed and not runs.missing
    return [{name: value for name, value in row.items() if name not in ("seconds", "folder")} for row in runs.rows]


def finished(folder: Path) -> dict[Path, int]:
    found = [Path(place) / "metrics.json" for place, _, names in os.walk(folder) if "metrics.json" in names]
    return {path: path.stat().st_mtime_ns for path in found if ".unfinished-" not in str(path)}


def fits(env: dict[str, str]) -> list[list[str]]:
    """The log of the fits so far: begin or end, name of the fit, process, its threads."""
    log = Path(env["FITS"])
    return [line.split() for line in log.read_text().splitlines()] if log.exists() else []


def skip_without_extra(launcher: str) -> None:
    plugin, extra = EXTRAS.get(launcher, ("hydra", ""))
    if not find_spec(plugin):
        pytest.skip(f"needs the extra `{extra}`")


def kill_and_repeat(arguments: list[str], launcher: str, expected: list[dict], place: Path, env: dict[str, str]) -> int:
    """Start a sweep, kill it when half of its jobs are finished, and repeat it; returns how many were.

    All its processes are killed, but of `local_queue` only the one that launched the others, which go on: the repeated
    sweep has to wait for them. Checks that the table is as expected and that no picture was fitted twice.
    """
    out, alone = place / "outputs", launcher == "local_queue"
    running = subprocess.Popen(
        arguments, cwd=place, env=env, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + 600
    while len(finished(out)) < len(expected) // 2 and running.poll() is None and time.monotonic() < until:
        time.sleep(0.02)
    (os.kill if alone else os.killpg)(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    before, begun = finished(out), len(fits(env))
    assert len(before) >= len(expected) // 2
    subprocess.run(arguments, cwd=place, env=env, check=True)
    assert table(out) == expected
    assert before.items() <= finished(out).items()
    assert not list(out.rglob(".unfinished-*"))
    names = [name for what, name, *_ in (fits(env) if alone else fits(env)[begun:]) if what == "begin"]
    assert len(names) == len(set(names)) == len(expected) - (0 if alone else len(before))
    return len(before)


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
    skip_without_extra(launcher)
    root, expected = undisturbed
    env = sitecustomize_for(tmp_path / "site", FITS=str(tmp_path / "fits.log"), FIT_SECONDS="0.3")
    kill_and_repeat(command(root, "dataset=lai", *LAUNCHERS[launcher]), launcher, expected, tmp_path, env)
    if launcher != "basic":  # side by side, and each with its share of the cores
        assert {threads for *_, threads in fits(env)} == {"1"}
        assert len({process for *_, process, _ in fits(env)}) > 2


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
    given = os.environ.get("INR_DEBLUR_DATASET")
    if not given:
        pytest.skip("INR_DEBLUR_DATASET names no data set")
    skip_without_extra(launcher)
    root = tmp_path / "set"
    if given == "tiny":
        make_dataset(root)
    else:
        (root / "blurry").mkdir(parents=True)
        for path in sorted((Path(given) / "blurry").iterdir())[:8]:
            shutil.copy(path, root / "blurry")
        for folder in ("sharp", "kernels"):
            shutil.copytree(Path(given) / folder, root / folder)
    steps = os.environ.get("INR_DEBLUR_STEPS", "0.02")
    settings = ["dataset=folder", f"schedule.steps={steps}", "kernel.size=31", *LAUNCHERS[launcher]]
    arguments = command(root, *settings, *(["dataset.chunk=4"] if launcher == "local_queue" else []))  # 4 processes
    env = sitecustomize_for(tmp_path / "site", "real", FITS=str(tmp_path / "fits.log"))
    began = time.monotonic()
    subprocess.run([*arguments, "out=whole"], cwd=tmp_path, env={**env, "FITS": ""}, check=True)
    seconds = time.monotonic() - began
    expected = table(tmp_path / "whole")
    assert len(expected) == 2 * 8
    before = kill_and_repeat(arguments, launcher, expected, tmp_path, env)
    print(f"{launcher}: {len(expected)} jobs in {seconds:.0f} s, {before} of them finished before the kill")
