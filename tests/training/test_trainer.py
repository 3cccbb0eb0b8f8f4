"""The training loop: what it promises about stopping, continuing, keeping and reporting."""

import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from seq2seq.config.data import DataSettings
from seq2seq.config.experiment import Experiment
from seq2seq.config.training import SamplingSettings
from seq2seq.data.parallel import Corpora, ParallelCorpus
from seq2seq.errors import DataError, RunError, SettingsError, TrainingError
from seq2seq.runs.directory import RunDirectory
from seq2seq.runs.run import Run
from seq2seq.runs.tensors import load_tensors
from seq2seq.training.optimizer import learning_rate
from seq2seq.translation.ensemble import load_translation_model
from seq2seq.translation.task import TranslationTask
from seq2seq.translation.train import encode_corpus, train
from seq2seq.translation.translator import Translator
from tests.support.platforms import needs_posix
from tests.support.stopping import CrashError, make_trainer

pytestmark = pytest.mark.slow

Describe = Callable[..., Experiment]

TIMES = {"seconds", "tokens_per_second"}


def metrics(run: str | Path, kind: str | None = None) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl, without times."""
    lines = RunDirectory(run).metrics.read_bytes().decode().split("\n")
    rows = [json.loads(line) for line in lines if line]
    rows = [row for row in rows if kind in (None, row["kind"])]
    return [{key: value for key, value in row.items() if key not in TIMES} for row in rows]


def assert_same_run(one: str | Path, other: str | Path) -> None:
    """The same weights to the bit, the same position, the same log but for times."""
    first, second = RunDirectory(one), RunDirectory(other)
    assert metrics(one) == metrics(other)
    assert first.best.read_bytes() == second.best.read_bytes()
    (tensors, state), (others, other_state) = load_tensors(first.last), load_tensors(second.last)
    for part in (state, state["window"], other_state, other_state["window"]):
        del part["seconds"]
    assert state == other_state
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in tensors)


def resumed(experiment: Experiment) -> Experiment:
    """The same run, to be continued."""
    return replace(experiment, resume=True)


# ---------------------------------------------------------------------------------------------
# Stopping and continuing

HARD = {
    "sampling and sums of batches": {
        "accumulate": 2,
        "sampling": SamplingSettings(schedule="linear", slope=0.01, choice="sample"),
        "label_smoothing": 0.1,
    },
    "steps, sgd, plateau": {
        "optimizer": "sgd",
        "momentum": 0.9,
        "learning_rate": 0.5,
        "schedule": "plateau",
        "plateau_patience": 0,
        "sampling": SamplingSettings(schedule="constant", method="steps"),
        "clip_value": 0.1,
    },
    "averages": {"ema_decay": 0.9, "average": "best", "average_count": 2},
}


@pytest.mark.parametrize("crash", [False, True], ids=["Ctrl-C", "crash"])
@pytest.mark.parametrize("hard", HARD.values(), ids=HARD)
def test_a_continued_training_is_one_that_never_stopped(
    experiment: Describe, letters: Corpora, hard: dict[str, Any], crash: bool
) -> None:
    settings = {"max_steps": 30, "log_every": 4, "validate_every": 9, "save_every": 7, **hard}
    whole = experiment("whole", **settings)
    assert make_trainer(whole, letters).train() == "the budget is used up"
    parts = experiment("parts", **settings)
    # In the first update, in the middle of an epoch, right after a validation.
    for number, stop_at in enumerate((1, 11, 12)):
        trainer = make_trainer(parts, letters, resume=number > 0, stop_at=stop_at, crash=crash)
        if crash:
            with pytest.raises(CrashError):
                trainer.train()
        else:
            assert trainer.train() == "interrupted"
    moved = replace(parts, run=f"{parts.run} moved")
    os.rename(parts.run, moved.run)
    assert make_trainer(moved, letters, resume=True).train() == "the budget is used up"
    assert_same_run(whole.run, moved.run)
    assert make_trainer(moved, letters, resume=True).train() == "the budget is used up"
    assert_same_run(whole.run, moved.run)


def test_signals_are_handled_as_before_when_training_is_over(
    experiment: Describe, letters: Corpora
) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    make_trainer(experiment(max_steps=2), letters, stop_at=1).train()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_training_works_outside_the_main_thread(experiment: Describe, letters: Corpora) -> None:
    reasons: list[str] = []
    thread = threading.Thread(
        target=lambda: reasons.append(train(experiment(max_steps=2), letters))
    )
    thread.start()
    thread.join()
    assert reasons == ["the budget is used up"]


def start(arguments: list[str]) -> subprocess.Popen[str]:
    """Starts `seq2seq train` behind a pipe so small that it can't run far ahead of its reader."""
    process = subprocess.Popen(
        [sys.executable, "-m", "seq2seq", "train", *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    )
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
    return process


def stop(process: subprocess.Popen[str], number: int, step: int) -> str:
    """Sends a signal once a step has been logged; returns what the program said from then on."""
    assert process.stderr is not None
    for line in process.stderr:
        if f"step {step} " in line:
            break
    else:
        pytest.fail(f"step {step} was never reached")
    process.send_signal(number)
    return process.communicate(timeout=120)[1]


@needs_posix
def test_a_killed_program_continues_to_the_bit(
    experiment: Describe, tmp_path: Path, sample: Path
) -> None:
    """Everything on that draws random numbers; kill -9, a renamed folder, Ctrl-C, the end."""
    pairs = [
        "\t".join(pair)
        for pair in ParallelCorpus.read(sample / "train.en", sample / "train.fr")[:400]
    ]
    text = tmp_path / "pairs.tsv"
    text.write_text("\n".join(pairs) + "\n", encoding="utf-8")
    whole = experiment(
        "whole",
        max_steps=90,
        batch_tokens=300,
        accumulate=2,
        log_every=1,
        save_every=10,
        validate_every=30,
        threads=1,
        sampling=SamplingSettings(schedule="constant", rate=0.3),
    )
    data = DataSettings(
        train=str(text), validation_size=8, vocab_size=120, subword_sampling=0.2, joint=True
    )
    whole = replace(whole, data=data, seed=3)
    train(whole)
    arguments = [
        *("--data.train", str(text), "--data.validation-size", "8", "--data.vocab-size", "120"),
        *("--data.subword-sampling", "0.2", "--data.joint", "--seed", "3", "--device", "cpu"),
        *("--model.embedding-size", "8", "--model.encoder-sizes", "8", "--model.dropout", "0.1"),
        *("--model.cell", "gru", "--model.attention", "none", "--model.context", "both"),
        *("--model.decoder-sizes", "16", "--training.max-steps", "90"),
        *("--training.batch-tokens", "300", "--training.accumulate", "2"),
        *("--training.log-every", "1", "--training.save-every", "10", "--training.threads", "1"),
        *("--training.validate-every", "30", "--training.warmup-steps", "5"),
        *("--training.learning-rate", "1e-2", "--training.precision", "float32"),
        *("--training.sampling.schedule", "constant", "--training.sampling.rate", "0.3"),
    ]
    killed, moved = tmp_path / "killed", tmp_path / "moved"
    process = start([*arguments, "--run", str(killed)])
    stop(process, signal.SIGKILL, random.randint(11, 30))
    assert process.returncode == -signal.SIGKILL
    killed.rename(moved)
    # The settings come from the run.
    process = start(["--run", str(moved), "--resume", "--device", "cpu"])
    said = stop(process, signal.SIGINT, 35)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "the run will be saved" in said
    assert f"interrupted. The run is in {moved}; continue it with the same command" in said
    assert isinstance(Translator.load(moved, "cpu").translate("We must write a story."), str)
    stored = Run(moved).experiment(Experiment)
    assert replace(stored, run=whole.run, device="cpu") == whole
    assert train(replace(stored, resume=True, device="cpu")) == "the budget is used up"
    assert_same_run(whole.run, moved)


def test_the_log_forgets_what_a_continued_training_does_again(
    experiment: Describe, letters: Corpora
) -> None:
    settings = {"max_steps": 12, "log_every": 2, "save_every": 5, "validate_every": 100}
    whole = experiment("whole", **settings)
    train(whole, letters)
    crashed = experiment("crashed", **settings)
    with pytest.raises(CrashError):
        make_trainer(crashed, letters, stop_at=9, crash=True).train()
    log = RunDirectory(crashed.run).metrics
    assert [row["step"] for row in metrics(crashed.run)] == [2, 4, 6, 8]
    with log.open("a", encoding="utf-8") as file:
        # A sample with a character that some take for the end of a line; and a line cut in two.
        row = {"kind": "training", "step": 3, "text": "a\u2028b\x85c"}
        file.write(json.dumps(row, ensure_ascii=False) + '\n{"kind": "tra')
    make_trainer(crashed, letters, resume=True).train()
    assert [row["step"] for row in metrics(crashed.run)] == [2, 4, 3, 6, 8, 10, 12, 12]


def test_only_the_text_of_the_beginning_continues_a_run(
    experiment: Describe, letters: Corpora
) -> None:
    run = experiment(max_steps=3)
    train(run, letters)
    others = letters._replace(train=letters.train[:200])
    with pytest.raises(DataError, match=r"not what .* was begun with"):
        train(resumed(run), others)
    longer = replace(run.training, max_steps=5)
    assert train(replace(resumed(run), training=longer), letters) == "the budget is used up"
    assert metrics(run.run, "validation")[-1]["step"] == 5


def test_a_run_that_can_not_be_continued_says_so(experiment: Describe, letters: Corpora) -> None:
    run = experiment(max_steps=3)
    with pytest.raises(RunError, match="there is no run at"):
        train(resumed(run), letters)
    train(run, letters)
    directory = RunDirectory(run.run)
    good = directory.last.read_bytes()
    directory.last.write_bytes(good[:-10])
    with pytest.raises(RunError, match=r"last\.safetensors is damaged"):
        train(resumed(run), letters)
    directory.last.write_bytes(directory.best.read_bytes())
    with pytest.raises(RunError, match=r"last\.safetensors lacks weight"):
        train(resumed(run), letters)
    directory.last.unlink()
    with pytest.raises(RunError, match=r"last\.safetensors is missing"):
        train(resumed(run), letters)


# ---------------------------------------------------------------------------------------------
# The same seed, the same run


def test_the_seed_decides_everything(experiment: Describe, letters: Corpora) -> None:
    settings = {"max_steps": 12, "sampling": SamplingSettings(schedule="constant")}
    first, second = experiment("first", **settings), experiment("second", **settings)
    third = replace(experiment("third", **settings), seed=2)
    train(first, letters)
    torch.manual_seed(999)  # what was drawn before makes no difference
    train(second, letters)
    train(third, letters)
    assert_same_run(first.run, second.run)
    best = [RunDirectory(each.run).best.read_bytes() for each in (first, third)]
    assert best[0] != best[1]


# ---------------------------------------------------------------------------------------------
# When it ends


@pytest.mark.parametrize(
    ("budget", "steps"),
    [
        ({"max_steps": 5}, 5),
        ({"max_steps": 5, "epochs": 100, "minutes": 1000}, 5),
        ({"max_steps": 500, "epochs": 1.5}, 1.5),
        ({"max_steps": 500, "epochs": 1.5, "accumulate": 2}, 0.75),
        ({"max_steps": 500, "minutes": 1e-9}, 1),
    ],
)
def test_the_first_budget_that_is_used_up_ends_it(
    experiment: Describe, letters: Corpora, budget: dict[str, Any], steps: float
) -> None:
    trainer = make_trainer(experiment(**budget), letters)
    assert trainer.train() == "the budget is used up"
    if isinstance(steps, float):
        batches = len(trainer.task.batches(0))
        assert batches > 4
        assert abs(trainer.state.step - steps * batches) <= 1
    else:
        assert trainer.state.step == steps
    assert metrics(trainer.run.path, "validation")[-1]["step"] == trainer.state.step


def test_patience_ends_it(experiment: Describe, letters: Corpora) -> None:
    settings = {"max_steps": 100, "validate_every": 2, "patience": 3, "best_by": "perplexity"}
    run = experiment(**settings, learning_rate=1e-30, schedule="constant")
    assert train(run, letters) == "no improvement in 3 validations"
    assert [row["step"] for row in metrics(run.run, "validation")] == [2, 4, 6, 8]
    assert [row["best"] for row in metrics(run.run, "validation")] == [True, False, False, False]
    assert train(resumed(run), letters) == "no improvement in 3 validations"


def test_text_of_the_settings_goes_before_what_a_recipe_brings(
    experiment: Describe, letters: Corpora, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.tsv"
    own.write_text("a b\tb a\nc\tc\n \td\n")
    run = experiment(max_steps=1)
    train(replace(run, data=replace(run.data, train=str(own))), letters)
    said = capsys.readouterr().err
    assert "own.tsv: 3 pairs read, 1 dropped for an empty side, 2 kept" in said
    assert "others: 40 pairs" in said
    assert "\n2 training pairs, vocabularies of 7 and 7" in said


def test_no_budget_and_no_run_are_mistakes(experiment: Describe, letters: Corpora) -> None:
    with pytest.raises(SettingsError, match=r"no budget: give --training\.minutes"):
        train(experiment(), letters)
    with pytest.raises(SettingsError, match="no run directory"):
        train(replace(experiment(max_steps=1), run=""), letters)
    missing = "cuda" if torch.backends.mps.is_available() else "mps"  # no machine has both
    with pytest.raises(SettingsError, match=f"device {missing} is not available"):
        train(replace(experiment(max_steps=1), device=missing), letters)
    assert not Path(experiment().run).exists()


def test_a_loss_that_is_not_finite_ends_it(experiment: Describe, letters: Corpora) -> None:
    run = experiment(
        max_steps=50, learning_rate=1e30, warmup_steps=0, schedule="constant", validate_every=40
    )
    with pytest.raises(TrainingError, match=r"not finite at step \d+ \(.*learning rate 1e\+30\)"):
        train(run, letters)
    tensors, state = load_tensors(RunDirectory(run.run).last)
    assert state["step"] == 0
    assert all(bool(tensor.isfinite().all()) for tensor in tensors.values())
    assert not RunDirectory(run.run).best.exists()


# ---------------------------------------------------------------------------------------------
# What it keeps


@pytest.fixture
def overfitted(experiment: Describe, letters: Corpora) -> tuple[Experiment, Corpora]:
    """A run that learns a handful of pairs by heart: validation gets worse and worse."""
    few = letters._replace(train=letters.train[:12])
    run = experiment(
        max_steps=120,
        validate_every=10,
        log_every=10,
        best_by="perplexity",
        warmup_steps=0,
        learning_rate=2e-2,
        schedule="plateau",
        plateau_patience=1,
        plateau_factor=0.5,
    )
    train(run, few)
    return run, few


def test_the_best_weights_are_kept(overfitted: tuple[Experiment, Corpora]) -> None:
    run, corpora = overfitted
    rows = metrics(run.run, "validation")
    best = min(rows, key=lambda row: row["loss"])
    assert best["step"] < rows[-1]["step"]
    assert [row["best"] for row in rows] == [
        row["loss"] == min(other["loss"] for other in rows[: number + 1])
        for number, row in enumerate(rows)
    ]
    directory = RunDirectory(run.run)
    _, state = load_tensors(directory.best)
    assert state == {"step": best["step"], "loss": best["loss"], "bleu": best["bleu"]}
    model, source, target, *_ = load_translation_model(Run(directory.path))
    model.eval()
    task = TranslationTask(model, corpora, *encode_corpus((source, target), corpora.train), run)
    assert task.validate(torch.device("cpu")).loss == best["loss"]


def test_one_word_sentences_are_chosen_by_chrf(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    def short(corpus: ParallelCorpus) -> ParallelCorpus:
        words = ["".join(text.split()) for text in corpus.sources]
        return ParallelCorpus(words, [word[::-1] for word in words])

    run = experiment(max_steps=30, validate_every=10, warmup_steps=0)
    run = replace(run, data=replace(run.data, tokenizer="character"))
    train(run, Corpora(*map(short, letters)))
    assert "BLEU is of no use here" in capsys.readouterr().err
    rows = metrics(run.run, "validation")
    best = [row["step"] for row in rows if row["best"]]
    assert all(row["bleu"] == 0 for row in rows)
    assert best[-1] == max(rows, key=lambda row: row["chrf"])["step"] > 10
    assert load_tensors(RunDirectory(run.run).best)[1]["step"] == best[-1]


def test_among_weights_without_any_bleu_the_last_are_kept(
    experiment: Describe, letters: Corpora
) -> None:
    run = experiment(max_steps=6, validate_every=2)
    foreign = ParallelCorpus(letters.validation.sources, ["p q r s t"] * len(letters.validation))
    train(run, letters._replace(validation=foreign))
    rows = metrics(run.run, "validation")
    assert [row["bleu"] for row in rows] == [0, 0, 0]
    assert load_tensors(RunDirectory(run.run).best)[1]["step"] == 6


@pytest.mark.parametrize(("metric", "sign"), [("chrf", 1), ("ter", -1)])
def test_any_metric_chooses_the_best_weights(
    experiment: Describe, letters: Corpora, metric: str, sign: int
) -> None:
    run = experiment(max_steps=40, validate_every=10, best_by=metric, warmup_steps=0)
    train(run, letters)
    rows = metrics(run.run, "validation")
    scores = [sign * row[metric] for row in rows]
    assert [row["best"] for row in rows] == [
        all(score > before for before in scores[:number]) for number, score in enumerate(scores)
    ]
    assert len(set(scores)) > 1


def test_a_plateau_cuts_the_learning_rate(overfitted: tuple[Experiment, Corpora]) -> None:
    run, _ = overfitted
    cuts = unimproved = 0
    expected = []
    for row in metrics(run.run, "validation"):
        expected.append(run.training.learning_rate * 0.5**cuts)  # logged before the validation
        unimproved = 0 if row["best"] else unimproved + 1
        cuts += unimproved > 0 and unimproved % 2 == 0
    assert cuts > 1
    logged = [row["learning_rate"] for row in metrics(run.run, "training")]
    assert logged == pytest.approx(expected)


def test_weights_of_a_run_without_validation_are_its_last(
    experiment: Describe, letters: Corpora
) -> None:
    run = experiment(max_steps=9, save_every=4, validate_every=100)
    trainer = make_trainer(run, letters, stop_at=6)
    assert trainer.train() == "interrupted"
    model = load_translation_model(Run(run.run)).model
    for found, weight in zip(model.parameters(), trainer.model.parameters(), strict=True):
        assert torch.equal(found, weight)


def test_an_existing_run_is_safe(experiment: Describe, letters: Corpora, tmp_path: Path) -> None:
    run = experiment(max_steps=2)
    train(run, letters)
    before = {path.name: path.read_bytes() for path in Path(run.run).iterdir()}
    with pytest.raises(RunError, match="--overwrite"):
        train(replace(run, seed=5), letters)
    assert {path.name: path.read_bytes() for path in Path(run.run).iterdir()} == before
    train(replace(run, seed=5, overwrite=True), letters)
    assert Run(run.run).experiment(Experiment).seed == 5
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match="never deleted"):
        train(replace(run, run=str(tmp_path), overwrite=True), letters)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


# ---------------------------------------------------------------------------------------------
# What it computes


def test_two_half_batches_are_one(experiment: Describe, letters: Corpora) -> None:
    alike = [line for line in letters.train.sources if len(line.split()) == 4]
    alike = alike[: len(alike) // 2 * 2]
    text = ParallelCorpus(alike, alike, "sequences of four")
    corpora = letters._replace(train=text)
    weights = []
    for name, share, accumulate in (("one", 1, 1), ("two", 2, 2)):
        run = experiment(
            name,
            max_steps=3,
            optimizer="sgd",
            learning_rate=0.5,
            weight_decay=0.0,
            label_smoothing=0.1,
            batch_tokens=5 * len(alike) // share,
            accumulate=accumulate,
            warmup_steps=0,
        )
        run = replace(run, model=replace(run.model, dropout=0.0))
        trainer = make_trainer(run, corpora)
        assert len(trainer.task.batches(0)) == share
        trainer.train()
        assert trainer.state.step == 3
        weights.append(list(trainer.model.parameters()))
    for one, two in zip(*weights, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "auto"])
def test_both_precisions_learn(experiment: Describe, letters: Corpora, precision: str) -> None:
    run = experiment(max_steps=90, precision=precision, log_every=20)
    train(run, letters)
    losses = [row["loss"] for row in metrics(run.run, "training")]
    assert losses[-1] < 0.9 * losses[0]
    tensors, _ = load_tensors(RunDirectory(run.run).best)
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float32}


# ---------------------------------------------------------------------------------------------
# What it reports


def test_real_tokens_are_counted(experiment: Describe, letters: Corpora) -> None:
    trainer = make_trainer(experiment(epochs=1, log_every=1000), letters)
    trainer.train()
    words = sum(len(line.split()) + 1 for line in letters.train.targets)  # one more for eos
    assert trainer.state.window.tokens == words


def test_the_log_says_all_there_is_to_say(trained: Path) -> None:
    experiment = Run(trained).experiment(Experiment)
    lines = RunDirectory(trained).metrics.read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    training = [row for row in rows if row["kind"] == "training"]
    validation = [row for row in rows if row["kind"] == "validation"]
    assert [row["step"] for row in training] == [40, 80, 120, 160, 200, 240]
    seconds = [row["seconds"] for row in rows]
    assert seconds == sorted(seconds)
    for row in training:
        assert row.keys() == {
            *("kind", "step", "epoch", "seconds", "loss", "perplexity", "tokens_per_second"),
            *("gradient_norm", "learning_rate", "sampling_rate", "skipped"),
        }
        before = row["step"] - 1  # the rates are those of the update that was just made
        assert row["learning_rate"] == pytest.approx(
            learning_rate(experiment.training, step=before, progress=before / 240)
        )
        assert row["sampling_rate"] == 0
        assert row["tokens_per_second"] > 0
        assert row["gradient_norm"] > 0
    assert training[-1]["loss"] < training[0]["loss"]
    for row in validation:
        assert row.keys() == {
            *("kind", "step", "epoch", "seconds", "loss", "perplexity", "bleu", "best", "samples"),
        }
        assert row["perplexity"] == pytest.approx(math.exp(row["loss"]))
        assert 0 <= row["bleu"] <= 100
        assert len(row["samples"]) == 3
        assert all(
            sample.keys() == {"source", "reference", "hypothesis"} for sample in row["samples"]
        )
    assert validation[-1]["bleu"] > 5


def test_the_sampling_rate_follows_its_schedule(experiment: Describe, letters: Corpora) -> None:
    for unit, factor in (("steps", 1), ("percent", 5)):
        sampling = SamplingSettings(schedule="linear", slope=0.01, floor=0.3, unit=unit)
        run = experiment(unit, max_steps=20, log_every=5, sampling=sampling)
        train(run, letters)
        rates = [row["sampling_rate"] for row in metrics(run.run, "training")]
        assert rates == pytest.approx([min(0.01 * factor * n, 0.7) for n in (4, 9, 14, 19)])


def test_what_is_dropped_is_reported(
    experiment: Describe, letters: Corpora, capsys: pytest.CaptureFixture[str]
) -> None:
    run = experiment(max_steps=2)
    data = replace(run.data, max_length=5)
    train(replace(run, data=data), letters)
    long = sum(len(line.split()) > 5 for line in letters.train.sources)
    said = capsys.readouterr()
    assert f"{long} training pairs left out for more than 5 tokens on a side" in said.err
    assert said.out == "", "stdout carries results only"
    many = letters._replace(train=ParallelCorpus(["a b c"], ["a b c"]))
    with pytest.raises(DataError, match="no training pair has at most 1 tokens"):
        train(replace(experiment("x", max_steps=2), data=replace(data, max_length=1)), many)
