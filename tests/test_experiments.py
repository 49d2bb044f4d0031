"""The experiments at toy size, on pictures made here: with a stand-in for the engine, and once with the engine."""

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image
from scipy import signal
from skimage import data

import inr_deblur
from inr_deblur.config import DeblurConfig
from inr_deblur.cores import cores
from inr_deblur.errors import InputError
from inr_deblur.simulate import blur, random_shake_kernel, seen

FOLDER = Path(__file__).parents[1] / "experiments"
sys.path.insert(0, str(FOLDER))

import ablation  # noqa: E402
import development  # noqa: E402
import devset  # noqa: E402
import ensemble  # noqa: E402
import lai  # noqa: E402
import levin  # noqa: E402
import robustness  # noqa: E402
import runner  # noqa: E402
import speed  # noqa: E402
import throughput  # noqa: E402
from options import matched, parse, usage  # noqa: E402
from pairs import find_pairs  # noqa: E402

CAMERA = data.camera()[80:150, 200:270] / 255


class Stub(Enum):
    """Outcomes of the stand-in."""

    RECOVERED = True
    KERNEL_COLLAPSED = False

    @property
    def ok(self):
        return self.value


@pytest.fixture
def calls(monkeypatch):
    """Stands in for the engine: gives back the blurry picture, or the truth for a known kernel; lists its calls."""
    made = []

    def deblur(image, config=None, *, kernel=None, progress=None):
        made.append((image, config, kernel))
        if image.mean() < 0.01:
            raise InputError("The picture is black.")
        return SimpleNamespace(
            image=np.clip(image + (0.1 if kernel is None else 0.01), 0, 1).astype(np.float32),
            kernel=np.full((3, 3), 1 / 9, np.float32),
            seconds=2.0,
            outcome=Stub(kernel is not None),
            confidence=0.5,
            noise=0.01,
            device="cpu",
        )

    monkeypatch.setitem(vars(inr_deblur), "deblur", deblur)
    return made


def save_picture(path, values):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.rint(255 * values).astype(np.uint8)).save(path)


@pytest.fixture
def folder(tmp_path):
    """Two pictures with two kernels each, shared as in Levin's set."""
    (tmp_path / "data" / "kernels").mkdir(parents=True)
    for number in (1, 2):
        kernel = random_shake_kernel(5, number)
        np.save(tmp_path / "data" / "kernels" / f"kernel{number}.npy", kernel)
        for picture, sharp in (("im1", CAMERA), ("im3", CAMERA.T)):
            save_picture(tmp_path / "data" / "blurry" / f"{picture}_kernel{number}.png", blur(sharp, kernel))
            save_picture(tmp_path / "data" / "sharp" / f"{picture}.png", seen(sharp, kernel))
    return tmp_path / "data"


def read_csv(path):
    lines = path.read_text().splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def run(script, *arguments):
    schema = next(v for k, v in vars(script).items() if k.endswith("Options") and v.__module__ == script.__name__)
    return script.main(parse(arguments, schema))


def test_levin_writes_its_tables(folder, tmp_path, calls):
    (folder / "peers.csv").write_text(
        "name,blurry_psnr,blurry_ssim,Other_psnr,Other_ssim\nim1_kernel1,20,.5,30,.9\nim1_kernel2,20,.5,32,.8\n"
    )
    out = tmp_path / "out"
    assert run(levin, f"data_dir={folder}", f"out={out}", "kernel.size=31", "nonblind=true", "pictures=true") == 0
    rows = read_csv(out / "levin.csv")
    assert [row["name"] for row in rows] == ["im1_kernel1", "im1_kernel2", "im3_kernel1", "im3_kernel2"]
    first = rows[0]
    assert float(first["gain"]) == pytest.approx(float(first["psnr"]) - float(first["blurry psnr"]))
    assert first["flagged"] == "1" and first["outcome"] == "KERNEL_COLLAPSED" and first["kernel"] == "kernel1"
    assert float(first["error ratio"]) == pytest.approx(
        10 ** (0.1 * (float(first["known psnr"]) - float(first["psnr"])))
    )
    text = (out / "levin.md").read_text()
    assert "| Other | 2 | 31.00 | 0.8500 | 30.00 |" in text
    assert inr_deblur.__version__ in text and "date: " in text and "jax " in text and "cores" in text
    assert all(config.kernel.size == 31 for _, config, _ in calls)
    assert len(list((out / "pictures").glob("*.png"))) == 16


