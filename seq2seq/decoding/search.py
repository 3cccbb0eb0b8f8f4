"""Many sentences -> hypotheses: sorted into batches, searched, and put back in order.

The one place where search and models meet: it knows which method the settings ask for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, cast

import torch
from torch import Tensor

from seq2seq.config.decoding import DecodingSettings
from seq2seq.data.batching import pad_sources
from seq2seq.data.vocabulary import UNK_ID
from seq2seq.decoding.beam_search import beam_search
from seq2seq.decoding.constraints import FORBIDDEN_IDS, Constraints
from seq2seq.decoding.ensemble import Ensemble
from seq2seq.decoding.greedy import greedy_search
from seq2seq.decoding.interface import Hypothesis, Scoring
from seq2seq.decoding.mbr import Utility, minimum_bayes_risk
from seq2seq.decoding.sampling import sample_key, sample_search
from seq2seq.decoding.scoring import token_log_probabilities
from seq2seq.decoding.shallow_fusion import Fusion
from seq2seq.errors import SettingsError
from seq2seq.models.translation import TranslationModel

Ids: TypeAlias = Sequence[int]
Sources: TypeAlias = Sequence[Ids] | Sequence[Sequence[Ids]]
"""Ids of each sentence; for an `Ensemble` as many such lists as it has members."""

Model: TypeAlias = TranslationModel | Ensemble | Fusion
"""What can be searched."""

MAX_SAMPLE_ROWS = 1024
"""How many samples are drawn at the same time, at most."""

MAX_SAMPLING_ROUNDS = 8
"""How often samples are drawn anew while too few of them differ."""


@torch.no_grad()
def search(
    model: Model,
    sources: Sources,
    settings: DecodingSettings,
    device: torch.device,
    *,
    n: int = 1,
    prefixes: Sequence[Ids] | None = None,
    attention: bool = False,
    utility: Utility | None = None,
) -> list[list[Hypothesis]]:
    """The best hypotheses of each source, in the order of the sources.

    Sentences of like length are searched together, which changes the time only: each has its own
    beam and its own draws, and pads reach no result.

    Args:
        model: in evaluation mode.
        sources: ids without bos and eos, see `Sources`. In an ensemble, those of the first member
            decide on lengths and draws.
        settings: the method, and everything that it needs.
        device: where the model is.
        n: how many hypotheses of a sentence are wanted. A beam is at least so wide; so many
            different samples are drawn, if there are, and put best first.
        prefixes: for each source the target ids that its hypotheses begin with.
        attention: keep attention in the hypotheses; so does `settings.replace_unknown`.
        utility: what mbr compares; only and always given for it.

    Raises:
        SettingsError: attention is needed, and the model has none; mbr has nothing to compare by.
    """
    if settings.method == "mbr" and utility is None:
        raise SettingsError("mbr needs a utility: what two hypotheses are compared by")
    members = sources_by_member(model, sources)
    results: list[list[Hypothesis]] = [[] for _ in members[0]]
    for chosen in length_batches(members[0], search_batch_size(settings, n)):
        ids = [[member[index] for index in chosen] for member in members]
        state, lengths = start(model, ids, device)
        constraints = make_constraints(
            settings,
            # eos, which pad_sources adds, is no token of the source.
            (lengths - 1).to(device),
            None if prefixes is None else [prefixes[index] for index in chosen],
        )
        scoring = Scoring(
            settings.length_penalty,
            settings.coverage_penalty,
            attention or settings.replace_unknown,
            tuple(lengths.tolist()),
        )
        if settings.method in ("sample", "mbr"):
            found = draw(model, state, constraints, scoring, settings, ids[0], n, utility)
        else:
            found = best_first(model, state, constraints, scoring, settings, n)
        for index, hypotheses in zip(chosen, found, strict=True):
            results[index] = hypotheses
    return results


@torch.no_grad()
def score(
    model: Model,
    sources: Sources,
    targets: Sequence[Ids],
    device: torch.device,
    *,
    batch_size: int = 64,
) -> list[list[float]]:
    """The log-probability of each token of each target, and of eos after them, given its source.

    Args:
        model: in evaluation mode.
        sources: ids without bos and eos, see `Sources`.
        targets: as many, ids without bos and eos.
        device: where the model is.
        batch_size: pairs scored at the same time; never changes the result.
    """
    members = sources_by_member(model, sources)
    results: list[list[float]] = [[] for _ in targets]
    for chosen in length_batches(targets, batch_size):
        state, _ = start(model, [[member[index] for index in chosen] for member in members], device)
        rows = [targets[index] for index in chosen]
        found = token_log_probabilities(cast(Any, model), state, rows, device)
        for index, values in zip(chosen, found, strict=True):
            results[index] = values
    return results


def sources_by_member(model: Model, sources: Sources) -> list[list[Ids]]:
    """A list of sentences for each model that reads them; one model is an ensemble of one."""
    lists = sources if reads_many(model) else [sources]
    return [list(member) for member in cast("Sequence[Sequence[Ids]]", lists)]


def length_batches(rows: Sequence[Ids], size: int) -> Iterator[list[int]]:
    """Positions of rows of like length, `size` at a time."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    for first in range(0, len(order), size):
        yield order[first : first + size]


