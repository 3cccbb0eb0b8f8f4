"""How fast training and translating are on this machine: medians and ratios, interleaved.

    python tests/benchmarks/speed.py

Random ids in a model of the quickstart's size. What is compared runs in turn, many times,
within one run, so that a busy machine slows all of it alike. Nothing here is a test.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.model import ModelSettings
from seq2seq.config.training import TrainingSettings
from seq2seq.data.batching import Batch, make_batch
from seq2seq.decoding.search import search
from seq2seq.models.device import choose_precision
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.training.loss import cross_entropy, drop_padding, output_cross_entropy
from seq2seq.training.optimizer import build_optimizer, clip_gradients

VOCAB_SIZE = 4000
ROUNDS = 15
CPU = torch.device("cpu")


def sentences(count: int, generator: torch.Generator) -> list[list[int]]:
    """Random ids, 5 to 15 a sentence."""
    lengths = torch.randint(5, 16, (count,), generator=generator).tolist()
    return [
        torch.randint(4, VOCAB_SIZE, (length,), generator=generator).tolist() for length in lengths
    ]


def trainer(
    model: TranslationModel, batch: Batch, precision: torch.dtype, *, pieces: bool = True
) -> Callable[[], None]:
    """One update of the weights; output layer and loss in pieces, or for the batch at once."""
    settings = TrainingSettings()
    optimizer = build_optimizer(model, settings)

    def update() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            features = model(batch.source, batch.source_lengths, batch.target_input)
            features = drop_padding(features, batch.target_lengths)
            targets = drop_padding(batch.target_output, batch.target_lengths)
            if pieces:
                loss = output_cross_entropy(features, model.decoder.output, targets, 0.1)
            else:
                loss = cross_entropy(model.decoder.logits(features), targets, 0.1)
        (loss.smoothed / loss.tokens).backward()
        clip_gradients(model.parameters(), settings)
        optimizer.step()

    return update


def by_steps(model: TranslationModel, batch: Batch) -> Callable[[], None]:
    """The decoder's forward pass with the written-out formula, one step after the other."""

    def run() -> None:
        state = model.start(batch.source, batch.source_lengths)
        for position in range(batch.target_input.shape[1]):
            _, state = model.decoder.step_hidden(batch.target_input[:, position], state)

    return torch.no_grad()(run)


def by_kernel(model: TranslationModel, batch: Batch) -> Callable[[], None]:
    """The same forward pass with the fused kernel."""

    def run() -> None:
        model(batch.source, batch.source_lengths, batch.target_input)

    return torch.no_grad()(run)


def median_seconds(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The median time of each, taken in turn."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 2):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if number >= 2:
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in times.items()}


def report(title: str, unit: str, amount: int, runs: dict[str, Callable[[], object]]) -> None:
    """Prints speeds, and each one's ratio to the first."""
    seconds = median_seconds(runs)
    first = next(iter(seconds.values()))
    print(f"\n{title}")
    for name, value in seconds.items():
        print(f"  {name:28} {amount / value:9,.0f} {unit}/s   {first / value:5.2f} x")


ATTENTION: dict[str, dict[str, Any]] = {
    "none": {},
    "general": {"attention": "general"},
    "general, lexical": {"attention": "general", "lexical": True},
    "additive": {"attention": "additive"},
    "multi-head": {"attention": "multi-head"},
    "general, input feeding": {"attention": "general", "input_feeding": True},
    "additive, Bahdanau's order": {"attention": "additive", "attention_order": "bahdanau"},
}


def attentive(changes: dict[str, Any]) -> TranslationModel:
    """A model of the Multi30k recipe's size."""
    torch.manual_seed(1)
    settings = ModelSettings(
        cell="lstm",
        context="initial",
        encoder_sizes=(384,),
        decoder_sizes=(512,),
        dropout=0.4,
        lexical=False,
        **changes,
    )
    return build_translation_model(VOCAB_SIZE, VOCAB_SIZE, settings)


def main() -> None:
    """Prints the tables."""
    generator = torch.Generator().manual_seed(1)
    batch = make_batch(sentences(90, generator), sentences(90, generator))
    sources = sentences(128, generator)
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
    for cell in ("elman", "gru", "lstm"):
        torch.manual_seed(1)
        settings = ModelSettings(
            cell=cell,
            context="both",
            attention="none",
            encoder_sizes=(256,),
            decoder_sizes=(384,),
            dropout=0.0,
        )
        model = build_translation_model(VOCAB_SIZE, VOCAB_SIZE, settings)
        report(
            f"{cell}: training",
            "target tokens",
            batch.target_tokens,
            {
                "float32": trainer(model, batch, torch.float32),
                "bfloat16": trainer(model, batch, torch.bfloat16),
                "bfloat16, loss at once": trainer(model, batch, torch.bfloat16, pieces=False),
            },
        )
        report(
            f"{cell}: forward pass of a batch",
            "target tokens",
            batch.target_tokens,
            {"formula, step by step": by_steps(model, batch), "kernel": by_kernel(model, batch)},
        )
    precision = choose_precision("auto", CPU)
    attention = {
        name: trainer(attentive(changes), batch, precision) for name, changes in ATTENTION.items()
    }
    report(f"attention: training in {precision}", "target tokens", batch.target_tokens, attention)
    model.eval()
    runs = {
        f"beam {beam}, batches of {size}": lambda beam=beam, size=size: search(
            [model], [sources], DecodingSettings(beam_size=beam, batch_size=size), CPU
        )
        for beam, size in ((1, 64), (5, 64), (5, 1))
    }
    report("translating (untrained, so to the length cap)", "sentences", len(sources), runs)


if __name__ == "__main__":
    main()
