"""Reasons to doubt scores: what `seq2seq evaluate` and a card say of a test text."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.data.readers.lines import read_lines

Run = Callable[..., tuple[str, str]]
QUICK = ("--beam-size", "1", "--device", "cpu")
LINES = 12


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """Some lines of each part of the sample corpus, Chinese, and tables of pairs."""
    folder = tmp_path_factory.mktemp("doubts")
    for part in ("train", "test"):
        sides = [read_lines(sample / f"{part}.{side}")[:LINES] for side in ("en", "fr")]
        for side, lines in zip(("en", "fr"), sides, strict=True):
            write(folder / f"{part}.{side}", lines)
        write(folder / f"{part}.tsv", map("\t".join, zip(*sides, strict=True)))
    shutil.copy(folder / "test.en", folder / "test.de")
    write(folder / "zh.txt", ["我们必须写一个故事。"] * LINES)
    half = [read_lines(folder / f"{part}.tsv")[: LINES // 2] for part in ("train", "test")]
    write(folder / "half.tsv", [*half[0], *half[1]])
    return folder


def write(path: Path, lines: object) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def test_new_text_as_it_should_be_has_no_warning(run: Run, trained: Path, texts: Path) -> None:
    out, err = run("evaluate", trained, texts / "test.en", texts / "test.fr", *QUICK)
    assert err == ""
    assert run("evaluate", trained, texts / "test.tsv", *QUICK) == (out, ""), "a table is the same"


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        (["train.en", "train.fr"], "12 of 12 pairs stand in the text that the model was trained"),
        (["half.tsv"], "6 of 12 pairs stand in the text that the model was trained on"),
        (["test.fr", "test.en"], "source and reference seem to be exchanged"),
        (["zh.txt", "test.fr"], "of the letters of the source, 100% are unknown to the model"),
        (["test.en", "zh.txt"], "of the letters of the reference, 100% are unknown to the model"),
        (["test.de", "test.fr"], "the names of the files say German to French"),
    ],
)
def test_a_reason_to_doubt_is_one_warning(
    run: Run, trained: Path, texts: Path, files: list[str], warning: str
) -> None:
    err = run("evaluate", trained, *(texts / name for name in files), *QUICK)[1]
    assert warning in err
    assert err.count("warning") == err.count("\n") == 1


def test_the_validation_text_is_known_without_its_files(
    run: Run, trained: Path, sample: Path
) -> None:
    err = run("evaluate", trained, sample / "validation.en", sample / "validation.fr", *QUICK)[1]
    assert "this is the run's validation text" in err


def test_the_card_says_it_beside_the_scores(run: Run, trained: Path, texts: Path) -> None:
    out, err = run("card", trained, texts / "half.tsv", "--device", "cpu")
    line = "a test text of 12 sentences: 6 of 12 pairs stand in the text that the model was trained"
    assert f"\n\nWarning: {line} on" in out.partition("## Settings")[0]
    assert f"warning: {line} on" in err
    assert "Warning" not in run("card", trained, texts / "test.tsv", "--device", "cpu")[0]


@pytest.mark.filterwarnings("default:every line of")
def test_a_text_with_tabs_in_every_line_is_told(run: Run, trained: Path, texts: Path) -> None:
    shutil.copy(texts / "test.tsv", texts / "tabs.txt")
    err = run("translate", trained, texts / "tabs.txt", *QUICK)[1]
    assert f"cut it out, as cut -f1 {texts / 'tabs.txt'} > source.txt" in err


def test_the_page_of_a_report_says_it_too(
    run: Run, trained: Path, texts: Path, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    run("report", trained, texts / "half.tsv", "--out", page, "--device", "cpu")
    assert "Warning: 6 of 12 pairs stand in the text" in page.read_text(encoding="utf-8")
