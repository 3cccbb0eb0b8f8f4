"""seq2seq prepare on the command line: what it says, and what it refuses."""

from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[str, str]]
Fails = Callable[..., str]


@pytest.fixture
def table(tmp_path: Path, sample: Path) -> Path:
    """60 pairs."""
    sides = [(sample / f"train.{side}").read_text().splitlines()[:60] for side in ("en", "fr")]
    file = tmp_path / "pairs.tsv"
    file.write_text("".join("\t".join(pair) + "\n" for pair in zip(*sides, strict=True)))
    return file


def test_text_is_prepared_and_looked_at(run: Command, table: Path, tmp_path: Path) -> None:
    options = ["--data.vocab-size", 120, "--data.validation-size", 9]
    said, _ = run("prepare", table, "--out", tmp_path / "text", *options)
    first, second = said.splitlines()
    assert first == "text: 60 pairs read, 9 dropped for validation, 51 kept"
    assert ": 51 training pairs with " in second
    assert " tokens, as ids, in shards: 1, of 0.0 MiB" in second
    small = ["--model.embedding-size", 8, "--model.encoder-sizes", 8, "--model.decoder-sizes", 16]
    shown, _ = run("train", tmp_path / "text", "--dry-run", "--device", "cpu", *small)
    assert "0 training pairs left out" in shown
    assert "51 kept" in shown


def test_mistakes_are_told_before_text_is_read(fails: Fails, table: Path, tmp_path: Path) -> None:
    out = ["--out", tmp_path / "text"]
    for arguments, message in (
        ((), "give the text to prepare"),
        ((table,), "give --out DIR"),
        ((table, *out, "--data.max-length", 5), "--data.max-length 5 has no effect with seq2seq"),
        ((table, *out, "--data.train", table), "has no effect with seq2seq prepare"),
        ((table, *out, "--data.vocab-siz", 5), "--data.vocab-size"),
        ((tmp_path / "*.jsonl", *out), "no file is meant by"),
        ((tmp_path / "*.tsv", tmp_path / "pears.tsv", *out), "did you mean"),
    ):
        assert message in fails("prepare", *arguments)
    (tmp_path / "a.de").write_text("x\n")
    assert "give text files in twos" in fails("prepare", tmp_path / "*.de", *out)
    assert not (tmp_path / "text").exists()
    run = ["--device", "cpu", "--training.max-steps", 1, "--run", tmp_path / "run"]
    message = fails("train", table, *run, "--dry-run", "--data.prepare-above", 0)
    assert "a dry run writes nothing: prepare it with seq2seq prepare" in message
