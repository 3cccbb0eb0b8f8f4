"""How a program ends before its time, and above all by Ctrl-C, whatever it is doing."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

Command = Callable[..., subprocess.CompletedProcess[bytes]]
ROOT = Path(__file__).resolve().parents[2]
SLOW = """
import time
print("importing", flush=True)
try:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pass
except KeyboardInterrupt:  # as modules in C do, which take it for a failed import
    print("caught", flush=True)
"""


def as_on_a_terminal() -> None:
    """Where a shell runs the tests in the background, they and their children ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def begin(arguments: Sequence[object]) -> subprocess.Popen[bytes]:
    """Starts Python in the project's folder."""
    return subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=as_on_a_terminal,
    )


def interrupt(process: subprocess.Popen[bytes], seconds: float = 0.0) -> tuple[int, bytes, bytes]:
    """Sends Ctrl-C a little later; returns exit code, stdout and stderr."""
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, said = process.communicate(timeout=60)
    return process.returncode, out, said


def interrupt_after(line: bytes, program: str) -> tuple[int, bytes, bytes]:
    """The same for a program that prints a line when it is to be interrupted."""
    process = begin(["-c", program])
    assert process.stdout
    assert process.stdout.readline() == line + b"\n"
    return interrupt(process)


def test_ctrl_c_while_a_module_is_imported(tmp_path: Path) -> None:
    """It ends at once: an exception there gets lost in modules of other people."""
    (tmp_path / "slow.py").write_text(SLOW)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import seq2seq.console;"
        "seq2seq.console.run_command(lambda: __import__('slow'))"
    )
    assert interrupt_after(b"importing", program) == (130, b"", b"interrupted\n")


def test_ctrl_c_while_a_program_works() -> None:
    """It may clean up."""
    program = (
        "import time; from seq2seq.console import run_command\n"
        "def work():\n"
        "    try:\n"
        "        print('working', flush=True)\n"
        "        time.sleep(30)\n"
        "    finally:\n"
        "        print('cleaned')\n"
        "run_command(work)"
    )
    assert interrupt_after(b"working", program) == (130, b"cleaned\n", b"interrupted\n")


LEFT_ALONE = """
import os, signal, sys, threading, warnings
for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
    os.environ.pop(name, None)
import torch
torch.set_num_threads(2)

def state():
    handlers = [signal.getsignal(each) for each in signal.valid_signals()]
    return dict(os.environ), handlers, torch.get_num_threads(), warnings.showwarning, sys.stdout

before = state()
import seq2seq, seq2seq.console, seq2seq.cli.main, seq2seq.training.signals
for name in seq2seq.__all__:
    getattr(seq2seq, name)
model = seq2seq.Translator.load(sys.argv[1], "cpu")
model.translate("We must eat.")
assert state() == before
"""


def test_importing_and_loading_change_nothing_of_the_process(
    command: Command, trained: Path
) -> None:
    result = command("-c", LEFT_ALONE, trained, preexec_fn=as_on_a_terminal)
    assert (result.returncode, result.stderr) == (0, b"")


def test_a_program_of_ours_sets_its_process_up(command: Command) -> None:
    program = """
import os, signal, sys, threading
os.environ.pop("LRU_CACHE_CAPACITY", None)
os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] = "7"
import seq2seq.console as console
{}
assert "torch" not in sys.modules
assert os.environ["ONEDNN_PRIMITIVE_CACHE_CAPACITY"] == "7", "what is set stays"
assert os.environ["LRU_CACHE_CAPACITY"] == "32"
assert signal.getsignal(signal.SIGINT) is {}
"""
    ignore = "signal.signal(signal.SIGINT, signal.SIG_IGN); console.setup_process()"
    thread = (
        "thread = threading.Thread(target=console.setup_process); thread.start(); thread.join()"
    )
    for call, handler in (
        ("console.setup_process()", "console.handle_interrupt"),
        ("console.run_command(lambda: None)", "console.handle_interrupt"),
        ("import seq2seq.cli.main; seq2seq.cli.main.main(['-V'])", "console.handle_interrupt"),
        (ignore, "signal.SIG_IGN"),
        (thread, "signal.default_int_handler"),
    ):
        result = command("-c", program.format(call, handler), preexec_fn=as_on_a_terminal)
        assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is loaded can't be seen")
