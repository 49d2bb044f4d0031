"""What TensorBoard is told of a search: every stage's losses and kernels, and nothing when nobody asked."""

import sys

import jax
import numpy as np
import pytest

from inr_deblur.config import DeblurConfig, KernelConfig, ScheduleConfig
from inr_deblur.errors import InputError
from inr_deblur.follow import tensorboard
from inr_deblur.pipeline import deblur
from inr_deblur.watch import Step

TOY = DeblurConfig(kernel=KernelConfig(size=9), schedule=ScheduleConfig(steps=0.01, starts=1))
PICTURE = np.random.default_rng(0).random((32, 32)).astype(np.float32)


def test_a_search_is_the_same_whether_it_is_watched_or_not(tmp_path):
    pytest.importorskip("tensorboardX")
    steps: list[Step] = []
    with jax.numpy_dtype_promotion("standard"):  # Optax promotes
        plain = deblur(PICTURE, TOY)
        with tensorboard(tmp_path / "events") as follower:

            def look(step: Step) -> None:
                steps.append(step)
                follower.look(step)

            result = deblur(PICTURE, TOY, look=look)
            follower.show(result.image)
    np.testing.assert_array_equal(result.image, plain.image)
    assert [step.name for step in steps] == [
        stage.name for stage in plain.stages if stage.name in {s.name for s in steps}
    ]
    for step in steps:
        assert step.kernels.sum((1, 2)) == pytest.approx(np.ones(len(step.members)), abs=1e-4)
        assert step.losses.shape[0] == len(step.members)
    content = b"".join(path.read_bytes() for path in (tmp_path / "events").iterdir())
    assert all(part in content for part in (b"loss_scale_1", b"kernel/start_0", b"result"))


def test_without_the_extra_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(InputError, match="pip install"), tensorboard(tmp_path / "events"):
        pass
    assert not (tmp_path / "events").exists()
