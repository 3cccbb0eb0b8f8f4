"""Translating: greedy and beam search, against a bare loop that only does greedy's arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import torch

from seq2seq.config.decoding import MAX_SHORTLIST, DecodingSettings
from seq2seq.config.model import ModelSettings
from seq2seq.data.batching import pad_sources
from seq2seq.decoding.search import search
from seq2seq.decoding.shortlist import Shortlist
from seq2seq.models.translation import TranslationModel, build_translation_model
from seq2seq.translation.shortlist import FREQUENT
from tests.benchmarks.bare import BareModel
from tests.benchmarks.measure import Contestant, Products, Row, take_turns
from tests.benchmarks.training import SIZES, equal_settings

VOCAB_SIZE = 8000
CPU = torch.device("cpu")


def sentences(count: int) -> list[list[int]]:
    """Random ids, in sentences as long as captions are."""
    generator = torch.Generator().manual_seed(1)
    lengths = (torch.randn(count, generator=generator) * 4 + 13).round().clamp(4, 30).int()
    return [
        torch.randint(4, VOCAB_SIZE, (length,), generator=generator).tolist()
        for length in lengths.tolist()
    ]


def model_pair() -> tuple[TranslationModel, BareModel]:
    """An untrained model, and the bare one with the same weights."""
    torch.manual_seed(1)
    settings = ModelSettings(**equal_settings({}))
    ours = build_translation_model(VOCAB_SIZE, VOCAB_SIZE, settings).eval()
    ours.decoder.output.bias.data[:4] = -100.0  # never eos: to the limit of the length
    bare = BareModel(VOCAB_SIZE, "scaled-general", **SIZES).eval()
    bare.copy_weights(ours)
    return ours, bare


def by_search(model: TranslationModel, sources: Sequence[list[int]], **settings: Any) -> Contestant:
    """Our search, to as many tokens as the source has."""
    chosen = DecodingSettings(max_length_ratio=1.0, max_length_extra=1, **settings)
    generator = torch.Generator().manual_seed(1)
    # As many tokens of each source token as a run's shortlist has, but any.
    best = torch.randint(4, VOCAB_SIZE, (VOCAB_SIZE, MAX_SHORTLIST), generator=generator)
    shortlist = Shortlist(best.int(), torch.arange(FREQUENT).int())

    def work(_: int) -> float:
        search([model], [sources], chosen, CPU, shortlist=shortlist)
        return float(len(sources))

    return work


def by_bare_loop(
    model: BareModel, sources: Sequence[list[int]], batch_size: int, precision: torch.dtype
) -> Contestant:
    """Greedy steps of the bare model, as many."""
    ordered = sorted(sources, key=len)
    low = torch.autocast("cpu", precision, enabled=precision != torch.float32)

    def work(_: int) -> float:
        for first in range(0, len(ordered), batch_size):
            source, lengths = pad_sources(ordered[first : first + batch_size])
            with low:
                model.translate(source, lengths, source.shape[1])
        return float(len(ordered))

    return work


def measure(rounds: int, share: float) -> Iterator[list[Row]]:
    """Yields a table for batches of 64 and one for sentences one by one."""
    ours, bare = model_pair()
    low, short = {"precision": "bfloat16"}, {"shortlist": 50}
    for size, count in ((64, 512), (1, 32)):
        sources = sentences(max(1, round(share * count)))
        search_with = partial(by_search, ours, sources, batch_size=size)
        contestants = {
            "bare loop, greedy": by_bare_loop(bare, sources, size, torch.float32),
            "ours, greedy": search_with(beam_size=1),
            "bare loop, greedy, bfloat16": by_bare_loop(bare, sources, size, torch.bfloat16),
            "ours, greedy, bfloat16": search_with(beam_size=1, **low),
            "ours, beam 5": search_with(),
            "ours, beam 5, bfloat16": search_with(**low),
        }
        if size == 1:  # random lists have nothing in common, as those of a language have
            contestants |= {
                "ours, greedy, shortlist": search_with(beam_size=1, **short),
                "ours, beam 5, shortlist": search_with(**short),
                "ours, beam 5, shortlist, bfloat16": search_with(**short, **low),
            }
        tokens = sum(len(ids) + 1 for ids in sources)
        operations = bare.operations(tokens, tokens) / len(sources)
        products = {
            name: Products(operations, "torch.bfloat16" if "bfloat16" in name else "torch.float32")
            for name in list(contestants)[:4]
        }
        title = f"translating in batches of {size}"
        yield take_turns(title, "sentences/s", contestants, rounds, products)
