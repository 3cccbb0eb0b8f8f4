"""What all tests share: fixed random numbers, and small models whose every weight matters."""

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import ON_COMMAND_LINE
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.translation.train import train
from tests.support.settings import PLAIN_MODEL

ROOT = Path(__file__).resolve().parent.parent
SAMPLE, RECIPES = ROOT / "data" / "sample", ROOT / "recipes"
FORKED = {"input", "cwd"}
"""Options of `command` that a forked program can be given."""

# The same examples every time, and no time limit: noise on the machine decides no test. More of
# the same ones would find what they found before.
hypothesis.settings.register_profile(
    "seq2seq", max_examples=50, derandomize=True, deadline=None, database=None
)
hypothesis.settings.load_profile("seq2seq")


@pytest.fixture(autouse=True)
def fixed_start() -> Iterator[None]:
    """The same random numbers whichever test ran before, and one thread.

    Tiny models need no more, and threads that wait for each other would take most of the time.
    """
    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        yield


@pytest.fixture(autouse=True)
def command_line_words() -> Iterator[None]:
    """Messages are compared as they are printed; tests/test_errors.py has those in Python."""
    token = ON_COMMAND_LINE.set(True)
    yield
    ON_COMMAND_LINE.reset(token)


SLOW_FIXTURES = {"trained", "command", "programs", "whole"}
"""They train for seconds, or start programs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests as slow that use a slow fixture."""
    for item in items:
        if SLOW_FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.fixture
def tiny_model() -> Callable[..., TranslationModel]:
    """Builds a small model in evaluation mode; arguments as for `ModelSettings`."""

    def build(**settings: object) -> TranslationModel:
        sizes = {"embedding_size": 5, "encoder_sizes": (4,), "decoder_sizes": (6,)}
        plain = {"dropout": 0.0, "tied_output": False}
        model = build_translation_model(
            11, 13, ModelSettings(**{**PLAIN_MODEL, **sizes, **plain, **settings})
        )
        with torch.no_grad():
            for weight in model.parameters():  # no zeros: biases and the pad's vector count, too
                noise = 0.1 * torch.randn(weight.shape)
                weight += noise if weight.dim() > 1 else 0.2 + noise  # rectified units stay alive
        return model.eval()

    return build


@pytest.fixture(scope="session")
def sample() -> Path:
    """The folder of the corpus that comes with the project."""
    return SAMPLE


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on the sample corpus, trained for some seconds: it translates, and makes mistakes."""
    torch.set_num_threads(1)
    experiment = Experiment(
        run=str(tmp_path_factory.mktemp("runs") / "trained"),
        device="cpu",
        data=DataSettings(
            train=str(SAMPLE / "train.en"),
            train_target=str(SAMPLE / "train.fr"),
            validation=str(SAMPLE / "validation.en"),
            validation_target=str(SAMPLE / "validation.fr"),
            tokenizer="word",
            min_frequency=2,
        ),
        model=ModelSettings(
            **PLAIN_MODEL,
            embedding_size=48,
            encoder_sizes=(48,),
            decoder_sizes=(96,),
            dropout=0.0,
        ),
        training=TrainingSettings(
            max_steps=240,
            batch_tokens=1024,
            learning_rate=8e-3,
            warmup_steps=20,
            log_every=40,
            precision="float32",
        ),
    )
    train(experiment)
    return Path(experiment.run)


@pytest.fixture(scope="session")
def letters() -> Corpora:
    """Sequences of letters to copy: 240 for training, 40 for validation."""
    generator = random.Random(1)
    lines = [" ".join(generator.choices("abcdef", k=generator.randint(1, 6))) for _ in range(280)]
    train, validation = lines[:240], lines[240:]
    return Corpora(
        ParallelCorpus(train, train, "letters"), ParallelCorpus(validation, validation, "others")
    )


@pytest.fixture
def experiment(tmp_path: Path) -> Callable[..., Experiment]:
    """Describes a tiny run in a folder of its own; arguments are changes of the training."""

    def describe(name: str = "run", **training: object) -> Experiment:
        base = Experiment(
            run=str(tmp_path / name),
            device="cpu",
            data=DataSettings(tokenizer="word"),
            model=ModelSettings(
                **PLAIN_MODEL,
                embedding_size=8,
                encoder_sizes=(8,),
                decoder_sizes=(16,),
                dropout=0.1,
            ),
            training=TrainingSettings(
                batch_tokens=200, learning_rate=1e-2, warmup_steps=5, precision="float32"
            ),
        )
        return replace(base, training=replace(base.training, **training))

    return describe


@pytest.fixture(scope="session")
def command(
    request: pytest.FixtureRequest,
) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """Runs Python with some arguments, as a user would, in a process of its own.

    ``-m seq2seq …`` and the recipes are forked from a process that has torch loaded already, unless
    they are given an environment of their own or other options of `subprocess.run`.
    """
    programs = request.getfixturevalue("programs") if hasattr(os, "fork") else None

    def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[bytes]:
        ours = arguments[:2] == ("-m", "seq2seq") or str(arguments[0]).startswith(str(RECIPES))
        if programs and ours and not programs.running and options.keys() <= FORKED:
            script = None if arguments[0] == "-m" else arguments[0]
            return programs.call(*arguments[1 if script else 2 :], script=script, **options)
        # Programs of a few numbers are quickest in one thread.
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("environment", {})}
        options = {"capture_output": True, "timeout": 300, "input": b"", **options}
        options["env"] = environment
        return subprocess.run([sys.executable, *map(str, arguments)], check=False, **options)

    return run


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Starts programs of seq2seq."""
    from tests.support.killing import Programs

    programs = Programs(tmp_path_factory.mktemp("programs"))
    yield programs
    programs.close()


@pytest.fixture(scope="session")
def whole(
    programs: Any, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Any, Path]]:
    """A training by its name, and the run of one that was never stopped."""
    from tests.support.killing import run_whole, trainings

    folder = tmp_path_factory.mktemp("whole")
    known = trainings(folder)

    @cache
    def make(name: str) -> tuple[Any, Path]:
        run_whole(programs, known[name], folder / name)
        return known[name], folder / name

    return make
