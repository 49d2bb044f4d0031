"""python -m inr_deblur.run: files in, files out, and one sentence for whatever is wrong. The fit is a stand-in."""

import enum
import errno
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from imageio.v3 import imread
from PIL import Image

import inr_deblur
from inr_deblur import results
from inr_deblur.config import DeblurConfig
from inr_deblur.errors import InputError
from inr_deblur.methods import MethodResult
from inr_deblur.run import main

RESULT = {"deblurred.png", "kernel.npy", "kernel.png", "losses.png", "metrics.json", "overview.png", "report.html"}


class FakeOutcome(enum.Enum):
    RECOVERED = "The picture was recovered."

    @property
    def ok(self) -> bool:
        return True


@dataclass
class FakeStage:
    name: str
    scale: int
    losses: np.ndarray
    seconds: float


@dataclass
class FakeEngine:
    """Returns the picture as it is, or fails with `error`; remembers what it was given."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    error: BaseException | None = None

    def __call__(self, image, config, *, kernel=None, region=None, rounding=None, progress=None, look=None):
        self.calls.append({"image": image, "config": config, "kernel": kernel, "region": region})
        if self.error:
            raise self.error
        if progress:
            progress.start(2, "deblurring")
            progress.advance(1, "scale 1")
        size = 5 if config.kernel.size == "auto" else config.kernel.size
        found = np.zeros((size, size), np.float32)
        found[size // 2, size // 2 :] = 1 / (size - size // 2)
        stages = (FakeStage("coarse", 2, np.linspace(2, 1, 10), 0.1), FakeStage("fine", 1, np.array([np.nan]), 0.1))
        used = found if kernel is None else kernel
        return MethodResult(image, used, FakeOutcome.RECOVERED, 0.9, 0.01, 0.2, config, stages)  # type: ignore[arg-type]


@pytest.fixture
def engine(monkeypatch) -> FakeEngine:
    engine = FakeEngine()
    monkeypatch.setitem(vars(inr_deblur), "deblur", engine)
    return engine


@pytest.fixture
def picture(tmp_path, monkeypatch) -> np.ndarray:
    """A noisy grey picture of 16 bits, blurry.png in the working folder."""
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).integers(0, 2**16, (64, 48)).astype(np.uint16)
    Image.fromarray(values).save("blurry.png")
    return values


def record(folder: str | Path) -> dict[str, Any]:
    return json.loads((Path(folder) / "metrics.json").read_text())


def files(folder: str | Path = ".") -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def test_folder_holds_the_picture_in_its_own_depth_the_kernel_and_the_record(engine, picture):
    assert main(["image=blurry.png"]) == 0
    assert files("outputs/blurry") == RESULT
    np.testing.assert_array_equal(imread("outputs/blurry/deblurred.png"), picture)
    kernel = np.load("outputs/blurry/kernel.npy")
    assert kernel.dtype == np.float32
    assert kernel.sum() == pytest.approx(1)
    assert min(imread("outputs/blurry/kernel.png").shape) > 300
    assert imread("outputs/blurry/losses.png").std() > 0
    found = record("outputs/blurry")
    assert found["outcome"] == {
        "name": "RECOVERED",
        "ok": True,
        "sentence": "The picture was recovered.",
        "confidence": 0.9,
    }
    assert found["image"]["shape"] == [64, 48]
    assert [stage["final_loss"] for stage in found["stages"]] == [1.0, None]
    assert found["versions"]["inr_deblur"] == inr_deblur.__version__
    assert found["seed"] == 0 and found["device"] == "cpu"
    assert set(found["files"]) == RESULT
    assert files() == {"blurry.png"} | {f"outputs/blurry/{name}" for name in RESULT}


def test_report_says_how_it_went_where_the_files_are_and_what_the_kernel_looks_like(engine, picture, capsys):
    main(["image=blurry.png", "out=here"])
    said = capsys.readouterr().out
    assert "The picture was recovered. (confidence 90%)" in said
    assert str(Path("here").absolute()) in said
    assert "5 x 5 px, its trace 1 high and 3 wide" in said
    assert "1.0 px right of the middle, 33.3% of its mass on the border" in said


def test_progress_none_is_silent(engine, picture, capfd):
    assert main(["image=blurry.png", "progress=none"]) == 0
    assert capfd.readouterr() == ("", "")


def test_settings_reach_the_fit(engine, picture):
    np.save("known.npy", np.full((7, 7), 1 / 49, np.float32))
    assert main(["image=blurry.png", "kernel=known.npy", "kernel.size=31", "seed=3", "generator=siren"]) == 0
    config = engine.calls[0]["config"]
    assert type(config) is DeblurConfig
    assert (config.kernel.size, config.seed, config.generator.image) == (31, 3, "siren")
    np.testing.assert_allclose(engine.calls[0]["kernel"], 1 / 49)
    assert engine.calls[0]["image"].shape == (64, 48)


@pytest.mark.parametrize("preset", ["fast", "balanced", "quality"])
def test_presets_compose_and_yield_to_the_command_line(engine, picture, preset):
    assert main(["image=blurry.png", f"preset={preset}", "schedule.steps=0.25"]) == 0
    assert engine.calls[0]["config"].schedule.steps == 0.25
    # with a single start a kernel of unknown size is lost
    assert engine.calls[0]["config"].schedule.starts == DeblurConfig().schedule.starts


def test_truth_adds_scores_of_input_and_result(engine, picture, capsys):
    rough = np.clip(picture / 65535 + np.random.default_rng(1).normal(0, 0.05, picture.shape), 0, 1)
    Image.fromarray((rough * 65535).astype(np.uint16)).save("truth.png")
    assert main(["image=blurry.png", "truth=truth.png"]) == 0
    scores = record("outputs/blurry")["scores"]
    assert scores["input"] == scores["result"]
    assert 20 < scores["input"]["psnr"] < 40
    assert f"{scores['input']['psnr']:.2f} dB" in capsys.readouterr().out


def test_a_perfect_score_is_still_json(engine, picture, capsys):
    assert main(["image=blurry.png", "truth=blurry.png"]) == 0
    assert record("outputs/blurry")["scores"]["result"]["psnr"] is None
    assert "inf dB" in capsys.readouterr().out


def test_a_finished_run_is_not_run_again_nor_replaced_by_another(engine, picture, capsys):
    assert main(["image=blurry.png"]) == 0
    assert main(["image=blurry.png"]) == 0
    assert len(engine.calls) == 1
    assert "Finished already" in capsys.readouterr().out
    assert main(["image=blurry.png", "seed=1"]) == 1
    assert "overwrite=true" in capsys.readouterr().err
    assert record("outputs/blurry")["seed"] == 0
    assert main(["image=blurry.png", "seed=1", "overwrite=true"]) == 0
    assert record("outputs/blurry")["seed"] == 1


def test_kernels_of_the_same_numbers_and_another_shape_are_other_runs(engine, picture):
    for name, shape in (("across", (1, 9)), ("down", (9, 1))):
        np.save(f"{name}.npy", np.full(shape, 1 / 9))
    assert main(["image=blurry.png", "kernel=across.npy", "out=here"]) == 0
    assert main(["image=blurry.png", "kernel=down.npy", "out=here"]) == 1
    assert len(engine.calls) == 1


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("moved", range(1 + len(RESULT)))  # the names of the files go first
def test_a_run_that_is_killed_while_its_files_are_moved_can_be_started_again(
    engine, picture, monkeypatch, moved, earlier
):
    class Killed(BaseException):
        pass

    replace, left = Path.replace, [moved]

    def killed(source, target):
        if Path(target).parent.name == "here":
            if not left[0]:
                raise Killed
            left[0] -= 1
        return replace(source, target)

    settings = ["image=blurry.png", "out=here", "progress=none"]
    if earlier:
        assert main([*settings, "seed=1"]) == 0
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "replace", killed)
        main([*settings, f"overwrite={str(earlier).lower()}"])
    if earlier and not moved:
        assert record("here")["seed"] == 1 and main(settings) == 1, "the earlier run is as it was"
        return
    assert not Path("here/metrics.json").exists()
    assert main(settings) == 0
    assert files("here") == RESULT and record("here")["seed"] == 0


def test_a_finished_run_is_kept_whatever_was_once_on_its_way(engine, picture, capsys):
    assert main(["image=blurry.png", "out=here"]) == 0
    Path("here/.moving.json").write_text(json.dumps(sorted(RESULT)))
    assert main(["image=blurry.png", "seed=1", "out=here"]) == 1
    assert "overwrite=true" in capsys.readouterr().err


def test_what_a_killed_run_left_is_not_replaced_where_it_is_an_input(engine, picture, capsys):
    Path("here").mkdir()
    np.save("here/kernel.npy", np.ones((3, 3)))
    Path("here/.moving.json").write_text(json.dumps(sorted(RESULT)))
    assert main(["image=blurry.png", "kernel=here/kernel.npy", "out=here"]) == 1
    assert "is an input" in capsys.readouterr().err


def test_overwriting_leaves_no_file_of_the_earlier_run(engine, picture):
    main(["image=blurry.png", "out=here"])
    Image.fromarray((picture >> 8).astype(np.uint8)).save("other.bmp")
    assert main(["image=other.bmp", "out=here", "overwrite=true"]) == 0
    assert files("here") == RESULT - {"deblurred.png"} | {"deblurred.bmp"}


def test_an_input_is_never_replaced(engine, picture, capsys):
    Path("blurry.png").rename("deblurred.png")
    before = Path("deblurred.png").read_bytes()
    assert main(["image=deblurred.png", "out=.", "overwrite=true"]) == 1
    assert "is an input" in capsys.readouterr().err
    assert Path("deblurred.png").read_bytes() == before
    assert files() == {"deblurred.png"}


BAD = {
    "no picture": ([], "image=PATH"),
    "missing picture": (["image=none.png"], "none.png doesn't exist"),
    "not a picture": (["image=text.png"], "text.png"),
    "picture without its key": (["blurry.png"], "image=blurry.png"),
    "misspelt setting": (
        ["image=blurry.png", "kernle.size=31"],
        "unknown option kernle.size: did you mean kernel.size?",
    ),
    "setting without its group": (["image=blurry.png", "steps=2"], "did you mean schedule.steps?"),
    "added setting": (["image=blurry.png", "+depth=2"], "unknown option depth"),
    "misspelt shorthand": (["image=blurry.png", "kernal=3"], "unknown option kernal: did you mean kernel?"),
    "misspelt flag": (["image=blurry.png", "--cgf"], "--cgf"),
    "misspelt choice": (["image=blurry.png", "preset=fats"], "did you mean fast?"),
    "misspelt form": (["image=blurry.png", "loss.cross_scale_form=exat"], "did you mean exact?"),
    "misspelt value": (["image=blurry.png", "generator.image=siern"], "did you mean siren?"),
    "wrong type": (["image=blurry.png", "seed=many"], "seed=many"),
    "out of range": (["image=blurry.png", "kernel.size=1000"], "3 to 121"),
    "wrong progress": (["image=blurry.png", "progress=nope"], "none"),
    "missing kernel": (["image=blurry.png", "kernel=none.npy"], "none.npy"),
    "truth of another size": (["image=blurry.png", "truth=small.png"], "64 x 48"),
    "out is a file": (["image=blurry.png", "out=text.png"], "text.png"),
    "out below a file": (["image=blurry.png", "out=text.png/below"], "text.png/below"),
    "sweep without -m": (["image=blurry.png", "seed=1,2"], "--multirun"),
    "bad interpolation": (["image=blurry.png", "out=${nothing}"], "nothing"),
}


@pytest.mark.parametrize(("given", "part"), BAD.values(), ids=BAD)
def test_bad_input_is_one_sentence_and_leaves_nothing(engine, picture, capsys, given, part):
    Path("text.png").write_text("hello")
    Image.fromarray(picture[:32, :32]).save("small.png")
    before = files()
    assert main(given) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert part in said.err
    assert "Traceback" not in said.err and "[Errno" not in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert files() == before
    assert not Path("outputs").exists()
    assert not engine.calls


@pytest.mark.parametrize(
    "error", [InputError("The kernel is too large."), MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: 9 GiB")]
)
def test_a_fit_that_fails_leaves_nothing(engine, picture, capsys, error):
    engine.error = error
    assert main(["image=blurry.png"]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert not Path("outputs").exists()


def test_stopping_leaves_nothing(engine, picture, capsys):
    engine.error = KeyboardInterrupt()
    assert main(["image=blurry.png"]) == 130
    assert "nothing was written" in capsys.readouterr().err
    assert not Path("outputs").exists()


def test_a_full_disk_leaves_what_was_there(engine, picture, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    main(["image=blurry.png", "out=here"])
    before = {name: (Path("here") / name).read_bytes() for name in RESULT}
    monkeypatch.setattr(results, "kernel_picture", full)
    assert main(["image=blurry.png", "out=here", "overwrite=true"]) == 1
    assert "full" in capsys.readouterr().err
    assert {name: (Path("here") / name).read_bytes() for name in files("here")} == before
    assert main(["image=blurry.png", "out=deep/new"]) == 1
    assert not Path("deep").exists()


def test_a_sweep_has_a_folder_a_job_and_goes_on_after_a_failure(engine, picture, capsys):
    Image.fromarray(picture).save("other.png")
    assert main(["-m", "image=blurry.png,missing.png,other.png", "seed=0,1", "out=all", "progress=none"]) == 1
    assert {path.parent.relative_to("all") for path in Path("all").rglob("metrics.json")} == {
        Path(name) / f"seed={seed}" for name in ("blurry", "other") for seed in (0, 1)
    }
    assert record("all/other/seed=1")["seed"] == 1
    said = capsys.readouterr()
    assert said.err.count("missing.png doesn't exist") == 2
    assert "Traceback" not in said.err and "[Errno" not in said.err
    assert len(engine.calls) == 4


def test_a_sweep_without_failure_is_well(engine, picture):
    assert main(["image=blurry.png", "-m", "schedule.steps=1,2"]) == 0
    assert Path("outputs/blurry/schedule.steps=2/metrics.json").is_file()


def test_paths_that_mean_something_to_hydra(engine, picture):
    name = "IMG, (1) = [it's] {new}.png"
    Path("blurry.png").rename(name)
    assert main([f"image={name}", "out=a b"]) == 0
    assert record("a b")["image"]["path"] == name
