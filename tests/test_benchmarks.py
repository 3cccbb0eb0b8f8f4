"""The benchmarks run, however fast: what they print is of the code that there is."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.javascript import needs_node

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_all_parts_measure_and_write_what_they_found(tmp_path: Path) -> None:
    figures, picture = tmp_path / "speed.json", tmp_path / "speed.png"
    parts = ["training", "translating", "cells", "growth", "exports"]
    options = ["--rounds", "1", "--share", "0.02", "--json", str(figures), "--plot", str(picture)]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *parts, *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    rows = json.loads(figures.read_text(encoding="utf-8"))["rows"]
    assert all(row["speed"] > 0 and row["ratio"] > 0 for row in rows)
    begin = {row["table"].partition(" ")[0].strip(",") for row in rows}
    assert begin == {"training", "memory", "translating", "steps", "exported"}
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_run_and_its_exports_take_turns_with_another_version(
    trained: Path, sample: Path, tmp_path: Path
) -> None:
    """The other version is this one, whose Python has another name."""
    other = tmp_path / "python"
    other.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} "$@"\n')
    other.chmod(0o755)
    text = [str(sample / "test.en"), str(sample / "test.fr")]
    asked = ["--run", str(trained), "--text", *text, "--baseline", str(other)]
    command = [sys.executable, "-m", "tests.benchmarks", "exports", *asked]
    found = subprocess.run(
        [*command, "--rounds", "1", "--share", "0.02"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    table = found.stdout[found.stdout.index("| one thread |") :].splitlines()
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


def test_an_unknown_part_or_peer_is_refused_in_words() -> None:
    for options in (["trainings"], ["--peer", "marian=python"]):
        result = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks", *options],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 2
        assert "choose from" in result.stderr


def test_a_peer_without_its_toolkit_is_refused_in_words(tmp_path: Path) -> None:
    wrong = {
        "joeynmt": "say which Python has it",
        f"joeynmt={tmp_path / 'python'}": "there is no program",
        f"joeynmt={tmp_path}": "there is no program",
        f"joeynmt={sys.executable}": "cannot import joeynmt",
    }
    for peer, message in wrong.items():
        result = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks", "--peer", peer],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 2
        assert message in result.stderr


@pytest.mark.slow
def test_the_starts_of_a_gru_are_compared() -> None:
    text = ROOT / "data" / "sample" / "test.en"
    small = ["--units", "8", "--updates", "2", "--seeds", "1", "--biases", "0", "2"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.gru_start", "--text", str(text), *small],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert [line[0] for line in lines] == ["bias", "characters", "translation", "copy"] * 2
    plain, keeping = (float(line[-1]) for line in lines if line[0] == "bias")
    assert keeping > 1e3 * plain > 0, "the gradient reaches much further back"


@pytest.mark.slow
@needs_node
def test_pages_are_compared() -> None:
    run = ROOT / "tests" / "runs" / "format-2" / "translation"
    text = ROOT / "data" / "sample" / "test.en"
    options = ["--sentences", "8", "--speed", "2", "--rounds", "1"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.pages", str(run), str(text), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("of 8 translations are equal") == 2
    assert result.stdout.count("node, int8") == 2


@pytest.mark.slow
def test_whole_texts_are_timed() -> None:
    kept = ROOT / "tests" / "runs" / "format-2"
    given = [kept / "translation", kept / "text.txt", "--lines", "40", "--workers", "0"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.bulk", *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["torch", "int8"]


@pytest.mark.slow
def test_text_larger_than_memory_is_measured(tmp_path: Path) -> None:
    table = tmp_path / "pairs.tsv"
    table.write_text("".join(f"{n} a b c\t{n} d e f\n" for n in range(90)), encoding="utf-8")
    options = ["--text", str(table), "--smallest", "300", "--pairs", "--steps", "1"]
    result = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.prepare", *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    head, _, row = [line.split("|") for line in result.stdout.splitlines()]
    assert len(head) == len(row) == 12
    assert all(float(value.replace(",", "")) > 0 for value in row[2:-2])
