"""How probable a translator's models find given translations."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import EOS
from seq2seq.decoding.search import score
from seq2seq.errors import DataError
from seq2seq.models.device import use_one_thread_after_fork
from seq2seq.translation.ensemble import EnsembleMember, source_ids, tokenize_sources
from seq2seq.translation.results import PairScore


def score_pairs(
    members: Sequence[EnsembleMember],
    target: TextPipeline,
    sources: Sequence[str],
    targets: Sequence[str],
    settings: DecodingSettings,
    device: torch.device,
) -> list[PairScore]:
    """Scores pairs of texts, line-aligned; see `Translator.score`."""
    if len(sources) != len(targets):
        raise DataError(f"{len(sources):,} sources, but {len(targets):,} targets")
    return score_ids(members, target, sources, target.encode(targets), settings, device)


def score_ids(
    members: Sequence[EnsembleMember],
    target: TextPipeline,
    sources: Sequence[str],
    ids: Sequence[list[int]],
    settings: DecodingSettings,
    device: torch.device,
) -> list[PairScore]:
    """Scores the translation of each source that is given in ids, without eos."""
    use_one_thread_after_fork()
    read = tokenize_sources(members, sources, 1, settings.max_source_length)
    full = [index for index in range(len(sources)) if read[0][index] or ids[index]]
    found = score(
        [member.model for member in members],
        source_ids(members, read, full),
        [ids[index] for index in full],
        device,
        batch_size=settings.batch_size,
        batch_tokens=settings.batch_tokens,
    )
    # Nothing as the translation of nothing has probability 1.
    results = [PairScore(0.0, 0.0, [], []) for _ in sources]
    for index, values in zip(full, found, strict=True):
        tokens = [*target.vocab.tokens(ids[index]), EOS]
        results[index] = PairScore(sum(values), sum(values) / len(values), tokens, values)
    return results
