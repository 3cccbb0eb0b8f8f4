"""Commands are run in this process, which has torch already; programs of their own by `command`."""

import re
import warnings
from collections.abc import Callable

import pytest

from seq2seq.cli.main import main


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, str]]:
    """Runs a command; returns what it prints, on both outputs."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # main changes it

    def call(*arguments: object) -> tuple[str, str]:
        capfd.readouterr()
        main([str(argument) for argument in arguments])
        return tuple(capfd.readouterr())

    return call


@pytest.fixture
def fails(run: Callable[..., tuple[str, str]], capfd: pytest.CaptureFixture[str]) -> Callable:
    """Runs a command that is a user's mistake; returns the message, its white space made single.

    It is one message on stderr, without a traceback, and the exit code is 2.
    """

    def call(*arguments: object) -> str:
        with pytest.raises(SystemExit) as ended:
            run(*arguments)
        out, err = capfd.readouterr()
        # Messages in a frame are broken into lines; what is asked for must be there all the same.
        said = re.sub(r"[\s│]+", " ", err)
        assert (ended.value.code, out) == (2, ""), said
        assert "Traceback" not in said
        assert len(re.findall(r"\berror:|─ [A-Z][a-z]+ [a-z]+ ─", said)) == 1, said
        return said

    return call
