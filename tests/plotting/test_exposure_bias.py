"""Exposure bias as a picture: what it shows, not its pixels."""

from pathlib import Path

import pytest

from seq2seq.evaluation.exposure_bias import ExposureBias, PositionScores
from seq2seq.plotting.exposure_bias import exposure_figure, plot_exposure
from tests.support.pictures import picture

pytest.importorskip("matplotlib")


def falling(tokens: list[int], base: float) -> ExposureBias:
    """Exposure with so many tokens at each position."""
    positions = [
        PositionScores(count, 0, base, base / place, -base, -base * place)
        for place, count in enumerate(tokens, start=1)
    ]
    return ExposureBias(positions, positions[0])


def test_exposure_has_two_panels_a_colour_for_a_run_and_dashes_for_its_own_history(
    tmp_path: Path,
) -> None:
    exposures = {"runs/a": falling([50, 40, 30, 19, 1], 0.8), "runs/$b$": falling([50, 40], 0.6)}
    figure = exposure_figure(exposures)
    accuracy, log_probability = figure.axes
    assert [axes.get_title() for axes in figure.axes] == [
        *("accuracy", "mean log-probability (nats)")
    ]
    for axes in figure.axes:
        lines = axes.get_lines()
        assert [line.get_linestyle() for line in lines] == ["-", "--", "-", "--"]
        colours = [line.get_color() for line in lines]
        assert colours[0] == colours[1] != colours[2] == colours[3]
        assert list(lines[0].get_xdata()) == [1, 2, 3], "positions of fewer than 20 are left out"
    assert list(accuracy.get_lines()[1].get_ydata()) == pytest.approx([0.8, 0.4, 0.8 / 3])
    assert list(log_probability.get_lines()[3].get_ydata()) == pytest.approx([-0.6, -1.2])
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == [
        *("runs/a, reference history", "runs/a, own history"),
        *("runs/$b$, reference history", "runs/$b$, own history"),
    ]
    width, height = picture(plot_exposure(exposures, tmp_path / "gap.png"))
    assert width > 1.5 * height


def test_a_small_text_is_drawn_whole() -> None:
    lines = exposure_figure({"run": falling([3, 2, 1], 0.5)}).axes[0].get_lines()
    assert list(lines[0].get_xdata()) == [1, 2, 3]