@pytest.mark.parametrize("seconds", [0.0, 0.4])
@pytest.mark.parametrize("program", ["command", "recipe"])
def test_ctrl_c_while_torch_is_imported(
    tmp_path: Path, sample: Path, program: str, seconds: float
) -> None:
    run = tmp_path / "run"
    text = ["--data.train", sample / "train.en", "--data.train-target", sample / "train.fr"]
    arguments = {
        "command": ["-m", "seq2seq", "train", *text, "--run", run, "--training.epochs", "9"],
        "recipe": ["recipes/quickstart.py", "--corpus", "sample", "--run", run],
    }[program]
    process = begin(arguments)
    while b"libtorch_cpu" not in Path(f"/proc/{process.pid}/maps").read_bytes():
        assert process.poll() is None
        time.sleep(0.001)
    code, out, said = interrupt(process, seconds)
    assert (code, out) == (130, b"")
    assert said.endswith(b"interrupted\n")
    assert b"Traceback" not in said


def ended(program: str, arguments: str) -> tuple[int, str]:
    """Runs the command line in a shell; returns its exit code and stderr."""
    result = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$0" {program} {arguments}', sys.executable],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return result.returncode, result.stderr


PRINT = "-c 'from seq2seq.console import run_command; run_command(lambda: print(\"x\" * 100_000))'"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (">/dev/full", 2, "error: standard output could not be written: No space left on device"),
        (">&-", 2, "error: standard output is closed"),
        ("2>&- >/dev/null", 0, ""),
        ("2>/dev/full >/dev/null", 0, ""),
    ],
)
def test_streams_that_are_full_or_closed(arguments: str, code: int, message: str) -> None:
    assert ended(PRINT, arguments) == (code, message + "\n" * bool(message))


def test_other_errors_of_the_system_are_bugs() -> None:
    """They keep their traceback, and are not taken for a full disk."""
    program = "import os, seq2seq.console; seq2seq.console.run_command(lambda: os.close(99))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 1
    assert "Traceback" in result.stderr
    assert "standard output" not in result.stderr


def test_only_what_reads_stdin_needs_it(trained: Path) -> None:
    assert ended(PRINT, "<&- >/dev/null") == (0, "")
    code, said = ended("-m seq2seq translate", f"{trained} <&-")
    assert (code, said) == (2, "error: standard input is closed: give lines of text\n")


def test_a_training_goes_on_without_its_log(tmp_path: Path, sample: Path) -> None:
    """Whether the disk of the log is full, or `head` has gone."""
    for side in ("en", "fr"):
        lines = (sample / f"train.{side}").read_text(encoding="utf-8").splitlines(keepends=True)
        (tmp_path / side).write_text("".join(lines[:90]), encoding="utf-8")
    options = (
        f"train {tmp_path / 'en'} {tmp_path / 'fr'} "
        "--data.tokenizer word --data.validation-size 20 --model.embedding-size 4 "
        "--model.encoder-sizes 4 --model.decoder-sizes 4 --training.max-steps 12 "
        "--training.log-every 1 --training.batch-tokens 200 --device cpu"
    )
    full, read = tmp_path / "full", tmp_path / "read"
    assert ended(f"-m seq2seq {options} --run {full}", "2>/dev/full") == (0, "")
    assert ended(f"-m seq2seq {options} --run {read}", "2>&1 | head -3 >/dev/null") == (0, "")
    metrics = [(run / "metrics.jsonl").read_text(encoding="utf-8") for run in (full, read)]
    assert [text.count('"kind": "training"') for text in metrics] == [12, 12]
    assert (full / "best.safetensors").is_file()
    assert (read / "best.safetensors").is_file()
