"""Ranks of torchrun share an update, and it is that of one process; they end together."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from seq2seq.cli.main import main
from seq2seq.cli.parse import parse_experiment
from seq2seq.config.experiment import Experiment
from seq2seq.config.language_model import LanguageDataSettings, LanguageExperiment
from seq2seq.config.training import SamplingSettings, TrainingSettings
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import SettingsError
from seq2seq.language_modeling.task import TextSplits
from seq2seq.language_modeling.train import train_language_model
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors
from seq2seq.training.fit import fit
from seq2seq.training.preflight import preflight
from seq2seq.translation.train import train
from tests.benchmarks.scaling import exchange, recipe_model
from tests.support.platforms import can_fork, needs_posix
from tests.support.ranks import begin_ranks, end_stores, wait_for

pytestmark = [needs_posix, can_fork, pytest.mark.slow]
Describe = Callable[..., Experiment]


@pytest.fixture(autouse=True)
def stores() -> Iterator[None]:
    yield
    end_stores()


def last_weights(run: str) -> dict[str, torch.Tensor]:
    tensors = load_tensors(RunDirectory(run).last)[0]
    return {name: each for name, each in tensors.items() if name.startswith("model.")}


def assert_close(run: str, other: str) -> None:
    found = last_weights(run)
    for name, weight in last_weights(other).items():
        torch.testing.assert_close(found[name], weight, rtol=1e-4, atol=1e-5)


def assert_equal(run: str, other: str) -> None:
    found = last_weights(run)
    for name, weight in last_weights(other).items():
        assert found[name].equal(weight), name


def train_in_ranks(count: int, run: Experiment, letters: Corpora, launch: str = "tests") -> str:
    """Trains; returns what all ranks said."""
    said = Path(run.run + ".said")
    codes = wait_for(begin_ranks(count, lambda: train(run, letters), said, launch))
    texts = [Path(f"{said}.{number}").read_text(encoding="utf-8") for number in range(count)]
    assert codes == [0] * count, "\n".join(texts)
    assert not any(texts[1:])  # messages appear once
    return texts[0]


def without_dropout(run: Experiment) -> Experiment:
    return replace(run, model=replace(run.model, dropout=0.0))


@pytest.mark.parametrize(("memory", "updates"), [(None, 50), (0.02, 10)])
def test_the_update_is_that_of_one_process(
    experiment: Describe, letters: Corpora, memory: float | None, updates: int
) -> None:
    settings = {"max_steps": updates, "batch_tokens": 60, "accumulate": 2, "validate_every": 20}
    alone = without_dropout(experiment("alone", **settings))
    together = without_dropout(experiment("together", **settings, memory=memory))
    train(alone, letters)
    said = train_in_ranks(2, together, letters)
    assert "2 ranks of torchrun" in said
    assert ("it is cut into" in said) == (memory is not None)
    assert_close(together.run, alone.run)


def test_another_number_of_ranks_goes_on_with_the_same_batches(
    experiment: Describe, letters: Corpora
) -> None:
    settings = {"schedule": "constant", "batch_tokens": 60}
    alone = without_dropout(experiment("alone", max_steps=30, **settings))
    cut = without_dropout(experiment("cut", max_steps=15, **settings))
    train(alone, letters)
    train_in_ranks(3, cut, letters)
    more = replace(cut, resume=True, training=replace(cut.training, max_steps=30))
    train_in_ranks(2, more, letters)
    assert_close(cut.run, alone.run)
    metadata = Run(cut.run).metadata
    assert metadata["begun"]["ranks"] == 3
    assert metadata["continued"][-1]["ranks"] == 2


def test_a_restart_by_torchrun_continues_to_the_same_bits(
    experiment: Describe, letters: Corpora
) -> None:
    settings = {
        "schedule": "constant",
        "batch_tokens": 60,
        "save_every": 5,
        "ema_decay": 0.9,
        "sampling": SamplingSettings(schedule="constant", rate=0.3),
    }
    whole, cut = (experiment(name, max_steps=20, **settings) for name in ("whole", "cut"))
    train_in_ranks(2, whole, letters)
    train_in_ranks(2, replace(cut, training=replace(cut.training, max_steps=10)), letters, "a")
    train_in_ranks(2, cut, letters, "a")
    assert_equal(cut.run, whole.run)
    # Of another start, the run is in the way as ever; of torchrun's own, also one that began anew.
    other = begin_ranks(1, lambda: train(cut, letters), Path(cut.run + ".said"), "b")
    assert wait_for(other) == [2]
    assert "exists already" in Path(cut.run + ".said.0").read_text(encoding="utf-8")
    RunDirectory(cut.run).last.unlink()
    train_in_ranks(2, replace(cut, training=replace(cut.training, max_steps=20)), letters, "a")
    assert_equal(cut.run, whole.run)


def test_gradients_in_bfloat16_are_close(experiment: Describe, letters: Corpora) -> None:
    runs = [experiment(name, max_steps=10) for name in ("float32", "bfloat16")]
    rounded = replace(runs[1], training=replace(runs[1].training, reduce_precision="bfloat16"))
    train_in_ranks(2, runs[0], letters)
    train_in_ranks(2, rounded, letters)
    exact, near = last_weights(runs[0].run), last_weights(rounded.run)
    assert any(not near[name].equal(weight) for name, weight in exact.items())
    for name, weight in exact.items():
        torch.testing.assert_close(near[name], weight, rtol=0, atol=0.1)


def test_a_language_model_of_sentences(tmp_path: Path, letters: Corpora) -> None:
    run = LanguageExperiment(
        run=str(tmp_path / "together"),
        device="cpu",
        data=LanguageDataSettings(windows="sentences", tokenizer="word"),
        training=TrainingSettings(max_steps=10, best_by="perplexity", precision="float32"),
    )
    run = replace(run, model=replace(run.model, sizes=(8,), embedding_size=8, dropout=0.0))
    texts = TextSplits(letters.train.sources, letters.validation.sources)
    alone = replace(run, run=str(tmp_path / "alone"))
    train_language_model(alone, texts)
    ranks = begin_ranks(2, lambda: train_language_model(run, texts), tmp_path / "said")
    assert wait_for(ranks) == [0, 0]
    assert_close(run.run, alone.run)


def wait_until_it_trains(run: str) -> None:
    latest = time.monotonic() + 60
    while not Path(run, "metrics.jsonl").is_file():
        assert time.monotonic() < latest
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_completes_the_step_and_ends_all(
    experiment: Describe, letters: Corpora, number: int
) -> None:
    run = experiment(max_steps=10**6, log_every=1)
    reasons = Path(run.run + ".reason")
    ranks = begin_ranks(
        2,
        lambda: reasons.write_text(train(run, letters), encoding="utf-8"),
        Path(run.run + ".said"),
    )
    wait_until_it_trains(run.run)
    for _ in range(2):  # of the terminal, and of torchrun
        for rank in ranks:
            with contextlib.suppress(ProcessLookupError):
                os.kill(rank, number)
    assert wait_for(ranks) == [0, 0]
    assert reasons.read_text(encoding="utf-8") == "interrupted"
    state = load_tensors(RunDirectory(run.run).last)[1]
    rows = Path(run.run, "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    assert state["step"] == json.loads(rows[-1])["step"]


@pytest.mark.parametrize(
    ("victim", "how"), [(0, signal.SIGKILL), (1, signal.SIGKILL), (1, signal.SIGSTOP)]
)
def test_a_rank_that_is_lost_ends_the_others(
    experiment: Describe, letters: Corpora, victim: int, how: signal.Signals
) -> None:
    run = experiment(max_steps=10**6, log_every=1, rank_timeout=5.0)
    said = Path(run.run + ".said")
    ranks = begin_ranks(2, lambda: train(run, letters), said)
    wait_until_it_trains(run.run)
    os.kill(ranks[victim], how)
    begun = time.monotonic()
    (code,) = wait_for([ranks[1 - victim]])
    assert code == 2
    assert time.monotonic() - begun < 30
    text = Path(f"{said}.{1 - victim}").read_text(encoding="utf-8")
    prefix = "error: rank 1: " if victim == 0 else "error: "
    assert f"{prefix}another process of this training has ended, or has not" in text
    assert "Traceback" not in text
    with contextlib.suppress(ProcessLookupError):
        os.kill(ranks[victim], signal.SIGKILL)
    wait_for([ranks[victim]])
    more = replace(run, resume=True, training=replace(run.training, max_steps=1, epochs=None))
    train(more, letters)


@pytest.mark.parametrize("stopped", [False, True])
def test_rank_0_may_validate_for_longer_than_it_may_be_silent(
    experiment: Describe, letters: Corpora, *, stopped: bool
) -> None:
    long = Corpora(letters.train, ParallelCorpus.join([letters.validation] * 2000))
    run = experiment(max_steps=1, log_every=1, rank_timeout=3.0)
    said = Path(run.run + ".said")
    ranks = begin_ranks(3, lambda: train(run, long), said)
    wait_until_it_trains(run.run)  # then it validates for some seconds, while the others wait
    if not stopped:
        assert wait_for(ranks) == [0, 0, 0]
        return
    os.kill(ranks[0], signal.SIGSTOP)
    assert wait_for(ranks[1:]) == [2, 2]
    for number in (1, 2):
        text = Path(f"{said}.{number}").read_text(encoding="utf-8")
        assert text.startswith(f"error: rank {number}: another process of this training has ended")
    os.kill(ranks[0], signal.SIGKILL)
    wait_for(ranks[:1])


def test_torchrun_starts_anew_and_nothing_is_lost(tmp_path: Path, sample: Path) -> None:
    run = tmp_path / "run"
    options = [
        *(sample / "train.en", sample / "train.fr", "--device", "cpu"),
        *("--data.vocab-size", "200", "--model.embedding-size", "8", "--model.encoder-sizes", "8"),
        *("--model.decoder-sizes", "8", "--training.batch-tokens", "256", "--run-dir", run),
        *("--training.log-every", "1", "--training.save-every", "2"),
        *("--training.max-steps", "40", "--training.precision", "float32"),
    ]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", "-m", "seq2seq", "train", *map(str, options)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "step 6 " in line:
                break
        os.kill(rank_of(process.pid, 1), signal.SIGKILL)
        said = process.stderr.read()
        assert process.wait(timeout=120) == 0, said
    assert said.count(f"torchrun has started its processes anew: {run} is continued") == 1
    assert "Traceback" not in said
    rows = [json.loads(row) for row in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [row["step"] for row in rows if row["kind"] == "training"] == [*range(1, 41)]


def rank_of(agent: int, number: int) -> int:
    """The process of torchrun that has a number."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(agent)], capture_output=True, text=True, check=True
    )
    for process in map(int, listed.stdout.split()):
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        if f"RANK={number}".encode() in variables:
            return process
    raise AssertionError(listed.stdout)


