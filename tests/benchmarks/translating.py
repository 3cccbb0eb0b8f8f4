"""Translating: greedy and beam search, against a bare loop that only does greedy's arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.model import ModelSettings
from seq2seq.data.batching import pad_sources
from seq2seq.decoding.search import search
from seq2seq.models.translation import TranslationModel, build_translation_model
from tests.benchmarks.bare import BareModel
from tests.benchmarks.measure import Contestant, Row, take_turns

VOCAB_SIZE = 8000
SENTENCES = 512
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
    settings = ModelSettings(
        cell="lstm",
        context="initial",
        attention="scaled-general",
        lexical=False,
        embedding_size=256,
        encoder_sizes=(256,),
        decoder_sizes=(512,),
        tied_output=True,
        dropout=0.0,
    )
    ours = build_translation_model(VOCAB_SIZE, VOCAB_SIZE, settings).eval()
    ours.decoder.output.bias.data[:4] = -100.0  # never eos: to the limit of the length
    bare = BareModel(
        VOCAB_SIZE,
        "scaled-general",
        embedding_size=256,
        decoder_size=512,
        dropout=0.0,
    ).eval()
    bare.copy_weights(ours)
    return ours, bare


def measure(rounds: int) -> Iterator[list[Row]]:
    """Yields the tables."""
    ours, bare = model_pair()
    sources = sentences(SENTENCES)
    for size in (64, 1):
        some = sources if size > 1 else sources[:32]

        def by_search(beam: int, size: int = size, some: Sequence[list[int]] = some) -> Contestant:
            settings = DecodingSettings(
                beam_size=beam, batch_size=size, max_length_ratio=1.0, max_length_extra=1
            )

            def work(_: int) -> float:
                search([ours], [some], settings, CPU)
                return len(some)

            return work

        def by_bare(_: int, size: int = size, some: Sequence[list[int]] = some) -> float:
            ordered = sorted(some, key=len)
            for first in range(0, len(some), size):
                source, lengths = pad_sources(ordered[first : first + size])
                bare.translate(source, lengths, source.shape[1])
            return len(some)

        yield list(
            take_turns(
                f"translating, {size} sentences at a time",
                "sentences",
                {
                    "bare loop, greedy": by_bare,
                    "ours, greedy": by_search(1),
                    "ours, beam 5": by_search(5),
                },
                rounds,
            )
        )
