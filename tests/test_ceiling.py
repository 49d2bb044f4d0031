"""The experiment on what a search loses that begins with the truth."""

import csv
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from skimage import data

from inr_deblur.config import DeblurConfig, ScheduleConfig
from inr_deblur.kernels import cropped, likeness
from inr_deblur.simulate import blur, random_shake_kernel, seen

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))
import ceiling  # noqa: E402
from pairs import Pictures  # noqa: E402

SHORT = DeblurConfig(schedule=ScheduleConfig(steps=0.1))


@pytest.fixture(autouse=True)
def promotion():
    """Adam multiplies Python's floats and int32 counters."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.parametrize("side", [8, 23])  # of a kernel that the search finds, and of one that is corrected
def test_the_true_kernel_is_taken_about_as_it_is(side):
    sharp, kernel = data.camera()[100:220, 160:300] / 255, random_shake_kernel(side, 1)
    y = blur(sharp, kernel, 0.003).astype(np.float32)
    found = ceiling.settled(Pictures(y, seen(sharp, kernel), kernel), SHORT)
    assert found.min() >= 0 and found.sum() == pytest.approx(1, abs=1e-4)
    assert likeness(found, cropped(kernel)) > 0.8


def test_pairs_are_shown_beside_what_the_true_kernel_gives(tmp_path):
    sharp, kernel = data.camera()[100:220, 160:280] / 255, random_shake_kernel(5, 1)
    for name in ("blurry", "sharp", "kernels"):
        (tmp_path / name).mkdir()
    np.save(tmp_path / "kernels" / "a.npy", kernel)
    for name, values in (("blurry", blur(sharp, kernel)), ("sharp", seen(sharp, kernel))):
        Image.fromarray(np.rint(255 * values).astype(np.uint8)).save(tmp_path / name / "a.png")
    options = ceiling.CeilingOptions(data_dir=str(tmp_path), out=str(tmp_path / "out"), schedule=SHORT.schedule)
    assert ceiling.main(options) == 0
    lines = (tmp_path / "out" / "ceiling.csv").read_text().splitlines()
    (row,) = csv.DictReader(line for line in lines if not line.startswith("#"))
    assert float(row["known psnr"]) > float(row["blurry psnr"]) + 3
    assert float(row["psnr"]) > float(row["blurry psnr"]) + 1
