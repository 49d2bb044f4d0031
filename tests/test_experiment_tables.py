"""What the experiments make of their figures: groups, means, tables, calibration. No fits."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inr_deblur.errors import InputError

sys.path.insert(0, str(Path(__file__).parents[1] / "experiments"))

import ablation  # noqa: E402
import confidence  # noqa: E402
import development  # noqa: E402
import ensemble  # noqa: E402
import runner  # noqa: E402
import tables  # noqa: E402
from options import matched  # noqa: E402


def test_the_ablation_compares_pair_by_pair():
    rows: list[Any] = [
        tables.row(record(name=name, psnr=psnr), record(name=name, psnr=30.0), variant=variant)
        for variant, figures in {"defaults": {"a": 29.0, "b": 25.0}, "1 scale": {"b": 23.0}}.items()
        for name, psnr in figures.items()
    ]
    assert ablation.worth("1 scale", rows)["change"] == -2 and ablation.worth("defaults", rows)["change"] == 0
    assert ablation.worth("defaults", rows)["lost"] == 1 and ablation.worth("one start", rows) == {}
    assert ablation.per_pair(rows) == [{"name": "a", "defaults": 29}, {"name": "b", "defaults": 25, "1 scale": 23}]
    assert ablation.worth("2 scales", [r | {"variant": "2 scales"} for r in rows[:1]])["change"] is None
    with pytest.raises(InputError, match="variants=two scales matches none of: defaults"):
        matched("variants", "two scales", ablation.VARIANTS)


@pytest.mark.parametrize(("size", "group"), [("7", "07-15"), ("16", "16-25"), ("45", "26-45"), ("101", "46-")])
def test_kernels_are_grouped_by_size(size, group):
    line = {"family": "disk", "texture": "text", "noise": "0.01", "size": size, "side": "255"}
    assert development.labels(line)["size"] == group


def test_the_summary_counts_failures():
    known = record(psnr=30.0, ssd=1.0)
    rows = [
        tables.row(record(psnr=19.0, ssd=4.0, ok=True), known),  # below the input, not flagged
        tables.row(record(psnr=25.0, ssd=2.0, ok=False), known),  # good, flagged
        tables.row(record(psnr=29.0, ssd=3.0, ok=True), known),
    ]
    line = tables.summary(rows)
    assert [line[name] for name in ("pairs", "flagged", "below", "missed", "alarms", "lost")] == [3, 1, 1, 1, 1, 2]
    part = tables.summary([*rows, tables.row(record(psnr=30.0))])  # one without the true kernel
    assert part["pairs"] == 4 and part["lost"] == 2 and part["error ratio"] == 3
    assert tables.markdown([{"a": 1}, {"a": 2, "b": 0.5}]).splitlines()[2:] == ["| 1 |  |", "| 2 | 0.50 |"]
    assert line["error ratio"] == 3 and line["largest ratio"] == 4 and line["worst psnr"] == 19


def record(**values):
    numbers: dict[str, Any] = dict.fromkeys((field.name for field in fields(runner.Record)), 0.5)
    sample = {"name": "a", "variant": "blind", "outcome": "RECOVERED", "kernel_side": 9, "blurry_psnr": 20.0}
    return runner.Record(**(numbers | sample | values))


def test_the_calibration_sorts_pixels_by_uncertainty():
    u = np.random.default_rng(0).permutation(np.linspace(0, 1, 1000)).astype(np.float32)
    lines = ensemble.calibration(u, 2 * u)
    assert [line["pixels"] for line in lines] == [100] * 10
    for line in lines[1:]:
        assert line["rms error level"] == pytest.approx(2 * float(line["uncertainty level"] or 0), rel=0.05)
    assert ensemble.rank_correlation(u, u**2) == pytest.approx(1)
    assert ensemble.rank_correlation(0 * u, u) is None


def test_a_confidence_that_ranks_as_the_gain_tells_good_results_from_others(tmp_path):
    each = [record(name=f"{i}", psnr=20 + gain, confidence=(gain + 2) / 16) for i, gain in enumerate((-1.0, 2, 4, 9))]
    tables.write_tables(str(tmp_path), "t", [tables.row(r) for r in each], {"All": []}, say=lambda _: None)
    rows = confidence.read(tmp_path / "t.csv")
    line = confidence.ranking(rows)
    assert [line[name] for name in ("fits", "good", "good told")] == [4, 2, 1]
    assert line["gain rank"] == pytest.approx(1) and line["similarity rank"] is None  # all are alike
    upside_down = [row | {"confidence": 1 - float(row["confidence"] or 0)} for row in rows]
    assert confidence.ranking(upside_down)["good told"] == 0
    assert confidence.ranking([row | {"confidence": 0.5} for row in rows])["good told"] == 0.5
    line = confidence.group(rows, outcome="all")
    assert [line[name] for name in ("fits", "good", "below", "least gain")] == [4, 2, 1, -1]
    assert not confidence.group([])
    (tmp_path / "other.csv").write_text("# head\na,b\n1,2\n")
    with pytest.raises(InputError, match="no table of fits"):
        confidence.read(tmp_path / "other.csv")
