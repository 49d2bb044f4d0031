"""Every test runs with JAX strict about types; warnings are errors (pyproject.toml)."""

import os

import jax
import pytest
from hypothesis import settings

jax.config.update("jax_numpy_dtype_promotion", "strict")

settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("ci", parent=settings.get_profile("quick"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "quick")


@pytest.fixture(autouse=True)
def same_environment():
    """What a test lets JAX or Hydra read is not read by the processes of the next one."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)
