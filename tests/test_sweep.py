"""Sweeps over a data set: one job a picture and setting, none of them twice, failures written down. No real fit."""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
import stand_in
from tiny_dataset import make_dataset

import inr_deblur
from inr_deblur import job
from inr_deblur.run import main
from inr_deblur.version import code_version

WITHOUT_SLURM = pytest.mark.skipif(
    shutil.which("srun") is not None or not find_spec("submitit"),
    reason="needs the extra `launchers`, and no SLURM",
)
SWEEP = ["-m", "dataset=lai", "dataset.root=set", "dataset.category=text,people", "loss.cross_scale=0,0.001"]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Path:
    """A working folder with a data set in `set` and a log of the fits."""
    make_dataset(tmp_path / "set", pictures=1, kernels=1)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FITS", "fits.log")
    monkeypatch.setitem(vars(inr_deblur), "deblur", stand_in.deblur)
    return tmp_path


def fits() -> int:
    return Path("fits.log").read_text().count("begin") if Path("fits.log").exists() else 0


def records(folder: str = "outputs") -> dict[str, dict]:
    found = Path(folder).rglob("metrics.json")
    return {path.parent.relative_to(folder).as_posix(): json.loads(path.read_text()) for path in found}


def test_each_picture_runs_once_per_setting_and_is_not_run_again(capsys):
    assert main([*SWEEP, "progress=none"]) == 0
    found = records()
    assert fits() == len(found) == 4
    assert set(found) == set(json.loads(Path("outputs/sweep.json").read_text())["jobs"])
    one = found["lai/text_01_kernel_01/loss.cross_scale=0.001"]
    assert one["config"]["dataset"]["category"] == "text"
    assert one["config"]["truth"] == "set/sharp/text_01_kernel_01.png"
    assert 0 < one["kernel"]["similarity"] < 1
    assert main(SWEEP) == 0
    assert fits() == 4
    assert capsys.readouterr().out.count("Finished already") == 4
    assert main([*SWEEP[:-1], "loss.cross_scale=0,0.002", "progress=none"]) == 0
    assert fits() == 6
    assert len(json.loads(Path("outputs/sweep.json").read_text())["jobs"]) == 6


def test_chunks_change_which_job_runs_a_picture_and_nothing_else():
    assert main([*SWEEP, "dataset.chunk=3", "out=all", "progress=none"]) == 0
    assert len(records("all")) == fits() == 4
    assert main([*SWEEP, "out=all", "progress=none"]) == 0
    assert fits() == 4


def test_a_failing_setting_is_written_down_and_the_others_run(capsys):
    swept = [*SWEEP[:-1], f"loss.prior=1,{stand_in.BROKEN}", "progress=none"]
    assert main(swept) == 1
    assert "2 of 4 jobs have no result" in capsys.readouterr().err
    assert len(records()) == 2
    failure = Path(f"outputs/lai/text_01_kernel_01/loss.prior={stand_in.BROKEN}/failed.json")
    content = json.loads(failure.read_text())
    assert content["reason"] == "This setting fails."
    assert content["config"]["image"] == "set/blurry/text_01_kernel_01.png"


