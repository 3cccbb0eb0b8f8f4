"""Pictures: learning curves, attention, exposure bias; what they show, not their pixels."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from seq2seq.errors import DataError, RunError, SettingsError
from seq2seq.evaluation.exposure_bias import ExposureBias, PositionScores
from seq2seq.plotting.attention import attention_figure, plot_attention
from seq2seq.plotting.exposure_bias import exposure_figure, plot_exposure
from seq2seq.plotting.fonts import MissingFontWarning, choose_fonts, displayable
from seq2seq.plotting.learning_curves import plot_learning_curves, read_metrics
from seq2seq.runs.directory import RunDirectory

pytest.importorskip("matplotlib")

TRAINING = {"kind": "training", "step": 10, "perplexity": 9.5, "learning_rate": 1e-3}
VALIDATION = {"kind": "validation", "step": 10, "perplexity": 8.5, "bleu": 1.5}


def picture(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data.endswith(b"IEND\xaeB`\x82")
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


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


class Attended(NamedTuple):
    """A translation with attention."""

    tokens: list[str]
    source_tokens: list[str]
    attention: list[list[float]] | None


def attended(source: list[str], target: list[str]) -> Attended:
    """A translation that looks at all source tokens alike."""
    columns = len(source) + 1
    return Attended(target, source, [[1 / columns] * columns for _ in range(len(target) + 1)])


def test_attention_has_a_label_for_every_token_and_eos(tmp_path: Path) -> None:
    source, target = ["▁A", "▁man", "▁$5", "or", "▁$6"], ["▁Ein", "▁Mann"]
    figure = attention_figure(attended(source, target))
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
    assert plot_attention(attended(source, target), str(path)) == path
    assert min(picture(path)) > 100
    assert [each.name for each in tmp_path.iterdir()] == ["map.png"]


@pytest.mark.slow
@pytest.mark.parametrize(("sources", "targets"), [(0, 0), (1, 1), (59, 59), (3, 40), (40, 3)])
def test_labels_never_overlap(sources: int, targets: int) -> None:
    words = [f"▁wörtchen{number}" for number in range(59)]
    figure = attention_figure(attended(words[:sources], words[:targets]))
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
        plot_attention(attended([odd, f"a{odd}"], ["b"]), tmp_path / "odd.png")
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
    figure = attention_figure(attended(["a"], [text]))
    label = figure.axes[0].get_yticklabels()[0]
    assert label.get_text() == text
    assert label.get_fontfamily() == families
    plot_attention(attended(["a"], [text]), tmp_path / "map.png")  # a missing glyph would warn


@pytest.mark.parametrize(
    ("translation", "name", "error", "message"),
    [
        (Attended(["a"], ["b"], None), "map.png", SettingsError, "without its attention"),
        (Attended(["a"], ["b"], [[0.5, 0.5]]), "map.png", DataError, "1 rows of \\[2\\]"),
        (Attended(["a"], ["b"], [[1.0], [1.0]]), "map.png", DataError, "2 rows of \\[1\\]"),
        (attended(["a"], ["b"]), "map.gif", SettingsError, r"map.gif must end in .png, .pdf"),
        (attended(["a"], ["b"]), "map", SettingsError, "must end in"),
        (attended(["a"], ["b"]), "nowhere/map.png", DataError, "there is no folder .*nowhere"),
        (attended(["a"], ["b"]), "folder.png", DataError, "can't be written"),
    ],
)
def test_what_can_not_be_drawn(
    translation: Attended, name: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(error, match=message):
        plot_attention(translation, tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["folder.png"]


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_other_formats(tmp_path: Path, ending: str) -> None:
    path = plot_attention(attended(["a"], ["b"]), tmp_path / f"map.{ending}")
    assert path.read_bytes()[:5] in (b"%PDF-", b"<?xml")


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


def test_without_matplotlib_the_command_to_install_it_is_named(
    command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not installed')\n")
    result = command(
        "-c",
        "from seq2seq.errors import SettingsError\n"
        "from seq2seq.plotting.figure import check_figure_path\n"
        "try:\n    check_figure_path('x.png')\n"
        "except SettingsError as error:\n    print(error)\n",
        environment={"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path(__file__).parents[2]}"},
    )
    assert result.stdout == b'plots need matplotlib: pip install "seq2seq[plots]"\n', result.stderr
