"""Workers of an experiment don't outlive it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "experiments"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks /proc which processes there are")
def test_workers_end_when_the_run_that_began_them_is_killed(tmp_path):
    lines = [
        "import os, time, pathlib, runner",
        "def work(path): path.write_text(str(os.getpid())); time.sleep(120)",
        f"paths = [pathlib.Path({str(tmp_path)!r}) / name for name in 'ab']",
        "if __name__ == '__main__': list(runner._outcomes(paths, 2, work, paths[0].parent))",
    ]
    script = tmp_path / "script.py"
    script.write_text("\n".join(lines))
    begun = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": str(FOLDER)})
    paths = [tmp_path / name for name in "ab"]
    wait_until(lambda: all(path.exists() and path.read_text() for path in paths))
    begun.kill()
    begun.wait()
    wait_until(lambda: not any(is_running(int(path.read_text())) for path in paths))


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except FileNotFoundError:
        return False
