"""Gates as heat maps: what they show, not their pixels."""

from itertools import pairwise
from pathlib import Path

import pytest
import torch

from seq2seq.errors import DataError
from seq2seq.plotting.figure import save_figure
from seq2seq.plotting.gates import gates_figure
from tests.support.pictures import picture

pytest.importorskip("matplotlib")

VALUES = torch.tensor([[0.1, 0.9, 0.5], [0.2, 0.7, 0.4]])
"""Of two tokens and three units."""


def test_there_is_a_panel_for_each_gate_of_each_layer_with_the_most_open_units_on_top(
    tmp_path: Path,
) -> None:
    layers = {"layer 1": {"input": VALUES, "forget": 1 - VALUES}, "layer 2": {"input": VALUES}}
    figure = gates_figure(["▁a", " $"], layers)
    *panels, bar = figure.axes
    assert [axes.get_title() for axes in panels] == [
        *("layer 1: input gate", "layer 1: forget gate", "layer 2: input gate")
    ]
    top = [[0.9, 0.7], [0.5, 0.4], [0.1, 0.2]]
    for axes, rows in zip(panels, (top, [[0.9, 0.8], [0.5, 0.6], [0.1, 0.3]], top), strict=True):
        (image,) = axes.get_images()
        for drawn, row in zip(image.get_array().tolist(), rows, strict=True):
            assert drawn == pytest.approx(row)
        assert image.get_clim() == (0, 1)
    assert [label.get_text() for label in panels[-1].get_xticklabels()] == ["_a", "␣$"]
    assert bar.get_ylabel() == "0 is closed, 1 is open"
    assert min(picture(save_figure(figure, tmp_path / "gates.png"))) > 300


def test_labels_never_overlap() -> None:
    words = [f"wörtchen{number}" for number in range(60)]
    figure = gates_figure(words, {"layer 1": {"update": torch.rand(60, 4)}})
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(first.x1 <= then.x0 for first, then in pairwise(boxes))


def test_a_picture_has_room_for_so_many_tokens() -> None:
    with pytest.raises(DataError, match="has room for 200 tokens, and there are 201"):
        gates_figure(["a"] * 201, {"layer 1": {"update": torch.rand(201, 4)}})