def search_batch_size(settings: DecodingSettings, n: int) -> int:
    """How many sentences make a batch: fewer if each has many samples."""
    if settings.method not in ("sample", "mbr"):
        return settings.batch_size
    samples = max(n, settings.samples) if settings.method == "mbr" else n
    return min(settings.batch_size, max(1, MAX_SAMPLE_ROWS // samples))


def start(
    model: Model, sources: Sequence[Sequence[Ids]], device: torch.device
) -> tuple[Any, Tensor]:
    """The state before bos, and the lengths of the first member's sources, eos counted."""
    padded = [pad_sources(rows) for rows in sources]
    read = [(source.to(device), lengths) for source, lengths in padded]
    many = reads_many(model)
    state: Any = cast(Any, model).start(read) if many else cast(Any, model).start(*read[0])
    return state, padded[0][1]


def reads_many(model: Model) -> bool:
    """Whether there are several models that each read the source in their own way."""
    return isinstance(model.translation if isinstance(model, Fusion) else model, Ensemble)


def make_constraints(
    settings: DecodingSettings, lengths: Tensor, prefixes: Sequence[Ids] | None
) -> Constraints:
    """What the settings allow; source lengths ``(batch_size,)`` without eos."""
    if settings.max_length:
        longest = torch.full_like(lengths, settings.max_length)
    else:
        longest = (settings.max_length_ratio * lengths + settings.max_length_extra).long()
    return Constraints(
        longest,
        forbidden=[
            each for each in FORBIDDEN_IDS if each != UNK_ID or not settings.replace_unknown
        ],
        min_length=settings.min_length,
        no_repeat_ngram=settings.no_repeat_ngram,
        prefixes=prefixes,
    )


def best_first(
    model: Model,
    state: Any,
    constraints: Constraints,
    scoring: Scoring,
    settings: DecodingSettings,
    n: int,
) -> list[list[Hypothesis]]:
    """Greedy search, beam search or diverse beam search, as the settings say."""
    steps = cast(Any, model)
    width = max(n, settings.beam_size)
    if settings.method == "diverse-beam":
        groups = settings.groups
        return beam_search(
            steps,
            state,
            constraints,
            scoring,
            beam_size=-(-width // groups) * groups,
            groups=groups,
            diversity=settings.diversity,
        )
    if width == 1:
        return [[found] for found in greedy_search(steps, state, constraints, scoring)]
    return beam_search(steps, state, constraints, scoring, beam_size=width)


def draw(
    model: Model,
    state: Any,
    constraints: Constraints,
    scoring: Scoring,
    settings: DecodingSettings,
    sources: Sequence[Ids],
    n: int,
    utility: Utility | None,
) -> list[list[Hypothesis]]:
    """Samples of each source: the first `n` different ones by score, or all by expected utility."""

    def samples(first: int, counts: Sequence[int]) -> list[list[Hypothesis]]:
        """So many of each source, those of the numbers from `first` on."""
        return sample_search(
            cast(Any, model),
            state,
            constraints,
            scoring,
            keys=[
                [sample_key(settings.seed, ids, first + number) for number in range(count)]
                for ids, count in zip(sources, counts, strict=True)
            ],
            temperature=settings.temperature,
            top_k=settings.top_k,
            top_p=settings.top_p,
        )

    if settings.method == "mbr":
        assert utility is not None
        drawn = samples(0, [max(n, settings.samples)] * len(sources))
        return [minimum_bayes_risk(row, utility) for row in drawn]
    # In the order of their numbers, so that asking for more keeps those that there are.
    different: list[dict[tuple[int, ...], Hypothesis]] = [{} for _ in sources]
    for turn in range(MAX_SAMPLING_ROUNDS):
        counts = [n if len(known) < n else 0 for known in different]
        if not any(counts):
            break
        for known, row in zip(different, samples(turn * n, counts), strict=True):
            for sample in row:
                if len(known) < n:
                    known.setdefault(tuple(sample.tokens), sample)
    return [sorted(known.values(), key=lambda h: -h.score) for known in different]
