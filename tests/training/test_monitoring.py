"""--monitor tensorboard: the event file has the numbers of metrics.jsonl, when continued too."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seq2seq.config.experiment import Experiment
from seq2seq.data.parallel import Corpora
from seq2seq.errors import SettingsError
from seq2seq.translation.train import train

Describe = Callable[..., Experiment]
SHORT = {"log_every": 1, "validate_every": 2, "save_every": 2}


def logged(run: Path) -> dict[str, list[tuple[int, float]]]:
    """The curves in metrics.jsonl, in float32."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for name, value in row.items():
            if isinstance(value, int | float) and name not in ("step", "best"):
                points = curves.setdefault(f"{row['kind']}/{name}", [])
                points.append((row["step"], float(np.float32(value))))
    return curves


def shown(run: Path) -> dict[str, list[tuple[int, float]]]:
    """The curves that TensorBoard reads."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(run), {accumulator.SCALARS: 0})
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_event_file_and_metrics_have_the_same_numbers(
    experiment: Describe, letters: Corpora
) -> None:
    pytest.importorskip("tensorboard")
    watched = replace(experiment(max_steps=3, **SHORT), monitor="tensorboard")
    run = Path(watched.run)
    train(watched, letters)
    assert shown(run) == logged(run)
    assert {"training/loss", "validation/bleu"} <= shown(run).keys()
    # Half a line, and one of after the checkpoint, as a killed process leaves them.
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "training", "step": 9, "loss": 1.0}\n{"kind": "tra')
    longer = replace(watched.training, max_steps=5)
    train(replace(watched, training=longer, resume=True), letters)
    assert shown(run) == logged(run)
    assert [step for step, _ in shown(run)["training/loss"]] == [1, 2, 3, 4, 5]
    assert len([*run.glob("*tfevents*")]) == 1


def test_a_run_can_be_watched_from_its_middle_on_and_is_the_same(
    experiment: Describe, letters: Corpora
) -> None:
    pytest.importorskip("tensorboard")
    plain = experiment("plain", max_steps=2, **SHORT)
    run = Path(plain.run)
    train(plain, letters)
    assert not [*run.glob("*tfevents*")]
    described = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
    longer = replace(plain, training=replace(plain.training, max_steps=4), resume=True)
    train(replace(longer, monitor="tensorboard"), letters)
    assert [step for step, _ in shown(run)["training/loss"]] == [1, 2, 3, 4]
    again = json.loads((run / "experiment.json").read_text(encoding="utf-8"))
    assert again["experiment"].keys() == described["experiment"].keys(), "no part of the run"
    train(replace(plain, overwrite=True), letters)
    assert not [*run.glob("*tfevents*")]


def test_a_missing_package_is_named_before_anything_is_done(
    experiment: Describe, letters: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("tensorboard.")]:
        monkeypatch.setitem(sys.modules, name, None)
    watched = replace(experiment(max_steps=1), monitor="tensorboard")
    with pytest.raises(SettingsError, match=r'--monitor tensorboard .* pip install "seq2seq\[te'):
        train(watched, letters)
    assert not Path(watched.run).exists()
