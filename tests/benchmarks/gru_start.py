"""How a GRU should start: trainings that differ in the bias of the update gate alone.

    python -m tests.benchmarks.gru_start --text timemachine.txt --pairs eng-fra.tsv.gz

For each bias, a character language model, a translation model whose context vector is all that the
decoder has, and the copy task are trained for the same number of updates. Printed is the loss on
held-out text at the end, in nats for each token, of each seed; and before training, how much of the
gradient reaches so many steps back. The bias is that of a gate which at 1 keeps the old state.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

import seq2seq
from seq2seq.config.data import DataSettings
from seq2seq.data.token_stream import TokenStream
from seq2seq.data.tokenizers.pipeline import build_pipeline
from seq2seq.evaluation.gradient_flow import fresh_network, text_gradient_flow, windows
from seq2seq.models.cells.gated import GRUCell
from tests.benchmarks.measure import make_parser

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
STEPS_BACK = 49
TASKS = ("characters", "translation", "copy")


class Size(NamedTuple):
    """How large the trainings are: units of a layer, and updates."""

    units: int
    updates: int


def budget(size: Size, **more: int) -> seq2seq.TrainingSettings:
    """Returns what all trainings share: one validation, at the end."""
    return seq2seq.TrainingSettings(
        **more,
        max_steps=size.updates,
        validate_every=size.updates,
        warmup_steps=min(50, size.updates // 2),
        label_smoothing=0.0,
        best_by="perplexity",
        log_every=size.updates,
        threads=1,
    )


def model(size: Size) -> seq2seq.ModelSettings:
    """Returns a translation model without attention."""
    return seq2seq.ModelSettings(
        cell="gru",
        context="both",
        attention="none",
        lexical=False,
        embedding_size=size.units,
        encoder_sizes=(size.units,),
        decoder_sizes=(size.units,),
    )


def read_pairs(file: str | None) -> seq2seq.ParallelCorpus:
    """Returns at most 20,000 random sentence pairs of a file; None: of the sample corpus."""
    files = [file] if file else [str(SAMPLE / "train.en"), str(SAMPLE / "train.fr")]
    pairs = seq2seq.ParallelCorpus.read(*files)
    order = [*range(len(pairs))]
    random.Random(1).shuffle(order)
    chosen = order[:20_000]
    sources, targets = ([side[i] for i in chosen] for side in (pairs.sources, pairs.targets))
    return seq2seq.ParallelCorpus(sources, targets, "pairs").clean()


def train_language_model(lines: Sequence[str], size: Size, seed: int, run: str) -> None:
    """Trains on the characters of a text, in windows of 100 that go on from each other."""
    settings = seq2seq.LanguageExperiment(
        run=run,
        seed=seed,
        device="cpu",
        data=seq2seq.LanguageDataSettings(tokenizer="character", steps=100, batch_size=16),
        model=seq2seq.LanguageModelSettings(
            cell="gru", embedding_size=size.units, sizes=(size.units,), dropout=0.0
        ),
        training=budget(size),
    )
    texts = seq2seq.read_splits(settings.data, seq2seq.TextSplits([*lines], []))
    seq2seq.train_language_model(settings, texts)


def train_translation(
    pairs: seq2seq.ParallelCorpus, tokenizer: str, size: Size, seed: int, run: str
) -> None:
    """Trains on sentence pairs, of which 400 are held out."""
    training, validation, _ = pairs.split_by_source(validation=400, test=0, seed=1)
    settings = seq2seq.Experiment(
        run=run,
        seed=seed,
        device="cpu",
        data=seq2seq.DataSettings(tokenizer=tokenizer, vocab_size=2000),
        model=model(size),
        training=budget(size, batch_tokens=1024),
    )
    seq2seq.train(settings, seq2seq.Corpora(training, validation))


def sequences(count: int = 4000, longest: int = 20) -> seq2seq.ParallelCorpus:
    """Returns random sequences of 1 to 20 letters, to be copied."""
    generator = random.Random(1)
    lines = {
        " ".join(generator.choices("abcdefgh", k=generator.randint(1, longest)))
        for _ in range(count)
    }
    return seq2seq.ParallelCorpus(sorted(lines), sorted(lines), "letters")


def gradient_back(lines: Sequence[str], units: int) -> float:
    """Returns the norm of the gradient at the state 49 steps back, of a fresh language model."""
    pipeline, ids = build_pipeline(lines, DataSettings(), "character", 8000)
    rows = TokenStream(pipeline, False).rows_from_ids(ids)
    pieces = windows(rows, STEPS_BACK + 1, 32)
    flow = text_gradient_flow(fresh_network("gru", units, len(pipeline.vocab), 1), pieces)
    return float(flow.hidden[0])


def held_out_loss(train: Callable[[str], None]) -> float:
    """Trains in a folder of its own; returns the loss of the last validation."""
    with tempfile.TemporaryDirectory() as folder:
        train(f"{folder}/run")
        rows = seq2seq.read_metrics(Path(folder) / "run" / "metrics.jsonl")
    return float([row["loss"] for row in rows if row["kind"] == "validation"][-1])


def main() -> None:
    """Trains with each bias, and prints a line for each task."""
    parser = make_parser("gru_start", __doc__)
    parser.add_argument("--text", required=True, help="a text for the language model")
    parser.add_argument("--pairs", help="a TSV of sentence pairs; else data/sample")
    parser.add_argument("--biases", nargs="+", type=float, default=[-1.0, 0.0, 1.0, 2.0])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=TASKS)
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--updates", type=int, default=500)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    size = Size(arguments.units, arguments.updates)
    lines, pairs = seq2seq.read_monolingual(arguments.text), read_pairs(arguments.pairs)
    tasks: dict[str, Callable[[int, str], None]] = {
        "characters": lambda seed, run: train_language_model(lines, size, seed, run),
        "translation": lambda seed, run: train_translation(pairs, "unigram", size, seed, run),
        "copy": lambda seed, run: train_translation(sequences(), "space", size, seed, run),
    }
    for bias in arguments.biases:
        seq2seq.CELLS["gru"] = partial(GRUCell, update_bias=bias)
        back = gradient_back(lines, size.units)
        print(f"bias {bias:g}: gradient {STEPS_BACK} steps back {back:.1e}", flush=True)
        for name in arguments.tasks:
            losses = [held_out_loss(partial(tasks[name], seed)) for seed in arguments.seeds]
            mean, shown = sum(losses) / len(losses), " ".join(f"{loss:.4f}" for loss in losses)
            print(f"  {name:12} {mean:.4f}  ({shown})", flush=True)


if __name__ == "__main__":
    main()
