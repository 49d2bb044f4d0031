"""The methods without networks, by themselves and through the command."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from inr_deblur.colour import luminance
from inr_deblur.config import DeblurConfig
from inr_deblur.errors import InputError
from inr_deblur.jpeg import quantisation
from inr_deblur.light import curve, in_light
from inr_deblur.methods import WITH_KERNEL, restore_by
from inr_deblur.noise import white_noise
from inr_deblur.outcome import Outcome
from inr_deblur.run import main
from inr_deblur.simulate import blur, line_kernel, seen

KERNEL = line_kernel(9, 30)


@pytest.fixture(scope="module")
def pair():
    canvas = (data.astronaut()[100:308, 100:308] / 255).astype(np.float32)
    return blur(canvas, KERNEL, 0.003), seen(canvas, KERNEL)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("method", WITH_KERNEL)
def test_classics_gain_and_stay_in_place(pair, method, colour):
    y, x = (picture if colour else picture[..., 1] for picture in pair)
    result = restore_by(method, y, DeblurConfig(), kernel=KERNEL)
    assert result.outcome is Outcome.RESTORED
    assert result.image.shape == y.shape and result.image.dtype == np.float32
    assert result.image.min() >= 0 and result.image.max() <= 1
    assert ((result.image - x) ** 2).mean() < 0.6 * ((y - x) ** 2).mean()


def test_polyblur_says_when_there_is_nothing_to_do(pair):
    result = restore_by("polyblur", np.ascontiguousarray(pair[1]), DeblurConfig())
    assert result.outcome is Outcome.NO_BLUR
    np.testing.assert_array_equal(result.image, pair[1])
    assert result.kernel[1, 1] == result.kernel.sum() == 1


@pytest.mark.parametrize("method", WITH_KERNEL)
def test_classics_need_a_kernel(pair, method):
    with pytest.raises(InputError, match="kernel=PATH"):
        restore_by(method, pair[0], DeblurConfig())


def test_polyblur_takes_none(pair):
    with pytest.raises(InputError, match="its own"):
        restore_by("polyblur", pair[0], DeblurConfig(), kernel=KERNEL)


@pytest.mark.parametrize("light", ["auto", "srgb", "gamma:2.2"])
def test_command_restores_by_method_and_light(tmp_path, monkeypatch, light):
    monkeypatch.chdir(tmp_path)
    canvas = (data.astronaut()[100:308, 100:308] / 255).astype(np.float32)
    blurry, sharp = curve(light).to_stored(blur(curve(light).to_light(canvas), KERNEL)), seen(canvas, KERNEL)
    Image.fromarray(np.rint(255 * blurry).astype(np.uint8)).save("a.png")
    np.save("k.npy", KERNEL)
    assert (
        main(["image=a.png", "kernel=k.npy", "method=richardson_lucy", f"light={light}", "out=o", "progress=none"]) == 0
    )
    record = json.loads(Path("o/metrics.json").read_text())
    assert record["outcome"]["name"] == "RESTORED"
    assert record["config"]["light"] == light
    result = np.asarray(Image.open("o/deblurred.png")) / 255
    assert np.abs(result - sharp).mean() < 0.9 * np.abs(blurry - sharp).mean()


def test_what_a_jpeg_has_left_is_seen_in_every_light(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    canvas = (data.astronaut()[100:308, 100:308] / 255).astype(np.float32)
    srgb = curve("srgb")
    blurry = np.rint(255 * srgb.to_stored(blur(srgb.to_light(canvas), KERNEL))).astype(np.uint8)
    Image.fromarray(blurry).save("a.jpg", quality=70)
    np.save("k.npy", KERNEL)
    stored = luminance(np.asarray(Image.open("a.jpg")) / 255)
    assert main(["image=a.jpg", "kernel=k.npy", "light=srgb", "schedule.steps=0.01", "out=o", "progress=none"]) == 0
    rounding = in_light(quantisation(stored).noise, stored, srgb)
    assert rounding > 2 * white_noise(srgb.to_light(stored))
    assert json.loads(Path("o/metrics.json").read_text())["noise"] == pytest.approx(rounding, rel=0.01)
    assert main(["image=a.jpg", "kernel=k.npy", "light=srgb", "method=wiener", "out=w", "progress=none"]) == 0
    assert json.loads(Path("w/metrics.json").read_text())["noise"] == pytest.approx(rounding, rel=0.01)


def test_command_refuses_what_does_not_go_together(pair, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.rint(255 * pair[0]).astype(np.uint8)).save("a.png")
    for setting in ("method=wiener", "method=polyblurr", "light=srbg", "region=1,2,3", "region=0,0,5000,40"):
        assert main(["image=a.png", setting]) == 1
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert main(["image=a.png", "method=polyblur", "region=0,0,40,40"]) == 1
    assert "leave the region out" in capsys.readouterr().err
    assert not Path("outputs").exists()
