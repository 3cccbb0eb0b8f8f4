"""How cost grows: with the batch, the length, the vocabulary, the beam, and the threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch

from seq2seq.config.decoding import DecodingSettings, Precision
from seq2seq.config.model import ModelSettings
from seq2seq.decoding.search import search
from seq2seq.models.translation import TranslationModel, build_translation_model
from tests.benchmarks.measure import Contestant, Row, take_turns
from tests.benchmarks.training import RECIPE

CPU = torch.device("cpu")
TOKENS = 4096
"""How many source tokens are translated in a turn."""


def untrained(vocab_size: int) -> TranslationModel:
    """A model of the recipe's size that never ends a sentence before its limit."""
    torch.manual_seed(1)
    model = build_translation_model(vocab_size, vocab_size, ModelSettings(**RECIPE)).eval()
    model.decoder.output.bias.data[:4] = -100.0
    return model


@contextmanager
def threads(count: int) -> Iterator[None]:
    """A context with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def translator(
    model: TranslationModel,
    *,
    tokens: int = TOKENS,
    batch_size: int = 64,
    length: int = 16,
    beam_size: int = 5,
    threads_used: int = 0,
    precision: Precision = "float32",
) -> Contestant:
    """Translates sentences of one length into ones as long."""
    generator = torch.Generator().manual_seed(1)
    vocab_size = model.decoder.output.out_features
    shape = (max(1, tokens // length // (8 if batch_size == 1 else 1)), length)
    sources = torch.randint(4, vocab_size, shape, generator=generator).tolist()
    settings = DecodingSettings(
        beam_size=beam_size,
        batch_size=batch_size,
        batch_tokens=2**20,
        max_length=length,
        precision=precision,
    )

    def work(_: int) -> float:
        with threads(threads_used or torch.get_num_threads()):
            search([model], [sources], settings, CPU)
        return float(len(sources) * length)

    return work


def measure(rounds: int, share: float) -> Iterator[list[Row]]:
    """Yields a table for each thing that grows; the first of a table is what ratios are to."""
    model = untrained(8000)
    translate = partial(translator, tokens=max(64, round(share * TOKENS)))
    vary = partial(translate, model)
    cores = torch.get_num_threads()
    tables: dict[str, dict[str, Contestant]] = {
        "sentences at a time": {str(size): vary(batch_size=size) for size in (1, 4, 16, 64, 256)},
        "tokens in a sentence": {str(length): vary(length=length) for length in (8, 16, 32, 64)},
        "tokens in the vocabulary": {
            f"{size:,}": translate(untrained(size)) for size in (2000, 8000, 32000)
        },
        "hypotheses in the beam": {str(beam): vary(beam_size=beam) for beam in (1, 2, 5, 10)},
        "threads": {str(count): vary(threads_used=count) for count in sorted({1, 2, cores})},
        "precision": {
            "float32": vary(),
            "bfloat16": vary(precision="bfloat16"),
        },
    }
    for name, contestants in tables.items():
        yield take_turns(f"translating, by {name}", "tokens/s", contestants, rounds)
