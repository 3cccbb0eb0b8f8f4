"""Learning curves: what they show, not their pixels; and a log that is damaged."""

import json
import shutil
from pathlib import Path

import pytest

from seq2seq.errors import RunError
from seq2seq.plotting.learning_curves import plot_learning_curves, read_metrics
from seq2seq.runs.directory import RunDirectory
from tests.support.pictures import picture

pytest.importorskip("matplotlib")

TRAINING = {"kind": "training", "step": 10, "perplexity": 9.5, "learning_rate": 1e-3}
VALIDATION = {"kind": "validation", "step": 10, "perplexity": 8.5, "bleu": 1.5}


def test_a_run_is_drawn(trained: Path, tmp_path: Path) -> None:
    shutil.copy(trained / "metrics.jsonl", tmp_path)
    run = RunDirectory(tmp_path)
    assert plot_learning_curves(run) == run.curves
    width, height = picture(run.curves)
    assert width > 2 * height
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
    panels = 4 if any("sampling_rate" in row for row in rows) else 3
    panels -= any(row.get("bleu", "") is None for row in rows)  # a model that does not translate
    width, height = picture(run.curves)
    assert round(width / height, 1) == round(panels * 4.2 / 3.6, 1)


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
