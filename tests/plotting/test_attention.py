"""Attention as a heat map: what it shows, not its pixels; and fonts for every script."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seq2seq.errors import DataError, SettingsError
from seq2seq.plotting.attention import attention_figure
from seq2seq.plotting.fonts import MissingFontWarning, choose_fonts, displayable
from seq2seq.translation.results import Translation
from tests.support.pictures import picture

pytest.importorskip("matplotlib")


def translation(
    source: list[str], target: list[str], attention: list[list[float]] | None
) -> Translation:
    return Translation(" ".join(target), target, 0.0, 0.0, source, attention)


def attended(source: list[str], target: list[str]) -> Translation:
    """A translation that looks at all source tokens alike."""
    columns = len(source) + 1
    return translation(source, target, [[1 / columns] * columns for _ in range(len(target) + 1)])


def figure_of(shown: Translation) -> Any:
    return attention_figure(shown.source_tokens, shown.tokens, shown.attention)


def test_attention_has_a_label_for_every_token_and_eos(tmp_path: Path) -> None:
    source, target = ["▁A", "▁man", "▁$5", "or", "▁$6"], ["▁Ein", "▁Mann"]
    figure = figure_of(attended(source, target))
    axes, bar = figure.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == [
        *("_A", "_man", "_$5", "or", "_$6", "<eos>")
    ]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["_Ein", "_Mann", "<eos>"]
    assert not any(label.get_parse_math() for label in axes.get_xticklabels())
    assert {label.get_rotation() for label in axes.get_xticklabels()} == {90}
    assert axes.get_images()[0].get_array().shape == (3, 6)
    assert axes.get_images()[0].get_clim() == (0, 1)
    assert axes.yaxis_inverted(), "the first target token is on top"
    assert bar.get_ylabel() == "attention"
    path = tmp_path / "map.png"
    assert attended(source, target).plot_attention(str(path)) == path
    assert min(picture(path)) > 100
    assert [each.name for each in tmp_path.iterdir()] == ["map.png"]


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "targets"), [(0, 0), (1, 1), (59, 59), (3, 40), (40, 3)])
def test_labels_never_overlap(sources: int, targets: int) -> None:
    words = [f"▁wörtchen{number}" for number in range(59)]
    figure = figure_of(attended(words[:sources], words[:targets]))
    figure.canvas.draw()
    axes = figure.axes[0]
    for labels, side in ((axes.get_xticklabels(), "x"), (axes.get_yticklabels(), "y")):
        boxes = [label.get_window_extent() for label in labels]
        spans = sorted((getattr(box, f"{side}0"), getattr(box, f"{side}1")) for box in boxes)
        assert all(first[1] <= then[0] for first, then in pairwise(spans))


def test_a_character_that_no_font_has_is_a_box_and_one_warning(tmp_path: Path) -> None:
    """No warnings of matplotlib's, which are errors here."""
    odd = "\U0010fffd"
    with pytest.warns(MissingFontWarning, match=rf"{odd}.*fonts-noto-cjk") as caught:
        attended([odd, f"a{odd}"], ["b"]).plot_attention(tmp_path / "odd.png")
    assert len(caught) == 1
    with pytest.warns(MissingFontWarning):
        assert displayable([odd, f"a{odd}"])[0] == ["□", "a□"]
    with pytest.warns(MissingFontWarning, match=" …: drawn as □"):
        displayable("".join(chr(0x10FF00 + number)) for number in range(20))


def test_the_usual_scripts_need_no_other_font() -> None:
    assert displayable(["▁Ærøskøbing", "Жук", "λόγος", "<eos>"])[1] == ["DejaVu Sans"]


@pytest.mark.parametrize("text", ["一个男人", "にほんご", "한국어"])
def test_east_asian_scripts_are_readable_where_a_font_is_installed(
    text: str, tmp_path: Path
) -> None:
    families, left = choose_fonts(set(map(ord, text)))
    if left:
        pytest.skip(f"no installed font has {text}")
    assert families[0] == "DejaVu Sans"
    assert len(families) > 1
    figure = figure_of(attended(["a"], [text]))
    label = figure.axes[0].get_yticklabels()[0]
    assert label.get_text() == text
    assert label.get_fontfamily() == families
    attended(["a"], [text]).plot_attention(tmp_path / "map.png")  # a missing glyph would warn


@pytest.mark.parametrize(
    ("shown", "name", "error", "message"),
    [
        (translation(["b"], ["a"], None), "map.png", SettingsError, "without its attention"),
        (translation(["b"], ["a"], [[0.5, 0.5]]), "map.png", DataError, "1 rows of \\[2\\]"),
        (translation(["b"], ["a"], [[1.0], [1.0]]), "map.png", DataError, "2 rows of \\[1\\]"),
        (attended(["a"], ["b"]), "map.gif", SettingsError, r"map.gif must end in .png, .pdf"),
        (attended(["a"], ["b"]), "map", SettingsError, "must end in"),
        (attended(["a"], ["b"]), "nowhere/map.png", DataError, "there is no folder .*nowhere"),
        (attended(["a"], ["b"]), "folder.png", DataError, "can't be written"),
    ],
)
def test_what_can_not_be_drawn(
    shown: Translation, name: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=message):
        shown.plot_attention(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["folder.png"]


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_other_formats(tmp_path: Path, ending: str) -> None:
    path = attended(["a"], ["b"]).plot_attention(tmp_path / f"map.{ending}")
    assert path.read_bytes()[:5] in (b"%PDF-", b"<?xml")
