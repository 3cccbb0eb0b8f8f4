"""What --resume may change, what it can't, and what a run is made of besides its settings."""

import dataclasses
import itertools
import shutil
import subprocess
import typing
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from seq2seq.config.base import as_typed, flag_name
from seq2seq.config.corpora import CorpusSettings
from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.filters import FilterSettings
from seq2seq.config.model import ModelSettings
from seq2seq.config.noise import NoiseSettings
from seq2seq.data.parallel import Corpora
from seq2seq.errors import RunError, SettingsError
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.tensors import load_tensors
from seq2seq.training.optimizer import learning_rate
from seq2seq.training.reporting import Reporter
from seq2seq.training.state import TrainerState
from seq2seq.training.task import Validation
from seq2seq.translation.train import train
from seq2seq.translation.translator import Translator
from tests.support.killing import Programs, Training, assert_same, metrics, trainings
from tests.support.stopping import Stopped, make_trainer

pytestmark = pytest.mark.slow

Describe = Callable[..., Experiment]
Whole = Callable[[str], tuple[Training, Path]]


def last(run: Experiment) -> Any:
    """The last checkpoint of a run, without times."""
    tensors, state = load_tensors(RunDirectory(run.run).last)
    for part in (state, state["window"]):
        del part["seconds"]
    return {name: tensor.tolist() for name, tensor in tensors.items()}, state


# ---------------------------------------------------------------------------------------------
# A larger budget


@pytest.mark.parametrize("schedule", ["constant", "inverse-sqrt", "plateau"])
@pytest.mark.parametrize("unit", ["max_steps", "epochs"])
def test_a_raised_budget_is_one_that_was_larger_from_the_beginning(
    experiment: Describe, letters: Corpora, schedule: str, unit: str
) -> None:
    """With a schedule that does not look at the budget, and validations that come anyway."""
    settings = {"schedule": schedule, "log_every": 5, "validate_every": 10 * (unit == "max_steps")}
    small, large = (20, 40) if unit == "max_steps" else (2, 4)
    whole = experiment("whole", **settings, **{unit: large})
    train(whole, letters)
    parts = experiment("parts", **settings, **{unit: small})
    train(parts, letters)
    assert len(metrics(Path(parts.run))) == len(metrics(Path(whole.run))) / 2
    more = replace(parts.training, **{unit: large})
    assert train(replace(parts, resume=True, training=more), letters) == "the budget is used up"
    assert metrics(Path(whole.run)) == metrics(Path(parts.run))
    assert last(whole) == last(parts)


def test_a_raised_budget_moves_the_end_of_a_cosine(experiment: Describe, letters: Corpora) -> None:
    """The rest has the learning rates of the larger budget; --help says that they depend on it."""
    settings = {"schedule": "cosine", "log_every": 1}
    run = experiment(**settings, max_steps=20)
    train(run, letters)
    more = replace(run.training, max_steps=40)
    train(replace(run, resume=True, training=more), letters)
    rows = [row for row in metrics(Path(run.run)) if row["kind"] == "training"]
    assert [row["step"] for row in rows] == list(range(1, 41))
    for row in rows:
        training, before = (run.training, more)[row["step"] > 20], row["step"] - 1
        assert row["learning_rate"] == pytest.approx(
            learning_rate(training, step=before, progress=before / (training.max_steps or 1))
        )


def test_budgets_are_raised_on_the_command_line(
    programs: Programs, whole: Whole, tmp_path: Path
) -> None:
    training, run = whole("drawn")
    run = Path(shutil.copytree(run, tmp_path / "run"))
    more = ["--training.max-steps", 43, "--training.minutes", 9]
    status, said = programs.run(*training.begin_or_continue(run), *more)
    assert (status, "Training ended after 43 steps" in said) == (0, True), said
    assert metrics(run)[-1]["step"] == 43


# ---------------------------------------------------------------------------------------------
# What would make it another model

BASES = [
    Experiment(model=ModelSettings(attention=attention, **others), data=DataSettings(**data))
    for attention in ("none", "additive", "multi-head", "local")
    for others in ({}, {"tied_output": False}, {"encoder_sizes": (8, 8)})
    for data in ({}, {"tokenizer": "word"}, {"joint": True}, {"subword_sampling": 0.1})
] + [
    Experiment(data=DataSettings(train="a", validation="b")),
    Experiment(model=ModelSettings(initialize="a")),
    Experiment(data=DataSettings(mix=(CorpusSettings(name="a", train="a.tsv"),))),
]


