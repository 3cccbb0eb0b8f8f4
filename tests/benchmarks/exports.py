"""Exported models against the torch models that they were made from, one thread each."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.export.search import search as search_exported
from tests.benchmarks.measure import Contestant, Row, take_turns
from tests.benchmarks.translating import by_search, model_pair, sentences
from tests.support.exports import exported_ensemble


def by_export(
    model: torch.nn.Module, sources: list[list[int]], *, int8: bool, **settings: object
) -> Contestant:
    """The search of an exported model, to as many tokens as the source has."""
    chosen = DecodingSettings(max_length_ratio=1.0, max_length_extra=1, **settings)
    graphs = exported_ensemble(model, int8=int8)

    def work(_: int) -> float:
        search_exported(graphs, [sources], chosen)
        return float(len(sources))

    return work


def measure(rounds: int, share: float) -> Iterator[list[Row]]:
    """Yields a table for batches of 64 and one for sentences one by one, greedy and with a beam."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    model, _ = model_pair()
    for size, count in ((64, 256), (1, 32)):
        sources = sentences(max(1, round(share * count)))
        for name, beam in (("greedy", 1), ("beam 5", 5)):
            search_with = partial(by_export, model, sources, batch_size=size, beam_size=beam)
            contestants = {
                "torch": by_search(model, sources, batch_size=size, beam_size=beam),
                "ONNX, float32": search_with(int8=False),
                "ONNX, int8": search_with(int8=True),
            }
            title = f"exported, {name}, in batches of {size}, one thread"
            yield take_turns(title, "sentences/s", contestants, rounds)
    torch.set_num_threads(threads)
