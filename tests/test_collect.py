"""python -m inr_deblur.collect: every run counted once, the numbers against numpy and scipy, the missing ones named."""

import csv
import json
import time
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import wilcoxon

from inr_deblur.collect import main, read_runs
from inr_deblur.errors import InputError
from inr_deblur.sweep_tables import differences, holm, latex, markdown, sections

SETTINGS = (0.0, 0.001)


def record(picture: str, cross_scale: float, seed: int, psnr: float | None) -> dict:
    """What a run writes, as far as it is read."""
    score = {"psnr": psnr, "ssim": 0.8, "shift": [0, 0], "ssd": 1.0}
    dataset = {"name": "lai", "root": "set", "category": "text", "picture": picture, "known": False}
    return {
        "job": f"{picture}{cross_scale}{seed}",
        "kernel": {"similarity": 0.9},
        "outcome": {"name": "RECOVERED", "ok": seed == 0, "confidence": 0.9},
        "noise": 0.01,
        "scores": {"input": {**score, "psnr": 20.0}, "result": score},
        "seconds": {"fit": 3.0, "total": 4.0},
        "device": "cpu",
        "seed": seed,
        "versions": {"inr_deblur": "0"},
        "config": {
            "image": f"set/{picture}.png",
            "seed": seed,
            "loss": {"cross_scale": cross_scale, "prior": 1.0},
            "kernel": {"size": "auto", "file": None, "truth": picture},
            "dataset": dataset,
            "out": None,
        },
    }


def sweep(folder: Path, pictures: int, seeds: int = 1) -> dict[tuple[str, float, int], float]:
    """Write a finished sweep; returns the PSNR of each picture, setting and seed."""
    draw = np.random.default_rng(0)
    values = {}
    for i in range(pictures):
        picture = f"{('text', 'people')[i % 2]}_{i // 8:03}_kernel_{1 + i // 2 % 4:02}"
        for cross_scale in SETTINGS:
            for seed in range(seeds):
                values[picture, cross_scale, seed] = 25 + 500 * cross_scale + draw.normal()
                place = folder / "lai" / picture / f"loss.cross_scale={cross_scale},seed={seed}"
                place.mkdir(parents=True)
                content = record(picture, cross_scale, seed, values[picture, cross_scale, seed])
                (place / "metrics.json").write_text(json.dumps(content))
    jobs = [f"lai/{p}/loss.cross_scale={s},seed={seed}" for p, s, seed in values]
    (folder / "sweep.json").write_text(json.dumps({"jobs": jobs}))
    return values


def read_csv(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_tables_hold_what_numpy_and_scipy_say(tmp_path):
    values = sweep(tmp_path, 16, seeds=2)
    rows = read_runs(tmp_path).rows
    tables = sections(rows)
    old, new = (np.array([v for (_, s, _), v in values.items() if s == setting]) for setting in SETTINGS)
    line = tables["By setting"][1]
    assert line["setting"] == "loss.cross_scale=0.001"
    assert line["runs"] == 32 and line["flagged"] == 16
    assert line["mean psnr"] == pytest.approx(new.mean())
    assert line["median psnr"] == pytest.approx(np.median(new))
    assert line["worst psnr"] == new.min()
    assert line["spread psnr"] == pytest.approx(new.std())
    assert line["mean gain"] == pytest.approx(new.mean() - 20)
    change = (new - old).reshape(-1, 2).mean(1)
    (pair,) = tables["Differences"]
    assert pair["pictures"] == 16
    assert pair["mean psnr"] == pytest.approx(change.mean())
    assert pair["p"] == pair["p of all"] == pytest.approx(wilcoxon(change)[1])
    assert [line["category"] for line in tables["By category"]] == ["people", "people", "text", "text"]
    assert len(tables["By kernel"]) == 8
    assert sum(line["runs"] for line in tables["By kernel"]) == len(rows) == 64


def test_files_hold_every_run_and_the_command_says_what_is_missing(tmp_path, capsys):
    sweep(tmp_path, 4)
    lost, broken = (tmp_path / f"lai/text_000_kernel_01/loss.cross_scale={s},seed=0" for s in SETTINGS)
    (lost / "metrics.json").unlink()
    (broken / "failed.json").write_text(json.dumps({"reason": "The kernel is too large."}))
    hidden = tmp_path / "lai/.unfinished-1"
    hidden.mkdir()
    (hidden / "metrics.json").write_text(json.dumps(record("x", 0, 0, 1.0)))
    assert main([str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "8 jobs: 6 finished, 1 failed, 1 missing" in said
    assert "failed: lai/text_000_kernel_01/loss.cross_scale=0.001,seed=0: The kernel is too large." in said
    assert "missing: lai/text_000_kernel_01/loss.cross_scale=0.0,seed=0" in said
    out = tmp_path / "collected"
    rows = read_csv(out / "results.csv")
    assert len(rows) == 6
    assert {row["category"] for row in rows} == {"text", "people"}
    assert [row["state"] for row in read_csv(out / "jobs.csv")] == ["finished"] * 6 + ["failed", "missing"]
    assert "## Differences" in (out / "tables.md").read_text()
    assert (out / "tables.tex").read_text().count(r"\begin{tabular}") == (out / "tables.md").read_text().count("## ")
    assert (out / "scores.png").stat().st_size > 5000 and (out / "differences.png").is_file()


def test_what_another_program_calls_metrics_is_left_alone(tmp_path):
    sweep(tmp_path, 2)
    (tmp_path / "training").mkdir()
    (tmp_path / "training/metrics.json").write_text('{"loss": 1}')
    assert len(read_runs(tmp_path).rows) == 4


def test_parquet_holds_the_same_as_csv(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    sweep(tmp_path, 4)
    one = next(tmp_path.rglob("metrics.json"))
    content = json.loads(one.read_text())
    content["config"]["kernel"]["size"] = 31
    content["scores"] = {}
    one.write_text(json.dumps(content))
    main([str(tmp_path)])
    table = parquet.read_table(tmp_path / "collected/results.parquet").to_pylist()
    rows = read_csv(tmp_path / "collected/results.csv")
    assert [{k: "" if v is None else str(v) for k, v in row.items()} for row in table] == rows
    assert {row["kernel.size"] for row in table} == {"31", "auto"}


def test_nothing_to_collect_is_said(tmp_path, capsys):
    with pytest.raises(InputError, match="no runs below"):
        read_runs(tmp_path)
    assert main([str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
    (tmp_path / "sweep.json").write_text(json.dumps({"jobs": ["a/b"]}))
    assert main([str(tmp_path)]) == 0
    assert "1 jobs: 0 finished, 0 failed, 1 missing" in capsys.readouterr().out


def test_equal_settings_do_not_differ():
    rows = [{"setting": s, "dataset": "", "picture": p, "psnr": len(p)} for s in "ab" for p in ("x", "yy", "zzz")]
    (line,) = differences(rows)
    assert line["p"] == 1 and line["mean psnr"] == 0 and line["better share"] == 0


def test_holm_is_bonferroni_for_the_smallest_and_never_falls():
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_names_are_escaped():
    assert r"a\|b" in markdown([{"setting": "a|b"}])
    assert r"a\_b & 1 \\" in latex("t", [{"setting": "a_b", "runs": 1}])


def test_ten_thousand_runs_take_seconds(tmp_path):
    values = sweep(tmp_path, 500, seeds=10)
    began = time.process_time()
    assert main([str(tmp_path)]) == 0
    seconds = time.process_time() - began
    print(f"{len(values)} runs collected in {seconds:.1f} s")  # shown by pytest -s
    assert len(values) == 10_000 and seconds < 10
