"""What the tests of whole programs share."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.killing import Programs, Training, run_whole, trainings


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """Begins programs of seq2seq."""
    programs = Programs(tmp_path_factory.mktemp("programs"))
    yield programs
    programs.close()


@pytest.fixture(scope="session")
def whole(
    programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Training, Path]]:
    """A training by its name, and the run of one that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    known = trainings(folder)

    @cache
    def make(name: str) -> tuple[Training, Path]:
        run_whole(programs, known[name], folder / name)
        return known[name], folder / name

    return make
