"""The experiments on photographs at toy size: mild blur, light, size, and a folder of real pictures."""

import csv
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter
from skimage import data

import inr_deblur
from inr_deblur.errors import InputError
from inr_deblur.methods import restore_by

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import light  # noqa: E402
import mild_blur  # noqa: E402
import photographs  # noqa: E402
import size  # noqa: E402
from free_pictures import PHOTOGRAPHS, photograph  # noqa: E402


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


@pytest.fixture
def engine(monkeypatch):
    """A stand-in for the engine: the classic with the kernel that is given, else Polyblur."""

    def deblur(image, config, *, kernel=None, region=None, rounding=None, progress=None, look=None):
        return restore_by("polyblur" if kernel is None else "richardson_lucy", image, config, kernel=kernel)

    monkeypatch.setitem(vars(inr_deblur), "deblur", deblur)


def test_free_photographs_are_always_the_same():
    pytest.importorskip("sklearn")
    pictures = [photograph(name, 64) for name in PHOTOGRAPHS]
    assert all(picture.shape == (64, 64, 3) and picture.max() <= 1 for picture in pictures)
    np.testing.assert_array_equal(pictures[0], photograph(PHOTOGRAPHS[0], 64))


def test_mild_blur(engine, tmp_path):
    assert mild_blur.main(mild_blur.Options(str(tmp_path), pictures=1, sigmas="0,1.5", side=96)) == 0
    rows = table(tmp_path / "mild_blur.csv")
    assert [row["method"] for row in rows[:5]] == ["nothing", "unsharp mask", "RL, true kernel", "polyblur", "engine"]
    gains = {(row["sigma"], row["method"]): float(row["gain"]) for row in rows}
    assert gains["1.5", "RL, true kernel"] > 0 and gains["1.5", "polyblur"] > 0
    assert gains["0.0", "polyblur"] == gains["0.0", "nothing"] == 0
    assert "RECOVERED" in (tmp_path / "mild_blur.md").read_text()
    with pytest.raises(InputError, match="sigmas=soft: give numbers"):
        mild_blur.main(mild_blur.Options(sigmas="soft"))


def test_the_light_of_the_blur_is_the_best_to_undo_it(engine, tmp_path, monkeypatch):
    monkeypatch.setattr(light, "SIZES", (9,))
    assert light.main(light.Options(str(tmp_path), pictures=1, side=96, blind=False)) == 0
    gains = {(row["blurred"], row["restored"]): float(row["gain"]) for row in table(tmp_path / "light.csv")}
    assert gains["linear light", "linear light"] > gains["linear light", "as stored"]
    assert gains["as stored", "as stored"] > gains["as stored", "linear light"]


def test_size_law_and_mosaic():
    rows = [{"megapixels": m, "seconds": 3 * m**1.5} for m in (1.0, 4.0, 12.0)]
    assert size.law(rows, "seconds")["exponent"] == pytest.approx(1.5)
    picture = size.mosaic(0.3)
    assert picture.shape == (474, 633, 3)
    assert picture.dtype == np.float32


def test_a_folder_of_photographs(tmp_path, capsys):
    folder = tmp_path / "photos"
    folder.mkdir()
    for sigma in (1, 2):
        blurry = gaussian_filter(data.astronaut()[:96, :80].astype(float), (sigma, sigma, 0))
        Image.fromarray(np.rint(blurry).astype(np.uint8)).save(folder / f"{sigma}.png")
    options = photographs.Options(str(folder), str(tmp_path / "out"), "method=polyblur progress=none")
    assert photographs.main(options) == 0
    rows = table(tmp_path / "out" / "photographs.csv")
    assert [row["picture"] for row in rows] == ["1.png", "2.png"]
    for row in rows:
        assert float(row["width after"]) < float(row["width before"])
        assert 0 <= float(row["reversed"]) < 0.2
    with Image.open(tmp_path / "out" / "sheet_1.jpg") as sheet:
        assert sheet.height == photographs.HEIGHT + photographs.LABEL
    assert "By outcome" in capsys.readouterr().out