CORPORA = (CorpusSettings(name="a", train="a.tsv"), CorpusSettings(name="b", train="b.tsv"))


def others(value: Any, hint: Any) -> Iterator[Any]:
    """Values of a field that may be possible instead of this one."""
    if typing.get_origin(hint) is Literal:
        yield from (each for each in typing.get_args(hint) if each != value)
    elif isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (value + 1, value + 0.125, value * 2 or 7, value - 0.01)
    elif isinstance(value, tuple):
        yield from ((*value, *value), (3,), (256, 256), ("<a>",), CORPORA)
    else:
        yield "else"


def changes(part: str, name: str) -> Iterator[tuple[Experiment, Experiment]]:
    """Pairs of possible experiments that differ in one field."""
    for base in BASES:
        settings = getattr(base, part)
        hint = typing.get_type_hints(type(settings))[name]
        for value in others(getattr(settings, name), hint):
            try:
                changed = replace(base, **{part: replace(settings, **{name: value})})
            except SettingsError:
                continue  # not possible beside the others
            if changed != base:  # without attention there is no lexical translation to ask for
                yield base, changed


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *(("model", item.name) for item in dataclasses.fields(ModelSettings)),
        *(
            ("data", item.name)
            for item in dataclasses.fields(DataSettings)
            if item.name not in ("filters", "noise")  # settings of their own, see below
        ),
    ],
)
def test_what_would_change_the_model_is_refused_by_name(part: str, name: str) -> None:
    found = list(itertools.islice(changes(part, name), 3))
    assert found, "no possible change was found"
    for before, after in found:
        if name in ("train", "train_target", "validation", "validation_target"):
            assert not list(after.resume_problems(before)), "the text may lie elsewhere by now"
            continue
        value = getattr(getattr(after, part), name)
        (line,) = after.resume_problems(before)
        assert f"this can't change: --{part}.{flag_name(name)} {as_typed(value)} (it is" in line


def test_another_weight_is_refused_by_name_and_files_may_lie_elsewhere() -> None:
    first, second = CORPORA
    before = Experiment(data=DataSettings(mix=CORPORA))
    moved = replace(before, data=DataSettings(mix=(first, replace(second, train="c.tsv"))))
    assert not list(moved.resume_problems(before))
    after = replace(before, data=DataSettings(mix=(first, replace(second, weight=3))))
    (line,) = after.resume_problems(before)
    assert "this can't change: --data.mix.2.weight 3 (it is 1.0)" in line


def test_other_noise_is_refused_by_name() -> None:
    before, after = (
        Experiment(data=DataSettings(noise=NoiseSettings(drop=share))) for share in (0.1, 0.2)
    )
    (line,) = after.resume_problems(before)
    assert "this can't change: --data.noise.drop 0.2 (it is 0.1)" in line


def test_other_filters_are_refused_by_name() -> None:
    before = Experiment(data=DataSettings(filters=FilterSettings(held_out=("a.tsv",))))
    elsewhere = FilterSettings(held_out=("old/a.tsv",))
    after = replace(before, data=DataSettings(filters=elsewhere))
    assert not list(after.resume_problems(before)), "the text may lie elsewhere by now"
    after = replace(before, data=DataSettings(filters=replace(elsewhere, max_ratio=3.0)))
    (line,) = after.resume_problems(before)
    assert "this can't change: --data.filters.max-ratio 3.0 (it is 0.0)" in line


# ---------------------------------------------------------------------------------------------
# The log


def test_the_log_keeps_what_the_checkpoint_covers(tmp_path: Path) -> None:
    """A kind of line has its own last step; half a line, or one of no kind, is left out."""
    log = tmp_path / "metrics.jsonl"
    kept = [
        '{"kind": "training", "step": 1, "text": "a\u2028b\x85c"}',
        '{"kind": "validation", "step": 1}',
        '{"kind": "training", "step": 2}',
        '{"kind": "mean", "step": 1}',
    ]
    lost = [
        '{"kind": "validation", "step": 2}',  # it came after the checkpoint of its step
        '{"kind": "mean", "step": 2}',
        '{"kind": "training", "step": 3}',
        '{"step": 1}',
        "[1]",
        "",
        '{"kind": "validation", "st',
    ]
    log.write_text("\n".join(kept + lost), encoding="utf-8")
    log.write_bytes(log.read_bytes() + "…".encode()[:2])
    reporter = Reporter(RunDirectory(tmp_path))
    for _ in range(2):
        reporter.rewind(TrainerState(step=2, validated=1, averaged=1))
        assert log.read_bytes().decode("utf-8") == "\n".join(kept) + "\n"
    reporter.close()
    log.unlink()
    reporter.rewind(TrainerState())
    assert not log.exists()


