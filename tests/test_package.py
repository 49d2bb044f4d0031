"""The package as a whole: what importing it costs, and what it offers."""

import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

import inr_deblur

ROOT = Path(__file__).parents[1]


def test_import_is_light():
    program = "import sys, inr_deblur; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()
    assert not {"hydra", "jax", "matplotlib", "numpy", "scipy"} & set(loaded)


@pytest.mark.parametrize("name", inr_deblur.__all__)
def test_every_public_name_is_there(name):
    assert callable(getattr(inr_deblur, name))
    assert name in dir(inr_deblur)
    assert find_spec(f"inr_deblur.{name}") is None, "a module of that name would take its place when it is imported"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="deblurr"):
        _ = inr_deblur.deblurr


def test_packaging_promises():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "hydra-core>=1.3.2,<1.4" in project["dependencies"]
    assert inr_deblur.__version__ in (ROOT / "CHANGELOG.md").read_text()
