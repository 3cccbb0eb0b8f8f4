"""What the tests of whole programs share."""

from collections.abc import Iterator

import pytest

from tests.training.killing import Programs


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    """Begins programs of seq2seq."""
    programs = Programs(tmp_path_factory.mktemp("programs"))
    yield programs
    programs.close()