def test_a_log_that_can_not_be_written_or_read(tmp_path: Path) -> None:
    log = tmp_path / "metrics.jsonl"
    log.mkdir()
    reporter = Reporter(RunDirectory(tmp_path))
    with pytest.raises(RunError, match=r"metrics\.jsonl could not be written: Is a directory"):
        reporter.record("training", {"step": 1})
    with pytest.raises(RunError, match=r"metrics\.jsonl is no plain file"):
        reporter.rewind(TrainerState())
    reporter.close()


class Copying(Stopped):
    """A task that copies the whole run before each validation."""

    folder = Path()
    copies: tuple[Path, ...] = ()

    def validate(self, device: torch.device) -> Validation:
        path = self.folder.with_name(f"copy-{len(self.copies)}")
        self.copies = (*self.copies, Path(shutil.copytree(self.folder, path)))
        return super().validate(device)


def test_killed_between_the_log_and_the_checkpoint(experiment: Describe, letters: Corpora) -> None:
    """The log and the best weights are those of later, the checkpoint is from before.

    At the end of an epoch, whose last step was saved before it was validated; and at the end of
    the training, where the mean of weights is tried.
    """
    settings = {"epochs": 4, "save_every": 1, "log_every": 1, "average": "last", "patience": 9}
    whole = experiment("whole", **settings, average_count=3, ema_decay=0.9)
    trainer = make_trainer(whole, letters, kind=Copying)
    trainer.task.folder = Path(whole.run)
    trainer.train()
    kinds = [row["kind"] for row in metrics(Path(whole.run))]
    assert (kinds.count("validation"), kinds.count("mean")) == (4, 1)
    assert len(trainer.task.copies) == 5
    for copy in trainer.task.copies:
        for name in ("metrics.jsonl", "best.safetensors"):
            shutil.copy(Path(whole.run) / name, copy / name)
        parts = replace(whole, run=str(copy))
        assert make_trainer(parts, letters, resume=True).train() == "the budget is used up"
        assert_same(Path(whole.run), copy)


# ---------------------------------------------------------------------------------------------
# Reading, and beginning again


def test_a_run_can_be_used_while_it_trains(programs: Programs, tmp_path: Path) -> None:
    training = trainings(tmp_path)["drawn"]
    run = tmp_path / "run"
    programs.begin(*training.begin_or_continue(run))
    while not (run / "last.safetensors").exists() and not programs.ended(0.001):
        pass
    times = 0
    while not programs.ended():
        assert isinstance(Translator.load(run, "cpu").translate("We eat.", beam_size=1), str)
        times += 1
    status, said = programs.wait()
    assert status == 0, said
    assert times > 3


PROGRAM = """
import sys
from seq2seq.cli.main import main
main(["train", "--run", "pieces", *sys.argv[1:]])
main(["train", "--run", "words", *sys.argv[1:], "--data.tokenizer", "word",
      "--data.subword-sampling", "0", "--data.no-joint"])
print(hash("the order of a set"))
"""


def test_another_process_and_another_order_of_sets_make_the_same_run(
    command: Callable[..., subprocess.CompletedProcess[bytes]], tmp_path: Path
) -> None:
    """Python's hashes differ from process to process, and nothing that is written depends on it."""
    options = trainings(tmp_path)["drawn"].options
    hashes = set()
    for seed in ("1", "23456"):
        (tmp_path / seed).mkdir()
        result = command(
            *("-c", PROGRAM, *options, "--training.max-steps", 10),
            cwd=tmp_path / seed,
            environment={"PYTHONHASHSEED": seed},
        )
        assert result.returncode == 0, result.stderr.decode()
        hashes.add(result.stdout)
    assert len(hashes) == 2
    for name in ("pieces", "words"):
        one, other = tmp_path / "1" / name, tmp_path / "23456" / name
        assert_same(one, other)
        for path in [*one.glob("*.json"), *one.glob("*.tokenizer"), one / "best.safetensors"]:
            if path.name != "experiment.json":
                assert path.read_bytes() == (other / path.name).read_bytes(), path.name
