"""seq2seq tokenize as a user meets it: tokens of either side, and the way back."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from seq2seq.cli.tokenize import converted
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.data.tokenizers.base import TOKENIZERS
from seq2seq.data.tokenizers.pipeline import build_pipelines
from seq2seq.models.translation import build_translation_model
from seq2seq.runs.run import Run
from seq2seq.translation.translator import Translator
from tests.support.hostile import LINES

Command = Callable[..., tuple[str, str]]

SYMBOLS = ("<2fr>", "<BT>", "｟ph1｠")
ENGLISH = ["<2fr> Hello, the cat sees ｟ph1｠.", "<BT> A dog; the cat's dog!", "", "  a\tb  "] * 3
FRENCH = ["Le chat voit ｟ph1｠.", "Un chien ; l'autre.", "Où ?", "我们"] * 3


def make_run(kind: str, folder: Path) -> Path:
    """A run of a model with weights of no meaning; its target side is of this kind of tokens."""
    data = DataSettings(
        tokenizer="bpe", target_tokenizer=kind, vocab_size=60, special_symbols=SYMBOLS
    )
    source, target = (side.pipeline for side in build_pipelines(ENGLISH, FRENCH, data))
    small = ModelSettings(embedding_size=4, encoder_sizes=(4,), decoder_sizes=(4,))
    model = build_translation_model(len(source.vocab), len(target.vocab), small)
    Translator(model, source, target, device="cpu").save(folder / kind, small)
    return folder / kind


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {kind: make_run(kind, folder) for kind in TOKENIZERS}


@pytest.mark.parametrize("kind", list(TOKENIZERS))
@pytest.mark.parametrize("side", ["source", "target"])
def test_there_and_back(
    runs: dict[str, Path], kind: str, side: str, run: Command, tmp_path: Path
) -> None:
    text, tokens = tmp_path / "text", tmp_path / "tokens"
    lines = [*ENGLISH, *FRENCH, "ganz <2fr>fremd<BT><BT> 日本"]
    text.write_text("\n".join(lines) + "\n", encoding="utf-8")
    printed, _ = run("tokenize", runs[kind], text, "--side", side)
    tokenizer = Run(runs[kind]).pipeline(side).tokenizer
    assert printed == "".join(f"{' '.join(tokenizer.tokenize(line))}\n" for line in lines)
    tokens.write_text(printed, encoding="utf-8")
    back, _ = run("tokenize", runs[kind], tokens, "--side", side, "--detokenize")
    assert back == "".join(f"{' '.join(line.split())}\n" for line in lines)
    if side == "target":
        assert run("tokenize", runs[kind], text)[0] == printed, "the target side, if none is named"


@pytest.mark.parametrize("kind", list(TOKENIZERS))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_any_line_comes_back_in_its_form(
    runs: dict[str, Path], kind: str, lines: list[str]
) -> None:
    tokenizer = LOADED.setdefault(kind, Run(runs[kind]).pipeline("target").tokenizer)
    form = [tokenizer.normalize(line) for line in lines]
    for given_lines in (lines, form):
        tokens = list(converted(tokenizer, given_lines, detokenize=False))
        assert not any("\n" in line for line in tokens)
        assert list(converted(tokenizer, tokens, detokenize=True)) == form


LOADED = {}


def test_a_language_model_has_one_side(
    run: Command, fails: Callable[..., str], tmp_path: Path
) -> None:
    text, made = tmp_path / "text.py", tmp_path / "run"
    text.write_text("if x:\n\treturn <2fr>\n", encoding="utf-8")
    run(
        *("lm", "ngram", "--data.train", text, "--data.validation", text, "--run", made),
        *("--data.tokenizer", "character", "--order", 5, "--data.special-symbols", "<2fr>"),
    )
    assert run("tokenize", made, text)[0] == "i f ▁ x :\n\t r e t u r n ▁ <2fr>\n"
    made_up, _ = run("lm", "generate", made, "--prefix", "if x", "--temperature", 0)
    assert made_up == "if x:\n"
    made_up, _ = run("lm", "generate", made, "--prefix", "\tr", "--temperature", 0)
    assert made_up == "\treturn <2fr>\n"
    assert "has one side" in fails("tokenize", made, text, "--side", "source")


def test_a_translation_with_symbols(runs: dict[str, Path], run: Command) -> None:
    """A symbol of the prefix is one token, and comes out whole."""
    translator = Translator.load(runs["bpe"], "cpu")
    (found, *_) = translator.candidates("<2fr> Hello.", n=2, prefix="<BT> ｟ph1｠")
    assert found.tokens[:2] == ["<BT>", "｟ph1｠"]
    assert found.text.startswith("<BT> ｟ph1｠")
    assert found.source_tokens[0] == "<2fr>"
    assert Run(runs["bpe"]).experiment(Experiment).data.special_symbols == SYMBOLS


def test_what_is_not_there_is_named(fails: Callable[..., str], tmp_path: Path) -> None:
    assert "there is no run" in fails("tokenize", tmp_path / "none")
    assert "--side" in fails("tokenize", tmp_path, "--side", "both")
