"""The gates of a model's cells over a sentence, as heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from seq2seq.data.tokenizers.normalization import show_token
from seq2seq.errors import DataError
from seq2seq.plotting.attention import MARK_GLYPHS
from seq2seq.plotting.figure import new_figure
from seq2seq.plotting.fonts import displayable

if TYPE_CHECKING:
    from torch import Tensor

MAX_TOKENS = 200
"""A picture of more would be wider than most programs show."""
COLUMN, ROW = 0.24, 1.5
"""Inches: the width of a token, and the height of a panel."""


def gates_figure(tokens: Sequence[str], layers: Mapping[str, Mapping[str, Tensor]]) -> Any:
    """Draws a panel for each gate of each layer: a column for each token, a row for each unit.

    In each panel the unit whose gate is the most open on the whole is on top.

    Args:
        tokens: as the model reads them.
        layers: the values of each gate, ``(tokens, hidden_size)``, by the names of layer and gate.

    Raises:
        SettingsError: matplotlib is not installed.
        DataError: there are more than 200 tokens.
    """
    if len(tokens) > MAX_TOKENS:
        raise DataError(
            f"a picture of gates has room for {MAX_TOKENS} tokens, and there are {len(tokens):,}: "
            "give a shorter sentence"
        )
    panels = {
        f"{layer}: {gate} gate": values
        for layer, gates in layers.items()
        for gate, values in gates.items()
    }
    size = (max(5.0, 1.6 + COLUMN * len(tokens)), ROW * len(panels) + 0.8)
    figure = new_figure(figsize=size, layout="constrained")
    all_axes = figure.subplots(len(panels), sharex=True, squeeze=False).flat
    labels, families = displayable(show_token(token).translate(MARK_GLYPHS) for token in tokens)
    text = {"fontfamily": families, "fontsize": 9, "parse_math": False}
    for axes, (title, values) in zip(all_axes, panels.items(), strict=True):
        order = values.mean(dim=0).argsort(descending=True)
        units = values[:, order].T.numpy()
        image = axes.imshow(units, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes.set_title(title, fontsize=10)
        axes.set_ylabel("units, sorted")
        axes.set_yticks([])
        axes.set_xticks(range(len(labels)), labels, **text)
    for label in axes.get_xticklabels():  # a single character needs not be turned
        label.set_rotation(90 if len(label.get_text()) > 1 else 0)
    figure.colorbar(image, ax=figure.axes, label="0 is closed, 1 is open", aspect=40, pad=0.02)
    return figure
