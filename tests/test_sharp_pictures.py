"""A picture without blur comes back as it was, to the last bit."""

import jax
import numpy as np
import pytest
from skimage import data

from inr_deblur import DeblurConfig, Outcome, deblur, pipeline
from inr_deblur.config import KernelConfig, ScheduleConfig
from inr_deblur.progress import Silent


class Counter(Silent):
    total = done = 0.0

    def start(self, total: float, title: str) -> None:
        self.total = total

    def advance(self, amount: float, note: str = "") -> None:
        self.done += amount


def test_no_blur_changes_nothing(monkeypatch):
    monkeypatch.setattr(pipeline, "judge", lambda *_: Outcome.NO_BLUR)
    sharp = (data.camera()[200:248, 200:248] / 255).astype(np.float32)
    told = Counter()
    quick = DeblurConfig(kernel=KernelConfig(5), schedule=ScheduleConfig(steps=0.01, starts=1))
    with jax.numpy_dtype_promotion("standard"):  # optax counts its steps in int32
        result = deblur(sharp, quick, progress=told)
    assert result.outcome is Outcome.NO_BLUR
    np.testing.assert_array_equal(result.image, sharp)
    np.testing.assert_allclose(result.render(), sharp, atol=1e-4)
    np.testing.assert_allclose(result.render(3.0)[1::3, 1::3], sharp, atol=5e-4)
    assert told.done == pytest.approx(told.total) and result.stages[-1].name == "restoration"
