"""`seq2seq serve`: mistakes are found before anything is served."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

KEPT = Path(__file__).parent.parent / "runs" / "format-2"
RUN = f"de-en={KEPT / 'translation'}"
Fails = Callable[..., str]


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        ([], ["give RUN, or several of different languages"]),
        ([RUN, "--port", "-1"], ["--port -1 is not in [0, 65535]"]),
        ([RUN, "--queue-size", "0", "--timeout", "nan"], ["--queue-size 0 must", "--timeout nan"]),
        ([RUN, "--host", "a b"], ["--host 'a b' is no address"]),
        ([RUN, "--cors-origins", "a.example"], ["must be as a browser has it"]),
        ([RUN, "--allowed-hosts", "a:80"], ["must be the name alone"]),
        (["runs/nothing"], ["runs/nothing"]),
        (["de-en=runs/nothing"], ["runs/nothing"]),
        ([str(KEPT / "translation")], ["does not say from which language", "as de-en="]),
        ([f"pt-BR-en={KEPT / 'translation'}"], ["does not name two languages", "pt-BR:en=RUN"]),
        ([f"de-en={KEPT / 'language-model'}"], ["translation"]),
        ([RUN, RUN], ["both translate de into en"]),
        ([RUN, "--api-key-file", "nothing.txt"], ["--api-key-file nothing.txt can't be read"]),
        ([RUN, "--host", "192.0.2.1", "--device", "cpu"], ["can't be listened at"]),
    ],
)
def test_mistakes(fails: Fails, arguments: list[str], messages: list[str]) -> None:
    said = fails("serve", *arguments)
    assert all(message in said for message in messages), said


def test_a_port_that_is_taken(fails: Fails) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = fails("serve", RUN, "--device", "cpu", "--port", port)
        assert f"--port {port} can't be listened at: Address already in use" in said


def test_a_key_that_is_empty_or_there_twice(
    fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    file.write_text("\nkey\n")
    assert "has no key: it is empty" in fails("serve", RUN, "--api-key-file", file)
    monkeypatch.setenv("SEQ2SEQ_API_KEY", "other")
    assert "there are two keys" in fails("serve", RUN, "--api-key-file", file)
    monkeypatch.setenv("SEQ2SEQ_API_KEY", " ")
    assert "SEQ2SEQ_API_KEY has no key" in fails("serve", RUN)


def test_packages_that_are_missing_are_named(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seq2seq.cli.serve.PACKAGES", ("starlette", "no_such_package"))
    assert "not installed, no_such_package: pip install no-such-package" in fails("serve", RUN)
