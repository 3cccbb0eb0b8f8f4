"""Settings in a file stand for flags, and a run's settings can be written as such a file."""

import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

import seq2seq
from seq2seq.cli.config_file import read_settings, toml_lines
from seq2seq.cli.parse import parse_experiment
from seq2seq.config.base import flag_name, flatten
from seq2seq.config.experiment import BaseExperiment, Experiment, with_settings
from seq2seq.config.training import TrainingSettings

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "tests" / "runs" / "format-2"
FILES = sorted((ROOT / "recipes" / "settings").glob("*.toml"))
Fails = Callable[..., str]
Run = Callable[..., tuple[str, str]]


def recipe_class(file: Path) -> type[BaseExperiment]:
    """The experiment of the recipe that a file of settings is for: its own, or a plain one."""
    (script,) = [
        path for path in (ROOT / "recipes").glob("*.py") if file.stem.startswith(path.stem)
    ]
    module = import_module(f"recipes.{script.stem}")
    classes = [each for each in vars(module).values() if isinstance(each, type)]
    kinds = [each for each in classes if issubclass(each, BaseExperiment)]
    return kinds[0] if kinds else Experiment


def as_flags(values: dict[str, Any]) -> Iterator[str]:
    """What would be typed for the values of a file, by full name."""
    for name, value in values.items():
        flag = flag_name(name.removeprefix("recipe."))
        if isinstance(value, bool):
            group, dot, last = flag.rpartition(".")
            yield f"--{flag}" if value else f"--{group}{dot}no-{last}"
        else:
            yield from (f"--{flag}", *map(str, value if isinstance(value, list) else [value]))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_file_of_a_recipe_is_its_flags(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kind = recipe_class(file)
    flags = [*as_flags(flatten(tomllib.loads(file.read_text(encoding="utf-8"))))]
    missing = []
    if kind is Experiment:  # the recipe has several trainings, and gives each of them a place
        missing += ["--run", "runs/a"]
        missing += ["--training.minutes", "1"] * ("--training.max-steps" not in flags)
    typed = parse_experiment(kind(), [*flags, *missing])
    assert typed != kind()
    assert parse_experiment(kind(), ["--config", str(file), *missing]) == typed
    assert parse_experiment(kind(), missing, settings=file) == typed


def test_every_recipe_has_its_file() -> None:
    recipes = {
        path.stem
        for path in (ROOT / "recipes").glob("*.py")
        if "parse_experiment" in path.read_text(encoding="utf-8")
    }
    assert recipes <= {file.stem for file in FILES}


# ---------------------------------------------------------------------------------------------
# a run like another one

PAIRS = KEPT / "text.tsv"
TINY = """
device = "cpu"
[data]
tokenizer = "character"
validation_size = 5
[model]
embedding_size = 8
encoder_sizes = [8]
decoder_sizes = [12]
[training]
max_steps = 8
warmup_steps = 2
validate_every = 8
threads = 1
[decoding]
beam_size = 1
[about]
author = "a school"
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY, encoding="utf-8")
    return file


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "last.safetensors")


def equal(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(first[name].equal(second[name]) for name in first)


def test_the_description_of_a_run_makes_it_again_to_the_bit(
    run: Run, fails: Fails, tiny: Path, tmp_path: Path
) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    run("train", PAIRS, "--config", tiny, "--run", first)
    described = ("--config", first / "experiment.json")
    assert "no run directory: give --run DIR" in fails("train", *described)
    run("train", *described, "--device", "cpu", "--run", again)
    assert equal(first, again)
    # What is said of a run is not said of another one; --resume goes on from a file, too.
    one, two = (json.loads((each / "experiment.json").read_text()) for each in (first, again))
    assert one["experiment"]["about"]["author"] == "a school"
    assert two["experiment"]["about"]["author"] == ""
    assert {**one["experiment"], "about": None} == {**two["experiment"], "about": None}
    longer = ("--config", tiny, "--run", again, "--training.max-steps", "12", "--resume")
    run("train", PAIRS, *longer)
    assert json.loads((again / "metrics.jsonl").read_text().splitlines()[-1])["step"] == 12


def test_so_do_those_of_language_models(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that an earlier version wrote."""
    monkeypatch.chdir(KEPT)
    counted = tmp_path / "counted"
    run("lm", "ngram", "--config", "n-grams/experiment.json", "--run", counted)
    one, two = (load_file(each / "ngrams.safetensors") for each in (KEPT / "n-grams", counted))
    assert all(one[name].equal(two[name]) for name in one.keys() | two.keys())
    begin = ("lm", "train", "--config", "language-model/experiment.json", "--device", "cpu")
    for name in ("first", "again"):
        run(*begin, "--training.max-steps", "6", "--run", tmp_path / name)
        begin = ("lm", "train", "--config", tmp_path / "first" / "experiment.json")
    assert equal(tmp_path / "first", tmp_path / "again")


def test_an_old_run_has_what_it_had_before_there_was_a_setting(tmp_path: Path) -> None:
    old = KEPT / "translation" / "experiment.json"
    default = seq2seq.Experiment(training=TrainingSettings(processes=0, minutes=3))
    arguments = ["--config", str(old), "--run", str(tmp_path / "run")]
    found = parse_experiment(default, arguments, text_given=False)
    assert found == replace(
        seq2seq.Run(KEPT / "translation").experiment(seq2seq.Experiment),
        run=str(tmp_path / "run"),
    )
    assert not found.model.lexical


def description(tmp_path: Path, **changes: object) -> Path:
    """The description of a kept run, with other settings, as data__train, or a recipe's options."""
    values = json.loads((KEPT / "translation" / "experiment.json").read_text(encoding="utf-8"))
    values["begun"]["command"] = ["recipes/mine.py", "--run", "there"]
    for name, value in changes.items():
        part, _, last = name.partition("__")
        table = values["experiment"][part] if last else values["recipe"]
        table[last or name] = value
    path = tmp_path / "experiment.json"
    path.write_text(json.dumps(values), encoding="utf-8")
    return path


def test_what_code_supplied_is_refused_with_the_recipe(fails: Fails, tmp_path: Path) -> None:
    run = ("--run", tmp_path / "run")
    options = description(tmp_path, corpus="sample", reverse=True, data__train="")
    said = fails("train", "--config", options, *run)
    assert "corpus, reverse and the text are of the recipe that began the run, python " in said
    assert f"recipes/mine.py: run that with --config {options} --run DIR" in said
    text = description(tmp_path, data__train="")
    said = fails("train", "--config", text, *run)
    assert "its text was handed over in Python, by python recipes/mine.py" in said
    cell = description(tmp_path, model__cell="second-order")
    said = fails("train", "--config", cell, *run)
    assert "--model.cell 'second-order' is not one of" in said
    assert "is of a run that python recipes/mine.py began: run that with" in said


def test_the_recipe_takes_its_own_options_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = description(tmp_path, corpus="sample", data__train="")
    kind = recipe_class(ROOT / "recipes" / "settings" / "quickstart.toml")
    arguments = ["--config", str(path), "--run", str(tmp_path / "run")]
    found: Any = parse_experiment(kind(), arguments)
    assert (found.corpus, found.max_words, found.model.cell) == ("sample", 10, "gru")
    monkeypatch.setattr("sys.argv", ["quickstart.py", *arguments])
    assert seq2seq.argument_value("--corpus") == "sample"
    monkeypatch.setattr("sys.argv", ["quickstart.py", *arguments, "--corpus", "tatoeba"])
    assert seq2seq.argument_value("--corpus") == "tatoeba"


def test_another_kind_of_run_is_refused_with_its_command(fails: Fails) -> None:
    said = fails("train", "--config", KEPT / "language-model" / "experiment.json")
    assert "describes a language model, no translation model: seq2seq lm train trains one" in said


# ---------------------------------------------------------------------------------------------
# files of one's own


@dataclass(frozen=True)
class Recipe(seq2seq.Experiment):
    """A recipe with an option of its own."""

    shift: seq2seq.PositiveInt = 1
    """How far."""


SOME = """
seed = 3
model.dropout = 0
[training]
max_steps = 5
sampling.schedule = "constant"
sampling.rate = 0.5
[recipe]
shift = 4
"""


def parsed(file: Path, text: str, *arguments: object, kind: type[Recipe] = Recipe) -> Any:
    file.write_text(text, encoding="utf-8")
    default = kind(run=str(file.parent / "run"), training=TrainingSettings(minutes=30, epochs=9))
    return parse_experiment(default, ["--config", str(file), *map(str, arguments)])


def test_flags_stand_above_the_file_and_the_file_above_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = SOME
    found = parsed(file, text)
    assert (found.seed, found.shift, found.training.sampling.rate) == (3, 4, 0.5)
    assert isinstance(found.model.dropout, float)
    budgets = found.training.minutes, found.training.epochs, found.training.max_steps
    assert budgets == (None, None, 5)
    found = parsed(file, text, "--seed", 8, "--training.minutes", 2, "--shift=6")
    assert (found.seed, found.shift, found.training.sampling.rate) == (8, 6, 0.5)
    assert (found.training.minutes, found.training.max_steps) == (2, None)
    as_json = tmp_path / "mine.json"
    assert parsed(as_json, json.dumps(tomllib.loads(text))) == parsed(file, text)
    # What is impossible in the file alone may be possible with a flag, and the other way round.
    shared = "model.shared_embedding = true"
    assert parsed(file, shared, "--data.joint").data.joint
    with pytest.raises(seq2seq.SettingsError, match=r"needs --data\.joint"):
        parsed(file, shared)
    both = "[model]\nlexical = true\nattention = 'none'"
    with pytest.raises(seq2seq.SettingsError, match="lexical needs attention"):
        parsed(file, both)
    assert not parsed(file, "model.attention = 'none'").model.lexical


def test_text_that_is_given_replaces_both_sides_of_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.en", "a.fr", "b.en", "b.fr", "pairs.tsv"):
        (tmp_path / name).touch()
    file = tmp_path / "mine.toml"
    text = "[data]\ntrain = 'a.en'\ntrain_target = 'a.fr'\nvalidation = 'b.en'"
    text += "\nvalidation_target = 'b.fr'"
    assert parsed(file, text).data.train_target == ("a.fr",)
    found = parsed(file, text, "--data.train", "pairs.tsv").data
    assert (found.train, found.train_target) == (("pairs.tsv",), ())
    assert (found.validation, found.validation_target) == (("b.en",), ("b.fr",))


def test_a_run_that_is_continued_has_as_many_processes_as_before(
    trained: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(trained, tmp_path / "run")
    arguments = ("--run", run, "--resume")
    found = parsed(
        tmp_path / "a.toml", "training.processes = 0", *arguments, kind=seq2seq.Experiment
    )
    assert found.training.processes == 1


WRONG = """
seed = "one"
cell = "gru"
data = 3
resume = true
[model]
cel = "gru"
cell = "gruu"
encoder_sizes = [1.5]
dropout = true
[training.sampling]
rat = 0.1
[recipe]
shft = 3
"""


def test_all_that_is_wrong_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    with pytest.raises(seq2seq.SettingsError) as caught:
        parsed(file, WRONG)
    lines = str(caught.value).splitlines()
    said = [line.removeprefix(f"{file}: ") for line in lines]
    assert lines == [f"{file}: {line}" for line in said]
    wanted = [
        "seed 'one' is not int",
        "unknown setting cell: did you mean model.cell?",
        "data is a table, [data], and not one value",
        "resume is said on the command line, and in no file: leave it out",
        "unknown setting model.cel: did you mean model.cell?",
        "model.cell 'gruu' is not one of",
        "model.encoder_sizes (1.5,) is not a list of int",
        "model.dropout True is not float",
        "unknown setting training.sampling.rat: did you mean training.sampling.rate?",
        "unknown setting recipe.shft: did you mean recipe.shift?",
    ]
    assert len(said) == len(wanted)
    assert all(line.startswith(begin) for line, begin in zip(said, wanted, strict=True)), said


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("a.toml", "seed = 1\nmodel\n", "a.toml is not TOML: .* line 2"),
        ("a.json", '{"seed": 1', "a.json is not JSON: .* line 1"),
        ("a.json", "[1]", "JSON of names with values is expected"),
        ("a.toml", "seed = " + "[" * 10_000, "a.toml is not TOML"),
        ("a.toml", f"seed = {2**70}", "--seed .* is too large"),
        ("a.toml", "model.dropout = inf", "--model.dropout inf"),
        ("a.toml", "zzz = 1", "unknown setting zzz; there are run, seed"),
    ],
)
def test_what_is_no_file_of_settings_is_refused(
    tmp_path: Path, name: str, text: str, wanted: str
) -> None:
    with pytest.raises(seq2seq.SettingsError, match=wanted):
        parsed(tmp_path / name, text)


