"""The benchmarks run, however fast: what they print is of the code that there is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

import seq2seq
from tests.benchmarks import training
from tests.support.javascript import needs_node

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests" / "runs" / "format-2"


@pytest.fixture
def benchmark(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., str]:
    """Runs a benchmark, here, with arguments; returns what it prints."""

    def run(name: str, *arguments: object) -> str:
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        import_module(f"tests.benchmarks.{name}").main()
        return capsys.readouterr().out

    return run


@pytest.mark.slow
def test_all_parts_measure_and_write_what_they_found(
    benchmark: Callable[..., str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    small = {"embedding_size": 8, "encoder_sizes": (8,), "decoder_sizes": (16,)}
    for name, size in small.items():
        monkeypatch.setitem(training.RECIPE, name, size)
    for name, size in {"embedding_size": 8, "decoder_size": 16}.items():
        monkeypatch.setitem(training.SIZES, name, size)
    figures, picture = tmp_path / "speed.json", tmp_path / "speed.png"
    parts = ["training", "translating", "cells", "growth", "exports"]
    options = ["--rounds", "1", "--share", "0.02", "--json", figures, "--plot", picture]
    benchmark("__main__", *parts, *options)
    rows = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    assert all(row["speed"] > 0 and row["ratio"] > 0 for row in rows)
    begin = {row["table"].partition(" ")[0].strip(",") for row in rows}
    assert begin == {"training", "memory", "translating", "steps", "exported"}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_run_and_its_exports_take_turns_with_another_version(
    benchmark: Callable[..., str], trained: Path, sample: Path, tmp_path: Path
) -> None:
    """The other version is this one, whose Python has another name."""
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    text = [sample / "test.en", sample / "test.fr"]
    asked = ["exports", "--run", trained, "--text", *text, "--baseline", other]
    found = benchmark("__main__", *asked, "--rounds", "1", "--share", "0.02")
    table = found[found.index("| one thread |") :].splitlines()
    names = [line.split("|")[1].strip() for line in table[2:]]
    assert names == ["torch, version 0.3.0", "torch", "ONNX, float32", "ONNX, int8"]
    assert {line.count("|") for line in table} == {11}


def test_an_incomplete_question_about_exports_is_refused_in_words() -> None:
    from tests.benchmarks.exported_run import problem

    none = {"parts": ["exports"], "run": None, "text": None, "baseline": ""}
    for options, message in (
        ({"run": "x"}, "--run needs --text SOURCE REFERENCE"),
        ({"run": "x", "text": ["a", "b"], "parts": ["cells"]}, "--run is measured by itself"),
        ({"run": "x", "text": ["a", "b"], "baseline": "nowhere"}, "is no Python that can import"),
        ({"baseline": "python"}, "--text and --baseline need --run"),
    ):
        assert message in problem(argparse.Namespace(**{**none, **options}))
    assert not problem(argparse.Namespace(**none))


@pytest.mark.slow
def test_the_bare_loop_computes_what_ours_does() -> None:
    import torch

    from seq2seq.config.decoding import DecodingSettings
    from seq2seq.data.batching import pad_sources
    from seq2seq.decoding.search import search
    from tests.benchmarks.translating import model_pair, sentences

    ours, bare = model_pair()
    sources = sorted(sentences(8), key=len)
    settings = DecodingSettings(beam_size=1, max_length_ratio=1.0, max_length_extra=1)
    found = search([ours], [sources], settings, torch.device("cpu"))
    source, lengths = pad_sources(sources)
    rows = bare.translate(source, lengths, source.shape[1]).tolist()
    for row, hypotheses, length in zip(rows, found, lengths.tolist(), strict=True):
        assert row[:length] == hypotheses[0].tokens


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["trainings"], "choose from"),
        (["--peer", "marian=python"], "choose from"),
        (["--peer", "joeynmt"], "say which Python has it"),
        (["--peer", "joeynmt=/nowhere/python"], "there is no program"),
        (["--peer", f"joeynmt={ROOT}"], "there is no program"),
        (["--peer", f"joeynmt={sys.executable}"], "cannot import joeynmt"),
    ],
)
def test_an_unknown_part_or_a_peer_without_its_toolkit_is_refused_in_words(
    benchmark: Callable[..., str],
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmark("__main__", *options)
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_starts_of_a_gru_are_compared(
    benchmark: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(seq2seq.CELLS, "gru", seq2seq.CELLS["gru"])  # it puts others there
    text = ROOT / "data" / "sample" / "test.en"
    small = ["--units", "8", "--updates", "2", "--seeds", "1", "--biases", "0", "2"]
    found = benchmark("gru_start", "--text", text, *small)
    lines = [line.split() for line in found.splitlines()]
    assert [line[0] for line in lines] == ["bias", "characters", "translation", "copy"] * 2
    plain, keeping = (float(line[-1]) for line in lines if line[0] == "bias")
    assert keeping > 1e3 * plain > 0, "the gradient reaches much further back"


@pytest.mark.slow
@needs_node
def test_pages_are_compared(benchmark: Callable[..., str]) -> None:
    text = ROOT / "data" / "sample" / "test.en"
    options = ["--sentences", "8", "--speed", "2", "--rounds", "1"]
    found = benchmark("pages", KEPT / "translation", text, *options)
    assert found.count("of 8 translations are equal") == 2
    assert found.count("node, int8") == 2


@pytest.mark.slow
def test_whole_texts_are_timed(benchmark: Callable[..., str]) -> None:
    given = [KEPT / "translation", KEPT / "text.txt", "--lines", "40", "--workers", "0"]
    found = benchmark("bulk", *given)
    assert [line.split()[0] for line in found.splitlines()] == ["torch", "int8"]


@pytest.mark.slow
def test_text_larger_than_memory_is_measured(benchmark: Callable[..., str], tmp_path: Path) -> None:
    table = tmp_path / "pairs.tsv"
    table.write_text("".join(f"{n} a b c\t{n} d e f\n" for n in range(90)), encoding="utf-8")
    options = ["--text", table, "--smallest", "300", "--pairs", "--steps", "1"]
    head, _, row = [line.split("|") for line in benchmark("prepare", *options).splitlines()]
    assert len(head) == len(row) == 12
    assert all(float(value.replace(",", "")) > 0 for value in row[2:-2])


@pytest.mark.slow
def test_the_same_minutes_are_given(benchmark: Callable[..., str], tmp_path: Path) -> None:
    """Ours alone: the others have environments of their own."""
    table = tmp_path / "pairs.tsv"
    table.write_text("".join(f"{n} a b c\t{n} d e f\n" for n in range(90)), encoding="utf-8")
    options = ["--minutes", "0.01", "--runs", tmp_path / "runs"]
    row = benchmark("same_minutes", table, table, *options).splitlines()[-1].split(" | ")
    assert row[:2] == ["| 90", "seq2seq"]
    assert float(row[2]) >= 0
