"""``seq2seq translate --terms`` as a user meets it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.translation.translator import Translator


@pytest.fixture
def terms(tmp_path: Path) -> Path:
    path = tmp_path / "terms.tsv"
    path.write_text("source\ttarget\nwe\tils\nmust write\tpeuvent\n")
    return path


def test_a_text_is_translated_and_the_recall_is_told(
    trained: Path, terms: Path, tmp_path: Path, run: Callable[..., tuple[str, str]]
) -> None:
    lines = ["We must write a story.", "", "Who is that?"]
    (tmp_path / "text").write_text("".join(f"{line}\n" for line in lines))
    options = ["--device", "cpu", "--terms", terms]
    out, err = run("translate", trained, tmp_path / "text", *options)
    translator = Translator.load(trained, "cpu")
    expected = translator.translate(lines, terms={"we": "ils", "must write": "peuvent"})
    assert out.splitlines() == expected
    assert {"ils", "peuvent"} <= {*expected[0].split()}
    assert err == "terms: 2 of 2 came out (100.0%)\n"
    _, err = run("translate", trained, tmp_path / "text", *options, "--max-length", 1)
    first, *missed = err.splitlines()
    assert first == "terms: 1 of 2 came out (50.0%)"
    assert len(missed) == 1
    assert missed[0].endswith("0 of 1; missed in line 1")


def test_what_is_wrong_is_named(
    trained: Path, terms: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    with terms.open("a") as file:
        file.write("story\tune 🦜\n")
    said = fails("translate", trained, tmp_path / "missing", "--terms", terms)
    assert "there is no file" in said or "missing" in said
    (tmp_path / "text").write_text("We must.\n")
    said = fails("translate", trained, tmp_path / "text", "--terms", terms)
    assert "terms.tsv:4: the model can't write 'une 🦜': its vocabulary lacks '🦜'" in said
    terms.write_text("we\tils\nmust\n")
    said = fails("translate", trained, tmp_path / "text", "--terms", terms)
    assert "terms.tsv:2: there must be a source term, a tab and its translation" in said
    terms.write_text("we\tils\n")
    for option in ("--beam-size 1", "--method sample"):
        options = ["--terms", terms, *option.split()]
        said = fails("translate", trained, tmp_path / "text", *options)
        assert option.replace("--", "--decoding.") in said