def test_a_file_that_is_not_there_is_refused(fails: Fails, tmp_path: Path) -> None:
    assert "is no file with settings" in fails("train", "--config", tmp_path / "none.toml")
    assert "is a folder" in fails("train", "--config", tmp_path)
    said = fails("train", "--confg", "a.toml")
    assert "there is no option --confg: did you mean --config?" in said


# ---------------------------------------------------------------------------------------------
# writing

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "seed": st.integers(0, 2**32 - 1),
        "data.train": TEXTS,
        "data.special_symbols": st.lists(
            st.sampled_from(["<2fr>", '"', "\\", "é", "\x7f"]), unique=True
        ).map(tuple),
        "model.encoder_sizes": st.lists(st.integers(1, 9), min_size=1).map(tuple),
        "model.bidirectional": st.booleans(),
        "training.minutes": st.none() | st.floats(0, 1e9),
        "training.learning_rate": st.floats(0, exclude_min=True, allow_infinity=False),
        "training.sampling.schedule": st.sampled_from(["none", "linear"]),
        "training.processes": st.integers(0, 3),
        "decoding.beam_size": st.integers(1, 99),
        "about.author": st.sampled_from(["", "# [a] = 'b'", "école, \u2066x"]),
    },
)


@settings(max_examples=40)
@given(changes=CHANGES)
def test_settings_that_are_written_and_read_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, changes: dict[str, Any]
) -> None:
    file = tmp_path_factory.getbasetemp() / "round.toml"
    whole = with_settings(seq2seq.Experiment(), changes)
    file.write_text("\n".join(toml_lines(whole)), encoding="utf-8", newline="\n")
    default = seq2seq.Experiment(training=TrainingSettings(processes=0))
    found = read_settings(file, seq2seq.Experiment).settings
    assert with_settings(default, found) == whole


def test_columns_may_be_numbers(tmp_path: Path) -> None:
    data = parsed(tmp_path / "a.toml", "[data]\nsource = 1\ntarget = 0\n").data
    assert (data.source, data.target) == ("1", "0")