def test_a_finished_fit_is_not_run_again(folder, tmp_path, calls):
    arguments = [f"data_dir={folder}", f"out={tmp_path / 'out'}", "subset=im1_*"]
    run(levin, *arguments)
    assert len(calls) == 2
    next((tmp_path / "out" / "records").glob("im1_kernel2-*.json")).unlink()
    run(levin, *arguments)
    assert len(calls) == 3
    run(levin, *arguments, "seed=1")
    assert len(calls) == 5
    save_picture(folder / "blurry" / "im1_kernel1.png", CAMERA[2:68, 2:68] * 0.9)
    run(levin, *arguments)
    assert len(calls) == 6


def test_a_fit_that_raises_does_not_stop_the_others(folder, tmp_path, calls, capsys):
    save_picture(folder / "blurry" / "im1_kernel1.png", CAMERA[:66, :66] * 0.01)
    assert run(levin, f"data_dir={folder}", f"out={tmp_path / 'out'}") == 1
    assert len(read_csv(tmp_path / "out" / "levin.csv")) == 3
    assert "im1_kernel1 blind: InputError: The picture is black." in capsys.readouterr().out


def test_lai_is_grouped_and_scored_on_luma(tmp_path, calls):
    kernel = random_shake_kernel(9, 0)
    (tmp_path / "kernels").mkdir()
    np.save(tmp_path / "kernels" / "kernel_01.npy", np.pad(kernel, 1))  # told with its margins
    colour = np.stack([CAMERA, CAMERA.T, 1 - CAMERA], -1)
    for name in ("manmade_01", "saturated_02"):
        save_picture(tmp_path / "blurry" / f"{name}_kernel_01.png", blur(colour, kernel))
        save_picture(tmp_path / "sharp" / f"{name}.png", seen(colour, kernel))
    assert run(lai, f"data_dir={tmp_path}", f"out={tmp_path / 'out'}", "told=true") == 0
    assert [config.kernel.size for _, config, _ in calls] == [11, 11] and calls[0][0].shape == (62, 62, 3)
    assert [row["category"] for row in read_csv(tmp_path / "out" / "lai_told.csv")] == ["manmade", "saturated"]
    assert "| without saturated | told | 1 |" in (tmp_path / "out" / "lai_told.md").read_text()


def test_robustness_alters_what_it_says(folder, tmp_path, calls):
    out = tmp_path / "out"
    assert run(robustness, f"data_dir={folder}", f"out={out}", "subset=im1_kernel1") == 0
    rows = {row["variant"]: row for row in read_csv(out / "robustness.csv")}
    assert len(rows) == len(calls) == 1 + 4 + 2 + 3 + 5 + 5 + 5
    plain = calls[list(rows).index("plain")][0]
    assert (calls[list(rows).index("noise 0.03")][0] - plain).std() == pytest.approx(0.03, rel=0.1)
    assert np.abs(calls[list(rows).index("jpeg 80")][0] - plain).max() > 0.005
    assert calls[list(rows).index("size x 2.5")][1].kernel.size == 12
    assert calls[list(rows).index("seed 3")][1].seed == 3
    assert calls[list(rows).index("border true")][0].shape == (62, 62)
    assert "mean deviation" in (out / "robustness.md").read_text()
    with pytest.raises(InputError, match="did you mean noise"):
        run(robustness, f"data_dir={folder}", "kinds=nois")


def test_robustness_varies_what_is_named_alone(folder, tmp_path, calls):
    some = "variants=noise 0.03,size x 1*"
    assert run(robustness, f"data_dir={folder}", f"out={tmp_path}", "subset=im1_kernel1", some) == 0
    assert [row["variant"] for row in read_csv(tmp_path / "robustness.csv")] == [
        "noise 0.03",
        "size x 1.0",
        "size x 1.5",
    ]
    with pytest.raises(InputError, match="none of: plain, noise 0.01"):
        run(robustness, f"data_dir={folder}", f"out={tmp_path}", "variants=noise")


