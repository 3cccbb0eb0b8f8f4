"""Lines of any characters through trained runs: a line out for a line in, whatever it says."""

import io
import json
import re
import subprocess
import sys
import unicodedata
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seq2seq.cli.main import main
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import Vocab
from seq2seq.evaluation.metrics import evaluate
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.language_modeling.train import train_language_model
from seq2seq.runs.tensors import load_tensors
from seq2seq.translation.engine import LongSentenceWarning
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator
from tests.support.hostile import LINE, LONG
from tests.support.language import describe
from tests.support.settings import PLAIN_MODEL

KINDS = ["word", "character", "space", "unigram", "bpe"]
WORDS = [
    "été",
    "Noël",
    "où",
    "άλφα",
    "한국",
    "café",
    "na\u0323\u0307ïve",
    "x\u2028y",
    "<eos>",
    "👩\u200d🚀",
]
TEXT = [f"{a} {b} {c}." for a in WORDS for b in WORDS[:4] for c in WORDS[5:7]]
HARD = [
    *(
        "",
        " ",
        "\t",
        "\u3000",
        "\x00",
        "\rx",
        "a\rb",
        "a\u2028b",
        "a\x85b\x0bc\x0cd\x1ce",
        "\ufeff",
    ),
    *(
        "<eos>",
        "<pad> <unk> <bos>",
        "</s>",
        "▁",
        "␛n",
        "\u202eabc",
        "\u0301",
        "e\u0301",
        "👩\u200d🚀",
    ),
    *("\U0010ffff\uffff", "été", "e\u0301te\u0301", "-", "--help", '{"a": 1}', "\\n"),
]