def test_an_unforeseen_error_is_written_down_with_its_traceback_and_forgotten_after_a_success(monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("by nothing")

    one = ["-m", "dataset=lai", "dataset.root=set", "dataset.picture=text*01", "progress=none"]
    with monkeypatch.context() as patch:
        patch.setitem(vars(inr_deblur), "deblur", fail)
        assert main(one) == 1
    failure = Path("outputs/lai/text_01_kernel_01/failed.json")
    assert "stand" not in failure.read_text()
    assert json.loads(failure.read_text())["reason"] == "ZeroDivisionError: by nothing"
    assert "Traceback" in json.loads(failure.read_text())["traceback"]
    assert main(one) == 0
    assert not failure.exists()


def test_what_another_code_made_is_neither_kept_as_its_own_nor_replaced_unasked(monkeypatch, capsys):
    assert main([*SWEEP, "progress=none"]) == 0
    monkeypatch.setattr(job, "code_version", lambda: "another")
    assert main([*SWEEP, "progress=none"]) == 1
    assert capsys.readouterr().err.count("overwrite=true") == fits() == 4
    assert main([*SWEEP, "progress=none", "overwrite=true"]) == 0
    assert fits() == 8
    assert main([*SWEEP, "progress=none"]) == 0
    assert fits() == 8


def test_the_version_of_the_code_changes_with_any_module(tmp_path):
    package = Path(inr_deblur.__file__).parent
    shutil.copytree(package, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__"))
    copy = shutil.copytree(tmp_path / "copy", tmp_path / "changed")
    with open(copy / "fit.py", "a") as file:
        file.write("\n")
    assert code_version(tmp_path / "copy") == code_version()
    assert code_version(copy).partition("+")[0] == inr_deblur.__version__
    assert code_version(copy) != code_version()


def test_true_kernels_can_be_given():
    assert main([*SWEEP, "dataset.known=true", "method=networks,wiener", "progress=none"]) == 0
    assert len(records()) == 8
    assert all(record["kernel"]["similarity"] == pytest.approx(1) for record in records().values())
    Path("set/kernels/kernel_01.npy").unlink()
    assert main([*SWEEP, "dataset.known=true", "out=again", "progress=none"]) == 1
    assert not records("again")


def test_one_picture_of_a_data_set_needs_no_sweep():
    assert main(["dataset=lai", "dataset.root=set", "dataset.picture=text_01_kernel_01", "progress=none"]) == 0
    assert list(records()) == ["lai/text_01_kernel_01"]


def test_check_prints_the_faults(capsys):
    assert main(["dataset=folder", "dataset.root=set", "dataset.check=true"]) == 0
    assert "nothing missing or altered" in capsys.readouterr().out
    assert main(["dataset=lai", "dataset.root=set", "dataset.check=true"]) == 1
    assert "98 of the pictures" in capsys.readouterr().out
    assert not fits()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["dataset=lai", "dataset.root=set"], "sweep over them with -m"),
        (["dataset=lay", "dataset.root=set"], "did you mean lai?"),
        (["-m", "dataset=lai,levin", "dataset.root=set"], "one data set"),
        (["-m", "dataset=lai", "dataset.root=set", "dataset.category=texts"], "did you mean text?"),
        (["-m", "dataset=lai", "dataset.root=none"], "no pictures in none/blurry"),
        (["-m", "dataset=lai", "dataset.root=set", "dataset.catgory=text"], "did you mean dataset.category?"),
        (["dataset=lai", "dataset.root=set", "dataset.picture=text*01", "image=a.png"], "leave one of them out"),
        (["-m", "dataset=lai"], "dataset.root=PATH"),
        (["-m", "dataset=lai", "dataset.root=set", "--cfg", "job"], "leave one of them out"),
        (["-m", "dataset=lai", "dataset.root=set", "hydra/launcher=none"], "[launchers]"),
        pytest.param([*SWEEP, "hydra/launcher=slurm"], "no SLURM on this machine", marks=WITHOUT_SLURM),
        (["-m", "dataset=lai", "dataset.root=set", "out=a,b"], "give out once"),
        ([*SWEEP[:-1], "loss.cross_scale=0,99"], "loss.cross_scale=99.0 is out of range: give 0 to 10"),
        ([*SWEEP[:-1], "seed=0,many"], "seed=many"),
        ([*SWEEP, "generator.image=auto,siern"], "did you mean siren?"),
        ([*SWEEP, "preset=fast,fats"], "did you mean fast?"),
        ([*SWEEP, "preset=fast,quality", "kernel.size=1"], "3 to 121"),
        ([*SWEEP, "method=networks,wiener"], "restores with a kernel that is known"),
        ([*SWEEP, "progress=nope"], "progress=nope"),
        (["-m", "image=a.png,b.png", "light=srgb,gamma:9"], "light=gamma:9"),
        (["-m", "image=x/a.png,y/a.png"], "would be the folder of several of these jobs"),
        (["-m", "image=a.png", "kernel=k.npy,l.npy"], "would be the folder of several of these jobs"),
    ],
)
def test_bad_sweeps_are_one_sentence_and_leave_nothing(arguments, part, capsys):
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert part in said
    assert len(said.strip().splitlines()) == 1
    assert not Path("outputs").exists() and not fits()


def test_an_experiment_brings_its_data_set_and_its_sweep():
    assert main(["-m", "experiment=cross_scale", "dataset.root=set", "progress=none"]) == 0
    assert len(records()) == fits() == 6
    assert set(records()) == set(json.loads(Path("outputs/sweep.json").read_text())["jobs"])
    assert len({record["config"]["loss"]["cross_scale"] for record in records().values()}) == 3


@pytest.mark.parametrize(
    ("group", "section", "field", "value"),
    [
        ("loss=cross_scale", "loss", "cross_scale", 0.001),
        ("schedule=one_scale", "schedule", "scales", 1),
        ("schedule=short", "schedule", "steps", 0.25),
        ("experiment=levin", "kernel", "size", 31),
    ],
)
def test_groups_set_what_they_say_whatever_the_preset(group, section, field, value):
    one = ["dataset=folder", "dataset.root=set", "dataset.picture=text*", "preset=quality", "progress=none", group]
    assert main(one) == 0
    (record,) = records().values()
    assert record["config"][section][field] == value


def test_the_help_has_a_line_for_every_group_and_setting(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    for part in (
        "hydra/launcher=              cores, local_queue, slurm, ray",
        "loss=                        cross_scale, plain",
    ):
        assert part in said
    assert "dataset.chunk=1              pictures a job" in said
    assert max(map(len, said.splitlines())) < 130
    settings = said[said.index("Settings") : said.index("Groups")].splitlines()[2:-1]
    assert all(line[:30].strip() and line[30] == " " != line[31] for line in settings if line)
