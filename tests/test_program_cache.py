"""Compiled programs outlive the process that compiled them."""

import os
import subprocess
import sys

import pytest

from inr_deblur.program_cache import keep_programs

PROGRAM = """
from inr_deblur.program_cache import keep_programs
keep_programs({folder!r})
import jax
found = []
jax.monitoring.register_event_listener(lambda event, **kwargs: found.append(event))
assert float(jax.jit(lambda x: 2 * x + 1)(3.0)) == 7
print(sum(event.endswith("cache_hits") for event in found))
"""


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in [name for name in os.environ if name.startswith("JAX_")]:
        monkeypatch.delenv(name)


def test_the_next_process_compiles_nothing_anew(tmp_path):
    program = [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))]
    first, second = (int(subprocess.run(program, check=True, capture_output=True).stdout) for _ in range(2))
    assert first == 0 and second > 0 and any(tmp_path.iterdir())


def test_what_the_user_has_set_stays(monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    monkeypatch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "7")
    keep_programs("here")
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "elsewhere"
    assert os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] == "7"
    assert os.environ.pop("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES") == "-1"
