"""A translator in a host program: forked and spawned children, and threads."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seq2seq.cli.main import main

RUN = Path(__file__).parents[1] / "runs" / "format-2" / "translation"

PROGRAM = """
import multiprocessing, os, signal, sys, threading
import torch

handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
environment, random = dict(os.environ), torch.get_rng_state()
torch.set_num_threads(2)
from seq2seq import Translator

LINES = ["Emma sucht das Haus.", "Ein Mann", "das Haus ist alt", "Emma"]
translator = Translator.load(sys.argv[3], "cpu")


def translate(lines):
    return translator.translate(lines)


def main():
    method, warm = sys.argv[1], sys.argv[2] == "warm"
    expected = translator.translate(LINES) if warm else None
    if method == "threads":
        found = [None] * 4
        def work(place):
            found[place] = translator.translate(LINES)
        workers = [threading.Thread(target=work, args=(place,)) for place in range(4)]
        for each in workers: each.start()
        for each in workers: each.join()
    else:
        with multiprocessing.get_context(method).Pool(2) as pool:
            found = pool.map_async(translate, [LINES, LINES]).get(timeout=120)
    assert all(each == (expected or translator.translate(LINES)) for each in found)
    assert torch.get_num_threads() == 2
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert dict(os.environ) == environment
    assert torch.equal(torch.get_rng_state(), random)


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module", params=["run", "export"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run, and an export of it."""
    if request.param == "run":
        return RUN
    path = tmp_path_factory.mktemp("exports") / "export"
    main(["export", str(RUN), "--out", str(path)])
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "warm"),
    # What was computed before matters to forked children alone.
    [("fork", "warm"), ("fork", "cold"), ("spawn", "cold"), ("threads", "cold")],
)
def test_a_translator_works_in_processes_and_threads(
    command: Callable[..., subprocess.CompletedProcess[bytes]],
    tmp_path: Path,
    model: Path,
    method: str,
    warm: str,
) -> None:
    """And neither importing nor loading nor translating changes anything of the host's process."""
    (tmp_path / "host.py").write_text(PROGRAM)
    environment = {"OMP_NUM_THREADS": "2"}
    result = command(tmp_path / "host.py", method, warm, model, environment=environment)
    assert result.returncode == 0, result.stderr.decode()
