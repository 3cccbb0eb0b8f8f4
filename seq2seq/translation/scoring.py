"""How probable a translator's models find given translations."""

from __future__ import annotations

from collections.abc import Sequence

from seq2seq.config.decoding import DecodingSettings
from seq2seq.config.wording import counted
from seq2seq.data.tokenizers.pipeline import TextPipeline
from seq2seq.data.vocabulary import EOS
from seq2seq.errors import DataError
from seq2seq.translation.engine import Engine, source_ids, tokenize_sources
from seq2seq.translation.results import PairScore


def score_pairs(
    engine: Engine,
    target: TextPipeline,
    sources: Sequence[str],
    targets: Sequence[str],
    settings: DecodingSettings,
) -> list[PairScore]:
    """Scores pairs of texts, line-aligned; see `Translator.score`."""
    if len(sources) != len(targets):
        raise DataError(f"{counted(len(sources), 'source')}, but {counted(len(targets), 'target')}")
    return score_ids(engine, target, sources, target.encode(targets), settings)


def score_ids(
    engine: Engine,
    target: TextPipeline,
    sources: Sequence[str],
    ids: Sequence[list[int]],
    settings: DecodingSettings,
) -> list[PairScore]:
    """Scores the translation of each source that is given in ids, without eos."""
    read = tokenize_sources(engine.sources, sources, 1, settings.max_source_length)
    full = [index for index in range(len(sources)) if read[0][index] or ids[index]]
    found = engine.score(
        source_ids(engine.sources, read, full), [ids[index] for index in full], settings
    )
    # Nothing as the translation of nothing has probability 1.
    results = [PairScore(0.0, 0.0, [], []) for _ in sources]
    for index, values in zip(full, found, strict=True):
        tokens = [*target.vocab.tokens(ids[index]), EOS]
        results[index] = PairScore(sum(values), sum(values) / len(values), tokens, values)
    return results