def test_made_up_borders_agree_with_the_true_one_inside(folder):
    pictures = find_pairs(str(folder), "im1_kernel1")[0].read()
    middle = robustness.cut(pictures)
    for mode in robustness.BORDERS.values():
        whole = robustness.make_up(mode, pictures)
        assert whole.blurry.shape == pictures.sharp.shape
        assert np.abs(whole.blurry[2:-2, 2:-2] - middle.blurry).mean() < 2 * robustness.BORDER_NOISE


def test_the_development_set_is_stratified():
    pytest.importorskip("sklearn")
    pytest.importorskip("pywt")
    recipes = devset.plan(210, 0)
    assert len({(r.family, r.texture, r.noise) for r in recipes}) == 5 * 5 * 6
    assert sum(r.quick for r in recipes) == 24
    assert {r.size for r in recipes} >= {7, 101} and {r.noise for r in recipes} >= {0, 0.03}
    assert recipes == devset.plan(210, 0) and recipes != devset.plan(210, 1)


def test_the_development_set_is_honest_and_can_be_run(tmp_path, calls):
    pytest.importorskip("sklearn")
    pytest.importorskip("pywt")
    recipes = [r for r in devset.plan(40, 0) if r.side == 255 and r.noise == 0][:2]
    for recipe in recipes:
        blurry, sharp, kernel = devset.make(recipe)
        assert blurry.shape == sharp.shape and kernel.shape == (recipe.size, recipe.size)
        grey = [x if x.ndim == 2 else x[..., 0] for x in (blurry, sharp)]
        inner = signal.fftconvolve(grey[1], kernel, mode="valid")
        np.testing.assert_allclose(seen(grey[0], kernel), inner, atol=1e-5)
    assert devset.main(devset.Options(out=str(tmp_path / "set"), count=2)) == 0
    assert run(development, f"data_dir={tmp_path / 'set'}", f"out={tmp_path / 'out'}", "subset=0*") == 0
    names = [path.stem for path in sorted((tmp_path / "set" / "blurry").iterdir())]
    assert [row["name"] for row in read_csv(tmp_path / "out" / "development.csv")] == names and len(calls) == 4
    assert "By family" in (tmp_path / "out" / "development.md").read_text()


def flat_kernel(pictures, config):
    time.sleep(0.05)
    return np.full((3, 3), 1 / 9)


def test_the_ablation_changes_a_setting_or_two_a_variant(folder, tmp_path, calls, monkeypatch):
    at_once = replace(ablation.VARIANTS["all scales at once"], given=flat_kernel)
    monkeypatch.setitem(ablation.VARIANTS, "all scales at once", at_once)
    arguments = [f"data_dir={folder}", f"out={tmp_path / 'out'}", "subset=im1_*", "schedule.steps=0.5"]
    assert run(ablation, *arguments) == 0
    rows = read_csv(tmp_path / "out" / "ablation.csv")
    assert list(dict.fromkeys(row["variant"] for row in rows)) == list(ablation.VARIANTS)
    assert len(rows) == 2 * len(ablation.VARIANTS) and len(calls) == len(rows) + 2 * 2  # with the true kernels
    assert all(row["known psnr"] for row in rows)
    fits = {row["variant"]: config for row, (_, config, _) in zip(rows, calls[4:], strict=True)}
    assert fits["cross-scale 0.01"].loss.cross_scale == 0.01 and fits["3 scales"].schedule.scales == 3
    assert fits["kernel as a free grid"].generator.kernel == "grid" and fits["one start"].schedule.starts == 1
    assert all(config.schedule.steps == 0.5 for config in fits.values())
    assert len(set(fits.values())) == len(fits) - 2  # the middle is restored by the defaults, and one kernel is given
    given = {row["variant"] for row, (_, _, kernel) in zip(rows, calls[4:], strict=True) if kernel is not None}
    assert given == {"all scales at once"}
    seconds = {row["variant"]: float(row["seconds"]) for row in rows}
    assert seconds["all scales at once"] >= 2.05 and seconds["defaults"] == pytest.approx(2.0, abs=0.01)
    text = (tmp_path / "out" / "ablation.md").read_text()
    assert (
        "| 4 scales | schedule.scales=4 | 2 |" in text and "| middle as a deep SIREN | generator.image=siren (" in text
    )
    run(ablation, *arguments, "variants=one*,2 scales")
    assert len(calls) == len(rows) + 4  # all of these were measured before