def train_run(folder: Path, kind: str, form: str, *, steps: int = 12) -> Path:
    """A small run on text in one of Unicode's forms."""
    lines = "".join(f"{unicodedata.normalize(form, line)}\n" for line in TEXT)
    (folder / "text").write_bytes(lines.encode())
    path, run = str(folder / "text"), folder / f"{kind}-{form}"
    torch.set_num_threads(1)
    data = DataSettings(
        train=path, train_target=path, validation=path, validation_target=path,
        tokenizer=kind, vocab_size=90, subword_sampling=0.1 * (kind in ("unigram", "bpe")),
    )  # fmt: skip
    experiment = Experiment(
        run=str(run),
        device="cpu",
        data=data,
        model=ModelSettings(
            **PLAIN_MODEL, embedding_size=8, encoder_sizes=(8,), decoder_sizes=(16,)
        ),
        training=TrainingSettings(max_steps=steps, batch_tokens=300, precision="float32"),
    )
    experiment = replace(experiment, decoding=replace(experiment.decoding, beam_size=2))
    train(experiment)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each kind of tokenizer, on decomposed text."""
    folder = tmp_path_factory.mktemp("runs")
    return {kind: train_run(folder, kind, "NFD") for kind in KINDS}


@pytest.fixture(scope="module")
def language_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("language")
    (folder / "text").write_bytes("".join(f"{line}\n" for line in TEXT).encode())
    experiment = describe(folder / "run", max_steps=5)
    path = str(folder / "text")
    data = replace(experiment.data, train=path, validation=path, tokenizer="character")
    train_language_model(replace(experiment, data=data))
    return folder / "run"


@pytest.fixture
def piped(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., list[str]]:
    """Calls a command with bytes on standard input; the lines that it prints."""

    def call(data: bytes, *arguments: object) -> list[str]:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        capfdbinary.readouterr()
        main([str(argument) for argument in arguments])
        out = capfdbinary.readouterr().out.decode("utf-8")
        assert not out or out.endswith("\n")
        return out.split("\n")[:-1]

    return call


# ---------------------------------------------------------------------------------------------
# the form of text, from training to translation


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["word", "bpe"])
def test_the_unicode_form_of_the_training_text_changes_nothing(
    kind: str, runs: dict[str, Path], tmp_path: Path
) -> None:
    composed = train_run(tmp_path, kind, "NFC")
    for name in ("source.vocab.json", "target.tokenizer"):
        assert (composed / name).read_bytes() == (runs[kind] / name).read_bytes()
    (one, state), (other, again) = (
        load_tensors(run / "best.safetensors") for run in (composed, runs[kind])
    )
    assert state == again, "BLEU, too"
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_unicode_form_of_the_input_changes_nothing(kind: str, runs: dict[str, Path]) -> None:
    """The run was trained on decomposed text."""
    saved = json.loads((runs[kind] / "source.tokenizer").read_bytes())
    assert saved["normalization"] == "NFC"
    translator = Translator.load(runs[kind], "cpu")
    composed, decomposed = (
        [unicodedata.normalize(form, line) for line in TEXT[::7]] for form in ("NFC", "NFD")
    )
    assert composed != decomposed
    assert translator.translate(composed) == translator.translate(decomposed)
    assert translator.score(composed, decomposed) == translator.score(decomposed, composed)
    tokens = {token for line in composed for token in translator.source.tokenizer.tokenize(line)}
    assert all(unicodedata.is_normalized("NFC", token) for token in tokens)
    if kind == "word":
        assert "été" in translator.source.vocab
    if kind in ("word", "character"):
        ids = [index for row in translator.source.encode(decomposed) for index in row]
        assert translator.source.vocab["<unk>"] not in ids


def test_the_unicode_form_of_a_reference_changes_no_score(
    runs: dict[str, Path], tmp_path: Path, piped: Callable[..., list[str]]
) -> None:
    """sacreBLEU by itself compares code points."""
    one, other = (unicodedata.normalize(form, "Où étais-tu ce soir ?") for form in ("NFC", "NFD"))
    assert evaluate([one], [other])["bleu"].score == pytest.approx(100)
    assert evaluate([other], [[one]])["chrf"].score == pytest.approx(100)
    for name, text in {"one": one, "other": other}.items():
        (tmp_path / name).write_bytes(f"{text}\n".encode())
    files = ["--source", tmp_path / "one", "--reference", tmp_path / "other"]
    (found,) = piped(b"", "analyze", tmp_path / "one", *files, "--json")
    assert "100.0" in found


def test_the_unicode_form_makes_no_difference_to_a_language_model(language_run: Path) -> None:
    model = LanguageModel.load(language_run, "cpu")
    for line in TEXT[::9]:
        one, other = (model.score(unicodedata.normalize(form, line)) for form in ("NFC", "NFD"))
        assert one == other


# ---------------------------------------------------------------------------------------------
# translate


def data_of(lines: list[str], end: str = "\n", *, ended: bool = True) -> bytes:
    return (end.join(lines) + end * ended).encode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_line_for_each_line(
    kind: str, runs: dict[str, Path], piped: Callable[..., list[str]]
) -> None:
    """However lines end, and with or without an end of the last one."""
    expected = Translator.load(runs[kind], "cpu").translate(HARD)
    assert len(expected) == len(HARD)
    for end, ended in (("\n", True), ("\r\n", True), ("\n", False)):
        data = data_of(HARD, end, ended=ended)
        assert piped(data, "translate", runs[kind], "--device", "cpu") == expected


@settings(max_examples=25)
@given(lines=st.lists(LINE, max_size=6), kind=st.sampled_from(KINDS))
def test_any_lines_are_as_many_lines(lines: list[str], kind: str, runs: dict[str, Path]) -> None:
    translator = TRANSLATORS.setdefault(kind, Translator.load(runs[kind], "cpu"))
    found = list(translator.translate_lines(lines, max_length=10))
    assert len(found) == len(lines)
    for line, text in zip(lines, found, strict=True):
        assert text == "".join(text.splitlines()), "no line end of any kind"
        assert line.strip() or not text
        text.encode("utf-8")


TRANSLATORS: dict[str, Translator] = {}


def test_through_a_pipe(
    runs: dict[str, Path], command: Callable[..., subprocess.CompletedProcess[bytes]]
) -> None:
    """In a process of its own, in a locale that is not UTF-8."""
    result = command(
        *("-m", "seq2seq", "translate", runs["bpe"], "--device", "cpu"),
        input=data_of(HARD),
        environment={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    )
    assert (result.returncode, result.stderr) == (0, b"")
    expected = Translator.load(runs["bpe"], "cpu").translate(HARD)
    assert result.stdout == data_of(expected)


def test_each_line_has_its_candidates(
    runs: dict[str, Path], piped: Callable[..., list[str]]
) -> None:
    found = piped(data_of(HARD), "translate", runs["bpe"], "--n-best", 3, "--device", "cpu")
    rows = [json.loads(row) for row in found]
    assert {row["line"] for row in rows} == set(range(1, len(HARD) + 1))
    for row in rows:
        assert row["source"] == HARD[row["line"] - 1].removeprefix("\ufeff" * (row["line"] == 1))


def test_a_line_is_one_even_if_the_vocabulary_has_ends_of_lines(runs: dict[str, Path]) -> None:
    """As that of a stranger may."""
    honest = Translator.load(runs["word"], "cpu")
    vocab = honest.target.vocab
    tokens = vocab.tokens(list(range(len(vocab))))
    tokens[4:] = [f"a\nb{token}\n" for token in tokens[4:]]
    target = TextPipeline(honest.target.tokenizer, Vocab(tokens, [0] * len(tokens)))
    translator = Translator(honest.model, honest.source, target, honest.settings, "cpu")
    found = list(translator.translate_lines(TEXT[:9]))
    assert any("a b" in text for text in found)
    assert not any("\n" in text for text in found)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["word", "unigram"])
def test_long_lines_are_cut_and_reported(kind: str, runs: dict[str, Path]) -> None:
    translator = Translator.load(runs[kind], "cpu")
    lines = ["été", *LONG, "x" * 100_000, "", "été"]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = list(translator.translate_lines(lines, max_length=20))
    assert len(found) == len(lines)
    assert found[0] == found[-1]
    assert {warning.category for warning in caught} == {LongSentenceWarning}


def test_nothing_in_is_nothing_out(
    runs: dict[str, Path], language_run: Path, piped: Callable[..., list[str]], tmp_path: Path
) -> None:
    assert piped(b"", "translate", runs["word"], "--device", "cpu") == []
    assert piped(b"\n", "translate", runs["word"], "--device", "cpu") == [""]
    assert piped(b"", "lm", "score", language_run, "--by-line", "--device", "cpu") == []
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(SystemExit) as exited:
        main(["score", str(runs["word"]), "--source", str(empty), "--target", str(empty)])
    assert exited.value.code == 2, "there is nothing to score"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"ok\n\xe9t\xe9\n", r"standard input:2: not valid UTF-8: byte 0xe9"),
        ("Go.\n".encode("utf-16"), r"standard input:1: .*UTF-16: convert it"),
        (b"\x1f\x8b\x08\0\n", r"standard input:1: .*it is gzip: unpack it"),
        (b"a\n\xed\xa0\x80", r"standard input:2: not valid UTF-8: byte 0xed"),
    ],
)
def test_what_is_no_text_is_told(
    runs: dict[str, Path],
    language_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: bytes,
    said: str,
) -> None:
    for arguments in (["translate", runs["word"]], ["lm", "score", language_run, "--by-line"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        with pytest.raises(SystemExit) as exited:
            main([*map(str, arguments), "--device", "cpu"])
        assert exited.value.code == 2
        captured = capsys.readouterr()
        assert len(captured.out.splitlines()) <= 1  # a line that arrived before is answered
        assert re.search(said, captured.err)


# ---------------------------------------------------------------------------------------------
# scores


def test_score_has_a_line_for_each_pair(
    runs: dict[str, Path], piped: Callable[..., list[str]], tmp_path: Path
) -> None:
    lines = ["b", *HARD, LONG[0], "a"]
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data_of(lines, "\r\n"))
    target.write_bytes(data_of(lines[::-1], ended=False))
    arguments: list[Any] = ["score", runs["word"], "--source", source, "--target", target]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = piped(b"", *arguments, "--device", "cpu")
        rows = piped(b"", *arguments, "--device", "cpu", "--json")
    assert len(found) == len(rows) == len(lines)
    for line, row, text, other in zip(found, rows, lines, lines[::-1], strict=True):
        values = json.loads(row)
        assert (values["source"], values["target"]) == (text, other)
        assert float(line.split("\t")[0]) == pytest.approx(values["log_probability"], abs=1e-3)


def test_a_language_model_has_a_score_for_each_line(
    language_run: Path, piped: Callable[..., list[str]]
) -> None:
    lines = ["x", *HARD, "été" * 3_000, ""]
    for end, ended in (("\n", True), ("\r\n", True), ("\n", False)):
        data = data_of([*lines, "x"], end, ended=ended)
        arguments = ("lm", "score", language_run, "--by-line", "--device", "cpu")
        found = piped(data, *arguments)
        assert len(found) == len(lines) + 1
        assert found[0] == found[-1]
        assert found[-2].split("\t")[0] == found[lines.index("")].split("\t")[0]
    rows = [json.loads(row) for row in piped(data, *arguments, "--json")]
    assert [row["text"] for row in rows] == [*lines, "x"]
