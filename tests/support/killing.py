"""Killing a training at any moment: programs that begin at once, and moments to end them at.

As a script it does what `test_killed` does, as often as one likes, at other moments each time:

    python -m tests.support.killing --kills 200 --seed 7
"""

import argparse
import fnmatch
import json
import os
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from seq2seq.data.parallel import ParallelCorpus
from seq2seq.errors import RunError
from seq2seq.language_modeling.model import LanguageModel
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.tensors import load_tensors
from seq2seq.translation.translator import Translator

pytest.importorskip("resource", reason="needs signals and limits of POSIX")

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "data" / "sample"
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
TIMES = {"seconds", "tokens_per_second"}
PATIENCE = 300.0
"""Seconds after which a program is taken to hang."""


class Programs:
    """Begins programs of seq2seq, one at a time; see `forks`.

    Args:
        folder: where what they read and say is written.
    """

    def __init__(self, folder: Path) -> None:
        self.streams = [folder / name for name in ("stdin", "stdout", "stderr")]
        self.said = self.streams[2]
        self.process = 0
        self.running = False
        self.server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            cwd=ROOT,
            # Where a shell runs the tests in the background, they would ignore Ctrl-C.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def begin(
        self,
        *arguments: object,
        script: Path | None = None,
        input: bytes = b"",
        cwd: Path = ROOT,
        most: int | None = None,
        user: int | None = None,
    ) -> None:
        """Begins ``seq2seq ARGUMENTS``, or a script; see `forks`."""
        assert self.server.stdin
        assert self.server.stdout
        if self.running:  # a test has failed in its midst
            self.send(signal.SIGKILL)
            self.wait()
        for path in self.streams:
            path.unlink(missing_ok=True)
        self.streams[0].write_bytes(input)
        order = {
            "arguments": [str(each) for each in arguments],
            "script": script and str(script),
            "streams": [str(path) for path in self.streams],
            "cwd": str(cwd),
            "environment": {**os.environ, "OMP_NUM_THREADS": "1"},
            "most": most,
            "user": user,
        }
        self.server.stdin.write(json.dumps(order).encode() + b"\n")
        self.process = int(self.server.stdout.readline())
        self.running = True

    def ended(self, seconds: float = 0.0) -> bool:
        """Whether the program has ended, or does within so many seconds."""
        return bool(select.select([self.server.stdout], [], [], seconds)[0])

    def send(self, number: int) -> None:
        """Sends the program a signal, if it has not ended."""
        if not self.ended():
            os.kill(self.process, number)

    def wait(self) -> tuple[int, str]:
        """Waits for the program's end; returns its exit status, and what it said."""
        assert self.server.stdout
        if not self.ended(PATIENCE):
            self.send(signal.SIGKILL)
            raise TimeoutError(self.said.read_text(encoding="utf-8"))
        status = int(self.server.stdout.readline())
        self.running = False
        return status, self.said.read_text(encoding="utf-8") if self.said.exists() else ""

    def run(self, *arguments: object, **options: Any) -> tuple[int, str]:
        """Begins a program and waits for its end."""
        self.begin(*arguments, **options)
        return self.wait()

    def call(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Runs a program as `subprocess.run` does."""
        status, _ = self.run(*arguments, **options)
        out, said = (path.read_bytes() for path in self.streams[1:])
        return subprocess.CompletedProcess(arguments, status, out, said)

    def close(self) -> None:
        """Ends it all."""
        assert self.server.stdin
        assert self.server.stdout
        self.server.stdin.close()
        self.server.wait(PATIENCE)
        self.server.stdout.close()


class Moment(NamedTuple):
    """When a program is to get a signal.

    Attributes:
        number: of the signal.
        step: when the log has come so far,
        writing: and then, if this is not empty, when a file of such a name is being written; the
            signal comes before the file is complete. If there is none before step `latest`, then.
        latest: see `writing`.
        seconds: and then so much later.
    """

    number: int
    step: int = 0
    writing: str = ""
    latest: int = 0
    seconds: float = 0.0


def draw_moment(generator: random.Random, reached: int, ahead: int) -> Moment:
    """A moment soon after step `reached`: in the beginning, in a step or in a write.

    `ahead`: the step is at most so much later.
    """
    number = generator.choice(SIGNALS)
    kind = generator.choices(("beginning", "step", "writing"), (1, 2, 3))[0]
    if kind == "beginning":
        return Moment(number, seconds=generator.uniform(0, 1.0))
    step = reached + generator.randint(0, ahead)
    if kind == "step":
        return Moment(number, step, seconds=generator.uniform(0, 0.03))
    files = ("*", "last.*", "best.*", "metrics.*", "experiment.*", "step-*", "*.tokenizer")
    weights = (4, 4, 3, 1, 1, 2, 1)
    return Moment(number, step, f"{generator.choices(files, weights)[0]}.tmp", step + ahead)


def last_step(run: Path) -> int:
    """The step of the last whole line of the log."""
    try:
        lines = (run / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
    except OSError:
        return 0
    return max((json.loads(line)["step"] for line in lines), default=0)


def is_written(run: Path, pattern: str) -> bool:
    """Whether a file of such a temporary name is there."""
    try:
        return any(fnmatch.fnmatch(name, pattern) for name in os.listdir(run))
    except OSError:
        return False


def strike(programs: Programs, run: Path, moment: Moment) -> bool:
    """Sends the signal at its moment, or when the program has ended; whether that was in a write.

    A program that writes is stopped first, and gets the signal only if it has not finished.
    """
    while moment.step and last_step(run) < moment.step and not programs.ended(0.001):
        pass
    while moment.writing and last_step(run) < moment.latest and not programs.ended():
        if is_written(run, moment.writing):
            programs.send(signal.SIGSTOP)
            time.sleep(0.001)
            caught = is_written(run, moment.writing)
            if caught:
                programs.send(moment.number)
            programs.send(signal.SIGCONT)
            if caught:
                return True
    programs.ended(moment.seconds)
    programs.send(moment.number)
    return False


class Training(NamedTuple):
    """A training that can be killed.

    Attributes:
        command: "train", or "lm" and "train".
        options: of the command line.
        steps: about how many it makes.
        load: loads what it made, and tries it.
    """

    command: tuple[str, ...]
    options: tuple[str, ...]
    steps: int
    load: Callable[[Path], object]

    def begin_or_continue(self, run: Path) -> list[object]:
        """The command with which a user goes on, whatever there is."""
        if (run / "last.safetensors").exists():
            return [*self.command, "--run", run, "--resume", "--device", "cpu"]
        begun = (run / "experiment.json").exists()
        return [*self.command, "--run", run, *self.options, *["--overwrite"] * begun]


def translate(run: Path) -> None:
    """Loads a translation model and uses it."""
    assert isinstance(Translator.load(run, "cpu").translate("We eat.", beam_size=1), str)


def continue_text(run: Path) -> None:
    """Loads a language model and uses it."""
    assert isinstance(LanguageModel.load(run, "cpu").generate(max_tokens=2), str)


def write_corpus(folder: Path) -> tuple[Path, Path]:
    """A small parallel corpus, and a small text, made of the one that comes with the project."""
    pairs = ParallelCorpus.read(SAMPLE / "train.en", SAMPLE / "train.fr")[:240]
    corpus, text = folder / "pairs.tsv", folder / "lines.txt"
    corpus.write_text("".join("\t".join(pair) + "\n" for pair in pairs), encoding="utf-8")
    text.write_text("".join(pair.source + "\n" for pair in pairs), encoding="utf-8")
    return corpus, text


MIX = """
[[corpus]]
name = "mine"
train = {mine}
[[corpus]]
name = "web"
train = {web}
weight = 2.5
tag = "<BT>"
"""


def write_mix(folder: Path, corpus: Path) -> Path:
    """A mix of a small and a large part of a corpus."""
    lines = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("mine", lines[:70]), ("web", lines[70:])):
        (folder / f"{name}.tsv").write_text("".join(part), encoding="utf-8")
    file = folder / "mix.toml"
    names = {name: json.dumps(str(folder / f"{name}.tsv")) for name in ("mine", "web")}
    file.write_text(MIX.format(**names), encoding="utf-8")
    return file


def words(text: str) -> tuple[str, ...]:
    """The options in a text, where --x. stands for those of training."""
    return tuple(text.replace("--x.", "--training.").split())


OFTEN = """--device cpu --x.threads 1 --x.precision float32 --x.log-every 1 --x.warmup-steps 5
    --x.learning-rate 1e-2"""
PAIRS = f"""{OFTEN} --data.validation-size 6 --model.embedding-size 8 --model.encoder-sizes 8
    --model.decoder-sizes 16 --data.max-length 60"""


def trainings(folder: Path) -> dict[str, Training]:
    """What is killed: between them they have all that a checkpoint has to keep."""
    corpus, text = write_corpus(folder)
    pairs, lines = words(f"--data.train {corpus} {PAIRS}"), words(f"--data.train {text} {OFTEN}")
    mix = words(f"--data.mix {write_mix(folder, corpus)} {PAIRS}")
    drawn = """--data.vocab-size 120 --data.joint --data.subword-sampling 0.2 --x.max-steps 40
        --model.dropout 0.1 --model.word-dropout 0.1 --x.batch-tokens 400 --x.accumulate 2
        --x.sampling.schedule linear --x.sampling.slope 0.01 --x.sampling.choice sample
        --x.save-every 4 --x.validate-every 9 --model.attention general --data.noise.drop 0.1
        --data.noise.typos 0.2 --data.noise.blank 0.1 --data.noise.switch-out 0.5"""
    averaged = """--data.tokenizer word --x.batch-tokens 600 --x.ema-decay 0.9 --x.average best
        --x.average-count 2 --x.schedule plateau --x.plateau-patience 0 --x.patience 3
        --x.optimizer sgd --x.momentum 0.9 --x.learning-rate 0.5 --x.epochs 6 --x.save-every 3"""
    carried = """--data.tokenizer word --data.steps 5 --data.batch-size 6 --x.accumulate 2
        --model.cell lstm --model.embedding-size 8 --model.sizes 9 7 --model.dropout 0.1
        --model.state-dropout 0.1 --x.best-by perplexity --x.max-steps 40 --x.save-every 3
        --x.validate-every 7 --generation.max-tokens 5 --x.average last"""
    return {
        "drawn": Training(("train",), (*mix, *words(drawn)), 40, translate),
        "averaged": Training(("train",), (*pairs, *words(averaged)), 20, translate),
        "carried": Training(("lm", "train"), (*lines, *words(carried)), 40, continue_text),
    }


def check_usable(training: Training, run: Path) -> None:
    """From the first checkpoint on it can be loaded; before, an error says what is missing."""
    if (run / "last.safetensors").exists():
        training.load(run)
        return
    with pytest.raises(RunError, match=re.escape(str(run))):
        training.load(run)


def metrics(run: Path) -> list[dict[str, Any]]:
    """The lines of the log, without times; each one is whole."""
    lines = (run / "metrics.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b""
    rows = [json.loads(line) for line in lines]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def assert_same(one: Path, other: Path) -> None:
    """The same files; weights, position and log are the same to the bit, but for times."""
    assert {path.name for path in one.iterdir()} == {path.name for path in other.iterdir()}
    assert metrics(one) == metrics(other)
    for path in one.iterdir():
        if path.suffix == ".safetensors" and path.name != "last.safetensors":
            assert path.read_bytes() == (other / path.name).read_bytes(), path.name
    (tensors, state), (others, other_state) = (
        load_tensors(RunDirectory(each).last) for each in (one, other)
    )
    for part in (state, state["window"], other_state, other_state["window"]):
        del part["seconds"]
    assert state == other_state
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


def move(run: Path, generator: random.Random) -> Path:
    """The run under another name, or a copy of it, or left where it is."""
    new = run.with_name(f"{generator.randrange(10**9)}")
    what = generator.choice(("leave", "rename", "copy"))
    if what == "leave" or not run.exists():
        return run
    if what == "rename":
        return run.rename(new)
    return Path(shutil.copytree(run, new))


def run_whole(programs: Programs, training: Training, run: Path) -> None:
    """A training that is never stopped, to compare with."""
    status, said = programs.run(*training.command, "--run", run, *training.options)
    assert status == 0, said


def kill_often(
    programs: Programs, training: Training, whole: Path, folder: Path, kills: int, seed: int
) -> list[str]:
    """Kills a training at random moments, continues it to its end, and compares.

    Args:
        programs: what begins the training.
        training: what is killed.
        whole: the run of one that was not.
        folder: where the runs go.
        kills: how often.
        seed: what moments to choose.

    Returns:
        A line for each time: what happened.
    """
    run = folder / "killed"
    generator = random.Random(seed)
    happened: list[str] = []
    while len(happened) < kills:
        moment = draw_moment(generator, last_step(run), training.steps // 8)
        programs.begin(*training.begin_or_continue(run))
        in_write = strike(programs, run, moment)
        status, said = programs.wait()
        if status == 0:  # it was quicker: this one is done, and the next begins
            assert_same(whole, run)
            run = run.with_name(f"killed after {len(happened)}")
            continue
        where = " in a write" if in_write else ""
        happened.append(f"{signal.strsignal(moment.number)} at step {last_step(run)}{where}")
        story = "\n".join([*happened, said])
        assert status in (130, -moment.number), story
        assert "Traceback" not in said, story
        check_usable(training, run)
        run = move(run, generator)
    status, said = programs.run(*training.begin_or_continue(run))
    assert status == 0, said
    assert_same(whole, run)
    return happened


def main(arguments: Sequence[str] | None = None) -> None:
    """Kills every training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args(arguments)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        programs = Programs(Path(name))
        for title, training in trainings(Path(name)).items():
            folder = Path(name) / title
            folder.mkdir()
            print(title)
            whole, kills, seed = folder / "whole", settings.kills, settings.seed
            run_whole(programs, training, whole)
            for line in kill_often(programs, training, whole, folder, kills, seed):
                print(f"  {line}")
            print(f"  {time.perf_counter() - started:.0f} seconds", flush=True)
        programs.close()


if __name__ == "__main__":
    main()