def test_what_an_update_exchanges_is_counted(tmp_path: Path) -> None:
    ranks = begin_ranks(2, lambda: exchange("bfloat16", 64, 1), tmp_path / "said")
    assert wait_for(ranks) == [0, 0]
    found = json.loads((tmp_path / "said.0").read_text(encoding="utf-8"))
    weights = sum(each.numel() for each in recipe_model().parameters())
    assert found["bytes"] >= weights * (4 + 2 + 2)  # weights there, gradients there and back


@pytest.fixture
def rank_0_of_2(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "LOCAL_RANK"):
        monkeypatch.setenv(name, "0")
    for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"):
        monkeypatch.setenv(name, "2")
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "tests")


@pytest.mark.usefixtures("rank_0_of_2")
def test_what_torchrun_does_not_share_is_refused(experiment: Describe) -> None:
    windows = LanguageExperiment(
        run="runs/a", training=TrainingSettings(max_steps=1, best_by="perplexity")
    )
    with pytest.raises(SettingsError, match=r"none of --data\.windows sequential: give --data\."):
        preflight(windows)
    with pytest.raises(SettingsError, match=r"--training.processes 3: torchrun has started 2 pro"):
        preflight(experiment(max_steps=1, processes=3))
    with pytest.raises(SettingsError, match="leave out torchrun"):
        fit(
            torch.nn.Linear(1, 1),
            [1.0],
            [1.0],
            lambda _: torch.zeros(1),
            TrainingSettings(max_steps=1),
            length=lambda _: 1,
        )


@pytest.mark.usefixtures("rank_0_of_2")
@pytest.mark.parametrize(
    "command", ["translate runs/a", "prepare a.tsv", "lm ngram", "show --help"]
)
def test_other_commands_are_for_one_process(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(command.split())
    assert "is for one process: leave out torchrun" in capsys.readouterr().err
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert not ended.value.code
    assert not capsys.readouterr().err


def test_what_has_no_effect_without_torchrun_is_refused(experiment: Describe) -> None:
    changes = {"reduce_precision": "bfloat16", "rank_timeout": 5.0}
    with pytest.raises(SettingsError) as refused:
        preflight(experiment(max_steps=1, **changes))
    assert "--training.reduce-precision bfloat16 has no effect without torchrun" in str(
        refused.value
    )
    assert "--training.rank-timeout 5.0 has no effect without torchrun" in str(refused.value)


@pytest.mark.parametrize("option", ["--run", "--run-dir", "--run_dir"])
def test_the_run_directory_has_another_name(tmp_path: Path, option: str) -> None:
    path = str(tmp_path / "run")
    default = Experiment(training=TrainingSettings(max_steps=1))
    assert parse_experiment(default, [option, path]).run == path
    assert parse_experiment(default, [f"{option}={path}"]).run == path
