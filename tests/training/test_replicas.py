"""Several processes share an update, and it is that of one; none outlives its parent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageDataSettings, LanguageExperiment
from seq2seq.config.noise import NoiseSettings
from seq2seq.config.training import SamplingSettings, TrainingSettings
from seq2seq.data.parallel import Corpora
from seq2seq.errors import SettingsError, TrainingError
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors
from seq2seq.training.replicas import Replicas, check_processes, settle_processes
from seq2seq.training.task import Validation
from seq2seq.translation.task import TranslationTask
from seq2seq.translation.train import train
from tests.support.platforms import can_fork, needs_posix

pytestmark = needs_posix
Describe = Callable[..., Experiment]


def last_weights(run: Experiment) -> dict[str, torch.Tensor]:
    tensors = load_tensors(RunDirectory(run.run).last)[0]
    return {name: each for name, each in tensors.items() if name.startswith("model.")}


@can_fork
@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_the_update_is_that_of_one_process(
    experiment: Describe, letters: Corpora, processes: int
) -> None:
    settings = {"max_steps": 50, "batch_tokens": 60, "accumulate": 2, "validate_every": 20}
    alone, together = experiment("alone", **settings), experiment("together", **settings)
    same = {
        "model": replace(alone.model, dropout=0.0),
        "data": replace(alone.data, noise=NoiseSettings(drop=0.1, switch_out=0.5)),
    }
    alone = replace(alone, **same)
    together = replace(together, **same, training=replace(together.training, processes=processes))
    threads = torch.get_num_threads()
    assert train(alone, letters) == train(together, letters) == "the budget is used up"
    assert torch.get_num_threads() == threads
    found = last_weights(together)
    for name, weight in last_weights(alone).items():
        torch.testing.assert_close(found[name], weight, rtol=1e-4, atol=1e-5)


@can_fork
@pytest.mark.slow
def test_a_continued_training_is_one_that_never_stopped(
    experiment: Describe, letters: Corpora
) -> None:
    settings = {
        "batch_tokens": 60,
        "processes": 2,
        "save_every": 5,
        "ema_decay": 0.9,
        "sampling": SamplingSettings(schedule="constant", rate=0.3),
    }
    whole = experiment("whole", max_steps=20, schedule="constant", **settings)
    cut = experiment("cut", max_steps=10, schedule="constant", **settings)
    train(whole, letters)
    train(cut, letters)
    train(replace(cut, resume=True, training=replace(cut.training, max_steps=20)), letters)
    found = last_weights(cut)
    for name, weight in last_weights(whole).items():
        assert found[name].equal(weight), name
    (said,) = replace(whole, training=replace(whole.training, processes=3)).resume_problems(whole)
    assert "so this can't change: --training.processes 3 (it is 2)" in said


class Numbers(tuple):  # type: ignore[type-arg]
    """A batch of numbers."""

    @classmethod
    def _make(cls, parts: Iterable[int]) -> "Numbers":
        return cls(parts)

    def split(self, count: int) -> "list[Numbers]":
        return [Numbers(self[place::count]) for place in range(count)]


def test_what_one_process_meets_is_raised(letters: Corpora) -> None:
    parent = os.getpid()
    model = torch.nn.Linear(2, 1)

    def compute(
        batches: list[Numbers], tokens: int, rate: float, generator: torch.Generator
    ) -> tuple[float, float]:
        if rate == 1 and os.getpid() != parent:
            raise RuntimeError("not enough memory")
        if rate == 2 and os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        total = sum(number for batch in batches for number in batch)
        for weight in model.parameters():
            weight.grad = torch.full_like(weight, float(total))
        return float(total), float(len(batches))

    generator = torch.Generator()
    with Replicas(model, compute, 3) as replicas:
        assert replicas.gradients([Numbers((1, 2, 3, 4))], 4, 0.0, generator) == (10.0, 3.0)
        assert all(bool((weight.grad == 10).all()) for weight in model.parameters())
        with pytest.raises(RuntimeError, match="not enough memory"):
            replicas.gradients([Numbers((1, 2, 3))], 3, 1.0, generator)
        assert replicas.gradients([Numbers((5,))], 1, 0.0, generator)[0] == 5.0
        processes = [other.process for other in replicas.others]
        with pytest.raises(TrainingError, match=r"one of the processes .* has ended"):
            replicas.gradients([Numbers((1, 2, 3))], 3, 2.0, generator)
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def children(process: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="ps of Linux")
@pytest.mark.parametrize("victim", ["parent", "child"])
def test_no_process_outlives_another(tmp_path: Path, sample: Path, victim: str) -> None:
    run = tmp_path / "run"
    options = ["--device", "cpu", "--training.save-every", "2", "--training.log-every", "1"]
    begin = [
        *("--data.train", sample / "train.en", "--data.train-target", sample / "train.fr"),
        *("--data.vocab-size", "200", "--model.embedding-size", "8", "--model.encoder-sizes", "8"),
        *("--model.decoder-sizes", "8", "--training.max-steps", "100000", "--run", run),
        *("--training.batch-tokens", "256", "--training.processes", "3", *options),
    ]
    command = [sys.executable, "-m", "seq2seq", "train"]
    with subprocess.Popen(
        [*command, *map(str, begin)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "step 4 " in line:
                break
        others = children(process.pid)
        assert len(others) == 2
        os.kill(process.pid if victim == "parent" else others[0], signal.SIGKILL)
        said = process.stderr.read()
        code = process.wait(timeout=60)
    if victim == "child":
        assert code == 2
        assert "Traceback" not in said
        assert "one of the processes of this training has ended" in said
    latest = time.monotonic() + 30
    while any(Path(f"/proc/{other}").exists() for other in others):
        assert time.monotonic() < latest, "a process outlives its parent"
        time.sleep(0.05)
    again = ["--run", run, "--resume", "--training.max-steps", "12", *options]
    assert subprocess.run([*command, *map(str, again)], check=False).returncode == 0


def test_where_there_can_be_none_it_is_said() -> None:
    check_processes(1, torch.device("cuda"))
    with pytest.raises(SettingsError, match=r"processes 2 is for processors .* this is cuda"):
        check_processes(2, torch.device("cuda"))
    with pytest.raises(SettingsError, match=r"processes 2 has no effect with --data\.win"):
        LanguageExperiment(training=TrainingSettings(processes=2, best_by="perplexity"))
    LanguageExperiment(
        data=LanguageDataSettings(windows="sentences"),
        training=TrainingSettings(processes=2, best_by="perplexity"),
    )


@pytest.mark.parametrize(
    ("threads", "given", "expected"), [(2, 0, 2), (1, 0, 1), (4, 0, 1), (2, 2, 1)]
)
def test_0_processes_are_two_on_two_cores(threads: int, given: int, expected: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        settings = settle_processes(TrainingSettings(processes=0, threads=given), "cpu")
    finally:
        torch.set_num_threads(before)
    assert settings.processes == (expected if sys.platform == "linux" else 1)
    assert settle_processes(TrainingSettings(processes=3), "cpu").processes == 3


@can_fork
@pytest.mark.slow
def test_a_continued_run_keeps_the_number_of_processes_that_it_recorded(
    experiment: Describe, letters: Corpora
) -> None:
    run = experiment("run", max_steps=4)
    run = replace(run, training=replace(run.training, processes=2))
    train(run, letters)
    more = replace(run.training, processes=0, max_steps=6)
    train(replace(run, training=more, resume=True), letters)
    assert Run(run.run).experiment(Experiment).training.processes == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_run_of_two_processes_goes_on_on_a_gpu(
    experiment: Describe, letters: Corpora, programs: Any, tmp_path: Path
) -> None:
    table, run = tmp_path / "letters.tsv", tmp_path / "run"
    pairs = zip(letters.train.sources, letters.train.targets, strict=True)
    table.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    begin = ["train", table, "--run", run, "--training.max-steps"]
    two = ["--device", "cpu", "--training.processes", 2]
    status, said = programs.run(*begin, 4, *two)
    assert status == 0, said
    status, said = programs.run("train", "--run", run, "--resume", "--training.max-steps", 6)
    assert status == 0, said
    assert "begun by 2 processes" in said
    assert Run(run).experiment(Experiment).training.processes == 1


@can_fork
@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors can't be chosen here")
def test_a_training_gives_its_processors_back_after_each_update(
    experiment: Describe, letters: Corpora, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.sched_getaffinity(0)
    processes = len(before)
    if not 1 < processes <= 8:
        pytest.skip("as many processes as processors are too few or too many here")
    seen = []
    validate = TranslationTask.validate

    def watched(task: TranslationTask, device: torch.device) -> Validation:
        seen.append(os.sched_getaffinity(0))
        return validate(task, device)

    monkeypatch.setattr(TranslationTask, "validate", watched)
    run = experiment("run", max_steps=3)
    train(replace(run, training=replace(run.training, processes=processes)), letters)
    assert seen
    assert all(each == before for each in seen)
    assert os.sched_getaffinity(0) == before
