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
print(*(sum(event.endswith(what) for event in found) for what in ("cache_hits", "cache_misses")))
"""
READ = "COMPILATION_CACHE_DIR", "PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"


@pytest.fixture
def environment(monkeypatch):
    """One of this test's own, in which none of what is to be set is set."""
    own = {name: value for name, value in os.environ.items() if name.removeprefix("JAX_") not in READ}
    monkeypatch.setattr(os, "environ", own)
    return own


def test_the_next_process_compiles_nothing_anew(tmp_path, environment):
    program = [sys.executable, "-c", PROGRAM.format(folder=str(tmp_path))]
    runs = [subprocess.run(program, check=True, capture_output=True, env=environment).stdout for _ in range(2)]
    (hits, misses), later = ([int(count) for count in run.split()] for run in runs)
    assert hits == 0 and misses > 0 and later == [misses, 0]


def test_what_the_user_has_set_stays(environment):
    environment |= {"JAX_COMPILATION_CACHE_DIR": "elsewhere", "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "7"}
    keep_programs("here")
    assert [environment[f"JAX_{name}"] for name in READ] == ["elsewhere", "7", "-1"]
