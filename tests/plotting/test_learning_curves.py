"""Learning curves: what they show, not their pixels; and a log that is damaged."""

import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora
from seq2seq.errors import RunError
from seq2seq.plotting.learning_curves import (
    curves_figure,
    plot_learning_curves,
    read_clip_norm,
    read_metrics,
)
from seq2seq.runs.directory import RunDirectory
from seq2seq.translation.train import train
from tests.support.pictures import picture

pytest.importorskip("matplotlib")

TRAINING = {
    "kind": "training",
    "step": 10,
    "perplexity": 9.5,
    "learning_rate": 1e-3,
    "gradient_norm": 2.5,
}
VALIDATION = {"kind": "validation", "step": 10, "perplexity": 8.5, "bleu": 1.5}


def test_a_run_is_drawn(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "metrics.jsonl", tmp_path)
    run = RunDirectory(tmp_path)
    assert plot_learning_curves(run) == run.curves
    width, height = picture(run.curves)
    assert width > height
    assert not list(tmp_path.glob("*.tmp"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "rows",
    [
        [TRAINING],
        [VALIDATION],
        [TRAINING, {**VALIDATION, "bleu": None}, {**TRAINING, "perplexity": None, "step": 20}],
        [{**TRAINING, "sampling_rate": 0.25}, {**TRAINING, "sampling_rate": 0.5, "step": 20}],
    ],
)
def test_parts_may_be_missing(tmp_path: Path, rows: list[dict[str, object]]) -> None:
    run = RunDirectory(tmp_path)
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    plot_learning_curves(run)
    assert picture(run.curves)[0] > 300


@pytest.mark.parametrize(
    ("change", "titles", "shape"),
    [
        ({}, ["perplexity", "BLEU", "learning", "gradient"], (2, 2)),
        (
            {"sampling_rate": 0.25},
            ["perplexity", "BLEU", "learning", "gradient", "sampling"],
            (3, 2),
        ),
        ({"bleu": None}, ["perplexity", "learning", "gradient"], (3, 1)),
        ({"bleu": None, "gradient_norm": None}, ["perplexity", "learning"], (2, 1)),
    ],
)
def test_there_is_a_panel_for_what_there_is(
    change: dict[str, object], titles: list[str], shape: tuple[int, int]
) -> None:
    figure = curves_figure([{**TRAINING, **change}, {**VALIDATION, **change}], 1.0, "run")
    found = [axes.get_title().removeprefix("validation ").split()[0] for axes in figure.axes]
    assert found == titles
    assert tuple(figure.get_size_inches()) == pytest.approx((4.2 * shape[0], 3.6 * shape[1]))


def test_every_update_is_seen_and_where_its_gradient_is_clipped(
    experiment: Callable[..., Experiment], letters: Corpora
) -> None:
    described = experiment(max_steps=30, log_every=1, clip_norm=0.75)
    train(described, letters)
    run = RunDirectory(described.run)
    assert read_clip_norm(run) == 0.75
    plot_learning_curves(run)
    rows = read_metrics(run.metrics)
    figure = curves_figure(rows, 0.75, "run")
    rows = [row for row in rows if row["kind"] == "training"]
    assert [row["step"] for row in rows] == [*range(1, 31)]
    axes = {each.get_title(): each for each in figure.axes}
    norms, line = axes["gradient norm before clipping"].get_lines()
    assert list(norms.get_ydata()) == [row["gradient_norm"] for row in rows]
    assert max(norms.get_ydata()) > 0.75 > min(norms.get_ydata())
    assert (set(line.get_ydata()), line.get_label()) == ({0.75}, "clipped to 0.75")
    jagged = list(axes["perplexity"].get_lines()[0].get_ydata())
    assert jagged == [row["perplexity"] for row in rows]
    assert 3 < sum(then > now for now, then in pairwise(jagged)) < 27, "it goes up and down"


def test_many_points_make_a_thin_line_and_few_have_marks() -> None:
    widths, marks = [], []
    for count in (5, 100, 1000):
        rows = [{**TRAINING, "step": step} for step in range(count)]
        line = curves_figure(rows, 0.0, "run").axes[0].get_lines()[0]
        widths.append(line.get_linewidth())
        marks.append(line.get_marker())
    assert widths[0] == widths[1] > widths[2]
    assert marks == [".", "", ""]


def test_without_clipping_there_is_no_line() -> None:
    *_, norm = curves_figure([TRAINING, VALIDATION], 0.0, "run").axes
    assert norm.get_title() == "gradient norm before clipping"
    assert len(norm.get_lines()) == 1


def test_odd_characters_and_a_line_that_a_crash_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [{**VALIDATION, "samples": [{"source": "a\u2028b\x85c"}]}, TRAINING]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text + '{"kind": "training", "st', encoding="utf-8")
    assert read_metrics(path) == rows


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "is missing"),
        ("", "is empty"),
        ('{"kind": "training", "step": 1}\nnonsense\n', "line 2 is damaged"),
        ("[1]\n", "line 1 is damaged"),
        ('{"step": 1}\n', "line 1 is damaged"),
    ],
)
def test_damage_is_named(tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "metrics.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(RunError, match=rf"metrics\.jsonl.*{message}"):
        read_metrics(path)
