"""The attention of one translation as a heat map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seq2seq.data.tokenizers.normalization import JOINER, SPACE
from seq2seq.errors import DataError, SettingsError
from seq2seq.plotting.figure import new_figure
from seq2seq.plotting.fonts import displayable

EOS = "<eos>"
MARK_GLYPHS = str.maketrans({SPACE: "_", JOINER: "‿"})
"""SentencePiece's mark is a thick bar below the line, which upright text tears from its word; that
of words that are joined is in no usual font."""
MIN_CELL, MAX_CELL = 0.24, 0.5  # inches: the least that a label needs, and enough for a few tokens
MAP_SIZE = 4.0  # inches that the map fills if its cells can


def attention_figure(
    source_tokens: Sequence[str],
    target_tokens: Sequence[str],
    weights: Sequence[Sequence[float]] | None,
) -> Any:
    """Draws a translation's attention: source tokens on top, target tokens down the side.

    Tokens are shown as the model sees them, but for two marks: of a word's beginning in
    SentencePiece, drawn as "_", and of joined words, drawn as "‿". Characters that no installed
    font has are drawn as □, with a warning. Labels stand outside the figure: it is to be saved with
    a tight bounding box.

    Args:
        source_tokens, target_tokens: without eos.
        weights: in [0, 1], a row for each target token and eos, which adds up to 1; a column for
            each source token and eos. None: there are none, which is an error.

    Raises:
        SettingsError: the model has no attention, or matplotlib is missing.
        DataError: the weights do not fit the tokens.
    """
    source, target = [*source_tokens, EOS], [*target_tokens, EOS]
    if weights is None:
        raise SettingsError(
            "this translation came without its attention: ask for it, as in "
            "translator.candidates(text, attention=True); an empty sentence has none"
        )
    if [len(row) for row in weights] != [len(source)] * len(target):
        widths = sorted({len(row) for row in weights})
        raise DataError(
            f"{len(target)} target tokens and {len(source)} source tokens, eos counted, need "
            f"as many rows and columns of attention; there are {len(weights)} rows of {widths}"
        )
    # The size follows from the cells, so that labels never overlap; saving adds room for labels.
    cell = min(max(MAP_SIZE / max(len(source), len(target)), MIN_CELL), MAX_CELL)
    width, height = cell * len(source), cell * len(target)
    figure = new_figure(figsize=(width, height))
    labels, families = displayable(token.translate(MARK_GLYPHS) for token in [*source, *target])
    axes = figure.add_axes((0, 0, 1, 1))
    image = axes.imshow(weights, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    # "$" is a token and no formula. Labels are centred without what hangs below their line.
    text = {"fontfamily": families, "fontsize": 9, "parse_math": False, "va": "center_baseline"}
    upright = {"rotation": 90, "rotation_mode": "anchor", "ha": "left"}
    axes.set_xticks(range(len(source)), labels[: len(source)], **text, **upright)
    axes.set_yticks(range(len(target)), labels[len(source) :], **text)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.set_xlabel("source")
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("target")
    # Thin lines between cells help the eye from a weight to its tokens.
    axes.set_xticks([place + 0.5 for place in range(len(source) - 1)], minor=True)
    axes.set_yticks([place + 0.5 for place in range(len(target) - 1)], minor=True)
    axes.grid(which="minor", color="white", linewidth=0.4, alpha=0.4)
    axes.tick_params(which="minor", length=0)
    tall = min(max(height, 1.2), MAP_SIZE)
    bar = figure.add_axes((1 + 0.15 / width, 1 - tall / height, 0.12 / width, tall / height))
    figure.colorbar(image, cax=bar, label="attention")
    return figure