def test_each_variant_is_chosen_by_its_name():
    assert all(matched("variants", name, ablation.VARIANTS) == [name] for name in ablation.VARIANTS)


def test_the_middle_is_the_same_part_of_both_pictures(folder):
    pictures = find_pairs(str(folder), "im1_kernel1")[0].read()
    cut = ablation.middle(20, pictures)
    np.testing.assert_array_equal(cut.blurry, pictures.blurry[23:43, 23:43])
    np.testing.assert_array_equal(cut.sharp, pictures.sharp[23:43, 23:43])
    assert ablation.middle(96, pictures).sharp.shape == pictures.sharp.shape


def test_speed_measures_all_that_it_is_asked(folder, tmp_path, calls, monkeypatch):
    pictures = []
    monkeypatch.setattr(speed, "IMPORTED", speed.IMPORTED[:1])  # without JAX
    monkeypatch.setattr(speed, "IMPORTS", 1)
    monkeypatch.setattr(speed, "LARGE", (60, 90))
    monkeypatch.setattr(speed, "SIZES", ((40, 50), (41, 50)))
    monkeypatch.setattr(speed, "command", lambda picture, *_: pictures.append(picture) or speed.Command(3.0, 1.5))
    assert run(speed, f"out={tmp_path / 'out'}", f"data_dir={folder}", "pairs=3", "kernel.size=9") == 0
    rows = read_csv(tmp_path / "out" / "speed.csv")
    figures = {(row["what"], row["unit"], row["of"]): row["value"] for row in rows}
    assert figures["largest memory of the whole command", "GiB", "astronaut, 90 x 60, colour"] == "1.5"
    assert figures["blind fit, compilation apart, median", "s", "3 pairs"] == "2.0"
    assert figures["programs compiled", "", "camera, 50 x 41, the 2. of 2"] == "0"
    assert float(
        figures["import inr_deblur, median", "s", "1 fresh processes; of matplotlib, hydra, jax it loads none"]
    )
    assert [picture.shape for picture in pictures] == [(66, 66), (66, 66), (60, 90, 3)]
    assert [config.generator.image for _, config, _ in calls[8:12]] == ["harmonic"] * 2 + ["siren"] * 2
    assert all(config.kernel.size == 9 for _, config, _ in calls) and len(calls) == 2 + 2 * 3 + 2 * 2 * 2
    assert "siren less harmonic" in (tmp_path / "out" / "speed.md").read_text()
    with pytest.raises(InputError, match="did you mean memory"):
        run(speed, "parts=memry")


def test_speed_makes_its_pairs_from_a_free_picture():
    (name, pictures), *_ = speed.find(parse(["pairs=1"], speed.SpeedOptions))
    assert name == "camera 0" and pictures.blurry.shape == pictures.sharp.shape == (speed.SIDE, speed.SIDE)
    assert speed.free_picture("astronaut", 700, 900).shape == (700, 900, 3)


def test_a_command_that_fails_is_not_timed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(
        InputError, match="exit code 1: -m inr_deblur.run image=blurry.png .* kernel.size=auto .* seed=0"
    ):
        speed.command(CAMERA, DeblurConfig(), tmp_path)


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("sed=1", "did you mean seed"),
        ("kernel.siz=3", "did you mean kernel.size"),
        ("workers=many", "workers"),
        ("fast", "key=value"),
        ("seed=2", "data_dir"),
    ],
)
def test_a_wrong_command_line_gets_one_sentence(argument, words):
    with pytest.raises(InputError, match=words) as caught:
        parse([argument] if argument.startswith("seed") else ["data_dir=x", argument], levin.LevinOptions)
    assert "\n" not in str(caught.value)


def test_settings_reach_the_engine():
    options = parse(["data_dir=x", "kernel.size=31", "loss.cross_scale=0.5", "subset=*_k1,b"], levin.LevinOptions)
    assert options.fit == DeblurConfig(
        kernel=type(DeblurConfig().kernel)(31), loss=type(DeblurConfig().loss)(cross_scale=0.5)
    )
    assert options.subset == "*_k1,b"
    with pytest.raises(InputError, match="out of range"):
        _ = parse(["data_dir=x", "kernel.size=500"], levin.LevinOptions).fit
    assert "workers=1" in usage(levin.LevinOptions, "About.") and "data_dir=..." in usage(levin.LevinOptions, None)


