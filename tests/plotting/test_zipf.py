"""Zipf's law drawn: a line for each order, through the right points."""

from collections import Counter
from pathlib import Path

import pytest

from seq2seq.errors import SettingsError
from seq2seq.evaluation.zipf import Ngrams, text_statistics
from seq2seq.plotting.zipf import plot_zipf, zipf_figure

pytest.importorskip("matplotlib")

LINES = [["a", "b", "a", "b", "a", "c"], ["a", "b", "d"]]


def test_the_picture_has_a_line_for_each_order_on_logarithmic_axes(tmp_path: Path) -> None:
    ngrams = text_statistics(LINES).ngrams
    (axes,) = zipf_figure(ngrams).axes
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rank", "frequency")
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == [f"{each.name} (exponent {each.zipf_exponent:.2f})" for each in ngrams]
    unigrams = axes.get_lines()[0]
    assert list(unigrams.get_xdata()) == [1, 2, 3, 4]
    assert list(unigrams.get_ydata()) == [4, 3, 1, 1]
    path = plot_zipf(ngrams, tmp_path / "zipf.png")
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_of_equal_frequencies_only_the_first_and_last_are_drawn() -> None:
    counts = Counter({(str(n),): 3 if n < 5 else 1 for n in range(1000)})
    (line,) = zipf_figure([Ngrams(1, counts)]).axes[0].get_lines()
    points = zip(line.get_xdata(), line.get_ydata(), strict=True)
    assert list(points) == [(1, 3), (5, 3), (6, 1), (1000, 1)]


def test_what_does_not_occur_is_left_out() -> None:
    axes = zipf_figure(text_statistics([["a"]]).ngrams).axes[0]
    assert [line.get_label() for line in axes.get_lines()] == ["unigrams"]
    assert axes.get_lines()[0].get_marker() == ".", "a single point can be seen"


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"zipf\.gif must end in"):
        plot_zipf(text_statistics(LINES).ngrams, tmp_path / "zipf.gif")
