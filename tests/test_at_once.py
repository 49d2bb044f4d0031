"""The control that fits all scales at once."""

import sys
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from inr_deblur.config import DeblurConfig, KernelConfig, ScheduleConfig
from inr_deblur.kernels import likeness, of_one_size
from inr_deblur.simulate import blur, line_kernel, seen

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
from at_once import kernel_at_once  # noqa: E402
from pairs import Pictures  # noqa: E402


def test_a_line_is_found_from_all_scales_at_once():
    sharp, kernel = data.camera()[100:230, 160:290] / 255, line_kernel(9, 30)
    y = blur(sharp, kernel, 0.003).astype(np.float32)
    config = DeblurConfig(kernel=KernelConfig(13), schedule=ScheduleConfig(steps=0.3))
    found = kernel_at_once(Pictures(y, seen(sharp, kernel), kernel), config)
    assert found.min() >= 0 and found.sum() == pytest.approx(1, abs=1e-4)
    flat = np.full((9, 9), 1 / 81)
    alike, unlike = (likeness(*of_one_size([k, kernel])) for k in (found, flat))
    assert alike > 0.8 > unlike
