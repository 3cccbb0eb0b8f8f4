"""What a run knows of itself: recorded by a training, changed at any time, handed on by an export.

The folder that everything lies in is called as nothing that is handed on may be.
"""

import base64
import io
import json
import re
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentencepiece

from seq2seq.cli.main import main
from seq2seq.config.about import AboutSettings
from seq2seq.config.experiment import Experiment
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.tokenizers.sentencepiece import SentencePieceTokenizer
from seq2seq.data.vocabulary import Vocab
from seq2seq.errors import RunError
from seq2seq.export.directory import Export
from seq2seq.export.write import write_export
from seq2seq.translation.translator import Translator
from tests.support.models import Build, attentive
from tests.support.tampering import redescribe, redescribe_export

KEPT = Path(__file__).parent.parent / "runs" / "format-2" / "translation"
TINY = [
    *("--device", "cpu", "--model.embedding-size", "8", "--model.encoder-sizes", "8"),
    *("--model.decoder-sizes", "8", "--training.max-steps", "2", "--training.processes", "1"),
    *("--data.tokenizer", "bpe", "--data.vocab-size", "60", "--data.validation-size", "5"),
]
SAID = AboutSettings("en", "fr", author="Our school", licence="CC0-1.0")
Run = Callable[..., tuple[str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Path:
    """A folder with a little text."""
    path = tmp_path_factory.mktemp("of-alice")
    for language in ("en", "fr"):
        lines = (sample / f"train.{language}").read_text(encoding="utf-8").splitlines()[:40]
        (path / f"train.{language}.txt").write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def trained_here(folder: Path) -> Path:
    """A run of two updates on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warnings, "showwarning", warnings.showwarning)  # main changes it
        files = [str(folder / f"train.{language}.txt") for language in ("en", "fr")]
        about = ["--about.author", SAID.author, "--about.licence", SAID.licence]
        main(["train", *files, *TINY, *about, "--run", str(folder / "run")])
    return folder / "run"


@pytest.fixture
def copy(trained_here: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained_here, tmp_path / "run"))


def described(path: Path) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def test_a_training_records_what_is_said_and_what_names_say(trained_here: Path) -> None:
    assert (
        AboutSettings(**described(trained_here / "experiment.json")["experiment"]["about"]) == SAID
    )
    assert Translator.load(trained_here, "cpu").about == SAID


def test_it_is_shown_once_with_the_other_settings(folder: Path, run: Run) -> None:
    files = [folder / f"train.{language}.txt" for language in ("fr", "en")]
    shown, said = run("train", *files, *TINY, "--about.data", "Tatoeba", "--dry-run")
    line = "about the model: source language fr, target language en, data Tatoeba (--about.… says"
    assert said.count(line) == 1
    assert re.search(r"^  \* --about.target-language +en  \(default: ''\)$", shown, re.MULTILINE)
    assert re.search(r"^    --about.author +''$", shown, re.MULTILINE)


def test_a_continued_run_may_say_something_else(copy: Path, run: Run) -> None:
    before = described(copy / "experiment.json")
    run(
        "train",
        "--run",
        copy,
        "--resume",
        "--about.author",
        "Me",
        "--about.target-language",
        "fr-CA",
    )
    after = described(copy / "experiment.json")
    expected = AboutSettings("en", "fr-CA", author="Me", licence=SAID.licence)
    assert Translator.load(copy, "cpu").about == expected
    assert after["id"] == before["id"]
    del before["experiment"]["about"], after["experiment"]["about"]
    assert after["experiment"] == before["experiment"]


def test_a_run_from_before_says_nothing(tmp_path: Path) -> None:
    translator = Translator.load(KEPT, "cpu")
    assert translator.about == AboutSettings()
    translator.about = SAID
    translator.save(tmp_path / "saved")
    assert Translator.load(tmp_path / "saved", "cpu").about == SAID


def test_an_export_says_what_the_run_says_or_what_is_given(
    trained_here: Path, tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "export"
    shown, said = run("export", trained_here, "--out", out)
    assert not shown
    assert f"about the model: {SAID}\nmissing there, to be added with --overwrite: " in said
    assert said.endswith(": --about.data\n")
    assert Translator.load(out).about == SAID
    given = ["--about.author", "Me", "--about.data", "Tatoeba"]
    run("export", trained_here, "--out", out, "--overwrite", *given)
    assert Translator.load(out).about == AboutSettings("en", "fr", "Me", "Tatoeba", SAID.licence)
    run("export", trained_here, "--out", out, "--overwrite", "--about.licence", "")
    assert Translator.load(out).about == AboutSettings("en", "fr", SAID.author)
    redescribe_export(out, lambda values: values["experiment"].pop("about"))  # as it was before
    assert Translator.load(out).about == AboutSettings()
    for wrong in ({"target_language": "no tag"}, {"authors": "me"}, {"data": 3}, "me"):
        redescribe_export(out, lambda values, wrong=wrong: values["experiment"].update(about=wrong))
        with pytest.raises(RunError, match=r"export\.json is damaged.*about"):
            Translator.load(out)


@pytest.mark.parametrize(
    ("data", "recipe"),
    [
        ({"train": "/home/alice/train.de.gz", "train_target": "/home/alice/train.en"}, {}),
        ({"train": "/home/alice/de-en/deu-eng.tsv"}, {}),
        ({"train": "/home/alice/eng-deu.tsv", "source": "1", "target": "0"}, {}),
        ({"train": "/home/alice/pairs.jsonl", "source": "de", "target": "English"}, {}),
        ({}, {"source": "de", "target": "en", "corpus": "/home/alice"}),
    ],
)
def test_an_export_of_a_run_from_before_guesses_and_names_nobody(
    tmp_path: Path, run: Run, data: dict[str, str], recipe: dict[str, str]
) -> None:
    """Of a run whose description is full of what only its owner is to know."""
    copy = Path(shutil.copytree(KEPT, tmp_path / "run-of-alice"))
    machine = {
        "command": ["/home/alice/bin/seq2seq", "train", "--run", "/home/alice/run"],
        "platform": "Linux-of-alice",
        "processor": "a processor of alice",
        "user": "alice",
        "git": {"working directory": {"commit": "a11ce" * 8, "changed": True}},
    }

    def fill(values: dict[str, Any]) -> None:
        values["experiment"]["data"].update({"validation": "/home/alice/dev.tsv", **data})
        values["experiment"]["model"].update(initialize_encoder="/home/alice/lm")
        values.update(recipe=recipe, begun=machine, continued=[machine])

    redescribe(copy, fill)
    run("export", copy, "--out", tmp_path / "export", "--about.licence", "CC0-1.0")
    about = Translator.load(tmp_path / "export").about
    assert about == AboutSettings("de", "en", licence="CC0-1.0")
    assert_names_nobody(tmp_path / "export")


def test_an_export_of_a_training_names_nobody(trained_here: Path, tmp_path: Path, run: Run) -> None:
    options = ["--quantize", "int8", "--about.author", "Our school"]
    run("export", trained_here, "--out", tmp_path / "export", *options)
    assert b"of-alice" in (trained_here / "experiment.json").read_bytes()
    assert_names_nobody(tmp_path / "export")


def test_a_tokenizer_of_another_program_names_no_file(
    tiny_model: Build, tmp_path: Path, sample: Path
) -> None:
    """As SentencePiece's own writes the file that it read into its model."""
    text = Path(shutil.copy(sample / "test.en", tmp_path / "of-alice.txt"))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        input=str(text),
        model_writer=model,
        vocab_size=80,
        normalization_rule_name="identity",
        minloglevel=2,
    )
    tokenizer = SentencePieceTokenizer(model.getvalue())
    assert b"of-alice" in tokenizer.model_proto
    side = TextPipeline(tokenizer, Vocab.build([tokenizer.tokenize("We eat.")]))
    write_export(tmp_path / "export", attentive(tiny_model), (side, side), Experiment())
    assert_names_nobody(tmp_path / "export")
    found = Export(tmp_path / "export").pipelines()[0].tokenizer
    assert found.tokenize("We must eat.") == tokenizer.tokenize("We must eat.")


def assert_names_nobody(export: Path) -> None:
    """Neither as it is nor in Base64, as tokenizers are; and nothing else is described."""
    for path in export.iterdir():
        data = path.read_bytes()
        if path.suffix == ".tokenizer":
            data += base64.b64decode(json.loads(data).get("model", ""))
        for word in (b"alice", b"a11ce", b"/home", b"/tmp", b"seq2seq train", b"--run"):
            assert word not in data, path.name
    values = described(export / "export.json")
    assert set(values) == {
        *("format", "seq2seq", "model", "weights", "experiment", "operators", "files", "sha256"),
    }
    assert set(values["experiment"]) == {"tokenize", "data", "decoding", "about"}
    assert set(values["experiment"]["data"]) == {"lowercase"}


def test_mistakes_are_told_before_anything_is_read(
    trained_here: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    train = ["train", tmp_path / "none.tsv", *TINY, "--run", tmp_path / "run"]
    said = fails(*train, "--about.target-language", "German", "--about.author", "a\nb")
    assert "--about.target-language 'German' is no language tag of BCP 47: did you mean de?" in said
    assert "--about.author 'a\\nb' is not one line of text" in said
    export = ["export", trained_here, "--out", tmp_path / "x"]
    assert "did you mean pt-BR?" in fails(*export, "--about.source-language", "pt_BR")
    assert "--about.licence" in fails(*export, "--about.license", "CC0-1.0")
    assert not (tmp_path / "x").exists()
