"""The cells: training and stepping, each in a model of the Multi30k recipe's size."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import torch

from seq2seq.data.batching import pad_sources
from seq2seq.data.vocabulary import BOS_ID
from seq2seq.models.translation import TranslationModel
from tests.benchmarks.measure import Contestant, Row, take_turns
from tests.benchmarks.training import RECIPE, OurTraining, contestant, corpora
from tests.benchmarks.translating import VOCAB_SIZE, sentences

CELLS = ("lstm", "gru", "sru", "mingru", "elman")
STEPS = 20


def stepping(model: TranslationModel, rows: int) -> Contestant:
    """Steps of the decoder, without any search."""
    source = pad_sources(sentences(rows))

    @torch.inference_mode()
    def work(_: int) -> float:
        state = model.eval().start(*source)
        tokens = torch.full((rows,), BOS_ID)
        for _ in range(STEPS):
            log_probs, state = model.step(tokens, state)
            tokens = log_probs.argmax(dim=-1)
        model.train()
        return STEPS * rows

    return work


def measure(rounds: int, share: float) -> Iterator[list[Row]]:
    """Yields a table of training and one of steps."""
    text = corpora(VOCAB_SIZE, 6000)
    with tempfile.TemporaryDirectory() as folder:
        loops = {
            name: OurTraining(f"{folder}/{name}", text, {**RECIPE, "cell": name}, VOCAB_SIZE)
            for name in CELLS
        }
        batches = loops["lstm"].task.batches(0)
        training = {name: contestant(loop, batches, share) for name, loop in loops.items()}
        yield take_turns("training, by cell", "target tokens/s", training, rounds)
        for rows in (64, 1):
            steps = {name: stepping(loop.task.model, rows) for name, loop in loops.items()}
            yield take_turns(f"steps of {rows} rows, by cell", "tokens/s", steps, rounds)
