"""k-step-ahead prediction as a picture: what it shows, not its pixels."""

from pathlib import Path

import pytest

from seq2seq.errors import DataError, SettingsError
from seq2seq.evaluation.multi_step import MultiStepScores, StepScores
from seq2seq.plotting.multi_step import multi_step_figure, plot_multi_step

pytest.importorskip("matplotlib")


def test_the_picture_has_a_line_for_each_run_in_both_panels(tmp_path: Path) -> None:
    steps = [StepScores(0.5 / k, -float(k)) for k in (1, 2, 3)]
    found = {"runs/a": MultiStepScores(9, steps), "runs/$b$": MultiStepScores(9, steps[:2])}
    figure = multi_step_figure(found)
    accuracy, log_probability = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        *("accuracy", "mean log-probability (nats)")
    ]
    assert [list(line.get_xdata()) for line in accuracy.get_lines()] == [[1, 2, 3], [1, 2]]
    assert list(accuracy.get_lines()[0].get_ydata()) == pytest.approx([0.5, 0.25, 0.5 / 3])
    assert list(log_probability.get_lines()[1].get_ydata()) == [-1, -2]
    legend = figure.legends[0].get_texts()
    assert [text.get_text() for text in legend] == ["runs/a", "runs/$b$"]
    assert not any(text.get_parse_math() for text in legend)
    assert plot_multi_step(found, tmp_path / "a.svg").read_bytes().startswith(b"<?xml")


def test_what_can_not_be_drawn(tmp_path: Path) -> None:
    found = {"run": MultiStepScores(1, [StepScores(0.5, -1.0)])}
    with pytest.raises(SettingsError, match=r"must end in \.png"):
        plot_multi_step(found, tmp_path / "a.gif")
    with pytest.raises(DataError, match="there is no folder"):
        plot_multi_step(found, tmp_path / "nowhere" / "a.png")
    assert not list(tmp_path.iterdir())
