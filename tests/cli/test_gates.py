"""``seq2seq gates`` as a user meets it: a table, JSON, a picture and mistakes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.language_modeling.model import LanguageModel
from seq2seq.translation.gates import read_gates
from seq2seq.translation.translator import Translator

KEPT = Path(__file__).parents[1] / "runs" / "format-2"
SENTENCE = "Emma sucht das Haus."


@pytest.mark.parametrize(
    ("name", "kind"), [("translation", Translator), ("language-model", LanguageModel)]
)
def test_both_kinds_of_models_show_their_gates(
    name: str, kind: type[Translator] | type[LanguageModel], run: Callable[..., tuple[str, str]]
) -> None:
    expected = read_gates(kind.load(KEPT / name, "cpu"), SENTENCE)
    out, err = run("gates", KEPT / name, SENTENCE, "--device", "cpu")
    assert (out, err) == (expected.as_table() + "\n", "")
    out, _ = run("gates", KEPT / name, "--sentence", SENTENCE, "--device", "cpu", "--json")
    assert json.loads(out) == expected.as_dict()


def test_a_picture(tmp_path: Path, run: Callable[..., tuple[str, str]]) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "gates.png"
    out, err = run("gates", KEPT / "language-model", SENTENCE, "--plot", path, "--device", "cpu")
    assert out.startswith("layer 1, means over its units\n")
    assert err == ""
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["translation"], "give RUN and a sentence"),
        (["missing", "a"], "there is no run at"),
        (["translation", __file__], "is a file, and a sentence is read"),
        (["n-grams", "a"], "gates are those of recurrent models, and this one is of n-grams"),
        (["translation", "a", "--plot", "x.gif"], "x.gif must end in .png"),
        (["translation", "a", "b"], "only one without an option, for --sentence"),
    ],
)
def test_mistakes_are_named(fails: Callable[..., str], arguments: list[str], message: str) -> None:
    assert message in fails("gates", KEPT / arguments[0], *arguments[1:])
