"""How many devices JAX is to see."""

import os

import pytest

from inr_deblur.cores import DEVICES, cores, device_a_core


@pytest.mark.parametrize(
    ("before", "share", "after"),
    [
        (None, None, f"{DEVICES}={cores()}"),
        ("--xla_a=1", "3", f"--xla_a=1 {DEVICES}=3"),
        (f"{DEVICES}=7 --xla_a=1", "3", f"{DEVICES}=7 --xla_a=1"),
    ],
)
def test_each_core_is_a_device_unless_the_user_says_otherwise(monkeypatch, before, share, after):
    for name, value in (("XLA_FLAGS", before), ("NPROC", share)):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    device_a_core()
    assert os.environ["XLA_FLAGS"] == after
    device_a_core()
    assert os.environ["XLA_FLAGS"] == after