def test_wrong_folders_get_one_sentence(folder, tmp_path):
    with pytest.raises(InputError, match=r"holds no blurry/\*.png"):
        find_pairs(str(tmp_path))
    with pytest.raises(InputError, match="subset=im9.* matches none of: im1"):
        find_pairs(str(folder), "im1*,im9*")
    (folder / "kernels" / "kernel2.npy").unlink()
    with pytest.raises(InputError, match=r"truth is missing.*kernel2.npy"):
        find_pairs(str(folder))
    with pytest.raises(InputError, match="make the set with"):
        run(development, f"data_dir={folder}")


def test_workers_are_settled_before_they_work(tmp_path):
    cases: list[Any] = ["XLA_FLAGS"] * 2
    work: Any = os.getenv
    found: list[Any] = [finished() for _, finished in runner._outcomes(cases, 2, work, tmp_path)]
    assert all("multi_thread_eigen=false" in flags for flags in found)


def test_the_engine_itself_in_two_workers(folder, tmp_path):
    command = [sys.executable, FOLDER / "levin.py", f"data_dir={folder}", f"out={tmp_path / 'out'}", "subset=im1_*"]
    command += ["workers=2", "kernel.size=5", "schedule.steps=0.01", "generator.image=harmonic"]
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert done.returncode == 0, done.stderr
    assert any((tmp_path / "out" / "programs").glob("*/*"))
    records = [json.loads(path.read_text()) for path in (tmp_path / "out" / "records").iterdir()]
    assert len(records) == 2 and all(np.isfinite(r["psnr"]) for r in records)


def test_the_ensemble_of_the_engine_itself(folder, tmp_path, monkeypatch):
    arguments = [f"data_dir={folder}", f"out={tmp_path / 'out'}", "subset=im1_*", "ensemble=2", "kernel.size=5"]
    arguments += ["schedule.steps=0.01", "schedule.starts=1"]
    with jax.numpy_dtype_promotion("standard"):
        assert run(ensemble, *arguments) == 0
    rows = read_csv(tmp_path / "out" / "ensemble.csv")
    assert [row["name"] for row in rows] == ["im1_kernel1", "im1_kernel2"]
    assert all(-1 <= float(row["rank correlation"]) <= 1 and float(row["mean psnr"]) > 10 for row in rows)
    bins = read_csv(tmp_path / "out" / "calibration.csv")
    levels = [float(line["uncertainty level"]) for line in bins]
    assert len(bins) == 10 and levels == sorted(levels) and sum(int(line["pixels"]) for line in bins) == 2 * 36**2
    monkeypatch.delattr(ensemble, "measure")  # all was measured before
    assert run(ensemble, *arguments) == 0
    assert "## Calibration" in (tmp_path / "out" / "ensemble.md").read_text()
    with pytest.raises(InputError, match="give 2 to 64"):
        run(ensemble, *arguments[:-4], "ensemble=1")


def test_throughput_of_the_engine_itself(folder, tmp_path):
    pytest.importorskip("joblib")
    out = tmp_path / "out"
    arguments = [f"data_dir={folder}", f"out={out}", "subset=im1_*", "ways=sharded,joblib"]
    with jax.numpy_dtype_promotion("standard"):  # with one core joblib stays in this process, where Optax promotes
        assert run(throughput, *arguments, "kernel.size=5", "schedule.steps=0.01", "schedule.starts=1") == 0
    sharded, joblib = read_csv(out / "throughput.csv")
    assert (sharded["way"], sharded["processes"], sharded["devices"]) == ("sharded", "1", "2")
    assert joblib["processes"] == str(min(2, cores())) and joblib["devices"] == "1"
    for row in (sharded, joblib):
        assert row["pictures"] == "2" and float(row["mean psnr"]) > 10
        assert float(row["pictures an hour"]) == pytest.approx(2 * 3600 / float(row["seconds"]))
    assert "| sharded |" in (out / "throughput.md").read_text()
    with pytest.raises(InputError, match="did you mean batched"):
        run(throughput, "ways=batch")
