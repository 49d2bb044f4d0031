"""Members shared out among devices: the same numbers as on one, nobody's word passed to another."""

import json
import os
import subprocess
import sys
from threading import Barrier, Event

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from inr_deblur.devices import gathered, mapped, mesh_for, shared_out, side_by_side

ON_TWO = """
import json, jax, jax.numpy as jnp, numpy as np
from inr_deblur.config import DeblurConfig, KernelConfig, ScheduleConfig
from inr_deblur.devices import gathered, mapped, mesh_for, shared_out
from inr_deblur.pipeline import deblur_many
from test_devices import blurred, filtered

kept = {}
for count in (1, 2, 3, 4):
    mesh = mesh_for(count)
    batch = {"x": np.arange(count * 60, dtype=np.float32).reshape(count, 6, 10), "rate": np.ones((count, 1, 1), "f4")}
    spread, run = shared_out(batch, mesh), jax.jit(mapped(filtered, mesh))
    result = gathered(run(spread), count)
    kept[count] = [len(spread["x"]), len(jnp.asarray(spread["x"]).devices()), len(result)]
    np.testing.assert_allclose(result, jax.vmap(filtered)(batch), rtol=1e-5, atol=1e-4)
    if count > 1:
        program = run.lower(spread).compile().as_text()
        assert not any(word in program for word in ("all-gather", "all-reduce", "all-to-all", "collective"))
config = DeblurConfig(kernel=KernelConfig(5), schedule=ScheduleConfig(starts=1, steps=0.005))
kept["kernels"] = [result.kernel.tolist() for result in deblur_many(blurred(), config)]
print(json.dumps(kept))
"""


def filtered(member):
    """Something with a Fourier transform and a scan whose state starts the same for all members."""

    def step(total, rate):
        return total + rate * jnp.fft.irfft2(jnp.fft.rfft2(member["x"]) * 0.5, member["x"].shape).mean(), None

    total, _ = jax.lax.scan(step, jnp.float32(0), jnp.arange(3, dtype=jnp.float32))
    return member["x"] * member["rate"] + total


def blurred():
    """Three pictures of one shape."""
    from test_pipeline import BLURRY

    return [BLURRY[..., channel] for channel in range(3)]


def test_on_one_device_nothing_is_moved():
    assert len(jax.devices()) > 1 or mesh_for(8) is None
    assert mesh_for(1) is None
    batch = {"x": np.ones((3, 2))}
    assert shared_out(batch, None) is batch
    assert isinstance(whole := gathered({"x": jnp.ones((3, 2))}, 2)["x"], np.ndarray) and whole.shape == (2, 2)
    x = np.arange(6, dtype=np.float32)
    np.testing.assert_array_equal(mapped(lambda a: 2 * a, None)(x), 2 * x)


def test_two_devices_do_what_one_does():
    from inr_deblur.config import DeblurConfig, KernelConfig, ScheduleConfig
    from inr_deblur.kernels import likeness
    from inr_deblur.pipeline import deblur_many

    paths = os.pathsep.join(filter(None, [os.path.dirname(__file__), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "PYTHONPATH": paths}
    environment |= {"JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", ON_TWO], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    kept = json.loads(done.stdout)
    kernels = kept.pop("kernels")
    assert kept == {"1": [1, 1, 1], "2": [2, 2, 2], "3": [4, 2, 3], "4": [4, 2, 4]}
    config = DeblurConfig(kernel=KernelConfig(5), schedule=ScheduleConfig(starts=1, steps=0.005))
    with jax.numpy_dtype_promotion("standard"):
        here = deblur_many(blurred(), config)
    for result, kernel in zip(here, kernels, strict=True):
        assert likeness(result.kernel, np.array(kernel)) > 0.99


def test_work_side_by_side_keeps_its_order_and_passes_on_what_it_raises(monkeypatch):
    monkeypatch.setattr(jax, "local_device_count", lambda: 2)
    met, later = Barrier(2), Event()

    def work(number, wait):
        met.wait(10)  # would be broken if one came after the other
        assert later.wait(10) if wait else not later.set()
        return 10 // number

    assert list(side_by_side(work, [2, 5], [True, False])) == [5, 2]
    assert list(side_by_side(work, [], [])) == []
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda a: 1 // a, [1, 0]))
