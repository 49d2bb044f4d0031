"""Room for compiled programs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr_deblur import programs
from inr_deblur.programs import MAPPINGS, make_room


@pytest.fixture
def compiled():
    """A program, and how often it was traced."""
    traces = []

    @jax.jit
    def twice(x):
        traces.append(x.shape)
        return 2 * x

    return twice, traces


@pytest.mark.skipif(not MAPPINGS.exists(), reason="no such limit here")
def test_programs_are_forgotten_only_when_they_hold_too_many_mappings(compiled, monkeypatch):
    twice, traces = compiled
    x = jnp.ones(3, np.float32)
    twice(x)
    make_room()
    twice(x)
    assert len(traces) == 1
    monkeypatch.setattr(programs, "MOST_MAPPINGS", 10)
    make_room()
    assert twice(x).tolist() == [2, 2, 2] and len(traces) == 2


def test_where_mappings_are_not_told_nothing_is_forgotten(compiled, monkeypatch, tmp_path):
    twice, traces = compiled
    monkeypatch.setattr(programs, "MAPPINGS", tmp_path / "none")
    monkeypatch.setattr(programs, "MOST_MAPPINGS", 0)
    twice(jnp.ones(3, np.float32))
    make_room()
    twice(jnp.ones(3, np.float32))
    assert len(traces) == 1
