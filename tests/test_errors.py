"""Errors name settings as the reader has them: on the command line, and in Python."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

import seq2seq
from seq2seq import (
    Corpora,
    DataSettings,
    DecodingSettings,
    Experiment,
    LanguageExperiment,
    ModelSettings,
    RunError,
    SettingsError,
    TrainingSettings,
)
from seq2seq.config.base import flag_name
from seq2seq.errors import ON_COMMAND_LINE, in_python


@pytest.fixture(autouse=True)
def python_words(command_line_words: None) -> Iterator[None]:
    token = ON_COMMAND_LINE.set(False)
    yield
    ON_COMMAND_LINE.reset(token)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Experiment(seed=-1), r"^seed -1 is not in"),
        (lambda: Experiment(resume=True, overwrite=True), "^resume and overwrite exclude"),
        (
            lambda: Experiment(model=ModelSettings(cell="gruu")),
            r"^model\.cell 'gruu' is not one of",
        ),
        (
            lambda: Experiment(model=ModelSettings(embedding="one-hot")),
            r"^model\.embedding one-hot .*: add model\.tied_output=False",
        ),
        (
            lambda: Experiment(decoding=DecodingSettings(no_repeat_ngram=-1)),
            r"^decoding\.no_repeat_ngram -1",
        ),
        (lambda: seq2seq.train(Experiment(data=DataSettings(train="a.tsv"))), "give training.minu"),
        (
            lambda: Experiment(decoding=DecodingSettings(language_model="lm")),
            "seq2seq translate RUN --decoding.language-model lm$",
        ),
    ],
)
def test_settings_are_named_as_in_python(make: Callable[[], object], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make()


def names(kind: type, where: str = "") -> Iterator[str]:
    for field in fields(kind):
        part = getattr(kind(), field.name)
        if is_dataclass(part) and not isinstance(part, type):
            yield from names(type(part), f"{where}{field.name}.")
        elif where or field.name in ("run", "seed", "resume", "overwrite", "device"):
            yield where + field.name


@pytest.mark.parametrize("kind", [Experiment, LanguageExperiment])
def test_every_name_is_the_one_in_python(kind: type) -> None:
    found = list(names(kind))
    assert len(found) > 50
    for name in found:
        assert in_python(f"raise --{flag_name(name)}: too low") == f"raise {name}: too low"


def test_what_is_typed_stays() -> None:
    typed = "continue it: seq2seq lm train --run runs/a --resume"
    assert in_python(typed) == typed
    assert (
        in_python("tar --extract, iconv -f a --data.train")
        == "tar --extract, iconv -f a data.train"
    )
    assert str(SettingsError("--training.minutes 0")) == "training.minutes 0"
    token = ON_COMMAND_LINE.set(True)
    assert str(SettingsError("--training.minutes 0")) == "--training.minutes 0"
    ON_COMMAND_LINE.reset(token)
    assert TrainingSettings().minutes is None


def test_switches_and_directories_are_set_as_in_python(letters: Corpora, tmp_path: Path) -> None:
    run = Experiment(
        data=DataSettings(tokenizer="word"),
        model=ModelSettings(embedding_size=4, encoder_sizes=4, decoder_sizes=4),
        training=TrainingSettings(max_steps=1),
    )
    with pytest.raises(SettingsError, match=r'^no run directory: give run="DIR"$'):
        seq2seq.train(run, letters)
    run = replace(run, run=str(tmp_path / "run"))
    seq2seq.train(run, letters)
    wanted = r"another run, continue it with resume=True, or delete it with overwrite=True$"
    with pytest.raises(RunError, match=wanted):
        seq2seq.train(run, letters)
    with pytest.raises(RunError, match=r"see seq2seq lm --help, or in Python LanguageModel\.load$"):
        seq2seq.Translator.load(Path(__file__).parent / "runs" / "format-2" / "language-model")
    typed = "seq2seq train pairs.tsv --run DIR"
    assert in_python(typed) == typed


def test_arguments_that_can_only_mean_one_thing_are_taken() -> None:
    assert ModelSettings(encoder_sizes=[64, 32], decoder_sizes=32) == ModelSettings(
        encoder_sizes=(64, 32), decoder_sizes=(32,)
    )
    with pytest.raises(SettingsError, match=r"encoder_sizes \('64',\) is not"):
        Experiment(model=ModelSettings(encoder_sizes=["64"]))


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (seq2seq.train, "Experiment"),
        (seq2seq.train_language_model, "LanguageExperiment"),
        (seq2seq.train_ngram_model, "NGramExperiment"),
    ],
)
def test_a_file_is_no_experiment(function: Callable[[object], object], kind: str) -> None:
    name = getattr(function, "__name__", "")
    with pytest.raises(SettingsError, match=rf"not 'pairs.tsv' \(str\): {name}\({kind}\("):
        function("pairs.tsv")


def test_two_corpora_are_taken_as_a_tuple(letters: Corpora, tmp_path: Path) -> None:
    run = Experiment(
        run=str(tmp_path / "run"),
        data=DataSettings(tokenizer="word"),
        model=ModelSettings(embedding_size=4, encoder_sizes=4, decoder_sizes=4),
        training=TrainingSettings(max_steps=1),
    )
    empty = letters.validation[:0]
    with pytest.raises(seq2seq.DataError, match="the validation text has no pairs"):
        seq2seq.train(run, Corpora(letters.train, empty))
    with pytest.raises(SettingsError, match=r"corpora is .*: give two of them"):
        seq2seq.train(run, letters.train)
    assert not (tmp_path / "run").exists()
    assert seq2seq.train(run, (letters.train, letters.validation)) == "the budget is used up"


def test_a_run_may_be_a_path_and_names_may_be_in_capitals(tmp_path: Path) -> None:
    assert Experiment(run=tmp_path).run == str(tmp_path)
    with pytest.raises(SettingsError, match="did you mean gru"):
        Experiment(model=ModelSettings(cell="GRU"))
    with pytest.raises(SettingsError, match="'32' is not a list of int"):
        Experiment(model=ModelSettings(encoder_sizes="32"))


def test_a_wrong_type_hides_no_impossible_number() -> None:
    with pytest.raises(SettingsError) as caught:
        Experiment(seed=-1, model=ModelSettings(cell="GRU", dropout=2.0, attention="dott"))
    said = str(caught.value)
    for name in ("model.cell 'GRU'", "model.attention 'dott'", "model.dropout 2.0", "seed -1"):
        assert said.count(name) == 1


def test_what_may_surprise_is_noted(
    letters: Corpora, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = tmp_path / "pairs.tsv"
    pairs = letters.train[:30]
    text.write_text("".join(f"{pair.source}\t{pair.target}\n" for pair in pairs))
    seq2seq.train(
        Experiment(
            run=str(tmp_path / "run"),
            data=DataSettings(
                train=str(text), tokenizer="word", validation_size=20, special_symbols=["<2fr>"]
            ),
            model=ModelSettings(embedding_size=4, encoder_sizes=4, decoder_sizes=4),
            training=TrainingSettings(max_steps=1),
        )
    )
    said = capsys.readouterr().err
    assert "which leaves fewer to train on: a smaller --data.validation-size, as" in said
    assert "note: the special symbol <2fr> does not occur in the training text" in said
